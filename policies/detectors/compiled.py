"""One rule, ready to run over a view of a text.

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
from functools import cache, cached_property
from typing import NamedTuple

import re2

from policies.detectors.checks import CHECKS
from policies.errors import PolicyError
from policies.pattern_syntax import PatternSyntaxError, parse_pattern
from policies.patterns import (
    NOTHING,
    Assertion,
    Atom,
    Choice,
    Group,
    Node,
    Repeat,
    Sequence,
    atoms,
    beginnings,
    coarse,
    endless_atoms,
    first_atoms,
    has_only_endless_tail,
    in_parts,
    in_steps,
    longest,
    source,
)
from policies.pseudonyms import PLACEHOLDER, PLACEHOLDER_MAX_CHARS, is_placeholder
from policies.rule import Rule
from policies.verdict import Finding
from policies.views.fold import fold_bytes
from policies.views.regex import Regex, Spans

HELD_CHARS_CAP = 16_384  # as much of a match is looked at: an RSA key of 16,384 bits takes 12,700
_SEEN_CHARS = HELD_CHARS_CAP + 2  # enough to see that a value is longer than the cap
CONTEXT_CHARS = 400  # how long the words before a value may be: the longest the shipped rules need, and some room
RUN_CLASS = "A-Za-z0-9_+/=.~@:%'À-ÖØ-öø-ÿ-"
"""Characters of a run: what a token, an address or a word is made of. A run is held until it ends."""

RUN_BYTES = b"".join(re.findall(rb"[%s]" % RUN_CLASS.encode("latin-1"), bytes(range(256))))
IN_RUN = frozenset(RUN_BYTES)
BLOCK_CHARS = 2_048  # rules run only around the blocks of a long text in which their keywords occur
_FIRST_LATIN_LETTER = 0xA0
_WORD_PARTS = re.compile(rb"[a-z0-9\x80-\x9f]{2,}")
BORDER_CHARS = 2  # up to here, what stands before a value is a border and no context
_ALL_BYTES = bytes(range(256))
_FEW_BYTES = 16
_DIGITS = frozenset(b"0123456789")
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


class Region(NamedTuple):
    """Where a match may begin: from `begin` to before `stop`."""

    begin: int
    stop: int


@dataclass(frozen=True, slots=True)
class Match:
    """A finding, with the text around it that must not be torn from it.

    Attributes:
        finding: where the value stands.
        whole_start: where the match begins.
        whole_end: where it ends.
        tail: of a match that is longer than the cap: the bytes by which its value goes on behind the cap.
    """

    finding: Finding
    whole_start: int
    whole_end: int
    tail: bytes = b""


class PlainPattern:
    """A value, perhaps behind a border of a character or two.

    Attributes:
        is_run: every value is inside a run, so that holding the run holds the value.
        before_chars: how far before a value its match may begin.
        keyword_chars: how far behind the beginning of a match a keyword may stand.
    """

    before_chars = BORDER_CHARS

    def __init__(self, words: Node, value: Node, border: Node) -> None:
        self.tree = Sequence((words, Group("(", value), border))
        self.regex = Regex(source(self.tree))
        self.is_run = is_inside_run(words, value, border)
        self.keyword_chars = _reach(self.tree)

    @cached_property
    def tail(self) -> bytes:
        """Return the bytes by which an endless value goes on."""
        return _tail(self.tree)

    def matches(self, rule: CompiledRule, data: bytes, start: int, region: Region) -> Iterable[Match]:
        """Return the confirmed matches from left to right, no value inside another; two may share a border.

        What was not confirmed hides nothing.

        Args:
            rule: whose pattern this is.
            data: the view.
            start: values begin here or later.
            region: where matches may begin.
        """
        place, stop = region
        place = max(place, start - BORDER_CHARS, 0)
        last = min(len(data), stop + self.keyword_chars)
        found = self.regex.search(data, place, last)
        return () if found is None else self._confirmed(rule, data, start, Region(place, stop), found)

    def _confirmed(self, rule: CompiledRule, data: bytes, start: int, region: Region, first: Spans) -> Iterator[Match]:
        place, stop = region
        last = min(len(data), stop + self.keyword_chars)
        free = start
        found: Spans | None = first
        while found is not None:
            whole_start, whole_end = found[0]
            if whole_start >= stop:
                return
            value_start, value_end = found[-1]
            place = whole_start + 1
            if value_start >= free and rule.confirms(data, whole_start, value_start, value_end, whole_end):
                yield rule.match(self, value_start, value_end, (whole_start, whole_end))
                place, free = max(place, value_end - BORDER_CHARS), value_end
            found = self.regex.search(data, place, last) if place < stop else None


class ContextPattern:
    """Words, and a value behind them.

    Attributes:
        before_chars: how far before a value its words may begin.
        keyword_chars: how far behind the beginning of the words a keyword may stand.
    """

    def __init__(self, words: Node, value: Node, border: Node) -> None:
        self.regex = Regex(source(words))
        self.value_tree = Sequence((value, border))
        self.value = Regex(f"({source(value)}){source(border)}")
        self.is_run = is_inside_run(NOTHING, value, border)
        self.before_chars = self.keyword_chars = longest(words) or CONTEXT_CHARS

    @cached_property
    def tail(self) -> bytes:
        """Return the bytes by which an endless value goes on."""
        return _tail(self.value_tree)

    @cached_property
    def alive(self) -> Regex:
        """Return the pattern of the beginnings of values that reach the end."""
        return Regex(f"(?:{beginnings(self.value_tree, is_exact=True)})\\z")

    def places(self, data: bytes, start: int, region: Region) -> Iterable[tuple[int, int]]:
        """Return where words begin and where their value would, for values from `start` on."""
        place, stop = region
        place = max(place, start - self.before_chars, 0)
        found = self.regex.search(data, place, min(len(data), stop + self.before_chars))
        return () if found is None else self._places(data, start, stop, found)

    def _places(self, data: bytes, start: int, stop: int, first: Spans) -> Iterator[tuple[int, int]]:
        last = min(len(data), stop + self.before_chars)
        found: Spans | None = first
        while found is not None:
            begin, end = found[0]
            if begin >= stop:
                return
            if end >= start:
                yield begin, end
            found = self.regex.search(data, begin + 1, last) if begin + 1 < stop else None

    def matches(self, rule: CompiledRule, data: bytes, start: int, region: Region) -> Iterator[Match]:
        """Yield the confirmed values, each place of words by itself; the arguments are those of a plain pattern."""
        for begin, value_start in self.places(data, start, region):
            found = self.value.match(data, value_start, value_start + _SEEN_CHARS)
            if found is None:
                continue
            (_, whole_end), (_, value_end) = found
            # Only the words are asked for a keyword: they have streamed by when the value begins.
            if rule.confirms(data, begin, value_start, value_end, value_start):
                yield rule.match(self, value_start, value_end, (value_start, whole_end))

    def alive_from(self, data: bytes, start: int, region: Region) -> int:
        """Return the first place at which a value may still grow; the end when there is none."""
        places = self.places(data, start, region)
        return min((place for _, place in places if self.alive.match(data, place) is not None), default=len(data))


_shared_regex = cache(Regex)  # steps, signs and values are spelled alike in many patterns; so their automata are one


class SteppedPattern(ContextPattern):
    """Words with a lazy repetition among them, each step of which is tried: `password (word ){0,9}?is (VALUE)`."""

    def __init__(self, words: Node, steps: tuple[Node, Repeat, Node], value: Node, border: Node) -> None:
        super().__init__(words, value, border)
        head, step, tail = steps
        self.regex = Regex(source(head))
        self.keyword_chars = (longest(head) or CONTEXT_CHARS) + BORDER_CHARS
        self._step = _shared_regex(source(step.inner))
        self._fewest, self._most = step.low, step.high or 0
        self._tail = _shared_regex(source(tail))
        self._tail_chars = longest(tail) or 0
        self._value_chars = longest(self.value_tree) or HELD_CHARS_CAP
        self.value = _shared_regex(f"({source(value)}){source(border)}")
        behind = Sequence((step, tail, value))
        self._behind_head = _shared_regex(coarse(behind))
        self._behind_chars = (longest(behind) or HELD_CHARS_CAP) + BORDER_CHARS

    def places(self, data: bytes, start: int, region: Region) -> Iterator[tuple[int, int]]:
        """Return where words begin and where their value would; of values, those that reach the end of the data."""
        first = max(start, len(data) - self._value_chars)
        for begin, end in self._heads(data, first, region):
            for value_start in self._values_behind(data, end, first):
                yield begin, value_start

    def matches(self, rule: CompiledRule, data: bytes, start: int, region: Region) -> Iterator[Match]:
        """Yield the confirmed values, each place of words by itself; the arguments are those of a plain pattern."""
        judged: dict[tuple[int, int], bool] = {}  # a value is reached from many words
        for begin, end in self._heads(data, start, region):
            # Mostly there is nothing, and the steps need not be taken; what is coarse would look on without end.
            if self._behind_head.match(data, end, end + self._behind_chars) is None:
                continue
            for value_start in self._values_behind(data, end, start):
                found = self.value.match(data, value_start, value_start + _SEEN_CHARS)
                if found is None:
                    continue
                (_, whole_end), value = found
                if value not in judged:
                    judged[value] = value[1] > value[0] and rule.agrees(data, *value)
                # A keyword further right than the words begin would not tell where they are looked for.
                if judged[value] and rule.has_keyword(data, begin, min(value_start, end + BORDER_CHARS)):
                    yield rule.match(self, *value, (value_start, whole_end))

    def _heads(self, data: bytes, start: int, region: Region) -> Iterable[tuple[int, int]]:
        """Return where words begin and where their steps do, for values from `start` on."""
        place, stop = region
        place = max(place, start - self.before_chars, 0)
        found = self.regex.search(data, place, min(len(data), stop + self.keyword_chars))
        return () if found is None else self._places(data, 0, stop, found)

    def _values_behind(self, data: bytes, place: int, first: int) -> Iterator[int]:
        """Yield where a value may stand behind the words that end at a place, from `first` on."""
        for count in range(self._most + 1):
            if count >= self._fewest and place + self._tail_chars >= first:
                tail = self._tail.match(data, place)
                if tail is not None and tail[0][1] >= first:
                    yield tail[0][1]
            step = self._step.match(data, place)
            if step is None:
                return
            place = step[0][1]


class CompiledRule:
    """One rule, ready to run; its patterns are compiled when a text first asks for them."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self.keywords = tuple(_keyword(rule, word) for word in rule.keywords)
        self.trees = tuple(_parse(rule, pattern) for pattern in rule.patterns)
        self.checks = tuple(_check(rule, name) for name in rule.checks)
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
    def alive(self) -> Regex | None:
        """Return the beginnings of plain patterns that a run does not hold anyway."""
        return alive_regex([pattern.tree for pattern in self.plain if not pattern.is_run], is_exact=False)

    @cached_property
    def exactly_alive(self) -> Regex | None:
        """Return the same, not one beginning more."""
        return alive_regex([pattern.tree for pattern in self.plain if not pattern.is_run], is_exact=True)

    def load(self) -> None:
        """Compile the patterns."""
        _ = self.patterns, self.alive

    def match(self, pattern: PlainPattern | ContextPattern, start: int, end: int, whole: tuple[int, int]) -> Match:
        """Return the match of a confirmed value."""
        rule = self.rule
        tail = pattern.tail if whole[1] - whole[0] > HELD_CHARS_CAP else b""
        return Match(Finding(rule.entity_type, start, end, rule.score, rule.name), *whole, tail)

    def confirms(self, data: bytes, begin: int, value_start: int, value_end: int, end: int) -> bool:
        """Tell whether a keyword stands in the match and every check agrees with the value."""
        return (
            value_end > value_start and self.has_keyword(data, begin, end) and self.agrees(data, value_start, value_end)
        )

    def has_keyword(self, data: bytes, begin: int, end: int) -> bool:
        """Tell whether a keyword stands in the match: one elsewhere in the text may not have streamed by yet."""
        if not self.keywords or self.rule is PLACEHOLDER_RULE:
            return True
        lowered = _without_placeholders(data, begin, end).lower()
        return any(word in lowered for word in self.keywords)

    def agrees(self, data: bytes, value_start: int, value_end: int) -> bool:
        """Tell whether every check agrees with a value."""
        value = data[value_start:value_end].decode("latin-1")
        try:
            if not all(check(value) for check in self.checks):
                return False
        except Exception as error:  # noqa: BLE001 - any failure of a check must block
            # `from None`: the error of a check may quote the value.
            raise RuleFailedError(f"{type(error).__name__} in {self.rule.name}") from None
        return self.rule is PLACEHOLDER_RULE or not is_placeholder(value.strip())


def _without_placeholders(data: bytes, begin: int, end: int) -> bytes:
    """Return `data[begin:end]`, placeholders blanked: what one is called says nothing about the text around it."""
    if b"]" not in data[begin:end]:
        return data[begin:end]
    first = max(0, begin - PLACEHOLDER_MAX_CHARS)  # one may reach in from the left
    blanked = bytearray(data[first:end])
    place = 0
    while (found := _PLACEHOLDER.search(data[first:end], place)) is not None:
        start, place = found[0]
        blanked[start:place] = b" " * (place - start)
    return bytes(blanked[begin - first :])


def is_inside_run(before: Node, value: Node, behind: Node) -> bool:
    """Tell whether every value is inside a run, with borders of a character or two: holding the run holds the value."""
    is_decided = longest(before) in range(BORDER_CHARS + 1) and longest(behind) in {0, 1}
    return is_decided and all(IN_RUN.issuperset(_taken_by(atom)) for atom in atoms(value))


def is_bordered(before: Node, value: Node) -> bool:
    """Tell whether a value begins nearly everywhere behind its border: then what may be alive needs no border.

    Without it, only a value behind one of the few characters that neither border nor value takes is held for nothing.
    """
    if longest(before) != 1:
        return False
    around = frozenset[int]().union(*map(_taken_by, atoms(before)))
    first = frozenset[int]().union(*map(_taken_by, first_atoms(value)))
    return not around & first and len(_ALL_BYTES) - len(around | first) <= _FEW_BYTES


def needs_digit(tree: Node) -> bool:
    """Tell whether every match holds a digit."""
    match tree:
        case Atom(source=text):
            return _DIGITS.issuperset(_taken_by(text))
        case Assertion():
            return False
        case Sequence(items=items):
            return any(needs_digit(item) for item in items)
        case Choice(options=options):
            return all(needs_digit(option) for option in options)
        case Group(inner=inner):
            return needs_digit(inner)
        case Repeat(inner=inner, low=low):
            return low > 0 and needs_digit(inner)


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


def _tail(tree: Node) -> bytes:
    taken = (_taken_by(atom) for atom in endless_atoms(tree) or atoms(tree))
    return bytes(sorted(frozenset[int]().union(*taken)))


def _reach(tree: Node) -> int:
    """Return how much of the longest match is looked at."""
    length = longest(tree)
    return HELD_CHARS_CAP + BLOCK_CHARS if length is None else min(length, HELD_CHARS_CAP) + 1


def alive_regex(trees: Iterable[Node], *, is_exact: bool) -> Regex | None:
    """Return the pattern of the beginnings that reach the end of the data; none when there are no patterns."""
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
