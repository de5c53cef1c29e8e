"""Filters as an address has them, so that a view can be sent to somebody."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import urlencode

from starlette.requests import Request

from assistant.audit.reading.lists import Cursor
from policies.verdict import Action

AGES: Final[Mapping[str, timedelta]] = {
    "1h": timedelta(hours=1),
    "24h": timedelta(days=1),
    "7d": timedelta(days=7),
    "30d": timedelta(days=30),
}
AGE_WORDS: Final[Mapping[str, str]] = {
    "1h": "the last hour",
    "24h": "the last 24 hours",
    "7d": "the last 7 days",
    "30d": "the last 30 days",
}
SEVERITIES: Final[Mapping[str, int]] = {action.value: action.severity for action in Action if action.severity}
_VALUE_CHARS: Final = 120


def asked(request: Request, name: str) -> str:
    """Return a field of the address; empty if it is not there."""
    return request.query_params.get(name, "").strip()[:_VALUE_CHARS]


def asked_of(request: Request, name: str, known: Mapping[str, object]) -> str:
    """Return a field of the address if it is one of the known words, else nothing: a filter that is not set."""
    value = asked(request, name)
    return value if value in known else ""


def since(age: str) -> datetime | None:
    """Return from when on an age counts; None without one."""
    return datetime.now(UTC) - AGES[age] if age else None


def cursor(request: Request) -> Cursor:
    """Return where the page begins.

    Raises:
        BadInputError: it is not the id of an event.
    """
    return Cursor.parse(before=asked(request, "before"), after=asked(request, "after"))


def address(path: str, fields: Mapping[str, str], **more: str) -> str:
    """Return the address of a view.

    >>> address("/console/queue", {"rule": "secret/pem", "age": ""}, before="7")
    '/console/queue?rule=secret%2Fpem&before=7'
    """
    query = urlencode({name: value for name, value in {**fields, **more}.items() if value})
    return f"{path}?{query}" if query else path


def names(fields: Mapping[str, str]) -> tuple[str, ...]:
    """Return which filters are set, for the log: never what was typed."""
    return tuple(name for name, value in fields.items() if value)
