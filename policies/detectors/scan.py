r"""Run every rule over a text in linear time, and tell from where a text that goes on may still become a match.

One pass over the text asks which keywords occur, one more whether any rule without a keyword matches at all; most
texts end there. The rules that remain run one by one with RE2, and their checks confirm.

The scan works on a view of the text with one byte a character. Every result depends only on the text from the scanned
place on and on the one character before it (`\b` and `^` look back so far), which is what lets a stream continue
where it stopped.
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
from policies.patterns import Node, beginnings, has_only_endless_tail, source, until_keyword
from policies.pseudonyms import PLACEHOLDER, is_placeholder
from policies.rule import Rule
from policies.verdict import Finding
from policies.view import view

HELD_CHARS_CAP = 16_384  # a longer match blocks the text: an RSA key of 16,384 bits takes 12,700
_COARSE_HELD_CHARS = 256  # where more would be held, it is worth counting exactly
_NEVER = r"[^\x00-\xff]"  # a pattern that matches nothing in a view of a text
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


class _Set(Protocol):
    def Add(self, pattern: bytes) -> int: ...  # noqa: N802 - RE2's own name

    def Compile(self) -> None: ...  # noqa: N802 - RE2's own name

    def Match(self, text: bytes) -> list[int] | None: ...  # noqa: N802 - RE2's own name


@dataclass(frozen=True, slots=True)
class Match:
    """A finding, and all that the pattern matched around it, context included (`whole_start`, `whole_end`)."""

    finding: Finding
    whole_start: int
    whole_end: int


class _CompiledRule:
    """One rule, ready to run; the automata of what may still grow are built when they are first needed."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self.keywords = tuple(_keyword(rule, word) for word in rule.keywords)
        self.trees = tuple(_parse(rule, pattern) for pattern in rule.patterns)
        self.regexes = tuple(compile_regex(source(tree)) for tree in self.trees)
        self.checks = tuple(_check(rule, name) for name in rule.checks)

    @cached_property
    def alive(self) -> _Regex:
        return _alive_regex(self.trees, is_exact=False)

    @cached_property
    def exactly_alive(self) -> _Regex:
        return _alive_regex(self.trees, is_exact=True)


class _Keywords:
    """All keywords of all rules in one automaton, which tells in one pass which of them occur."""

    def __init__(self, rules: Iterable[_CompiledRule]) -> None:
        self._rules_of: dict[int, list[_CompiledRule]] = {}
        self._set: _Set = re2.Set.SearchSet(_options(is_case_sensitive=False))
        numbers: dict[bytes, int] = {}
        for compiled in rules:
            for word in compiled.keywords:
                if word not in numbers:
                    numbers[word] = self._set.Add(re2.escape(word))
                self._rules_of.setdefault(numbers[word], []).append(compiled)
        self._set.Compile()

    def rules_in(self, data: bytes, start: int) -> tuple[_CompiledRule, ...]:
        """Return the rules of which a keyword occurs from `start` on."""
        numbers = self._set.Match(data[start:] if start else data)
        if not numbers:
            return ()
        return tuple(dict.fromkeys(compiled for number in numbers for compiled in self._rules_of[number]))


class RuleFailedError(Exception):
    """A rule could not judge a value, or its match is longer than the cap; names the rule, never the value."""


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
        self._keywordless_gate = compile_regex("|".join(f"(?:{pattern})" for pattern in patterns) or _NEVER)
        # Until a match has passed its keyword, only the part of the pattern up to there matters.
        self._heads = [
            until_keyword(tree, compiled.rule.keywords)[0] for compiled in self._rules for tree in compiled.trees
        ]
        self._alive_heads = _alive_regex(self._heads, is_exact=False)

    def find(self, data: bytes, start: int = 0) -> list[Match]:
        """Return what counts in `data[start:]`, ordered by where the matches begin.

        Raises:
            RuleFailedError: a check failed, or a match is longer than the cap; nothing may pass.
        """
        candidates = self._keywords.rules_in(data, start)
        if self._keywordless_gate.search(data, start) is not None:
            candidates += self._keywordless
        matches = [
            match
            for compiled in candidates
            for regex in compiled.regexes
            for match in _matches(compiled, regex, data, start)
        ]
        matches.sort(key=lambda match: (match.whole_start, match.whole_end))
        return matches

    def alive_from(self, data: bytes, start: int) -> int:
        """Return the first place from which `data` may still grow into a match; its length when there is none."""
        alive = _first(self._alive_heads, data, start)
        if len(data) - alive > _COARSE_HELD_CHARS:
            alive = _first(self._exactly_alive_heads, data, start)
        for compiled in self._keywords.rules_in(data, start):
            place = _first(compiled.alive, data, start)
            if len(data) - place > _COARSE_HELD_CHARS and place < alive:
                place = _first(compiled.exactly_alive, data, start)
            alive = min(alive, place)
        return alive

    @cached_property
    def _exactly_alive_heads(self) -> _Regex:
        return _alive_regex(self._heads, is_exact=True)


def compile_regex(pattern: str) -> _Regex:
    """Compile with RE2, quietly, with memory for an automaton of many rules.

    Raises:
        re2.error: RE2 refuses the pattern.
    """
    regex: _Regex = re2.compile(view(pattern), options=_options())
    return regex


def _options(*, is_case_sensitive: bool = True) -> object:
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _MEMORY_BYTES
    options.encoding = re2.Options.Encoding.LATIN1
    options.case_sensitive = is_case_sensitive
    return options


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
            if whole_end - whole_start > HELD_CHARS_CAP:
                raise RuleFailedError(f"match longer than {HELD_CHARS_CAP} characters in {compiled.rule.name}")
            rule = compiled.rule
            yield Match(
                Finding(rule.entity_type, value_start, value_end, rule.score, rule.name), whole_start, whole_end
            )
            place = whole_end
        else:
            place = whole_start + 1
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
    value = value_bytes.decode("latin-1")
    try:
        if not all(check(value) for check in compiled.checks):
            return False
    except Exception as error:  # noqa: BLE001 - any failure of a check must block
        # `from None`: the error of a check may quote the value.
        raise RuleFailedError(f"{type(error).__name__} in {compiled.rule.name}") from None
    return compiled.rule is PLACEHOLDER_RULE or not is_placeholder(value.strip())


def _alive_regex(trees: Iterable[Node], *, is_exact: bool) -> _Regex:
    return compile_regex(f"(?:{'|'.join(beginnings(tree, is_exact=is_exact) for tree in trees)})\\z")


def _parse(rule: Rule, pattern: str) -> Node:
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
    return tree


def _check(rule: Rule, name: str) -> Callable[[str], bool]:
    if name not in CHECKS:
        raise PolicyError(rule.where, f"{name!r} is not among the checks: {', '.join(CHECKS)}.")
    return CHECKS[name]


def _keyword(rule: Rule, word: str) -> bytes:
    if not word.isascii():
        raise PolicyError(rule.where, f"The keyword {word!r} must be ASCII, so that case can be ignored.")
    return word.encode("ascii")
