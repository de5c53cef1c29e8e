"""The kinds of patterns, and how each is matched over a view of a text.

A *plain* pattern is a value with at most a border before it; its matches are taken from left to right, none inside
another. A *context* pattern has words before its value, `WORDS(VALUE)`: the words are matched on their own, wherever
they begin, and the value right behind them. What is found then depends only on the view from the scanned place on and
on the few characters before it, which lets a stream continue where it stopped and show the words while the value is
held. In a *stepped* pattern other words may stand between the words and the value.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Protocol, TypeAlias

from policies.detectors.facts import ContextFacts, PlainFacts, Steps
from policies.detectors.runs import BORDER_CHARS
from policies.verdict import Finding
from policies.views.regex import Regex, Spans

HELD_CHARS_CAP = 16_384  # as much of a match is looked at: an RSA key of 16,384 bits takes 12,700
CONTEXT_CHARS = 400  # how long the words before a value may be: the longest the shipped rules need, and some room
BLOCK_CHARS = 2_048  # rules run only around the blocks of a long text in which their keywords occur
_WORDS_IN_A_ROW = 64  # without a value behind them; then it is worth a look at what is far ahead
_OPENING = re.compile(rb"[\"'`*_(~]{1,6}").match  # a value: quotes, marks of Markdown, a bracket
_DIGIT = re.compile(rb"[0-9]").search
_SEEN_CHARS = HELD_CHARS_CAP + 2  # enough to see that a value is longer than the cap


Region: TypeAlias = tuple[int, int]
"""Where a match may begin: from the first place to before the second."""


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


class Judge(Protocol):
    """What a pattern asks of its rule."""

    def confirms(self, data: bytes, begin: int, value_start: int, value_end: int, end: int) -> bool:
        """Tell whether a keyword stands in the match and every check agrees with the value."""

    def has_keyword(self, data: bytes, begin: int, end: int) -> bool:
        """Tell whether a keyword stands in the match."""

    def agrees(self, data: bytes, value_start: int, value_end: int) -> bool:
        """Tell whether every check agrees with a value."""

    def is_other_thing(self, data: bytes, begin: int, value_start: int, value_end: int) -> bool:
        """Tell whether what stands before a value says that it is something else."""

    def match(self, pattern: PlainPattern | ContextPattern, start: int, end: int, whole: tuple[int, int]) -> Match:
        """Return the match of a confirmed value."""


class PlainPattern:
    """A value, perhaps behind a border of a character or two.

    Args:
        facts: what is known of it.
    """

    def __init__(self, facts: PlainFacts) -> None:
        self._facts = facts

    @cached_property
    def regex(self) -> Regex:
        """Return the whole pattern; compiled when it is first looked for, as all below."""
        return Regex(self._facts.regex)

    def load(self) -> None:
        """Compile what a text would have to wait for."""
        _ = self.regex

    @cached_property
    def tail(self) -> bytes:
        """Return the bytes by which an endless value goes on."""
        return self._facts.tail.encode("latin-1")

    def matches(self, rule: Judge, data: bytes, start: int, regions: Iterable[Region]) -> Iterator[Match]:
        """Yield the confirmed matches from left to right, no value inside another; two may share a border.

        What was not confirmed hides nothing.

        Args:
            rule: whose pattern this is.
            data: the view.
            start: values begin here or later.
            regions: where matches may begin, from left to right.
        """
        free = start
        place = max(start - BORDER_CHARS, 0)
        for begin, stop in regions:
            place = max(place, begin)
            last = min(len(data), stop + self._facts.keyword_chars)
            while place < stop and (found := self.regex.search(data, place, last)) is not None:
                whole_start, whole_end = found[0]
                if whole_start >= stop:
                    break
                value_start, value_end = found[-1]
                place = whole_start + 1
                if value_start >= free and rule.confirms(data, whole_start, value_start, value_end, whole_end):
                    yield rule.match(self, value_start, value_end, (whole_start, whole_end))
                    place, free = max(place, value_end - BORDER_CHARS), value_end


_shared_regex = cache(Regex)  # fillers, steps and values are spelled alike in many patterns; so their automata are one


class ContextPattern:
    """Words, and a value behind them.

    Args:
        facts: what is known of it.

    Attributes:
        is_run: every value is inside a run, so that holding the run holds the value.
    """

    def __init__(self, facts: ContextFacts) -> None:
        self._facts = facts
        self.is_run = facts.is_run

    @cached_property
    def regex(self) -> Regex:
        """Return the words, without what may be missing at their end."""
        return _shared_regex(self._facts.words)

    @cached_property
    def value(self) -> Regex:
        """Return the value with its border."""
        return _shared_regex(self._facts.value)

    @cached_property
    def _filler(self) -> Regex | None:
        return _shared_regex(self._facts.filler) if self._facts.filler else None

    def load(self) -> None:
        """Compile what a text would have to wait for."""
        _ = self.regex, self.value, self._filler

    @cached_property
    def tail(self) -> bytes:
        """Return the bytes by which an endless value goes on."""
        return self._facts.tail.encode("latin-1")

    @cached_property
    def alive(self) -> Regex:
        """Return the pattern of the beginnings of values that reach the end."""
        return Regex(f"(?:{self._facts.growing})\\z")

    @cached_property
    def _whole(self) -> Regex:
        """Return the words with their value, which matches wherever the two do one behind the other."""
        return Regex(f"(?:{self._facts.words})(?:{self._facts.filler})(?:{self._facts.value})")

    def places(
        self, data: bytes, start: int, regions: Iterable[Region], *, has_value: bool = False
    ) -> Iterator[tuple[int, int]]:
        """Yield where words begin and where their value would, for values from `start` on; see `_heads`."""
        for begin, end in self._heads(data, start, regions, has_value=has_value):
            filler = None if self._filler is None else self._filler.match(data, end)
            value_start = end if filler is None else filler[0][1]
            if value_start >= start:
                yield begin, value_start

    def _heads(
        self, data: bytes, start: int, regions: Iterable[Region], *, has_value: bool = False
    ) -> Iterator[tuple[int, int]]:
        """Yield where words begin and where what is never missing of them ends, for values from `start` on.

        With `has_value`, words may be left out that surely have no value behind them: a text of nothing but words is
        asked for its next value in one pass, now and then; ever more rarely where that does not lead far.
        """
        place = max(start - self._facts.before_chars, 0)
        told, patience = 0, _WORDS_IN_A_ROW
        for begin, stop in regions:
            place = max(place, begin)
            last = min(len(data), stop + self._facts.keyword_chars)
            while place < stop:
                if has_value and told >= patience:
                    ahead = self._whole.first(data, place)
                    told, patience = 0, _WORDS_IN_A_ROW if ahead - place > BLOCK_CHARS else patience * 2
                    place = ahead
                    continue
                found = self.regex.search(data, place, last)
                if found is None or found[0][0] >= stop:
                    break
                yield found[0]
                place = found[0][0] + 1
                told += 1

    def matches(self, rule: Judge, data: bytes, start: int, regions: Iterable[Region]) -> Iterator[Match]:
        """Yield the confirmed values, each once; the arguments are those of a plain pattern."""
        told: set[int] = set()
        for begin, value_start in self.places(data, start, self._with_digits(data, regions), has_value=True):
            if value_start in told:
                continue
            found = self.value.match(data, value_start, value_start + _SEEN_CHARS)
            if found is None:
                continue
            (_, whole_end), (_, value_end) = found
            # Only the words are asked for a keyword: they have streamed by when the value begins.
            if rule.confirms(data, begin, value_start, value_end, value_start):
                told.add(value_start)
                yield rule.match(self, value_start, value_end, (value_start, whole_end))

    def _with_digits(self, data: bytes, regions: Iterable[Region]) -> Iterable[Region]:
        """Return the regions from which a value can be reached: those with a digit ahead, where it needs one."""
        if not self._facts.needs_digit:
            return regions
        ahead = self._facts.before_chars + (self._facts.value_chars or 0)
        return [(begin, stop) for begin, stop in regions if _DIGIT(data, max(0, begin), stop + ahead) is not None]

    def alive_from(self, data: bytes, start: int, regions: Iterable[Region]) -> int:
        """Return the first place at which a value may still grow; the end when there is none."""
        if self._facts.value_chars is not None:
            start = max(start, len(data) - self._facts.value_chars)  # what began further back has ended
        places = self.places(data, start, regions)
        return min((place for _, place in places if self.alive.match(data, place) is not None), default=len(data))


class SteppedPattern(ContextPattern):
    """Words with a lazy repetition among them, each step of which is tried: `password (word ){0,9}?is (VALUE)`."""

    def __init__(self, facts: ContextFacts, steps: Steps) -> None:
        super().__init__(facts)
        self._steps = steps

    @cached_property
    def _step(self) -> Regex:
        return _shared_regex(self._steps.step)

    @cached_property
    def _tail(self) -> Regex:
        return _shared_regex(self._steps.tail)

    @cached_property
    def _behind_head(self) -> Regex:
        return _shared_regex(self._steps.behind)

    def load(self) -> None:
        """Compile what a text would have to wait for."""
        _ = self.regex, self.value, self._step, self._tail, self._behind_head

    @cached_property
    def _whole(self) -> Regex:
        return Regex(f"(?:{self._facts.words})(?:{self._steps.behind})")

    def places(
        self, data: bytes, start: int, regions: Iterable[Region], *, has_value: bool = False
    ) -> Iterator[tuple[int, int]]:
        """Yield where words begin and where their value would; of values, those that reach the end of the data."""
        first = max(start, len(data) - (self._facts.value_chars or HELD_CHARS_CAP))
        walk = _Walk(self._step, self._tail, self._steps, data)
        for begin, end in self._heads(data, first, regions, has_value=has_value):
            for value_start in walk.values_behind(end, first):
                yield begin, value_start

    def matches(self, rule: Judge, data: bytes, start: int, regions: Iterable[Region]) -> Iterator[Match]:
        """Yield the confirmed values, each once; the arguments are those of a plain pattern."""
        walk = _Walk(self._step, self._tail, self._steps, data)
        values: dict[int, Spans | None] = {}  # that count, by where they may begin: one is reached from many words
        told: set[int] = set()
        is_list = False  # of values: behind the next words there is one, too
        for begin, end in self._heads(data, start, self._with_digits(data, regions), has_value=True):
            # Mostly there is nothing, and the steps need not be taken; what is coarse would look on without end.
            # Where they were taken before, they cost less than a look.
            is_seen = is_list or end < walk.reached
            if not is_seen and self._behind_head.match(data, end, end + self._steps.behind_chars) is None:
                continue
            is_list = False
            for value_start in walk.values_behind(end, start):
                if value_start in told:
                    continue
                if value_start not in values:
                    values[value_start] = self._judged(rule, data, value_start)
                found = values[value_start]
                is_list |= found is not None
                # A keyword further right than the words begin would not tell where they are looked for.
                if (
                    found is not None
                    and rule.has_keyword(data, begin, min(value_start, end + BORDER_CHARS))
                    and not rule.is_other_thing(data, begin, value_start, found[1][1])
                ):
                    told.add(value_start)
                    (_, whole_end), value = found
                    yield rule.match(self, *value, (value_start, whole_end))

    def _judged(self, rule: Judge, data: bytes, value_start: int) -> Spans | None:
        """Return the value that begins at a place, if there is one and every check agrees with it."""
        found = self.value.match(data, value_start, value_start + _SEEN_CHARS)
        if found is None:
            return None
        value_start, value_end = found[1]
        return found if value_end > value_start and rule.agrees(data, value_start, value_end) else None


class _Walk:
    """The steps between words and values in one text; each is taken once, from however many words it is reached.

    Attributes:
        reached: the furthest place to which one was taken.
    """

    def __init__(self, step: Regex, tail: Regex, steps: Steps, data: bytes) -> None:
        self._step = step
        self._tail = tail
        self._steps = steps
        self._data = data
        self._next: dict[int, int] = {}  # where the step from a place ends; -1 for none
        self._values: dict[int, int] = {}  # where the value behind a place may begin; -1 for none
        self._opened: dict[int, int] = {}  # and where behind what opens it
        self.reached = 0

    def values_behind(self, place: int, first: int) -> Iterator[int]:
        """Yield where a value may stand behind the words that end at a place, from `first` on."""
        steps = self._steps
        for count in range(steps.most + 1):
            if count >= steps.fewest and place + steps.tail_chars >= first:
                value = self._end(self._values, self._tail, place)
                if value >= first:
                    yield value
                opened = self._opened.get(place)
                if opened is None:
                    opened = self._opened[place] = self._opened_end(place, value)
                if opened >= first:
                    yield opened
            place = self._end(self._next, self._step, place)
            if place < 0:
                return
            self.reached = max(self.reached, place)

    def _end(self, ends: dict[int, int], regex: Regex, place: int) -> int:
        end = ends.get(place)
        if end is None:
            found = regex.match(self._data, place)
            end = ends[place] = -1 if found is None else found[0][1]
        return end

    def _opened_end(self, place: int, value: int) -> int:
        """Return where a value begins behind what opens it, where it and the sign behind it were taken for words.

        Whether a sign stands behind it, a stream does not know yet. -1 when that is not so.
        """
        opening = _OPENING(self._data, place)
        if opening is None or opening.end() >= value:
            return -1
        found = self._tail.match(self._data, place, opening.end())
        return -1 if found is None else found[0][1]
