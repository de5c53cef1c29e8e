"""Columns as arrays of our own making: the server reads what was put into them, and null where nothing was."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID, uuid4

import psycopg
import pytest

from assistant.audit.writing.column_arrays import array_of
from assistant.audit.writing.insert import _COLUMN_TYPES, connect_writer
from tests.integration.conftest import Database

pytestmark = pytest.mark.integration

_ONE, _OTHER = uuid4(), uuid4()


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("uuid", [_ONE, None, _OTHER]),
        ("uuid", [None, None]),
        ("uuid", [UUID(int=0), UUID(int=2**128 - 1)]),
        ("text", ["turn:answered", None, "", "ä𝄞\n{},\"'\\", "NULL"]),
        ("smallint", [0, None, 4, -1, 32_767]),
        (
            "timestamptz",
            [datetime(1970, 1, 1, tzinfo=UTC), None, datetime(2026, 11, 29, 12, 44, 50, 867_314, tzinfo=UTC)],
        ),
        ("timestamptz", [datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)]),
        ("bytea", [b"", None, bytes(range(256)), b"\xff" * 16_384]),
    ],
)
async def test_the_server_reads_what_was_put_in(database: Database, kind: str, values: list[object]) -> None:
    async with await connect_writer(database.audit_writer_url) as connection:
        query = f"SELECT value FROM unnest(%b::{kind}[]) AS value"  # noqa: S608 - a type's name
        rows = await (await connection.execute(query, [array_of(kind, values)], binary=True)).fetchall()
        driven = await (await connection.execute(query, [values], binary=True)).fetchall()
    assert [value for (value,) in rows] == values
    assert rows == driven  # the driver's own arrays say the same


async def test_a_text_that_no_row_can_hold_is_refused_by_the_server(database: Database) -> None:
    async with await connect_writer(database.audit_writer_url) as connection:
        with pytest.raises(psycopg.DataError):
            await connection.execute("SELECT %b::text[]", [array_of("text", ["a\0b"])])
        assert connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE


def test_every_type_of_the_log_has_an_array() -> None:
    assert {kind: len(array_of(kind, [None]).data) for kind in set(_COLUMN_TYPES)} == dict.fromkeys(_COLUMN_TYPES, 24)
