"""Rows as a binary COPY sends them: each one message, taken from libpq as it comes. Nothing else is so quick.

Source: PostgreSQL's documentation of COPY, "Binary Format".
"""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct
from typing import Final

import psycopg
from psycopg import pq

_HEADER_BYTES: Final = 19  # signature, flags, length of an extension: they come with the first row
_TRAILER_BYTES: Final = 2
_LENGTH: Final = Struct(">i")


def copy_rows(connection: psycopg.Connection, query: bytes) -> Iterator[bytes]:
    """Yield the rows of a COPY to us, each as the count of its fields, then their lengths and bytes.

    Raises:
        psycopg.Error: the database went away, or refuses.
    """
    link = connection.pgconn
    result = link.exec_(query)
    if result.status != pq.ExecStatus.COPY_OUT:
        raise psycopg.OperationalError(result.error_message.decode(errors="replace"))
    get = link.get_copy_data
    size, data = get(0)
    if size > _HEADER_BYTES + _TRAILER_BYTES:
        yield bytes(data[_HEADER_BYTES:])
    while size > 0:
        size, data = get(0)
        if size > _TRAILER_BYTES:
            yield bytes(data)
    while end := link.get_result():
        if end.status != pq.ExecStatus.COMMAND_OK:
            raise psycopg.OperationalError(end.error_message.decode(errors="replace"))


def split_fields(message: bytes) -> list[bytes | None]:
    """Return the fields of a row; None is null."""
    values: list[bytes | None] = []
    at = 2
    while at < len(message):
        (size,) = _LENGTH.unpack_from(message, at)
        at += _LENGTH.size
        values.append(None if size < 0 else message[at : at + size])
        at += max(size, 0)
    return values
