"""Columns of events as Postgres takes arrays, in bytes that are made here: the driver's own way costs twice the time.

Source: `array_send` in PostgreSQL's `arrayfuncs.c`, and how each type sends its values.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from struct import Struct
from typing import Any, Final, NamedTuple
from uuid import UUID

from psycopg import AsyncConnection, pq
from psycopg.adapt import Dumper

_HEAD: Final = Struct(
    ">iiIii"
)  # dimensions, whether there are nulls, type of the values, how many, number of the first
_NULL: Final = b"\xff\xff\xff\xff"  # the length of a value that is not there
_EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)  # that of Postgres's binary times
_MICROSECOND: Final = timedelta(microseconds=1)
_LENGTH: Final = Struct(">i").pack
_TIME: Final = Struct(">iq").pack
_SMALL: Final = Struct(">ih").pack
_UUID_LENGTH: Final = _LENGTH(16)


class ColumnArray(NamedTuple):
    """An array, as the server takes it."""

    data: bytes


class _ColumnDumper(Dumper):
    """Hand an array on as it is; the statement says of which type it is."""

    format = pq.Format.BINARY
    oid = 0

    def dump(self, obj: ColumnArray) -> bytes:
        return obj.data


def take_arrays(connection: AsyncConnection) -> None:
    """Let statements of a connection have such arrays."""
    connection.adapters.register_dumper(ColumnArray, _ColumnDumper)


def array_of(kind: str, values: Sequence[Any]) -> ColumnArray:
    """Return a column as an array.

    Args:
        kind: a type in `_KINDS`.
        values: of that type, or None.
    """
    oid, encode = _KINDS[kind]
    data = [_NULL if value is None else encode(value) for value in values]
    return ColumnArray(_HEAD.pack(1, int(None in values), oid, len(data), 1) + b"".join(data))


def _bytes(value: bytes) -> bytes:
    return _LENGTH(len(value)) + value


def _text(value: str) -> bytes:
    encoded = value.encode()
    return _LENGTH(len(encoded)) + encoded


def _uuid(value: UUID) -> bytes:
    return _UUID_LENGTH + value.bytes


def _time(value: datetime) -> bytes:
    return _TIME(8, (value - _EPOCH) // _MICROSECOND)


def _small(value: int) -> bytes:
    return _SMALL(2, value)


# By Postgres's names, with its fixed numbers. Source: `pg_type.dat`.
_KINDS: Final[Mapping[str, tuple[int, Callable[[Any], bytes]]]] = {
    "bytea": (17, _bytes),
    "smallint": (21, _small),
    "text": (25, _text),
    "timestamptz": (1184, _time),
    "uuid": (2950, _uuid),
}
