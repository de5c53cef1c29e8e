"""Values written in groups of one length, `ghp_ aB3d E5fG 7hJ9` or `A-K-I-A-Q-7`, told as the value they make.

A row of groups with spaces between is held until it ends, so that a stream finds in it what the whole text finds; a
row with dashes is part of a run, which is held anyway. Words of a language make no row: its first group must show a
digit, a sign or two capitals, or all groups are single characters.
"""

from __future__ import annotations

import re  # one way to read each character: linear
from collections.abc import Iterator
from dataclasses import dataclass

from policies.pattern_beginnings import beginnings
from policies.pattern_syntax import parse_pattern
from policies.views.regex import Regex
from policies.views.undo import DRAWN_CLASS

_USUAL_SIZE = 4  # here the second group may be the first one that no word of a language looks like
_SIZES = (1, _USUAL_SIZE, 5, 8)
_LEAST_GROUPS, _MOST_GROUPS = 4, 60
_LEAST_SINGLES, _MOST_SINGLES = 12, 180
_STARTS = 3  # so many groups in front may be something else, such as a year
_LONGEST_DASHED = 512
_ANY = f"[{DRAWN_CLASS}]"
_HEAD = f"[{DRAWN_CLASS.replace('=', '')}]"  # a row begins behind `=`, never with it


def _group(size: int, at: int, kind: str) -> str:
    """Write the pattern of the first group of a row, in which characters of one kind stand at a place."""
    before = f"{_HEAD}{_ANY}{{{at - 1}}}" if at else ""
    return f"{before}{kind}{_ANY}{{{max(0, size - at - 1)}}}"


def _row(size: int) -> str:
    """Write the pattern of a row of groups of this size, the last of which may be shorter."""
    if size == 1:
        return f"{_HEAD}(?: {_ANY}){{{_LEAST_SINGLES - 1},{_MOST_SINGLES}}}"
    signs = (_group(size, at, "[0-9_]") for at in range(size))
    dashes = (_group(size, at, "-") for at in range(1, size))
    capitals = f"[A-Z]{{2}}{_ANY}{{{size - 2}}}"
    telling = f"(?:{'|'.join((*signs, *dashes, capitals))})"
    first = f"(?:{_HEAD}{_ANY}{{{size - 1}}} )?{telling}" if size == _USUAL_SIZE else telling
    more = f"(?: {_ANY}{{{size}}}){{{_LEAST_GROUPS - 2},{_MOST_GROUPS}}}"
    return f"{first}{more} {_ANY}{{1,{size}}}"


_BEFORE = f"(?:^|=|[^{DRAWN_CLASS}])"
_ROWS = "|".join(map(_row, _SIZES))
_ROW = Regex(f"(?m:^|=|[^{DRAWN_CLASS}])({_ROWS})(?m:[^{DRAWN_CLASS}]|$)")
_OPEN = Regex(f"(?:{beginnings(parse_pattern(f'{_BEFORE}(?:{_ROWS})'), is_exact=True)})\\z")
_DRAWN = Regex(_ANY)
_NUMBERS = re.compile(rb"-?[0-9]+(?:\.[0-9]+)?(?: -?[0-9]+(?:\.[0-9]+)?)*")


@dataclass(frozen=True, slots=True)
class Grouped:
    """What groups say without what stands between them.

    Attributes:
        text: the characters of the groups.
        begin: where the first of them stands in the view.
        size: of each group; one character stands between two.
    """

    text: str
    begin: int
    size: int

    def place(self, number: int) -> int:
        """Return where a character of the text stands in the view."""
        return self.begin + number + number // self.size


def rows(data: bytes, start: int) -> Iterator[tuple[int, int]]:
    """Yield where rows of groups with spaces between stand, from `start` on.

    Digits alone, or letters alone, are the rows of a table, or words spelled out; cards and the like have rules for
    their own groups.
    """
    place = max(0, start - 1)
    while (found := _ROW.search(data, place)) is not None:
        begin, end = found[1]
        place = end
        row = data[begin:end]
        if begin >= start and not says_nothing(row.replace(b" ", b"")) and not _is_of_numbers(row):
            yield begin, end


def says_nothing(groups: bytes) -> bool:
    """Tell whether the characters of groups are all digits or all letters."""
    return groups.isdigit() or groups.isalpha()


def _is_of_numbers(row: bytes) -> bool:
    """Tell whether a row lists numbers: `-175 -111 -256 -240`; single characters list none."""
    return row[1:2] != b" " and _NUMBERS.fullmatch(row) is not None


def open_row(data: bytes, start: int) -> int:
    """Return from where a row may still go on at the end of the data; the data's length when there is none."""
    place = _OPEN.first(data, max(0, start - 1))
    if place < len(data) and (data[place : place + 1] == b"=" or not _DRAWN.match(data, place)):
        return place + 1  # behind what stands before a row
    return place


def values_of_row(data: bytes, begin: int, end: int) -> Iterator[Grouped]:
    """Yield what a row may say: all of it, and what is left without a first group or two."""
    width = data.index(b" ", begin) + 1 - begin
    for skipped in range(_STARTS):
        yield _grouped(data, begin + skipped * width, end, width)


def values_of_run(data: bytes, begin: int, end: int) -> Iterator[Grouped]:
    """Yield what a run says whose groups have dashes between, behind a name with `=`."""
    begin = data.rfind(b"=", begin, end) + 1 or begin
    if end - begin > _LONGEST_DASHED or data.find(b"-", begin, end) < 0:
        return
    for size in _SIZES:
        between = data[begin + size : end : size + 1]
        if len(between) >= _LEAST_GROUPS - 1 and between.count(b"-") == len(between):
            yield _grouped(data, begin, end, size + 1)
            return


def _grouped(data: bytes, begin: int, end: int, width: int) -> Grouped:
    groups = bytearray(data[begin:end])
    del groups[width - 1 :: width]
    return Grouped(groups.decode("latin-1"), begin, width - 1)
