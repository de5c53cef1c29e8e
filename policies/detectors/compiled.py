"""One rule, ready to run over a view of a text: its patterns, its keywords and its checks."""

from __future__ import annotations

import re  # single classes between signs that they lack: linear
from collections import abc
from collections.abc import Callable, Iterable
from functools import cached_property
from weakref import WeakValueDictionary

import re2

from policies.detectors.checks import CHECKS
from policies.detectors.facts import Facts, learned
from policies.detectors.once import answered_once
from policies.detectors.pattern_kinds import (
    CONTEXT_CHARS,
    HELD_CHARS_CAP,
    ContextPattern,
    Match,
    PlainPattern,
    SteppedPattern,
)
from policies.detectors.reading import read_facts
from policies.errors import PolicyError
from policies.placeholders import (
    PLACEHOLDER,
    PLACEHOLDER_MAX_CHARS,
    placeholders_in,
    spoken_from,
)
from policies.pseudonyms import is_placeholder
from policies.rule import Rule
from policies.verdict import Finding
from policies.views.fold import fold_bytes
from policies.views.regex import Regex

_FEW_KEYWORDS = 8
_FIRST_LATIN_LETTER = 0xA0
_BETWEEN_CELLS = re.compile(rb"[^|\t]*[|\t]|[,;][^\s\"'`]*\Z").match
_ESCAPE = re.compile(rb"u[0-9A-Fa-f]{4}").match
_HASH_CHARS = 40  # hexadecimal digits of a commit
_HEX_DIGITS = b"0123456789abcdef"
_BEFORE_COMMIT = re.compile(rb"/commits?/\Z").search
_BEFORE_SHORT_HASH = re.compile(rb"(?:\(\[|\[`|[*+-] \[)\Z").search
_SHORT_HASH = re.compile(rb"[0-9]{7}|(?=[0-9]*[a-f])[0-9a-f]{7,12}").fullmatch  # as git abbreviates one
_CLOSES_HASH = frozenset((b"]", b"`"))
_WORD = b"ware"  # stands where a placeholder does
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

    Args:
        sources: the beginnings of each pattern, as RE2 reads them.
        lengths: of the longest match of each; None when there is no longest.
    """

    __slots__ = ("_chars", "_regex")

    def __init__(self, sources: Iterable[str], lengths: abc.Sequence[int | None]) -> None:
        self._regex = Regex(f"(?:{'|'.join(sources)})\\z")
        self._chars = max((length or 0 for length in lengths), default=0) if None not in lengths else None

    def first(self, data: bytes, start: int) -> int:
        """Return the first place from `start` on that may still grow into a match; the data's length for none."""
        return self._regex.first(data, start if self._chars is None else max(start, len(data) - self._chars))


class CompiledRule:
    """One rule, ready to run; RE2 compiles its patterns when a text first asks for them.

    Args:
        rule: what to look for.
        facts: what an earlier process found out about its patterns; None reads, and so checks, them now.
    """

    def __init__(self, rule: Rule, facts: Facts | None = None) -> None:
        self.rule = rule
        self.keywords = tuple(_keyword(rule, word) for word in rule.keywords)
        self.checks = tuple(_check(rule, name) for name in rule.checks)
        self._unless = _any_of(rule, rule.unless)
        self._unless_in_line = _any_of(rule, rule.unless_in_line)
        self.facts = facts or read_facts(rule, self.keywords)

    @cached_property
    def plain(self) -> tuple[PlainPattern, ...]:
        """Return the patterns without words."""
        return tuple(map(PlainPattern, self.facts.plain))

    @cached_property
    def context(self) -> tuple[ContextPattern, ...]:
        """Return the patterns with words before their value."""
        return tuple(
            ContextPattern(facts) if facts.steps is None else SteppedPattern(facts, facts.steps)
            for facts in self.facts.context
        )

    @cached_property
    def patterns(self) -> tuple[PlainPattern | ContextPattern, ...]:
        """Return all patterns, in the order of `Facts.openings`."""
        return (*self.plain, *self.context)

    @cached_property
    def alive(self) -> Alive | None:
        """Return the beginnings of plain patterns that a run does not hold anyway."""
        return self._alive(is_exact=False)

    @cached_property
    def exactly_alive(self) -> Alive | None:
        """Return the same, not one beginning more."""
        return self._alive(is_exact=True)

    def _alive(self, *, is_exact: bool) -> Alive | None:
        held = [facts for facts in self.facts.plain if not facts.is_run]
        if not held:
            return None
        return Alive([facts.exact if is_exact else facts.coarse for facts in held], [facts.chars for facts in held])

    def load(self) -> None:
        """Compile the patterns."""
        for pattern in self.patterns:
            pattern.load()
        _ = self.alive, self._any_keyword

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
            and not self.is_other_thing(data, begin, value_start, value_end)
        )

    def is_other_thing(self, data: bytes, begin: int, value_start: int, value_end: int) -> bool:
        """Tell whether what stands before a value says that it is something else, such as the number of a line."""
        if data[value_start - 1 : value_start] == b"\\" and _ESCAPE(data, value_start):
            return True  # a letter written as `\u0142`, which another view shows
        if _is_in_hash(data, value_start, value_end):
            return True
        words = data[begin:value_start]  # cut out, so that `\z` is where the value begins
        if b"]" in words and self._is_apart(words):
            return True
        if self._unless is not None and self._unless.search(words) is not None:
            return True
        if self._unless_in_line is None:
            return False
        first = max(0, value_start - CONTEXT_CHARS)  # a stream keeps as much before what it has not settled
        line = data.rfind(b"\n", first, value_start) + 1
        return self._unless_in_line.search(data[max(first, line) : value_start]) is not None

    def _is_apart(self, words: bytes) -> bool:
        """Tell whether a placeholder keeps words from the value behind them: in steps, or as a cell of a table."""
        ends = [stop for _, stop in placeholders_in(words)]
        if not ends or not (self.rule.has_steps or _BETWEEN_CELLS(words, ends[-1])):
            return False
        return spoken_from(words, ends, 0, len(words)) > 0

    def has_keyword(self, data: bytes, begin: int, end: int) -> bool:
        """Tell whether a keyword stands in the match: one elsewhere in the text may not have streamed by yet."""
        if not self.keywords or self.rule is PLACEHOLDER_RULE:
            return True
        lowered = _placeholders_blanked(data, begin, end).lower()
        if self._any_keyword is None:
            return any(word in lowered for word in self.keywords)
        return self._any_keyword.search(lowered) is not None

    @cached_property
    def _any_keyword(self) -> Regex | None:
        """Return the pattern of many keywords; few are sooner looked for one by one."""
        if len(self.keywords) <= _FEW_KEYWORDS:
            return None
        return Regex("|".join(re2.escape(word.decode("latin-1")) for word in self.keywords))

    def agrees(self, data: bytes, value_start: int, value_end: int) -> bool:
        """Tell whether every check agrees with a value."""
        value = data[value_start:value_end]
        return answered_once((self, value), lambda: self._agrees(value))

    def _agrees(self, data: bytes) -> bool:
        value = data.decode("latin-1")
        values = (value, *_without_placeholders(data)) if "[" in value else (value,)
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
    return _compiled.get(rule) or _compiled.setdefault(rule, CompiledRule(rule, learned(rule)))


def _is_in_hash(data: bytes, start: int, end: int) -> bool:
    """Tell whether a value is a commit, or a part: `([a6438d2](https://git.example.com/x/commit/a6438d2))`.

    Digits in brackets alone are a list of numbers, such as those of cards.
    """
    if data[start:end].strip(_HEX_DIGITS):
        return False
    first = max(0, start - _HASH_CHARS)
    begin = first + len(data[first:start].rstrip(_HEX_DIGITS))
    if _BEFORE_COMMIT(data[max(0, begin - len(b"/commits/")) : begin]):
        return True
    return _BEFORE_SHORT_HASH(data[max(0, begin - 3) : begin]) is not None and (
        data[end : end + 1] in _CLOSES_HASH and _SHORT_HASH(data, begin, end) is not None
    )


def _placeholders_blanked(data: bytes, begin: int, end: int) -> bytes:
    """Return `data[begin:end]`, placeholders blanked: what one is called says nothing about the text around it."""
    if b"]" not in data[begin:end]:
        return data[begin:end]
    first = max(0, begin - PLACEHOLDER_MAX_CHARS)  # one may reach in from the left
    blanked = bytearray(data[first:end])
    for start, stop in placeholders_in(data[first:end]):
        blanked[start:stop] = b" " * (stop - start)
    return bytes(blanked[begin - first :])


def _without_placeholders(value: bytes) -> tuple[str, ...]:
    """Return a value without the placeholders in it, and with a word for each: they make nothing beside them a value.

    One amid letters stays: what only looks like one, somebody may have put into a value to hide it.
    """
    pieces: list[bytes] = []
    place = 0
    for start, stop in placeholders_in(value):
        if not (value[start - 1 : start].isalnum() and value[stop : stop + 1].isalnum()):
            pieces.append(value[place:start])
            place = stop
    pieces.append(value[place:])
    return (b"".join(pieces).decode("latin-1"), _WORD.join(pieces).decode("latin-1")) if place else ()


def _any_of(rule: Rule, patterns: tuple[str, ...]) -> Regex | None:
    try:
        return Regex("|".join(f"(?:{pattern})" for pattern in patterns)) if patterns else None
    except re2.error as error:
        raise PolicyError(rule.where, f"RE2 refuses an exception of {rule.name!r}: {error}.") from None


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
