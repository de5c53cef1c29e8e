"""The views of a text that grows: as it was written, folded, and what was undone in it, each with the way back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from policies.detectors.cutting import TOKEN_ON
from policies.detectors.pattern_kinds import CONTEXT_CHARS, Match
from policies.detectors.sightings import Sighted, Sightings
from policies.placeholders import PLACEHOLDER_MAX_CHARS
from policies.views.cells import BEFORE_CHARS
from policies.views.fold import fold
from policies.views.tape import Tape
from policies.views.undo import LINE_CHARS, LONGEST_UNDONE_CHARS, Undoing

BEHIND_CHARS: Final = max(CONTEXT_CHARS + PLACEHOLDER_MAX_CHARS, 2 * LINE_CHARS, BEFORE_CHARS) + 2
"""Kept before the cut: words with a placeholder that reaches into them, two lines, a column's head, what `\\b` sees."""

_UNDONE_TIMES: Final = 3
_LEAST_LAYERS: Final = 2  # the folded view, and what is undone in it


class Layer:
    """One view of the text, and the way back to the text.

    Attributes:
        start: the place in the view of what is not settled yet.
    """

    def __init__(self, tape: Tape, parent: Layer | None, undoing: Undoing | None, sightings: Sightings) -> None:
        self.tape = tape
        self.parent = parent
        self.undoing = undoing
        self.start = tape.base
        self._sightings = sightings
        self._sighted = Sighted()
        self._sighted_at = (0, 0, 0)

    def sighted(self) -> Sighted:
        """Return what words open in what is not settled or shortly before it."""
        now = (self.start, self.tape.base, self.tape.end)
        if now != self._sighted_at:
            self._sightings.look(self.tape.data, self.tape.base)
            self._sighted = self._sightings.opened_from(self.start, self.tape.base)
            self._sighted_at = now
        return self._sighted

    def origin(self, place: int) -> int:
        """Return where in the text the source of a byte begins."""
        place = self.tape.offsets.first(place)
        return place if self.parent is None else self.parent.origin(place)

    def origin_behind(self, place: int) -> int:
        """Return where in the text the source of a byte ends."""
        place = self.tape.offsets.behind(place)
        return place if self.parent is None else self.parent.origin_behind(place - 1)

    def brought_back(self, match: Match) -> Match:
        """Return a match in what the view keeps, with its places in the text."""
        finding = match.finding
        span, whole = (finding.start, finding.end), (match.whole_start, match.whole_end)
        value = self._origins(*span)
        return Match(finding.at(*value), *(value if whole == span else self._origins(*whole)))

    def _origins(self, start: int, end: int) -> tuple[int, int]:
        """Return where in the text the source of a stretch of what the view keeps begins and ends."""
        start, end = start + self.tape.base, end + self.tape.base
        layer: Layer | None = self
        while layer is not None:
            start, end = layer.tape.offsets.span(start, end)
            layer = layer.parent
        return start, end

    @property
    def is_changed(self) -> bool:
        """Tell whether something was undone in what is not settled, or in the words that may stand before it."""
        return self.undoing is not None and self.undoing.last_change > self.start - BEHIND_CHARS

    @property
    def shows_more(self) -> bool:
        """Tell whether the view may hold what its parent does not: other bytes, or an end that may be undone yet."""
        if self.parent is None or self.undoing is None or self.is_changed:
            return True
        parent = self.parent.tape
        missing = self.undoing.done - parent.base
        if missing >= len(parent.data):
            return False
        run = TOKEN_ON.match(parent.data, missing)  # of a run, only `%` may begin something to undo
        return run is None or run.end() < len(parent.data)


class Layers:
    """All views of one text: the folded one first, each next with what is undone in the one before.

    Args:
        open_sightings: begins to remember where words stand in a view.

    Attributes:
        length: of the text so far, in characters.
    """

    def __init__(self, open_sightings: Callable[[], Sightings]) -> None:
        self._open_sightings = open_sightings
        self.length = 0
        self._all = [Layer(Tape(), None, None, open_sightings())]
        self._undo(self._all[0], 0)

    def __iter__(self) -> Iterator[Layer]:
        """Go through the views, the folded one first."""
        return iter(self._all)

    @property
    def folded(self) -> Layer:
        """Return the view in which nothing is undone."""
        return self._all[0]

    def grow(self, text: str, *, is_last: bool) -> None:
        """Let every view grow by what it shows of the next piece."""
        tape = self.folded.tape
        tape.data += fold(text, tape.end, self.length, tape.offsets)
        self.length += len(text)
        for layer in self._all:  # grows while it is walked: what was undone may be undone again
            undoing = layer.undoing
            if undoing is None or layer.parent is None:
                continue
            undoing.feed(layer.parent.tape, is_last=is_last)
            if layer is not self._all[-1] or len(self._all) > _UNDONE_TIMES:
                continue
            if undoing.first_change >= 0:
                self._undo(layer, undoing.first_change)
            elif layer.shows_more:
                self._undo(layer, layer.tape.end)

    def places_of(self, origin: int) -> list[int]:
        """Return the first place in each view whose source does not begin before a place in the text."""
        places: list[int] = []
        for layer in self._all:
            origin = layer.tape.offsets.place_of(origin, layer.tape.end)
            places.append(origin)
        return places

    def settle(self, cut: int) -> None:
        """Forget what lies too far before a place in the text to matter any more."""
        for layer, place in zip(self._all, self.places_of(cut), strict=True):
            layer.start = place
            layer.tape.forget(place - BEHIND_CHARS)

    def drop_unchanged(self) -> None:
        """Close the last views as long as they show what the ones before do."""
        while len(self._all) > _LEAST_LAYERS and not (self._all[-1].is_changed or self._all[-2].is_changed):
            self._all.pop()

    def _undo(self, parent: Layer, change: int) -> None:
        """Open the view of what may be undone in a view from its first change on: before, it is like its parent."""
        done = max(parent.tape.base, change - LONGEST_UNDONE_CHARS)
        undoing = Undoing(parent.tape, done)
        layer = Layer(undoing.tape, parent, undoing, self._open_sightings())
        layer.start = layer.tape.offsets.place_of(parent.start, layer.tape.end)
        self._all.append(layer)
