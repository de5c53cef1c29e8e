"""The checks of one row, in a flat list, and the short way through all of them at once for the rows that are right.

A check returns what is wrong in words, or nothing. Each has an attack in the tests that it alone sees.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final, NamedTuple

from assistant.audit.events import Tag
from assistant.audit.record import (
    FORMAT_VERSION,
    OLD_VERSIONS,
    Columns,
    canonical_bytes,
    format_time,
    leaf_of,
    stated_columns,
)

PLACE_EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)  # that of Postgres's binary times
_NAMES: Final = frozenset({"v", "id", "nonce", "type", "at", "outcome", "origin", "data", *Columns._fields})
_TAGS: Final = frozenset(tag.value for tag in Tag)


class Row(NamedTuple):
    """An event as the verifier reads it; the columns as text, in the order of `COLUMN_NAMES`."""

    place: bytes
    leaf: bytes
    body: bytes
    columns: tuple[str | int | None, ...]


COLUMN_NAMES: Final = (
    *("id", "at", "type", "subject", "actor", "thread_id", "turn_id"),
    *("rule", "severity", "model", "host", "persona", "content_id"),
)
"""The columns that repeat the body, by the names that the body gives them."""


def check_leaf(row: Row, document: Mapping[str, Any]) -> str:
    """The leaf is the hash of the body."""
    del document
    return "" if leaf_of(row.body) == row.leaf else "The body was changed: its hash is another one."


def check_canonical(row: Row, document: Mapping[str, Any]) -> str:
    """The body is spelled in the one way there is."""
    try:
        is_canonical = canonical_bytes(document) == row.body
    except ValueError:
        is_canonical = False
    return "" if is_canonical else f"The body is not in canonical form{_by_whom(row)}."


def check_columns(row: Row, document: Mapping[str, Any]) -> str:
    """Every column repeats the body."""
    stated = stated_columns(document)
    wrong = [
        name for name, value in zip(COLUMN_NAMES, row.columns, strict=True) if not _is_same(value, stated.get(name))
    ]
    if not wrong:
        return ""
    words = "is not what the body says. It was changed, or written so with the password of the log's writer."
    return f"{', '.join(wrong)} {words}"


def check_kind(row: Row, document: Mapping[str, Any]) -> str:
    """The event is of a kind and form that there is."""
    if is_known_kind(document):
        return ""
    return f"There is no event {document.get('type')!r} of format {document.get('v')!r} in this version{_by_whom(row)}."


def _by_whom(row: Row) -> str:
    """Return who can have written a body that its leaf fits: what is sealed says so since it came into the log."""
    return ": it was written so, with the password of the log's writer" if leaf_of(row.body) == row.leaf else ""


def _is_same(value: object, stated: object) -> bool:
    return value == stated and type(value) is type(stated)  # JSON's true is no 1


RowCheck = Callable[[Row, Mapping[str, Any]], str]
ROW_CHECKS: Final[dict[str, RowCheck]] = {
    "leaf": check_leaf,
    "canonical": check_canonical,
    "columns": check_columns,
    "kind": check_kind,
}
HASH_CHECKS: Final[tuple[str, ...]] = ("leaf", "kind")  # where no column is derived


UUID_COLUMNS: Final = ("subject", "actor", "thread_id", "turn_id", "content_id")
TEXT_COLUMNS: Final = ("rule", "model", "host", "persona")
_EMPTY: Final = "ffffffff"  # the length of a value that is not there, as COPY sends it
_SECOND_CHARS: Final = len("2026-11-29T12:44:50.")
_FRACTION_CHARS: Final = len("867314Z")


def expect_columns(document: Mapping[str, Any]) -> str:
    """Return what a row has in its columns, if its body says this: in hexadecimal, as a binary COPY sends them.

    The order is id, type, when it happened, `UUID_COLUMNS`, `TEXT_COLUMNS`, severity.

    Raises:
        ValueError, TypeError, KeyError: it is not plain; then the checks say what it is.
    """
    stated = stated_columns(document)
    get = stated.get
    subject, actor = get("subject"), get("actor")
    actor_hex = _uuid_hex(actor)
    severity = get("severity")
    return (
        f"{_digits(document['id'])}{_text_hex(document['type'])}00000008{_time_hex(document['at'])}"
        f"{actor_hex if subject == actor else _uuid_hex(subject)}{actor_hex}{_uuid_hex(get('thread_id'))}"
        f"{_uuid_hex(get('turn_id'))}{_uuid_hex(get('content_id'))}"
        f"{_text_hex(get('rule'))}{_text_hex(get('model'))}{_text_hex(get('host'))}{_text_hex(get('persona'))}"
        f"{_EMPTY if severity is None else _severity_hex(severity)}"
    )


def is_known_kind(document: Mapping[str, Any]) -> bool:
    """Tell whether this version knows the event's format and type, and everything that it names beside its data."""
    version, kind = document.get("v"), document.get("type")
    is_known = type(version) is int and (version == FORMAT_VERSION or version in OLD_VERSIONS)
    return is_known and isinstance(kind, str) and kind in _TAGS and document.keys() <= _NAMES


@lru_cache(4096)  # the events of a turn come close together and have their person, conversation and turn in common
def _uuid_hex(text: str | None) -> str:
    return _EMPTY if text is None else f"00000010{_digits(text)}"


def _digits(text: str) -> str:
    digits = text.replace("-", "")
    if len(text) != 36 or len(digits) != 32 or text[8:24:5] != "----":  # noqa: PLR2004 - as RFC 9562 spells them
        raise ValueError("This is not the one spelling of a UUID.")
    return digits


@lru_cache(4096)  # names of rules, models, hosts and personas: there are few, again and again
def _text_hex(text: str | None) -> str:
    if text is None:
        return _EMPTY
    encoded = text.encode()
    return f"{len(encoded):08x}{encoded.hex()}"


def _time_hex(text: str) -> str:
    fraction = text[_SECOND_CHARS:]
    digits = fraction[:-1]
    if len(fraction) != _FRACTION_CHARS or fraction[-1] != "Z" or not (digits.isascii() and digits.isdecimal()):
        raise ValueError("This is not the one spelling of a time.")
    return f"{_second(text[:_SECOND_CHARS]) + int(digits):016x}"


@lru_cache(4096)
def _second(text: str) -> int:
    """Return the microseconds since 2000 of `2026-11-29T12:44:50.`."""
    moment = datetime.fromisoformat(f"{text}000000+00:00")
    if format_time(moment)[:_SECOND_CHARS] != text or moment < PLACE_EPOCH:
        raise ValueError("This is not the one spelling of a time.")
    return int((moment - PLACE_EPOCH).total_seconds()) * 1_000_000


def _severity_hex(severity: int) -> str:
    if type(severity) is not int or not 0 <= severity < 1 << 15:
        raise ValueError("This is no severity.")
    return f"00000002{severity:04x}"
