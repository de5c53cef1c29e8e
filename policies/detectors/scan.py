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

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

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
    openings,
    source,
    until_keyword,
)
from policies.pseudonyms import PLACEHOLDER, is_placeholder
from policies.rule import Rule
from policies.verdict import Finding
from policies.views.fold import fold_bytes
from policies.views.regex import KeywordSet, Regex

HELD_CHARS_CAP = 16_384  # a longer match blocks the text: an RSA key of 16,384 bits takes 12,700
CONTEXT_CHARS = 400  # how long the words before a value may be: the longest the shipped rules need, and some room
RUN_CLASS = "A-Za-z0-9_+/=.~@:%-"
"""Characters of a run: what a token or an address is made of. A run is held until it ends."""

RUN_BYTES = b"".join(re.findall(rb"[%s]" % RUN_CLASS.encode("ascii"), bytes(range(128))))
_IN_RUN = frozenset(RUN_BYTES)
_BLOCK_CHARS = 2_048  # rules run only around the blocks of a long text in which their keywords occur
_FIRST_LATIN_LETTER = 0xA0
_WINDOWS = (0, 80, 180, CONTEXT_CHARS)  # how far back words are looked for, by how long they may be
_WORD_PARTS = re.compile(rb"[a-z0-9\x80-\x9f]{2,}")
_COARSE_HELD_CHARS = 256  # where more would be held, it is worth counting exactly
_BORDER_CHARS = 2  # up to here, what stands before a value is a border and no context
_OPENING_CHARS = 3  # a shorter word would stand in most of what is held
_NEVER = r"[^\x00-\xff]"  # a pattern that matches nothing in a view of a text
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


class Region(NamedTuple):
    """Where a match may begin: from `begin` to before `stop`."""

    begin: int
    stop: int


@dataclass(frozen=True, slots=True)
class Match:
    """A finding, with the text around it that must not be torn from it (`whole_start`, `whole_end`)."""

    finding: Finding
    whole_start: int
    whole_end: int


class _PlainPattern:
    """A value, perhaps behind a border of a character or two.

    Attributes:
        reach_chars: how far behind its beginning a match may end.
    """

    def __init__(self, tree: Node) -> None:
        self.tree = tree
        self.regex = Regex(source(tree))
        self.is_run = _is_run(tree)
        self.reach_chars = _reach(tree)

    def matches(self, rule: _CompiledRule, data: bytes, start: int, region: Region) -> Iterator[Match]:
        """Yield the confirmed matches from left to right, no value inside another; two may share a border.

        What was not confirmed hides nothing.
        """
        place, free = max(region.begin, start - _BORDER_CHARS, 0), start
        last = min(len(data), region.stop + self.reach_chars)
        while place < region.stop and (found := self.regex.search(data, place, last)) is not None:
            whole_start, whole_end = found[0]
            if whole_start >= region.stop:
                return
            value_start, value_end = found[-1]
            place = whole_start + 1
            if value_start >= free and rule.confirms(data, whole_start, value_start, value_end, whole_end):
                yield rule.match(value_start, value_end, whole_start, whole_end)
                place, free = max(place, value_end - _BORDER_CHARS), value_end


class _ContextPattern:
    """Words, and a value behind them.

    Attributes:
        words_chars: how long the words may be.
        reach_chars: how far behind the beginning of the words a match may end.
    """

    def __init__(self, words: Node, value: Node, border: Node) -> None:
        self.words = Regex(source(words))
        self.value_tree = Sequence((value, border))
        self.value = Regex(f"({source(value)}){source(border)}")
        self.is_run = _is_run(value) and longest(border) in {0, 1}
        self.words_chars = longest(words) or CONTEXT_CHARS
        self.reach_chars = _reach(Sequence((words, value, border)))

    @cached_property
    def alive(self) -> Regex:
        """Return the pattern of the beginnings of values that reach the end."""
        return Regex(f"(?:{beginnings(self.value_tree, is_exact=True)})\\z")

    def places(self, data: bytes, start: int, region: Region) -> Iterator[tuple[int, int]]:
        """Yield where words begin and where their value would, for values that begin at `start` or later."""
        place = max(region.begin, start - self.words_chars, 0)
        last = min(len(data), region.stop + self.words_chars)
        while place < region.stop and (found := self.words.search(data, place, last)) is not None:
            begin, end = found[0]
            if begin >= region.stop:
                return
            if end >= start:
                yield begin, end
            place = begin + 1

    def matches(self, rule: _CompiledRule, data: bytes, start: int, region: Region) -> Iterator[Match]:
        """Yield the confirmed values, each place of words by itself."""
        for begin, value_start in self.places(data, start, region):
            found = self.value.match(data, value_start)
            if found is None:
                continue
            (_, whole_end), (_, value_end) = found
            # Only the words are asked for a keyword: they have streamed by when the value begins.
            if rule.confirms(data, begin, value_start, value_end, value_start):
                yield rule.match(value_start, value_end, value_start, whole_end)

    def alive_from(self, data: bytes, start: int) -> int:
        """Return the first place at which a value may still grow; the end when there is none."""
        places = self.places(data, start, Region(0, len(data)))
        return min((place for _, place in places if self.alive.match(data, place) is not None), default=len(data))


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
        """Tell whether what stands before a value is more than a border, and where a keyword is looked for.

        A keyword that may come only with the value or behind it comes too late for a stream: then all of the pattern
        is held.
        """
        length = longest(words)
        return (
            length is not None
            and length > _BORDER_CHARS
            and _may_hold(fold_bytes(source(words)).lower(), self.keywords)
        )

    @property
    def plain(self) -> tuple[_PlainPattern, ...]:
        return self._patterns[0]

    @property
    def context(self) -> tuple[_ContextPattern, ...]:
        return self._patterns[1]

    @cached_property
    def open_context(self) -> tuple[_ContextPattern, ...]:
        """Return the context patterns whose value may hold more than a run, so that it must be held by itself."""
        return tuple(pattern for pattern in self.context if not pattern.is_run)

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
        self._longest = 1
        numbers: dict[bytes, int] = {}
        for compiled in rules:
            for word in compiled.keywords:
                self._longest = max(self._longest, len(word))
                if word not in numbers:
                    numbers[word] = self._set.add(word)
                self._rules_of.setdefault(numbers[word], []).append(compiled)
        self._set.compile()

    def rules_in(self, data: bytes) -> Iterable[_CompiledRule]:
        """Return the rules of which a keyword occurs."""
        numbers = self._set.numbers_in(data)
        return dict.fromkeys(compiled for number in numbers for compiled in self._rules_of[number])

    def blocks_in(self, data: bytes, start: int) -> dict[_CompiledRule, list[int]]:
        """Return for each rule the blocks, by where they begin, in which one of its keywords does."""
        if len(data) - start <= _BLOCK_CHARS:
            return {compiled: [start] for compiled in self.rules_in(data[start:] if start else data)}
        blocks: dict[_CompiledRule, list[int]] = {}
        for begin in range(start, len(data), _BLOCK_CHARS):
            for compiled in self.rules_in(data[begin : begin + _BLOCK_CHARS + self._longest - 1]):
                blocks.setdefault(compiled, []).append(begin)
        return blocks


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
        matches: dict[Match, None] = {}
        for compiled, blocks in self._keywords.blocks_in(data, max(0, start - CONTEXT_CHARS)).items():
            patterns: tuple[_PlainPattern | _ContextPattern, ...] = (*compiled.plain, *compiled.context)
            for pattern in patterns:
                for region in _regions(blocks, pattern.reach_chars):
                    matches.update(dict.fromkeys(pattern.matches(compiled, data, start, region)))
        for region in self._keywordless_regions(data, start):
            for compiled in self._keywordless:
                for pattern in compiled.plain:
                    matches.update(dict.fromkeys(pattern.matches(compiled, data, start, region)))
        return sorted(matches, key=lambda match: (match.whole_start, match.whole_end))

    def _keywordless_regions(self, data: bytes, start: int) -> Iterator[Region]:
        place = max(0, start - _BORDER_CHARS)
        while (found := self._keywordless_gate.search(data, place)) is not None:
            begin = found[0][0]
            place = begin + _BLOCK_CHARS
            while place < len(data) and (more := self._keywordless_gate.search(data, place)) is not None:
                if more[0][0] > place + _BLOCK_CHARS:
                    break  # between the two nothing begins
                place = more[0][0] + _BLOCK_CHARS
            yield Region(begin, min(place, len(data)))
            if place >= len(data):
                return

    def alive_from(self, data: bytes, start: int) -> int:
        """Return the first place from which `data` may still grow into a match; its length when there is none.

        Matches inside a run (`RUN_CLASS`) are left out: whoever asks holds a run until it ends.
        """
        alive = _first(self._alive_heads, data, start)
        if len(data) - alive > _COARSE_HELD_CHARS:
            alive = _first(self._exactly_alive_heads, data, start)
        held = data[max(0, start - _BORDER_CHARS) :].lower()
        for words, opened in self._opened:
            if any(word in held for word in words):
                alive = min(alive, _first(opened, data, start))
        # A plain match is held from its beginning, so its keyword stands in what is held; words may have been shown.
        for compiled in self._keywords.rules_in(data[max(0, start - _BORDER_CHARS) :]):
            if compiled.alive is not None:
                place = _first(compiled.alive, data, start)
                if len(data) - place > _COARSE_HELD_CHARS and place < alive:
                    place = _first(compiled.exactly_alive, data, start)
                alive = min(alive, place)
        return min(alive, self._value_from(data, start))

    def _value_from(self, data: bytes, start: int) -> int:
        """Return the first place at which a value that words announced may still grow."""
        place = len(data)
        for nearer, size in pairwise(_WINDOWS):
            for compiled in self._keywords.rules_in(data[max(0, start - size) :]):
                for pattern in compiled.open_context:
                    if nearer < pattern.words_chars <= size:
                        place = min(place, pattern.alive_from(data, start))
        return place

    @cached_property
    def _alive_heads(self) -> Regex | None:
        return _alive_regex(self._heads, is_exact=False)

    @cached_property
    def _exactly_alive_heads(self) -> Regex | None:
        return _alive_regex(self._heads, is_exact=True)

    @cached_property
    def _opened(self) -> list[tuple[tuple[bytes, ...], Regex]]:
        """Return the beginnings of patterns that begin with a word: until it stands there, the run holds it."""
        opened: list[tuple[tuple[bytes, ...], Regex]] = []
        for _, pattern in self._held_patterns():
            words = _opening_words(pattern)
            if words:
                opened.append((words, Regex(f"(?:{beginnings(pattern, is_exact=True)})\\z")))
        return opened

    @property
    def _heads(self) -> list[Node]:
        # Until a match has passed its keyword, only the part of the pattern up to there matters.
        return [
            until_keyword(pattern, compiled.rule.keywords)[0]
            for compiled, pattern in self._held_patterns()
            if not _opening_words(pattern)
        ]

    def _held_patterns(self) -> Iterator[tuple[_CompiledRule, Node]]:
        for compiled in self._rules:
            for tree in compiled.trees:
                for pattern in _held_parts(compiled, tree):
                    yield compiled, pattern


def _held_parts(compiled: _CompiledRule, tree: Node) -> Iterator[Node]:
    for words, value, border in in_parts(tree):
        whole = Sequence((words, value, border))
        if not compiled.has_words(words) and not _is_run(whole):
            yield whole


def _opening_words(tree: Node) -> tuple[bytes, ...]:
    """Return the words, all inside a run, with one of which every match begins; none when they are not known."""
    words = tuple(sorted(fold_bytes(word) for word in openings(tree)))
    is_known = all(len(word) >= _OPENING_CHARS and _IN_RUN.issuperset(word) for word in words)
    return words if is_known else ()


def _is_run(tree: Node) -> bool:
    """Tell whether every match is inside a run but for a last character, so that holding the run holds the match."""
    return all(_IN_RUN.issuperset(_taken_by(atom)) for atom in atoms(tree))


_TAKEN: dict[str, bytes] = {}  # spelling of an atom -> the bytes that it takes; there are some hundred


def _taken_by(atom: str) -> bytes:
    if atom not in _TAKEN:
        regex = Regex(f"(?i:{atom})")
        _TAKEN[atom] = bytes(byte for byte in _ALL_BYTES if regex.match(_ALL_BYTES, byte) is not None)
    return _TAKEN[atom]


def _may_hold(spelled: bytes, keywords: Iterable[bytes]) -> bool:
    """Tell whether the spelling of a pattern holds a part of a keyword, or all signs of one without letters."""
    for word in keywords:
        parts = _WORD_PARTS.findall(word)
        if any(part in spelled for part in parts) or (not parts and all(sign in spelled for sign in word)):
            return True
    return False


def _reach(tree: Node) -> int:
    """Return the length of the longest match; one above the cap is refused anyway."""
    length = longest(tree)
    return HELD_CHARS_CAP + _BLOCK_CHARS if length is None else min(length, HELD_CHARS_CAP) + 1


def _regions(blocks: list[int], reach_chars: int) -> Iterator[Region]:
    """Yield where a match may begin that holds a keyword of these blocks."""
    begin, stop = blocks[0] - reach_chars, blocks[0] + _BLOCK_CHARS
    for block in blocks[1:]:
        if block - reach_chars > stop:
            yield Region(max(0, begin), stop)
            begin = block - reach_chars
        stop = block + _BLOCK_CHARS
    yield Region(max(0, begin), stop)


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
    folded = fold_bytes(word)
    if not word or any(byte >= _FIRST_LATIN_LETTER for byte in folded):
        raise PolicyError(
            rule.where, f"The keyword {word!r} must be without letters such as é or ß, so that case can be ignored."
        )
    return folded
