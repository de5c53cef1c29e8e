"""Events as a table for a spreadsheet program: CSV by RFC 4180, and no cell that such a program would compute."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from typing import Any, Final

import orjson

COLUMNS: Final = (
    *("leaf", "id", "at", "type", "outcome", "subject", "actor", "thread_id", "turn_id"),
    *("rule", "severity", "model", "host", "persona", "data"),
)
# What begins a formula. Source: OWASP, CSV Injection; the wide forms are read as the narrow ones in some languages.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠", "|", "%")  # noqa: RUF001
_IGNORED: Final = " \"'\u00a0\ufeff"  # before a formula, by some programs


def header() -> bytes:
    """Return the first line."""
    return _lines([COLUMNS])


def table_lines(events: Iterable[tuple[int, bytes]]) -> bytes:
    """Return a line for each event: its leaf and what the body says; what is in `data` stays JSON."""
    return _lines(_cells(leaf, orjson.loads(body)) for leaf, body in events)


def escape_cell(value: object) -> str:
    """Return a value as a cell that stays what it is: one that would be a formula gets an apostrophe before it."""
    text = "" if value is None else value if isinstance(value, str) else orjson.dumps(value).decode()
    is_formula = text.startswith(("\t", "\r", "\n")) or text.lstrip(_IGNORED).startswith(_FORMULA)
    return f"'{text}" if is_formula else text


def _cells(leaf: int, document: Mapping[str, Any]) -> list[str]:
    return [escape_cell(leaf if name == "leaf" else document.get(name)) for name in COLUMNS]


def _lines(rows: Iterable[Iterable[str]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue().encode()
