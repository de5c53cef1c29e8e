"""Cells of tables behind the heads of their columns: Markdown, CSV, `INSERT INTO … VALUES`, `COPY … FROM stdin`."""

from __future__ import annotations

import re  # classes without nested repetition only: linear whatever the text
from collections.abc import Iterator
from typing import Final

from policies.views.cells import CELL_CHARS, LOOK_BACK_CHARS, REACH_CHARS, Cell, holds_part, joined_label, reaches
from policies.views.regex import Regex

# A field's name: `api_key`, `Passport no.`, `Nr. dowodu`
_FIELD: Final = (
    r"""(?:"[A-Za-zÀ-ÿ\x80-\x9f][^"\n,;\t]{0,38}"|[A-Za-zÀ-ÿ\x80-\x9f][A-Za-z0-9À-ÿ\x80-\x9f°º_ ./#()-]{0,38})"""
)
_HEADS: Final = Regex(
    rf"(?:^|\n)(?:({_FIELD}(?:,{_FIELD}){{1,20}})|({_FIELD}(?:; ?{_FIELD}){{1,20}})|"
    rf"({_FIELD}(?:\t{_FIELD}){{1,20}}))\r?\n"
)
_DELIMITERS: Final = (b",", b";", b"\t")
_RULED: Final = Regex(r"(?:^|\n)([^\n]{3,300})\r?\n[ \t>]*[|+]?[ \t]*:?-{2,}[-+|: \t]*[|+][-+|: \t]*\r?\n")
_INSERT: Final = Regex(
    r"""(?i:\b(?:insert|replace)\s{1,4}into\s{1,4}[`"'\[\]a-z0-9_.]{1,60}\s{0,4})\(([^()\n']{3,200})\)\s{0,8}(?i:values)\s{0,8}\("""
)
_RULE_SIGNS: Final = b"-+|: \t>\r"
_COPY: Final = Regex(
    r"""(?i:(?:^|\n)copy\s{1,4}["a-z0-9_.]{1,60}\s{0,4})\(([^()\n']{3,200})\)(?i:\s{1,4}from\s{1,4}stdin)[^\n]{0,40}\n"""
)
_OF_TEXT: Final = frozenset((b"N'", b"n'", b"E'", b"e'"))  # what may stand before the quote of a text
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
        labels = _inner(data, _split(data, begin, end, b"|"))
        yield from _ruled_rows(data, behind, [data[a:b] for a, b in labels], begin)


def _is_under_row(data: bytes, begin: int, delimiter: bytes) -> bool:
    """Tell whether the line before a head has its delimiter, too."""
    if not begin:
        return False
    last = data[max(0, begin - 1 - LOOK_BACK_CHARS) : begin - 1]
    return delimiter in last[last.rfind(b"\n") + 1 :]


def _rows(data: bytes, begin: int, delimiter: bytes, labels: list[bytes], head: int) -> Iterator[Cell]:
    """Yield the cells of the rows below a head, up to the line that is no row.

    Whether a cell counts is known where it ends, whatever its line goes on with: only the last one may end with a line.
    """
    last = len(labels) - 1
    for end, is_last in _lines(data, begin, head):
        spans = _split(data, begin, end, delimiter)
        is_sure = True
        for number, (start, stop) in enumerate(spans[: len(labels)]):
            is_open = is_last and stop == end
            is_column = is_open or (stop == end) == (number == last)
            if is_column and (is_sure or number == last) and reaches(data, head, start):
                yield Cell(start, stop, joined_label(_name(data, spans, number), labels[number]), is_open)
            # What had a delimiter in it is one cell now: which columns follow is not known.
            is_sure = is_sure and not holds_part(data[start:stop])
        if len(spans) != len(labels):
            return
        begin = end + 1


def _ruled_rows(data: bytes, begin: int, labels: list[bytes], head: int) -> Iterator[Cell]:
    """Yield the cells of the rows below a line of dashes: each line with a `|`, with as many cells as it likes.

    The next line of dashes ends them: else a text of heads alone would have every line told below many of them.
    """
    for end, is_last in _lines(data, begin, head):
        spans = _split(data, begin, end, b"|")
        is_row = len(spans) > 1
        if not is_last and (not is_row or _is_rule(data[begin:end])):
            return
        spans = _inner(data, spans)
        for number, (start, stop) in enumerate(spans[: len(labels)]):
            if reaches(data, head, start):
                label = joined_label(_name(data, spans, number), labels[number])
                yield Cell(start, stop, label, is_last and stop == end, is_told_open=is_row)
        begin = end + 1


def _is_rule(line: bytes) -> bool:
    """Tell whether a line is one of dashes; `-` alone is a cell without a value."""
    return b"--" in line and not line.strip(_RULE_SIGNS)


def _lines(data: bytes, begin: int, head: int) -> Iterator[tuple[int, bool]]:
    """Yield where the lines from a place on end that begin near a head, and whether the view does there."""
    while begin < len(data) and begin - head <= REACH_CHARS:
        end = data.find(b"\n", begin)
        yield (len(data), True) if end < 0 else (end, False)
        begin = len(data) if end < 0 else end + 1


def _inner(data: bytes, spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the cells of a line without what stands before its first `|`, where that is nothing: it may be missing."""
    return spans[1:] if len(spans) > 1 and not data[slice(*spans[0])].strip(b" \t>") else spans


def _name(data: bytes, spans: list[tuple[int, int]], number: int) -> bytes:
    """Return the name that begins a row, for its other cells."""
    return data[slice(*spans[0])] if number else b""


def _split(data: bytes, begin: int, end: int, delimiter: bytes) -> list[tuple[int, int]]:
    """Return where the cells of a line stand; a delimiter in quotes is none, nor a bar behind a backslash."""
    spans: list[tuple[int, int]] = []
    start = place = begin
    while True:
        if data[place : place + 1] == b'"' and place == start:
            closed = data.find(b'"', place + 1, end)
            place = end if closed < 0 else closed + 1
        stop = data.find(delimiter, place, end)
        while delimiter == b"|" and stop > 0 and data[stop - 1 : stop] == b"\\":
            stop = data.find(delimiter, stop + 1, end)
        if stop < 0:
            spans.append((start, end))
            return spans
        spans.append((start, stop))
        start = place = stop + 1


def copied(data: bytes, first: int) -> Iterator[Cell]:
    """Yield the values of `COPY t (a, b) FROM stdin;`, as a dump of Postgres has them."""
    place = max(0, first - REACH_CHARS)
    while (found := _COPY.search(data, place)) is not None:
        (_, place), (begin, end) = found
        yield from _rows(data, place, b"\t", data[begin:end].split(b","), begin)


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
            if column < len(labels) and reaches(data, head, start):
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
    if data[begin : begin + 2] in _OF_TEXT:
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
