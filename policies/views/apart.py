"""All cells of a view: values that stand apart from the words that name them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from policies.views.behind import named_behind, open_value
from policies.views.cells import CELL_CHARS, REACH_CHARS, Cell, is_value, parted
from policies.views.markup import marked
from policies.views.regex import Regex
from policies.views.tables import copied, delimited, inserted, ruled

# A form on paper: `Passport no. ............ C01X00T47`
_LED: Final = Regex(
    r"(?:^|\n)[ \t>|*-]*([^\s.:_>|*-][^\n._]{1,40}\.?)[ :]{0,3}(?:\.{4,60}|_{4,60})[ :]{0,3}([^\s._][^\n]{0,59})"
)

# A field in code or JSON whose words stand together, where rules want a sign before each: `"tunisianTaxId": "..."`
_HUMPED: Final = Regex(
    r"""(?:^|[^A-Za-z0-9_])([a-z]{1,20}(?:[A-Z][a-z]{1,20}|[A-Z]{2,5}){1,6})["']?(?: ?[:=] ?)"""
    r"""(?:"([^"\n]{1,60})|'([^'\n]{1,60})|([A-Za-z0-9+][^\s"'`<>,;(){}\[\]]{0,60}))"""
)

# What lists and tables have in one pass over the text: most texts have none.
_LISTED: Final = Regex(
    r"(?:^|\n)(?:[\"A-Za-zÀ-ÿ\x80-\x9f][^\n,;\t]*(?:[,\t]|; ?)[\"A-Za-zÀ-ÿ\x80-\x9f]|[ \t>]*[|+]?[ \t]*:?--)"
)


class Cells:
    """The cells of a view that end behind `start`, hold a digit, and are called what may tell something.

    Args:
        data: the view, from `REACH_CHARS` and some before `start` on, or from its beginning.
        start: what is not settled yet.
        is_telling: whether a label is worth a look.
    """

    def __init__(self, data: bytes, start: int, is_telling: Callable[[bytes], bool]) -> None:
        self._data = data
        self._start = start
        self._is_telling = is_telling
        self._found = [cell for cell in _found(data, start) if cell.end > start]

    def told(self) -> Iterator[Cell]:
        """Yield those in which values are looked for."""
        return self._telling(cell for cell in self._found if not cell.is_open or cell.is_told_open)

    def open_from(self) -> int:
        """Return where the cell at the end of the data begins, which must be held until it ends; else its length."""
        opened = self._telling(cell for cell in self._found if cell.is_open)
        return max(self._start, min((open_value(self._data, self._start), *(cell.begin for cell in opened))))

    def _telling(self, found_cells: Iterable[Cell]) -> Iterator[Cell]:
        for found in found_cells:
            if (
                found.end - found.begin <= CELL_CHARS
                and found.label
                and is_value(self._data[found.begin : found.end], is_open=found.is_open)
                and self._is_telling(found.label)
            ):
                yield found


def _found(data: bytes, start: int) -> Iterator[Cell]:
    first = max(0, start - REACH_CHARS - CELL_CHARS)
    if _LISTED.search(data, max(0, first - REACH_CHARS)) is not None:
        yield from delimited(data, first)
        yield from ruled(data, first)
    if b"</" in data or b"value=" in data or data.rfind(b">") > len(data) - 2 * CELL_CHARS:
        yield from marked(data, start)
    if b"COPY" in data or b"copy" in data:
        yield from copied(data, first)
    if b"VALUES" in data or b"values" in data:
        yield from inserted(data, first)
    yield from named_behind(data, start)
    yield from _humped(data, start)
    if b"...." in data or b"____" in data:
        yield from _led(data, start)


def _led(data: bytes, start: int) -> Iterator[Cell]:
    """Yield the values behind rows of dots."""
    place = max(0, start - REACH_CHARS)
    while (found := _LED.search(data, place)) is not None:
        (begin, end), place = found[2], found[0][1]
        yield Cell(begin, end, data[slice(*found[1])], end == len(data))


def _humped(data: bytes, start: int) -> Iterator[Cell]:
    """Yield the values of fields whose words stand together."""
    place = max(0, start - REACH_CHARS)
    while (found := _HUMPED.search(data, place)) is not None:
        begin, end = next(span for span in found[2:] if span[0] >= 0)
        place = begin
        yield Cell(begin, end, parted(data[slice(*found[1])]), end == len(data))
