"""Forms of our own pages, as a browser without JavaScript sends them."""

from __future__ import annotations

from typing import Final
from urllib.parse import parse_qs

from starlette.requests import Request

_FORM_TYPE: Final = "application/x-www-form-urlencoded"
_MOST_FIELDS: Final = 8


async def read_lists(request: Request, *, most_fields: int) -> dict[str, list[str]]:
    """Return every value of each field, for forms with boxes to tick; nothing that cannot be read is guessed at."""
    if not request.headers.get("content-type", "").startswith(_FORM_TYPE):
        return {}
    try:
        return parse_qs((await request.body()).decode("ascii"), errors="strict", max_num_fields=most_fields)
    except ValueError:  # not ASCII, not UTF-8 inside, or too many fields
        return {}


async def read_form(request: Request) -> dict[str, str]:
    """Return the first value of each field; nothing that cannot be read is guessed at."""
    fields = await read_lists(request, most_fields=_MOST_FIELDS)
    return {name: values[0] for name, values in fields.items()}
