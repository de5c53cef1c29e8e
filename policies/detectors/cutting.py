"""Where a text that arrives in pieces may be cut, so that neither a value nor a run is torn, and where a value ends."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable

from policies.detectors.pattern_kinds import HELD_CHARS_CAP, Match
from policies.detectors.runs import BORDER_CHARS, RUN_BYTES, RUN_CLASS
from policies.views.undo import DRAWN_CLASS

WINDOW_CHARS = HELD_CHARS_CAP
"""A longer run is decoded in windows of this size, each half over the next."""
STEP_CHARS = WINDOW_CHARS // 2
# Classes of single characters: linear whatever the text.
TOKEN_ON = re.compile(rb"[%s]+" % DRAWN_CLASS.encode("ascii"))
"""Matches a token from a place on."""
_RUN_ON = re.compile(rb"[%s]+" % RUN_CLASS.encode("latin-1"))
_REST_CHARS = 128  # of a value behind the most that a rule looks at; more is a run that a value stands in
_REST = re.compile(rb"[A-Za-z0-9]{1,%d}" % _REST_CHARS)
_TOKEN_BYTES = b"".join(TOKEN_ON.findall(bytes(range(128))))


class Spans:
    """Stretches of a text that must not be torn; those that overlap are one.

    Args:
        spans: beginnings and ends, in any order.
    """

    def __init__(self, spans: Iterable[tuple[int, int]] = ()) -> None:
        self._begins: list[int] = []
        self._ends: list[int] = []
        for begin, end in sorted(spans):
            if self._ends and begin < self._ends[-1]:
                self._ends[-1] = max(self._ends[-1], end)
            elif begin < end:
                self._begins.append(begin)
                self._ends.append(end)

    def before(self, place: int) -> int:
        """Return the last place up to this one that is inside of no stretch."""
        last = bisect_left(self._begins, place) - 1
        return self._begins[last] if last >= 0 and place < self._ends[last] else place


def untorn(match: Match) -> tuple[int, int]:
    """Return what must not be torn: all of a match, but no borders, or a list of addresses would be one to its end.

    A value in front of the cut is told with it; of one behind, the border in front of it is still there.
    """
    start, end = match.finding.start, match.finding.end
    is_bordered = start - match.whole_start <= BORDER_CHARS and match.whole_end - end <= BORDER_CHARS
    return (start, end) if is_bordered else (match.whole_start, match.whole_end)


def with_rest(data: bytes, match: Match) -> Match:
    """Return a match with the rest of its last word: a rule looks at so many characters of a value, and no more."""
    end = match.finding.end
    if match.tail or not data[end - 1 : end].isalnum():
        return match
    rest = _REST.match(data, end)
    if rest is None or rest.end() - end == _REST_CHARS:
        return match
    finding = match.finding.at(match.finding.start, rest.end())
    return Match(finding, match.whole_start, max(match.whole_end, rest.end()))


def open_from(data: bytes, start: int) -> int:
    """Return from where the run at the end of the data must be held, windows of a very long one being settled."""
    end = len(data)
    run = _back(RUN_BYTES, data, start, end)
    if end - run <= WINDOW_CHARS:
        return run
    token = _back(_TOKEN_BYTES, data, start, end)
    if end - token <= WINDOW_CHARS:
        return token
    return token + STEP_CHARS * ((end - token - WINDOW_CHARS) // STEP_CHARS + 1)


def cut_before(data: bytes, start: int, place: int) -> int:
    """Return the last place up to `place` at which no run is torn but a very long one between its windows."""
    ahead = _RUN_ON.match(data, place)
    if ahead is None:
        return place
    run = _back(RUN_BYTES, data, start, place)
    if ahead.end() - run <= WINDOW_CHARS:
        return run
    token_ahead = TOKEN_ON.match(data, place)
    token = _back(_TOKEN_BYTES, data, start, place)
    if token_ahead is None:
        return place
    if token_ahead.end() - token <= WINDOW_CHARS:
        return token
    return token + (place - token) // STEP_CHARS * STEP_CHARS


def _back(characters: bytes, data: bytes, start: int, end: int) -> int:
    """Return where the run of these characters begins that ends at `end`, at `start` at the earliest."""
    return start + len(data[start:end].rstrip(characters))
