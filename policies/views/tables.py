"""Cells of tables behind the heads of their columns: Markdown, CSV, `INSERT INTO … VALUES`."""

from __future__ import annotations

import re  # classes without nested repetition only: linear whatever the text
from collections.abc import Iterator
from typing import Final

from policies.views.cells import CELL_CHARS, OPENS, REACH_CHARS, Cell, joined_label
from policies.views.regex import Regex

_LOOK_BACK_CHARS: Final = 100  # of the line before a head: a table does not begin under a row

# A field's name: `api_key`, `Passport no.`, `Nr. dowodu`
_FIELD: Final = (
    r"""(?:"[A-Za-zÀ-ÿ\x80-\x9f][^"\n,;\t]{0,38}"|[A-Za-zÀ-ÿ\x80-\x9f][A-Za-z0-9À-ÿ\x80-\x9f_ ./#()-]{0,38})"""
)
_HEADS: Final = Regex(
    rf"(?:^|\n)(?:({_FIELD}(?:,{_FIELD}){{1,20}})|({_FIELD}(?:; ?{_FIELD}){{1,20}})|"
    rf"({_FIELD}(?:\t{_FIELD}){{1,20}}))\r?\n"
)
_DELIMITERS: Final = (b",", b";", b"\t")
_RULED: Final = Regex(r"(?:^|\n)([^\n]{3,300})\r?\n[ \t]*\|?[ \t]*:?-{2,}[-+|: \t]*[|+][-+|: \t]*\r?\n")
_INSERT: Final = Regex(
    r"""(?i:\b(?:insert|replace)\s{1,4}into\s{1,4}[`"'\[\]a-z0-9_.]{1,60}\s{0,4})\(([^()\n']{3,200})\)\s{0,8}(?i:values)\s{0,8}\("""
)
_MORE_VALUES: Final = re.compile(rb"\s{0,4},\s{0,8}\(")


def delimited(data: bytes, first: int) -> Iterator[Cell]:
    """Yield the cells of CSV, with commas, semicolons or tabs."""
    place = max(0, first - REACH_CHARS)
    while (head := _HEADS.search(data, place)) is not None:
        which = next(at for at, span in enumerate(head[1:]) if span[0] >= 0)
        delimiter, (begin, end) = _DELIMITERS[which], head[1 + which]
        place = end
        if _is_under_row(data, begin, delimiter):
            continue
        labels = _split(data, begin, end, delimiter)
        yield from _rows(data, head[0][1], delimiter, [data[a:b] for a, b in labels], begin)


def ruled(data: bytes, first: int) -> Iterator[Cell]:
    """Yield the cells of tables whose head has a line of dashes below."""
    place = max(0, first - REACH_CHARS)
    while (head := _RULED.search(data, place)) is not None:
        (_, behind), (begin, end) = head
        place = end
        labels = _split(data, begin, end, b"|")
        yield from _rows(data, behind, b"|", [data[a:b] for a, b in labels], begin)


def _is_under_row(data: bytes, begin: int, delimiter: bytes) -> bool:
    """Tell whether the line before a head has its delimiter, too."""
    if not begin:
        return False
    last = data[max(0, begin - 1 - _LOOK_BACK_CHARS) : begin - 1]
    return delimiter in last[last.rfind(b"\n") + 1 :]


def _rows(data: bytes, begin: int, delimiter: bytes, labels: list[bytes], head: int) -> Iterator[Cell]:
    """Yield the cells of the rows below a head, up to the line that is no row."""
    while begin < len(data) and begin - head <= REACH_CHARS:
        end = data.find(b"\n", begin)
        is_last = end < 0
        end = len(data) if is_last else end
        spans = _split(data, begin, end, delimiter)
        if not is_last and len(spans) != len(labels):
            return
        for (start, stop), label in zip(spans, labels, strict=False):
            if start - head <= REACH_CHARS:
                name = data[slice(*spans[int(labels[0].strip(OPENS) == b"")])] if start > begin else b""
                yield Cell(start, stop, joined_label(name, label), is_last and stop == end)
        begin = end + 1


def _split(data: bytes, begin: int, end: int, delimiter: bytes) -> list[tuple[int, int]]:
    """Return where the cells of a line stand; a delimiter in quotes is none."""
    spans: list[tuple[int, int]] = []
    start = place = begin
    while True:
        if data[place : place + 1] == b'"' and place == start:
            closed = data.find(b'"', place + 1, end)
            place = end if closed < 0 else closed + 1
        stop = data.find(delimiter, place, end)
        if stop < 0:
            spans.append((start, end))
            return spans
        spans.append((start, stop))
        start = place = stop + 1


def inserted(data: bytes, first: int) -> Iterator[Cell]:
    """Yield the values of `INSERT INTO t (a, b) VALUES ('…', '…')`."""
    place = max(0, first - REACH_CHARS)
    while (found := _INSERT.search(data, place)) is not None:
        head, begin = found[0]
        place = begin
        labels = data[slice(*found[1])].split(b",")
        column = 0
        while begin < len(data) and begin - head <= REACH_CHARS:
            start, end, sign = _sql_value(data, begin)
            if column < len(labels):
                yield Cell(start, end, joined_label(b"", labels[column]), not sign)
            column = column + 1 if sign == b"," else 0
            begin = end + 1
            if sign == b")":
                more = _MORE_VALUES.match(data, begin)
                if more is None:
                    break
                begin = more.end()


def _sql_value(data: bytes, begin: int) -> tuple[int, int, bytes]:
    """Return where a value stands, behind the quote that opens it, and the sign that ends it; none at the end."""
    while data[begin : begin + 1] in {b" ", b"\n", b"\t", b"\r"}:
        begin += 1
    place = begin
    if data[begin : begin + 1] in {b"'", b'"'}:
        closed = data.find(data[begin : begin + 1], begin + 1, begin + 1 + CELL_CHARS)
        if closed < 0:
            return begin, len(data), b""
        place = closed + 1
    ends = [end for sign in (b",", b")") if (end := data.find(sign, place, place + CELL_CHARS)) >= 0]
    if not ends:
        return begin, len(data), b""
    end = min(ends)
    return begin, end, data[end : end + 1]
