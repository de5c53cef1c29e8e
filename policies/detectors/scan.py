r"""Run every rule over a text in linear time, and tell from where a text that goes on may still become a match.

One pass over the text asks whether any keyword of any rule, or any rule without one, occurs at all; most texts end
there. The rules whose keywords occur then run one by one with RE2, and their checks confirm.

The scan works on UTF-8 bytes. Every result depends only on the text from the scanned place on and on the one
character before it (`\b` and `^` look back so far), which is what lets a stream continue where it stopped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import re2

from policies.detectors.checks import CHECKS
from policies.errors import PolicyError
from policies.pattern_syntax import PatternSyntaxError, parse_pattern
from policies.patterns import Node, beginnings, has_only_endless_tail, source
from policies.pseudonyms import PLACEHOLDER, is_placeholder
from policies.rule import Rule
from policies.verdict import Finding

HELD_BYTES_CAP = 16_384  # a longer match blocks the text: an RSA key of 16,384 bits takes 12,700
_COARSE_HELD_BYTES = 256  # where more would be held, it is worth counting exactly
_MEMORY_BYTES = 64 << 20  # for an automaton of all rules; RE2's own 8 MiB would be flushed over and over
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



class _Span(Protocol):
    def span(self, group: int = 0) -> tuple[int, int]: ...


class _Regex(Protocol):
    groups: int

    def search(self, text: bytes, pos: int | None = None, endpos: int | None = None) -> _Span | None: ...


@dataclass(frozen=True, slots=True)
class Match:
    """A confirmed match, in bytes.

    Attributes:
        start, end: the value, half-open.
        whole_start, whole_end: all that the pattern matched, its context included.
    """

    rule: Rule
    start: int
    end: int
    whole_start: int
    whole_end: int


@dataclass(frozen=True, slots=True)
class _CompiledRule:
    rule: Rule
    keywords: tuple[bytes, ...]
    regexes: tuple[_Regex, ...]
    checks: tuple[Callable[[str], bool], ...]


class RuleFailedError(Exception):
    """A rule could not judge a value, or its match is longer than the cap; names the rule, never the value."""


class Scanner:
    """Every rule of a policy, compiled. Immutable, so threads may share it.

    Raises:
        PolicyError: a pattern, a check or a keyword of a rule cannot be used.
    """

    def __init__(self, rules: Iterable[Rule]) -> None:
        self.rules = (*rules, PLACEHOLDER_RULE)
        trees = [(rule, _parse(rule)) for rule in self.rules]
        self._compiled = tuple(_compile_rule(rule, patterns) for rule, patterns in trees)
        self._trees = [tree for _, patterns in trees for tree in patterns]
        self._gate = compile_regex(_gate_source(trees))
        self._alive = compile_regex(self._beginnings(is_exact=False))

    def find(self, data: bytes, start: int = 0) -> list[Match]:
        """Return what counts in `data[start:]`, ordered by where the matches begin.

        Raises:
            RuleFailedError: a check failed, or a match is longer than the cap; nothing may pass.
        """
        if self._gate.search(data, start) is None:
            return []
        lowered = data[start:].lower()
        matches = [
            match
            for compiled in self._compiled
            if not compiled.keywords or any(word in lowered for word in compiled.keywords)
            for regex in compiled.regexes
            for match in _matches(compiled, regex, data, start)
        ]
        matches.sort(key=lambda match: (match.whole_start, match.start, -match.end))
        return matches

    def alive_from(self, data: bytes, start: int) -> int:
        """Return the first place from which `data` may still grow into a match; its length when there is none."""
        alive = _first(self._alive, data, start)
        if len(data) - alive > _COARSE_HELD_BYTES:
            alive = _first(self._exactly_alive, data, start)
        return alive

    @cached_property
    def _exactly_alive(self) -> _Regex:
        return compile_regex(self._beginnings(is_exact=True))

    def _beginnings(self, *, is_exact: bool) -> str:
        return f"(?:{'|'.join(beginnings(tree, is_exact=is_exact) for tree in self._trees)})\\z"


def compile_regex(pattern: str) -> _Regex:
    """Compile with RE2, quietly, with memory for an automaton of many rules.

    Raises:
        re2.error: RE2 refuses the pattern.
    """
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _MEMORY_BYTES
    regex: _Regex = re2.compile(pattern, options=options)
    return regex


def findings_of(data: bytes, matches: Iterable[Match]) -> list[Finding]:
    """Return the matches as findings, with offsets in characters of the decoded data."""
    found = list(matches)
    characters = _characters(data, {place for match in found for place in (match.start, match.end)})
    return [
        Finding(
            entity_type=match.rule.entity_type,
            start=characters[match.start],
            end=characters[match.end],
            score=match.rule.score,
            rule=match.rule.name,
        )
        for match in found
    ]


def _characters(data: bytes, places: set[int]) -> dict[int, int]:
    """Return the character offset of each byte offset, in one pass over the data."""
    if data.isascii():
        return {place: place for place in places}
    characters: dict[int, int] = {}
    counted = done = 0
    for place in sorted(places):
        counted += len(data[done:place].decode("utf-8", "replace"))
        characters[place] = counted
        done = place
    return characters


def _first(regex: _Regex, data: bytes, start: int) -> int:
    match = regex.search(data, start)
    return len(data) if match is None else match.span()[0]


def _matches(compiled: _CompiledRule, regex: _Regex, data: bytes, start: int) -> Iterator[Match]:
    """Yield the confirmed matches of one pattern from left to right; what was not confirmed hides nothing."""
    place = start
    while (found := regex.search(data, place)) is not None:
        whole_start, whole_end = found.span()
        value_start, value_end = _value_span(found, regex.groups)
        if value_end > value_start and _is_confirmed(
            compiled, data[whole_start:whole_end], data[value_start:value_end]
        ):
            if whole_end - whole_start > HELD_BYTES_CAP:
                raise RuleFailedError(f"match longer than {HELD_BYTES_CAP} bytes in {compiled.rule.name}")
            yield Match(compiled.rule, value_start, value_end, whole_start, whole_end)
            place = whole_end
        else:
            place = whole_start + 1
            while place < len(data) and data[place] & 0xC0 == 0x80:  # inside a character: UTF-8 continuation bytes
                place += 1
        if place > len(data):
            return


def _value_span(found: _Span, groups: int) -> tuple[int, int]:
    for group in range(1, groups + 1):
        span = found.span(group)
        if span[0] >= 0:
            return span
    return found.span()


def _is_confirmed(compiled: _CompiledRule, whole: bytes, value_bytes: bytes) -> bool:
    if compiled.keywords:
        # The keyword must stand inside the match: one elsewhere in the text may not have streamed by yet.
        lowered = whole.lower()
        if not any(word in lowered for word in compiled.keywords):
            return False
    value = value_bytes.decode("utf-8", "replace")
    try:
        if not all(check(value) for check in compiled.checks):
            return False
    except Exception as error:
        # `from None`: the error of a check may quote the value.
        raise RuleFailedError(f"{type(error).__name__} in {compiled.rule.name}") from None
    return compiled.rule is PLACEHOLDER_RULE or not is_placeholder(value.strip())


def _parse(rule: Rule) -> tuple[Node, ...]:
    trees = []
    for pattern in rule.patterns:
        try:
            tree = parse_pattern(pattern)
            compile_regex(source(tree))
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
        trees.append(tree)
    return tuple(trees)


def _compile_rule(rule: Rule, trees: tuple[Node, ...]) -> _CompiledRule:
    for name in rule.checks:
        if name not in CHECKS:
            raise PolicyError(rule.where, f"{name!r} is not among the checks: {', '.join(CHECKS)}.")
    for word in rule.keywords:
        if not word.isascii():
            raise PolicyError(rule.where, f"The keyword {word!r} must be ASCII, so that case can be ignored.")
    return _CompiledRule(
        rule=rule,
        keywords=tuple(word.encode("ascii") for word in rule.keywords),
        regexes=tuple(compile_regex(source(tree)) for tree in trees),
        checks=tuple(CHECKS[name] for name in rule.checks),
    )


def _gate_source(trees: list[tuple[Rule, tuple[Node, ...]]]) -> str:
    words = sorted({re2.escape(word) for rule, _ in trees for word in rule.keywords})
    keywordless = [source(tree) for rule, patterns in trees if not rule.keywords for tree in patterns]
    return "|".join([f"(?i:{'|'.join(words)})", *(f"(?:{pattern})" for pattern in keywordless)])
