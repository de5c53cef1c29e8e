"""Forms of our own pages, as a browser without JavaScript sends them."""

from __future__ import annotations

from typing import Final
from urllib.parse import parse_qs

from starlette.requests import Request

_FORM_TYPE: Final = "application/x-www-form-urlencoded"
_MOST_FIELDS: Final = 8


async def read_form(request: Request) -> dict[str, str]:
    """Return the first value of each field; nothing that cannot be read is guessed at."""
    if not request.headers.get("content-type", "").startswith(_FORM_TYPE):
        return {}
    try:
        fields = parse_qs((await request.body()).decode("ascii"), errors="strict", max_num_fields=_MOST_FIELDS)
    except ValueError:  # not ASCII, not UTF-8 inside, or too many fields
        return {}
    return {name: values[0] for name, values in fields.items()}
