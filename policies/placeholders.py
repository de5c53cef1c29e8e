"""Placeholders in the bytes of a view: what stands where a value stood says nothing of the text around it.

A placeholder is mostly shorter than its value: what is near in the redacted text may have been far apart before. So
that a text that was redacted once stays as it is, words do not speak over a placeholder for a value behind it, unless
the sentence or a list goes on: `the password is [PASSWORD_1], the second one is …`, `KEYS=[SECRET_1],…`. Nor does one
part what stands right behind it, for somebody may have put it into a value to hide that.
"""

from __future__ import annotations

import re  # bounded repetitions of single classes: linear whatever the text
from bisect import bisect_right
from typing import Final

ENTITY_MAX_CHARS: Final = 40  # a placeholder stays short enough to be held back while it streams
PLACEHOLDER: Final = rf"\[[A-Z][A-Z0-9_]{{0,{ENTITY_MAX_CHARS - 1}}}_[0-9]{{1,10}}\]"
"""What a placeholder looks like, whoever wrote it. Ten digits are more numbers than a conversation has characters."""

PLACEHOLDER_MAX_CHARS: Final = ENTITY_MAX_CHARS + len("[_]") + 10

_KEY_CHARS: Final = 100  # few keys have more
_IS_KEY: Final = re.compile(rb"KEY|TOKEN|SECRET|STRING|HASH|WEBHOOK|JWT|DSN|COOKIE|PHRASE").search
_SHAPE: Final = re.compile(PLACEHOLDER.encode("ascii"))
_GOES_ON: Final = re.compile(rb"|(?:,? )*[A-Za-z\x80-\xff](?:[A-Za-z\x80-\xff ]|, )*").fullmatch
_OPENS_LIST: Final = frozenset((b"=", b":", b"[", b"(", b'"', b"'"))


def placeholders_in(data: bytes) -> list[tuple[int, int]]:
    """Return where placeholders begin and end."""
    return [found.span() for found in _SHAPE.finditer(data)] if b"]" in data else []


def spoken_from(data: bytes, ends: list[int], begin: int, end: int) -> int:
    """Return from where on the words in `data[begin:end]` may speak for a value behind them.

    Args:
        data: a view.
        ends: where its placeholders end, in order.
        begin: where the words begin.
        end: where the value does.
    """
    last = bisect_right(ends, end) - 1
    if last >= 0 and ends[last] > begin and (_GOES_ON(data, ends[last], end) or _is_list(data, ends[last], end)):
        last -= 1
    return begin if last < 0 else max(begin, ends[last])


def near_from(data: bytes, spans: list[tuple[int, int]], end: int, chars: int) -> int:
    """Return where what is near a place begins: so many characters before it, that of a key for as many as keys have.

    Args:
        data: a view.
        spans: where the placeholders before and behind it stand, in order.
        end: the place.
        chars: how far near reaches.
    """
    begin = end - chars
    for start, stop in reversed(spans[: bisect_right(spans, (end, 0))]):
        if stop > end:
            continue
        if stop <= begin:
            break
        if _IS_KEY(data, start, stop):
            begin = min(stop, begin + max(0, _KEY_CHARS - (stop - start)))
    return max(0, begin)


def _is_list(data: bytes, placeholder_end: int, end: int) -> bool:
    """Tell whether a value is the second of a list, `KEYS=[SECRET_1],…`; in a row of a table it is another cell."""
    begin = data.rfind(b"[", 0, placeholder_end)
    return data[placeholder_end:end] == b"," and data[max(0, begin - 2) : begin].rstrip(b" ")[-1:] in _OPENS_LIST
