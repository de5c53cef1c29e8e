"""Where the words that open patterns stand in a view: most texts end there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from policies.detectors.compiled import CompiledRule
from policies.detectors.pattern_kinds import BLOCK_CHARS, ContextPattern, PlainPattern, Region
from policies.detectors.runs import BORDER_CHARS
from policies.views.regex import PatternSet

_APART_CHARS = 256  # a look at what lies between costs less than a look of its own
_MOST_PLACES = 2  # of one word in a block that are told apart


@dataclass(frozen=True, slots=True, eq=False)
class Opened:
    """What a word opens: a pattern of a rule; or, without one, what of the rule's patterns may still grow.

    Attributes:
        number: of the pattern, which is read and compiled when it is first looked for.
        before_chars: how far before a value its match may begin.
    """

    rule: CompiledRule
    number: int | None
    before_chars: int


@dataclass(slots=True)
class Sighted:
    """What the words in a part of a view open.

    Attributes:
        patterns: the patterns, and where their matches may begin, in the order of the view.
        growing: the rules of which something may still grow.
    """

    patterns: list[tuple[CompiledRule, PlainPattern | ContextPattern, list[Region]]] = field(default_factory=list)
    growing: list[CompiledRule] = field(default_factory=list)


class Keywords:
    """All words that open anything in one automaton, which tells in one pass which of them occur."""

    def __init__(self, rules: Iterable[CompiledRule]) -> None:
        self._numbers: dict[bytes, int] = {}
        self._opened: list[tuple[bytes, list[tuple[Opened, int]]]] = []
        for compiled in rules:
            for number, opening in enumerate(compiled.facts.openings):
                words = [word.encode("latin-1") for word in opening.words]
                self._add(Opened(compiled, number, opening.before_chars), words, opening.reach)
            if compiled.facts.is_held:
                self._add(Opened(compiled, None, BORDER_CHARS), compiled.keywords, 0)
        self._set = PatternSet.of_words(self._numbers)
        self.longest = max(map(len, self._numbers), default=1)

    def _add(self, opened: Opened, words: Iterable[bytes], reach: int) -> None:
        for word in words:
            if word not in self._numbers:
                self._numbers[word] = len(self._numbers)
                self._opened.append((word.lower(), []))
            self._opened[self._numbers[word]][1].append((opened, reach))

    def has_any(self, data: bytes) -> bool:
        """Tell whether any of the words occurs."""
        return bool(self._set.numbers_in(data))

    def opened_in(self, data: bytes, behind: int) -> Iterator[tuple[list[tuple[Opened, int]], int, int]]:
        """Yield what words open that end behind a place, with how far before them, and where the words begin.

        A word that stands there often is told once, with the first of its places and the last.
        """
        numbers = self._set.numbers_in(data)
        if not numbers:
            return
        lowered = data.lower()
        for number in numbers:
            word, opened = self._opened[number]
            place = lowered.find(word, max(0, behind - len(word) + 1))
            for _ in range(_MOST_PLACES):
                if place < 0:
                    break
                yield opened, place, place
                place = lowered.find(word, place + 1)
            if place >= 0:
                yield opened, place, lowered.rfind(word)


class Sightings:
    """What words open in a view that grows: each piece of it is looked through once."""

    def __init__(self, keywords: Keywords) -> None:
        self._keywords = keywords
        self._looked = 0  # the place in the view up to which it was looked through
        self._spans: dict[Opened, list[Region]] = {}  # where matches may begin, in the order of the view

    def look(self, data: bytes, base: int) -> None:
        """Look through what is new in the view, whose kept part `data` begins at `base`."""
        end = base + len(data)
        while self._looked < end:
            begin = max(base, self._looked - self._keywords.longest + 1)
            stop = min(end, max(begin, self._looked) + BLOCK_CHARS)
            for opened, first, last in self._keywords.opened_in(data[begin - base : stop - base], self._looked - begin):
                for one, reach in opened:
                    spans = self._spans.get(one)
                    span = begin + first - reach, begin + last + 1
                    if spans is None:
                        self._spans[one] = [span]
                    else:
                        _widen(spans, *span)
            self._looked = stop

    def opened_from(self, start: int, base: int) -> Sighted:
        """Return what may match from `start` on, with places in the data.

        What is too far before `start` to matter any more is forgotten: `start` never goes back.
        """
        sighted = Sighted()
        passed: list[Opened] = []
        for opened, spans in self._spans.items():
            first = start - opened.before_chars
            if spans[-1][1] <= first:
                passed.append(opened)
            elif opened.number is None:
                sighted.growing.append(opened.rule)
            else:
                while spans[0][1] <= first:
                    del spans[0]
                regions = [(begin - base, stop - base) for begin, stop in spans] if base else spans
                sighted.patterns.append((opened.rule, opened.rule.patterns[opened.number], regions))
        for opened in passed:
            del self._spans[opened]
        return sighted


def _widen(spans: list[Region], begin: int, stop: int) -> None:
    """Add a region to those of a view; what lies near another becomes one with it."""
    last_begin, last_stop = spans[-1]
    if last_begin <= begin <= last_stop + _APART_CHARS:
        if stop > last_stop:
            spans[-1] = (last_begin, stop)
        return
    while spans and begin <= spans[-1][1] + _APART_CHARS:
        last_begin, last_stop = spans.pop()
        begin, stop = min(begin, last_begin), max(stop, last_stop)
    spans.append((begin, stop))
