"""Where the keywords of the rules stand in a view: most texts end there."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

from policies.detectors.compiled import CompiledRule
from policies.detectors.pattern_kinds import BLOCK_CHARS, Region
from policies.views.regex import KeywordSet

Sighted: TypeAlias = list[tuple[CompiledRule, list[Region]]]
"""The rules whose keywords occur in a part of a view, and where they begin."""


class Keywords:
    """All keywords of all rules in one automaton, which tells in one pass which of them occur."""

    def __init__(self, rules: Iterable[CompiledRule]) -> None:
        self._rules_of: list[list[CompiledRule]] = []
        self._set = KeywordSet()
        self.longest = 1
        numbers: dict[bytes, int] = {}
        for compiled in rules:
            for word in compiled.keywords:
                self.longest = max(self.longest, len(word))
                if word not in numbers:
                    numbers[word] = self._set.add(word)
                    self._rules_of.append([])
                self._rules_of[numbers[word]].append(compiled)
        self._set.compile()

    def rules_in(self, data: bytes) -> Iterable[CompiledRule]:
        """Return the rules of which a keyword occurs."""
        numbers = self._set.numbers_in(data)
        return dict.fromkeys(compiled for number in numbers for compiled in self._rules_of[number])


class Sightings:
    """Where the keywords of which rules stand in a view that grows: each piece of it is looked through once."""

    def __init__(self, keywords: Keywords) -> None:
        self._keywords = keywords
        self._looked = 0  # the place in the view up to which it was looked through
        self._spans: dict[CompiledRule, list[Region]] = {}  # where keywords begin, in the order of the view

    def look(self, data: bytes, base: int) -> None:
        """Look through what is new in the view, whose kept part `data` begins at `base`."""
        end = base + len(data)
        while self._looked < end:
            begin = max(base, self._looked - self._keywords.longest + 1)
            stop = min(end, max(begin, self._looked) + BLOCK_CHARS)
            for compiled in self._keywords.rules_in(data[begin - base : stop - base]):
                spans = self._spans.get(compiled)
                if spans is None:
                    self._spans[compiled] = [Region(begin, stop)]
                elif spans[-1].stop >= begin:
                    spans[-1] = Region(spans[-1].begin, stop)
                else:
                    spans.append(Region(begin, stop))
            self._looked = stop

    def rules_from(self, start: int, base: int) -> Sighted:
        """Return the rules that may match from `start` on, and where their keywords begin, as places in the data.

        What is too far before `start` to matter any more is forgotten: `start` never goes back.
        """
        sighted: Sighted = []
        for compiled, spans in tuple(self._spans.items()):
            first = start - compiled.before_chars
            if spans[-1].stop <= first:
                del self._spans[compiled]
                continue
            while spans[0].stop <= first:
                del spans[0]
            sighted.append((compiled, [Region(begin - base, stop - base) for begin, stop in spans] if base else spans))
        return sighted
