"""One rule, ready to run over a view of a text: its patterns, its keywords and its checks."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from weakref import WeakValueDictionary

import re2

from policies.detectors.checks import CHECKS
from policies.detectors.pattern_kinds import (
    CONTEXT_CHARS,
    HELD_CHARS_CAP,
    ContextPattern,
    Match,
    PlainPattern,
    SteppedPattern,
)
from policies.detectors.runs import BORDER_CHARS, needs_digit
from policies.errors import PolicyError
from policies.pattern_syntax import PatternSyntaxError, parse_pattern
from policies.patterns import Node, beginnings, has_only_endless_tail, in_parts, in_steps, longest, source
from policies.pseudonyms import PLACEHOLDER, PLACEHOLDER_MAX_CHARS, is_placeholder
from policies.rule import Rule
from policies.verdict import Finding
from policies.views.fold import fold_bytes
from policies.views.regex import Regex

_FIRST_LATIN_LETTER = 0xA0
_WORD_PARTS = re.compile(rb"[a-z0-9\x80-\x9f]{2,}")
_PLACEHOLDER = Regex(PLACEHOLDER)
PLACEHOLDER_RULE = Rule(
    name="placeholder",
    label="placeholder",
    entity_type="PLACEHOLDER",
    patterns=(PLACEHOLDER,),
    keywords=("[",),
    checks=(),
    score=1.0,
    found=(),
    passed=(),
    where="policies/pseudonyms.py",
)


class RuleFailedError(Exception):
    """A rule could not judge a value; names the rule, never the value."""


class Alive:
    """The beginnings of patterns that reach the end of the data.

    What began so far back that the longest match has ended is not looked at, however much is held.
    """

    __slots__ = ("_chars", "_regex")

    def __init__(self, trees: Sequence[Node], *, is_exact: bool) -> None:
        self._regex = Regex(f"(?:{'|'.join(beginnings(tree, is_exact=is_exact) for tree in trees)})\\z")
        lengths = [longest(tree) for tree in trees]
        self._chars = max((length or 0 for length in lengths), default=0) if None not in lengths else None

    def first(self, data: bytes, start: int) -> int:
        """Return the first place from `start` on that may still grow into a match; the data's length for none."""
        return self._regex.first(data, start if self._chars is None else max(start, len(data) - self._chars))


class CompiledRule:
    """One rule, ready to run; its patterns are compiled when a text first asks for them."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self.keywords = tuple(_keyword(rule, word) for word in rule.keywords)
        self.trees = tuple(_parse(rule, pattern) for pattern in rule.patterns)
        self.checks = tuple(_check(rule, name) for name in rule.checks)
        self._unless = _any_of(rule, rule.unless)
        self._unless_in_line = _any_of(rule, rule.unless_in_line)
        self.needs_digit = all(needs_digit(tree) for tree in self.trees)

    @cached_property
    def _patterns(self) -> tuple[tuple[PlainPattern, ...], tuple[ContextPattern, ...]]:
        plain: list[PlainPattern] = []
        context: list[ContextPattern] = []
        for tree in self.trees:
            for words, value, border in in_parts(tree):
                if self.has_words(words):
                    context.append(self._context_pattern(words, value, border))
                else:
                    plain.append(PlainPattern(words, value, border))
        return tuple(plain), tuple(context)

    def _context_pattern(self, words: Node, value: Node, border: Node) -> ContextPattern:
        steps = in_steps(words) if self.rule.has_steps else None
        return ContextPattern(words, value, border) if steps is None else SteppedPattern(words, steps, value, border)

    def has_words(self, words: Node) -> bool:
        """Tell whether what stands before a value is more than a border, and where a keyword is looked for.

        A keyword that may come only with the value or behind it comes too late for a stream: then all of the pattern
        is held.
        """
        length = longest(words)
        return (
            length is not None and length > BORDER_CHARS and _may_hold(fold_bytes(source(words)).lower(), self.keywords)
        )

    @property
    def plain(self) -> tuple[PlainPattern, ...]:
        """Return the patterns without words."""
        return self._patterns[0]

    @property
    def context(self) -> tuple[ContextPattern, ...]:
        """Return the patterns with words before their value."""
        return self._patterns[1]

    @cached_property
    def patterns(self) -> tuple[PlainPattern | ContextPattern, ...]:
        """Return all patterns."""
        return (*self.plain, *self.context)

    @cached_property
    def before_chars(self) -> int:
        """Return how far before a value a keyword may begin."""
        return max(pattern.before_chars for pattern in self.patterns)

    @cached_property
    def open_context(self) -> tuple[ContextPattern, ...]:
        """Return the context patterns whose value may hold more than a run, so that it must be held by itself."""
        return tuple(pattern for pattern in self.context if not pattern.is_run)

    @cached_property
    def alive(self) -> Alive | None:
        """Return the beginnings of plain patterns that a run does not hold anyway."""
        return self._alive(is_exact=False)

    @cached_property
    def exactly_alive(self) -> Alive | None:
        """Return the same, not one beginning more."""
        return self._alive(is_exact=True)

    def _alive(self, *, is_exact: bool) -> Alive | None:
        trees = [pattern.tree for pattern in self.plain if not pattern.is_run]
        return Alive(trees, is_exact=is_exact) if trees else None

    def load(self) -> None:
        """Compile the patterns."""
        _ = self.patterns, self.alive

    def match(self, pattern: PlainPattern | ContextPattern, start: int, end: int, whole: tuple[int, int]) -> Match:
        """Return the match of a confirmed value."""
        rule = self.rule
        tail = pattern.tail if whole[1] - whole[0] > HELD_CHARS_CAP else b""
        return Match(Finding(rule.entity_type, start, end, rule.score, rule.name), *whole, tail)

    def confirms(self, data: bytes, begin: int, value_start: int, value_end: int, end: int) -> bool:
        """Tell whether a keyword stands in the match, every check agrees with the value, and no word speaks against."""
        return (
            value_end > value_start
            and self.has_keyword(data, begin, end)
            and self.agrees(data, value_start, value_end)
            and not self.is_other_thing(data, begin, value_start)
        )

    def is_other_thing(self, data: bytes, begin: int, value_start: int) -> bool:
        """Tell whether the words before a value say that it is something else, such as the number of a line."""
        # Cut out, so that `\z` is where the value begins.
        if self._unless is not None and self._unless.search(data[begin:value_start]) is not None:
            return True
        if self._unless_in_line is None:
            return False
        first = max(0, value_start - CONTEXT_CHARS)  # a stream keeps as much before what it has not settled
        line = data.rfind(b"\n", first, value_start) + 1
        return self._unless_in_line.search(data[max(first, line) : value_start]) is not None

    def has_keyword(self, data: bytes, begin: int, end: int) -> bool:
        """Tell whether a keyword stands in the match: one elsewhere in the text may not have streamed by yet."""
        if not self.keywords or self.rule is PLACEHOLDER_RULE:
            return True
        lowered = _without_placeholders(data, begin, end).lower()
        return any(word in lowered for word in self.keywords)

    def agrees(self, data: bytes, value_start: int, value_end: int) -> bool:
        """Tell whether every check agrees with a value."""
        value = data[value_start:value_end].decode("latin-1")
        values = (value, _between_placeholders(data[value_start:value_end])) if "[" in value else (value,)
        try:
            if not all(check(each) for check in self.checks for each in values):
                return False
        except Exception as error:  # noqa: BLE001 - any failure of a check must block
            # `from None`: the error of a check may quote the value.
            raise RuleFailedError(f"{type(error).__name__} in {self.rule.name}") from None
        return self.rule is PLACEHOLDER_RULE or not is_placeholder(value.strip())


_compiled: WeakValueDictionary[Rule, CompiledRule] = WeakValueDictionary()


def compile_rule(rule: Rule) -> CompiledRule:
    """Return a rule, ready to run: the same one for every guard of a process, with what it has compiled already.

    Raises:
        PolicyError: a pattern, a check or a keyword cannot be used.
    """
    return _compiled.get(rule) or _compiled.setdefault(rule, CompiledRule(rule))


def _without_placeholders(data: bytes, begin: int, end: int) -> bytes:
    """Return `data[begin:end]`, placeholders blanked: what one is called says nothing about the text around it."""
    if b"]" not in data[begin:end]:
        return data[begin:end]
    first = max(0, begin - PLACEHOLDER_MAX_CHARS)  # one may reach in from the left
    blanked = bytearray(data[first:end])
    for start, stop in _placeholders_in(data[first:end]):
        blanked[start:stop] = b" " * (stop - start)
    return bytes(blanked[begin - first :])


def _between_placeholders(value: bytes) -> str:
    """Return a value without the placeholders at its ends: they make nothing beside them a value.

    One in its middle stays: what only looks like one, somebody may have put into a value to hide it.
    """
    spans = list(_placeholders_in(value))
    begin, end = 0, len(value)
    for start, stop in spans:
        if value[begin:start].strip():
            break
        begin = stop
    for start, stop in reversed(spans):
        if start < begin or value[stop:end].strip():
            break
        end = start
    rest = value[begin:end]
    return (rest if rest.strip() else value).decode("latin-1")


def _placeholders_in(data: bytes) -> Iterator[tuple[int, int]]:
    place = 0
    while (found := _PLACEHOLDER.search(data, place)) is not None:
        yield found[0]
        place = found[0][1]


def _may_hold(spelled: bytes, keywords: Iterable[bytes]) -> bool:
    """Tell whether the spelling of a pattern holds a part of a keyword, or all signs of one without letters."""
    for word in keywords:
        parts = _WORD_PARTS.findall(word)
        if any(part in spelled for part in parts) or (not parts and all(sign in spelled for sign in word)):
            return True
    return False


def _any_of(rule: Rule, patterns: tuple[str, ...]) -> Regex | None:
    try:
        return Regex("|".join(f"(?:{pattern})" for pattern in patterns)) if patterns else None
    except re2.error as error:
        raise PolicyError(rule.where, f"RE2 refuses an exception of {rule.name!r}: {error}.") from None


def _parse(rule: Rule, pattern: str) -> Node:
    try:
        tree = parse_pattern(pattern)
        Regex(source(tree))
    except PatternSyntaxError as error:
        raise PolicyError(rule.where, f"A pattern of {rule.name!r} cannot be used: {error}.") from None
    except re2.error as error:
        raise PolicyError(rule.where, f"RE2 refuses a pattern of {rule.name!r}: {error}.") from None
    if not has_only_endless_tail(tree):
        raise PolicyError(
            rule.where,
            f"A pattern of {rule.name!r} repeats without end before something that must follow. "
            "Write an upper limit, such as '{1,64}'.",
        )
    for words, _, _ in in_parts(tree):
        length = longest(words)
        if length is None or length > CONTEXT_CHARS:
            raise PolicyError(
                rule.where,
                f"A pattern of {rule.name!r} may take {length or 'endlessly many'} characters before its value; "
                f"at most {CONTEXT_CHARS} are looked at.",
            )
    return tree


def _check(rule: Rule, name: str) -> Callable[[str], bool]:
    if name not in CHECKS:
        raise PolicyError(rule.where, f"{name!r} is not among the checks: {', '.join(CHECKS)}.")
    return CHECKS[name]


def _keyword(rule: Rule, word: str) -> bytes:
    folded = fold_bytes(word)
    if not word or any(byte >= _FIRST_LATIN_LETTER for byte in folded):
        raise PolicyError(
            rule.where, f"The keyword {word!r} must be without letters such as é or ß, so that case can be ignored."
        )
    return folded
