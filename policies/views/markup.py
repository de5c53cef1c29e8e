"""Values in markup, behind what names them: a tag, its attributes, a cell or a label before, the head of a column."""

from __future__ import annotations

import re  # classes without nested repetition only: linear whatever the text
from collections.abc import Iterator
from typing import Final

from policies.views.cells import CELL_CHARS, REACH_CHARS, Cell, is_value, joined_label
from policies.views.regex import Regex

# In one pass: a text with a digit, or one that goes on. Most markup has none.
_ANY: Final = Regex(r""">[^<>]*[0-9][^<>]*</|>[^<>]*<?\z|value=["'](?:[^"'<>]*[0-9]|[^"'<>]*\z)""")

_INDENT_CHARS: Final = 40  # of a line of its own, between a tag and what stands in it
_TEXT: Final = re.compile(rb">[ \t\r\n]{0,%d}([^<>\s][^<>]{0,119})(?=</|<?\Z)" % _INDENT_CHARS)
_VALUE: Final = re.compile(rb"""value=["']([^"'<>]{1,120})(?=["']|\Z)""")
_OPENED: Final = re.compile(rb"<([A-Za-z][A-Za-z0-9_:.-]{0,60})([^<>]{0,200})>[ \t\r\n]{0,%d}\Z" % _INDENT_CHARS)
_INSIDE: Final = re.compile(rb"<([A-Za-z][A-Za-z0-9_:.-]{0,60})([^<>]{0,200})\Z")
_TELLING: Final = re.compile(
    rb"""\b(?:type|kind|name|key|id|code|label|scheme|system|aria-label|placeholder)=["']([^"'<>]{2,40})["']"""
)
_CELL: Final = re.compile(rb"<(t[rdh])\b[^<>]{0,80}>", re.IGNORECASE)
_TAG: Final = re.compile(rb"<[^<>]{1,200}>")
_LAST_TEXT: Final = re.compile(rb"([^<>]{2,60})\Z")
_MOST_TAGS: Final = 6
_ROWS: Final = 2  # a head and a row
# What says nothing of what stands in it.
_PLAIN: Final = frozenset(
    b"td dd span p div a b i u em strong code kbd samp tt pre li font mark string value input text data item".split()
)


def marked(data: bytes, start: int) -> Iterator[Cell]:
    """Yield the texts and `value`s of elements that end behind `start`, with what names them."""
    first = max(0, start - CELL_CHARS - _INDENT_CHARS - 10)
    if _ANY.search(data, first) is None:
        return
    for found in (*_TEXT.finditer(data, first), *_VALUE.finditer(data, first)):
        begin, end = found.span(1)
        is_open = data[end : end + 2] in {b"", b"<"}
        if (end > start or is_open) and is_value(data[begin:end], is_open=is_open):
            window = data[max(0, begin - REACH_CHARS) : begin]
            label = _label(window) if data[found.start() : found.start() + 1] == b">" else _label_of_value(window)
            yield Cell(begin, end, label, is_open, is_told_open=False)


def _label(window: bytes) -> bytes:
    """Return what names the text behind the tag that ends a window."""
    opened = _OPENED.match(window, max(0, window.rfind(b"<")))
    if opened is None:
        return b""
    name = opened[1].rpartition(b":")[2].lower()
    if name not in _PLAIN:
        return joined_label(b"", b" ".join((opened[1].rpartition(b":")[2], *_TELLING.findall(opened[2]))))
    before = window[: opened.start()]
    if head := _head(_outside(window)):
        return head
    return _text_before(before) or joined_label(b"", b" ".join(_TELLING.findall(opened[2])))


def _outside(window: bytes) -> bytes:
    """Return what stands before the cell of a table that ends a window, whatever else is opened in it; else nothing."""
    for _ in range(_MOST_TAGS):
        opened = _OPENED.match(window, max(0, window.rfind(b"<")))
        if opened is None or opened[1].lower() not in _PLAIN:
            return b""
        window = window[: opened.start()]
        if opened[1].lower() == b"td":
            return window
    return b""


def _label_of_value(window: bytes) -> bytes:
    """Return what names the attribute `value` that ends a window."""
    window = window[: window.rfind(b"value=")]
    inside = _INSIDE.match(window, max(0, window.rfind(b"<")))
    if inside is None:
        return b""
    return _text_before(window[: inside.start()]) or joined_label(b"", b" ".join(_TELLING.findall(inside[2])))


def _text_before(window: bytes) -> bytes:
    """Return the text before the tags that end a window."""
    for _ in range(_MOST_TAGS):
        window = window.rstrip(b" \t\r\n")
        if not window.endswith(b">"):
            break
        window = window[: window.rfind(b"<")] if b"<" in window else b""
    text = _LAST_TEXT.match(window, window.rfind(b">") + 1)
    return b"" if text is None or len(text[1]) == len(window) else joined_label(b"", text[1])


def _head(window: bytes) -> bytes:
    """Return the head of the column of a cell, by what stands before it in its table."""
    rows: list[list[tuple[bool, bytes]]] = []
    tags = list(_CELL.finditer(window))
    for tag, following in zip(tags, [*tags[1:], None], strict=False):
        kind = tag[1].lower()
        if kind == b"tr":
            rows.append([])
        elif rows:
            text = window[tag.end() : following.start() if following else len(window)]
            rows[-1].append((kind == b"th", _TAG.sub(b"", text)))
    if len(rows) < _ROWS:
        return b""
    row = rows[-1]
    head = next((one for one in reversed(rows[:-1]) if one and all(is_head for is_head, _ in one)), None)
    if head is None or len(row) >= len(head) or any(is_head for is_head, _ in row):
        return b""
    return joined_label(row[0][1] if row else b"", head[len(row)][1])
