"""What Postgres can hold: no NUL (it refuses U+0000), no half of a surrogate pair (it is not UTF-8), no NaN in JSON."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Final

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_REPLACEMENT: Final = "\N{REPLACEMENT CHARACTER}"
_TITLE_CHARS: Final = 200


def storable(text: str) -> str:
    """Return the text with U+FFFD for each character that cannot be stored; its length stays."""
    return _UNSTORABLE.sub(_REPLACEMENT, text)


def storable_title(title: str) -> str:
    """Return a title on one line, cut to a length that a list can show."""
    line = " ".join(storable(title).split())
    return line if len(line) <= _TITLE_CHARS else line[: _TITLE_CHARS - 1] + "…"


def storable_json(detail: Mapping[str, object]) -> dict[str, object]:
    """Return a copy of the JSON values in which every key and text is storable."""
    return {storable(key): _storable_value(value) for key, value in detail.items()}


def _storable_value(value: object) -> object:
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return storable_json(value)
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        return [_storable_value(item) for item in value]
    return value
