r"""Run every rule over one view of a text in linear time, and tell from where a text that goes on may still match.

One pass over the view asks which keywords occur, one more whether any rule without a keyword matches at all; most
texts end there. The rules that remain run one by one with RE2, and their checks confirm.

There are two kinds of patterns. A *plain* pattern is a value with at most a border before it; its matches are taken
from left to right, none inside another. A *context* pattern has words before its value, `WORDS(VALUE)`: the words are
matched on their own, wherever they begin, and the value right behind them. What is found then depends only on the view
from the scanned place on and on the few characters before it, which lets a stream continue where it stopped and show
the words while the value is held.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

import re2

from policies.detectors.checks import CHECKS
from policies.errors import PolicyError
from policies.pattern_syntax import PatternSyntaxError, parse_pattern
from policies.patterns import (
    Group,
    Node,
    Sequence,
    atoms,
    beginnings,
    has_only_endless_tail,
    in_parts,
    longest,
    source,
    until_keyword,
)
from policies.pseudonyms import PLACEHOLDER, is_placeholder
from policies.rule import Rule
from policies.verdict import Finding
from policies.views.regex import KeywordSet, Regex

HELD_CHARS_CAP = 16_384  # a longer match blocks the text: an RSA key of 16,384 bits takes 12,700
CONTEXT_CHARS = 400  # how long the words before a value may be: the longest the shipped rules need, and some room
RUN_CLASS = "A-Za-z0-9_+/=.~@:%-"
"""Characters of a run: what a token or an address is made of. A run is held until it ends."""

_COARSE_HELD_CHARS = 256  # where more would be held, it is worth counting exactly
_BORDER_CHARS = 2  # up to here, what stands before a value is a border and no context
_NEVER = r"[^\x00-\xff]"  # a pattern that matches nothing in a view of a text
_RUN_BYTES = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+/=.~@:%-")
_ALL_BYTES = bytes(range(256))
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
    """A rule could not judge a value, or its match is longer than the cap; names the rule, never the value."""


@dataclass(frozen=True, slots=True)
class Match:
    """A finding, with the text around it that must not be torn from it (`whole_start`, `whole_end`)."""

    finding: Finding
    whole_start: int
    whole_end: int


class _PlainPattern:
    """A value, perhaps behind a border of a character or two."""

    def __init__(self, tree: Node) -> None:
        self.tree = tree
        self.regex = Regex(source(tree))
        self.is_run = _is_run(tree)

    def matches(self, rule: _CompiledRule, data: bytes, start: int) -> Iterator[Match]:
        """Yield the confirmed matches from left to right, no value inside another; two may share a border.

        What was not confirmed hides nothing.
        """
        place, free = max(0, start - _BORDER_CHARS), start
        while place <= len(data) and (found := self.regex.search(data, place)) is not None:
            whole_start, whole_end = found[0]
            value_start, value_end = found[-1]
            place = whole_start + 1
            if value_start >= free and rule.confirms(data, whole_start, value_start, value_end, whole_end):
                yield rule.match(value_start, value_end, whole_start, whole_end)
                place, free = max(place, value_end - _BORDER_CHARS), value_end


class _ContextPattern:
    """Words, and a value behind them."""

    def __init__(self, words: Node, value: Node, border: Node) -> None:
        self.words = Regex(source(words))
        self.value_tree = Sequence((value, border))
        self.value = Regex(f"({source(value)}){source(border)}")
        self.is_run = _is_run(value)

    @cached_property
    def alive(self) -> Regex:
        """Return the pattern of the beginnings of values that reach the end."""
        return Regex(f"(?:{beginnings(self.value_tree, is_exact=True)})\\z")

    def places(self, data: bytes, start: int) -> Iterator[tuple[int, int]]:
        """Yield where words begin and where their value would, for values that begin at `start` or later."""
        place = max(0, start - CONTEXT_CHARS)
        while (found := self.words.search(data, place)) is not None:
            begin, end = found[0]
            if end >= start and end - begin <= CONTEXT_CHARS:
                yield begin, end
            place = begin + 1

    def matches(self, rule: _CompiledRule, data: bytes, start: int) -> Iterator[Match]:
        """Yield the confirmed values, each place of words by itself."""
        for begin, value_start in self.places(data, start):
            found = self.value.match(data, value_start)
            if found is None:
                continue
            (_, whole_end), (_, value_end) = found
            if rule.confirms(data, begin, value_start, value_end, whole_end):
                yield rule.match(value_start, value_end, value_start, whole_end)

    def alive_from(self, data: bytes, start: int) -> int:
        """Return the first place at which a value may still grow; the end when there is none."""
        return min(
            (place for _, place in self.places(data, start) if self.alive.match(data, place) is not None),
            default=len(data),
        )


class _CompiledRule:
    """One rule, ready to run; its patterns are compiled when a text first asks for them."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self.keywords = tuple(_keyword(rule, word) for word in rule.keywords)
        self.trees = tuple(_parse(rule, pattern) for pattern in rule.patterns)
        self.checks = tuple(_check(rule, name) for name in rule.checks)

    @cached_property
    def _patterns(self) -> tuple[tuple[_PlainPattern, ...], tuple[_ContextPattern, ...]]:
        plain: list[_PlainPattern] = []
        context: list[_ContextPattern] = []
        for tree in self.trees:
            for words, value, border in in_parts(tree):
                if self.has_words(words):
                    context.append(_ContextPattern(words, value, border))
                else:
                    plain.append(_PlainPattern(Sequence((words, Group("(", value), border))))
        return tuple(plain), tuple(context)

    def has_words(self, words: Node) -> bool:
        """Tell whether what stands before a value is more than a border; a rule without keywords has borders only."""
        length = longest(words)
        return bool(self.keywords) and length is not None and length > _BORDER_CHARS

    @property
    def plain(self) -> tuple[_PlainPattern, ...]:
        return self._patterns[0]

    @property
    def context(self) -> tuple[_ContextPattern, ...]:
        return self._patterns[1]

    @cached_property
    def alive(self) -> Regex | None:
        """Return the beginnings of plain patterns that a run does not hold anyway."""
        return _alive_regex([pattern.tree for pattern in self.plain if not pattern.is_run], is_exact=False)

    @cached_property
    def exactly_alive(self) -> Regex | None:
        return _alive_regex([pattern.tree for pattern in self.plain if not pattern.is_run], is_exact=True)

    def match(self, start: int, end: int, whole_start: int, whole_end: int) -> Match:
        if whole_end - whole_start > HELD_CHARS_CAP:
            raise RuleFailedError(f"match longer than {HELD_CHARS_CAP} characters in {self.rule.name}")
        rule = self.rule
        return Match(Finding(rule.entity_type, start, end, rule.score, rule.name), whole_start, whole_end)

    def confirms(self, data: bytes, begin: int, value_start: int, value_end: int, end: int) -> bool:
        """Tell whether a keyword stands in the match and every check agrees with the value."""
        if value_end <= value_start:
            return False
        if self.keywords:
            # The keyword must stand inside the match: one elsewhere in the text may not have streamed by yet.
            lowered = data[begin:end].lower()
            if not any(word in lowered for word in self.keywords):
                return False
        value = data[value_start:value_end].decode("latin-1")
        try:
            if not all(check(value) for check in self.checks):
                return False
        except Exception as error:  # noqa: BLE001 - any failure of a check must block
            # `from None`: the error of a check may quote the value.
            raise RuleFailedError(f"{type(error).__name__} in {self.rule.name}") from None
        return self.rule is PLACEHOLDER_RULE or not is_placeholder(value.strip())


class _Keywords:
    """All keywords of all rules in one automaton, which tells in one pass which of them occur."""

    def __init__(self, rules: Iterable[_CompiledRule]) -> None:
        self._rules_of: dict[int, list[_CompiledRule]] = {}
        self._set = KeywordSet()
        numbers: dict[bytes, int] = {}
        for compiled in rules:
            for word in compiled.keywords:
                if word not in numbers:
                    numbers[word] = self._set.add(word)
                self._rules_of.setdefault(numbers[word], []).append(compiled)
        self._set.compile()

    def rules_in(self, data: bytes) -> tuple[_CompiledRule, ...]:
        """Return the rules of which a keyword occurs."""
        numbers = self._set.numbers_in(data)
        return tuple(dict.fromkeys(compiled for number in numbers for compiled in self._rules_of[number]))


class Scanner:
    """Every rule of a policy, compiled. Immutable, so threads may share it.

    Raises:
        PolicyError: a pattern, a check or a keyword of a rule cannot be used.
    """

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._rules = tuple(_CompiledRule(rule) for rule in (*rules, PLACEHOLDER_RULE))
        self._keywords = _Keywords(self._rules)
        self._keywordless = tuple(compiled for compiled in self._rules if not compiled.keywords)
        patterns = [source(tree) for compiled in self._keywordless for tree in compiled.trees]
        self._keywordless_gate = Regex("|".join(f"(?:{pattern})" for pattern in patterns) or _NEVER)

    def find(self, data: bytes, start: int = 0) -> list[Match]:
        """Return what counts in `data[start:]`, ordered by where the matches begin.

        Raises:
            RuleFailedError: a check failed, or a match is longer than the cap; nothing may pass.
        """
        candidates = self._candidates(data, start)
        if self._keywordless_gate.search(data, start) is not None:
            candidates += self._keywordless
        matches = [
            match
            for compiled in candidates
            for pattern in (*compiled.plain, *compiled.context)
            for match in pattern.matches(compiled, data, start)
        ]
        matches.sort(key=lambda match: (match.whole_start, match.whole_end))
        return matches

    def alive_from(self, data: bytes, start: int) -> int:
        """Return the first place from which `data` may still grow into a match; its length when there is none.

        Matches inside a run (`RUN_CLASS`) are left out: whoever asks holds a run until it ends.
        """
        alive = _first(self._alive_heads, data, start)
        if len(data) - alive > _COARSE_HELD_CHARS:
            alive = _first(self._exactly_alive_heads, data, start)
        for compiled in self._candidates(data, start):
            if compiled.alive is not None:
                place = _first(compiled.alive, data, start)
                if len(data) - place > _COARSE_HELD_CHARS and place < alive:
                    place = _first(compiled.exactly_alive, data, start)
                alive = min(alive, place)
            for pattern in compiled.context:
                if not pattern.is_run:
                    alive = min(alive, pattern.alive_from(data, start))
        return alive

    def _candidates(self, data: bytes, start: int) -> tuple[_CompiledRule, ...]:
        begin = max(0, start - CONTEXT_CHARS)
        return self._keywords.rules_in(data[begin:] if begin else data)

    @cached_property
    def _alive_heads(self) -> Regex | None:
        return _alive_regex(self._heads, is_exact=False)

    @cached_property
    def _exactly_alive_heads(self) -> Regex | None:
        return _alive_regex(self._heads, is_exact=True)

    @property
    def _heads(self) -> list[Node]:
        # Until a match has passed its keyword, only the part of the pattern up to there matters.
        return [
            until_keyword(pattern, compiled.rule.keywords)[0]
            for compiled in self._rules
            for pattern in (part for tree in compiled.trees for part in _held_parts(compiled, tree))
        ]


def _held_parts(compiled: _CompiledRule, tree: Node) -> Iterator[Node]:
    for words, value, border in in_parts(tree):
        whole = Sequence((words, value, border))
        if not compiled.has_words(words) and not _is_run(whole):
            yield whole


def _is_run(tree: Node) -> bool:
    """Tell whether every match is inside a run but for a last character, so that holding the run holds the match."""
    return all(_RUN_BYTES.issuperset(_taken_by(atom)) for atom in atoms(tree))


_TAKEN: dict[str, bytes] = {}  # spelling of an atom -> the bytes that it takes; there are some hundred


def _taken_by(atom: str) -> bytes:
    if atom not in _TAKEN:
        regex = Regex(f"(?i:{atom})")
        _TAKEN[atom] = bytes(byte for byte in _ALL_BYTES if regex.match(_ALL_BYTES, byte) is not None)
    return _TAKEN[atom]


def _first(regex: Regex | None, data: bytes, start: int) -> int:
    match = None if regex is None else regex.search(data, start)
    return len(data) if match is None else match[0][0]


def _alive_regex(trees: Iterable[Node], *, is_exact: bool) -> Regex | None:
    patterns = [beginnings(tree, is_exact=is_exact) for tree in trees]
    return Regex(f"(?:{'|'.join(patterns)})\\z") if patterns else None


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
    if not word.isascii():
        raise PolicyError(rule.where, f"The keyword {word!r} must be ASCII, so that case can be ignored.")
    return word.encode("ascii")
