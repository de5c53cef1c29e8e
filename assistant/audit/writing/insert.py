"""Rows of the audit log as the writer adds them: many in one statement, which is a transaction of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, LiteralString, NamedTuple
from uuid import UUID

import psycopg
from pydantic import SecretStr

from assistant.audit.record import Record
from assistant.audit.writing.column_arrays import array_of, take_arrays
from assistant.audit.writing.content import ContentRow
from assistant.database import connect

_APPLICATION_NAME: Final = "cloister-audit-writer"  # as `pg_stat_activity` shows it

# In the order of `Record`: id, time, type; four ids; rule, severity, model, host, persona; an id; body and leaf.
_COLUMN_TYPES: Final = (
    *("uuid", "timestamptz", "text"),
    *("uuid", "uuid", "uuid", "uuid"),
    *("text", "smallint", "text", "text", "text"),
    *("uuid", "bytea", "bytea"),
)
INSERT: Final = (
    f"INSERT INTO audit.event ({', '.join(Record._fields)}) SELECT * FROM "  # noqa: S608 - constants
    f"unnest({', '.join(f'%b::{kind}[]' for kind in _COLUMN_TYPES)})"
)
# Only for what may be there already: the clause costs a fifth of the server's time. It names no conflict target, for
# that would need the right to read the log, which the writer does not have.
INSERT_AGAIN: Final = f"{INSERT} ON CONFLICT DO NOTHING"
_INSERT_CONTENT: Final = (
    f"INSERT INTO audit.content ({', '.join(ContentRow._fields)}) SELECT * FROM "  # noqa: S608 - constants
    "unnest(%b::uuid[], %b::uuid[], %b::uuid[], %b::text[], %b::uuid[], %b::bytea[])"
)
# Events and their texts in one statement, so in one transaction; a batch without texts goes without.
_WITH_CONTENT: Final[Mapping[LiteralString, LiteralString]] = {
    INSERT: f"WITH kept AS ({_INSERT_CONTENT}) {INSERT}",
    INSERT_AGAIN: f"WITH kept AS ({_INSERT_CONTENT} ON CONFLICT DO NOTHING) {INSERT_AGAIN}",
}
_CONFLICTS: Final = "SELECT id FROM audit.conflicting_events(%b::uuid[], %b::bytea[]) AS id"


class Entry(NamedTuple):
    """An event, and the text that it came with."""

    record: Record
    content: ContentRow | None = None


async def connect_writer(url: SecretStr) -> psycopg.AsyncConnection:
    """Connect so that each statement is a transaction of its own, durable when it returns.

    Raises:
        psycopg.OperationalError: the server cannot be reached.
    """
    connection = await connect(url, autocommit=True, prepare_threshold=1, application_name=_APPLICATION_NAME)
    try:
        take_arrays(connection)
        await connection.execute("SET synchronous_commit = on")  # whatever the server's own setting is
    except BaseException:
        await connection.close()
        raise
    return connection


async def insert(connection: psycopg.AsyncConnection, statement: LiteralString, entries: Sequence[Entry]) -> int:
    """Add events with their texts, and return how many events were not there yet.

    Args:
        connection: of `connect_writer`.
        statement: `INSERT`, or `INSERT_AGAIN` where some may be there already.
        entries: at least one.

    Raises:
        psycopg.Error: none of them was added, or nobody knows whether they were.
    """
    values = zip(*[entry.record for entry in entries], strict=True)
    columns: list[object] = list(map(array_of, _COLUMN_TYPES, values))
    contents = [entry.content for entry in entries if entry.content is not None]
    if contents:
        statement = _WITH_CONTENT[statement]
        columns = [*(list(column) for column in zip(*contents, strict=True)), *columns]
    return (await connection.execute(statement, columns)).rowcount


async def find_conflicts(connection: psycopg.AsyncConnection, entries: Sequence[Entry]) -> list[UUID]:
    """Return the ids that stand in the log with another hash than here; the writer sees no more of the log than this.

    Raises:
        psycopg.Error: the log could not be asked.
    """
    pairs = [[entry.record.id for entry in entries], [entry.record.leaf for entry in entries]]
    return [row[0] for row in await (await connection.execute(_CONFLICTS, pairs)).fetchall()]
