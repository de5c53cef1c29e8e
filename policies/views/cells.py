"""A value that stands apart from the words that name it: in a table, in markup, behind a row of dots.

A rule wants the words that name a value right before it; in a table they stand a line above, with other cells between.
What a cell is, is known from the `REACH_CHARS` before it alone, and a cell is held until it ends: a stream finds in it
what the whole text does. A cell further below its head is told by nobody.
"""

from __future__ import annotations

import re  # classes without nested repetition only: linear whatever the text
from dataclasses import dataclass
from typing import Final

from policies.placeholders import near_from, placeholders_in

REACH_CHARS: Final = 330
"""How far before a cell its head may begin."""

CELL_CHARS: Final = 120
"""A longer one is text."""

LOOK_BACK_CHARS: Final = 100
"""Of the line before a head: a table does not begin under a row."""

BEFORE_CHARS: Final = REACH_CHARS + CELL_CHARS + LOOK_BACK_CHARS + 1
"""What is looked at before the first place that is not settled."""

OPENS: Final = b" \t\r\"'`*|"
"""What may stand around what a cell holds."""

_LABEL_CHARS: Final = 60
_DIGIT_CHARS: Final = 24  # from its beginning: what is words for so long is words, and is not held
_LEAST_CHARS: Final = 4
_SIGNED: Final = re.compile(rb"PASSWORD|SECRET|STRING|ADDRESS").search
_DIGIT: Final = re.compile(rb"[0-9]")
_NAME: Final = re.compile(rb"[A-Za-z\x80-\xff][A-Za-z\x80-\xff .'&-]{1,29}")
_HUMP: Final = re.compile(rb"(?<=[a-z])(?=[A-Z])")


@dataclass(frozen=True, slots=True)
class Cell:
    """A value and what names it.

    Attributes:
        begin: where it begins in the view.
        end: where it ends, or the view does.
        label: what it is called, behind the name that begins its row.
        is_open: the view ends in it.
        is_told_open: it counts although the text ends in it: `postgres://app:<password>@db:5432` is no element.
    """

    begin: int
    end: int
    label: bytes
    is_open: bool
    is_told_open: bool = True


def is_value(cell: bytes, *, is_open: bool = False) -> bool:
    """Tell whether a cell holds what may be a value, or may come to: some characters, a digit early among them."""
    if _DIGIT.search(cell, 0, _DIGIT_CHARS) is None:
        return is_open and len(cell) < _DIGIT_CHARS
    return is_open or len(cell.strip(OPENS)) >= _LEAST_CHARS


def holds_part(cell: bytes) -> bool:
    """Tell whether what may have had a delimiter in it stood in a cell, beside something else."""
    spans = placeholders_in(cell)
    is_all = bool(spans) and cell.strip(OPENS) == cell[slice(*spans[0])]
    return not is_all and any(_SIGNED(cell, *span) for span in spans)


def reaches(data: bytes, head: int, begin: int) -> bool:
    """Tell whether a head is near enough to a cell that begins behind it to name it."""
    if begin - head > REACH_CHARS:
        return False
    spans = placeholders_in(data[head:begin])
    return not spans or near_from(data[head:begin], spans, begin - head, REACH_CHARS) == 0


def joined_label(name: bytes, label: bytes) -> bytes:
    """Return the head of a column behind what the row is called, as `Stripe API key`; nothing when it is no head.

    A placeholder is none: what it is called says nothing of the value beside it.
    """
    if placeholders_in(label):
        return b""
    label = label.strip(b" \t\r\n\"'`*|[]_:")
    if len(label) > _LABEL_CHARS or not label:
        return b""
    label, name = parted(label), name.strip(OPENS)
    return name + b" " + label if _NAME.fullmatch(name) else label


def parted(label: bytes) -> bytes:
    """Return a label with its words apart, as `tunisian Tax Id` for `tunisianTaxId`."""
    return _HUMP.sub(b" ", label)
