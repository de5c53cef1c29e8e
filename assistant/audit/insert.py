"""Rows of the audit log as the writer adds them: many in one statement, which is a transaction of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, LiteralString
from uuid import UUID

import psycopg
from pydantic import SecretStr

from assistant.audit.record import Record
from assistant.database import connect

# What another connection, or the same one a moment later, can mend: a server that is away, starting, full or a standby.
TRANSIENT: Final = (psycopg.OperationalError, psycopg.InterfaceError, psycopg.InternalError, OSError)

_APPLICATION_NAME: Final = "cloister-audit-writer"  # as `pg_stat_activity` shows it

# In the order of `Record`: id, time, type; four ids; rule, severity, model; an id; body and leaf.
_COLUMN_TYPES: Final = (
    *("uuid", "timestamptz", "text"),
    *("uuid", "uuid", "uuid", "uuid"),
    *("text", "smallint", "text"),
    *("uuid", "bytea", "bytea"),
)
INSERT: Final = (
    f"INSERT INTO audit.event ({', '.join(Record._fields)}) SELECT * FROM "  # noqa: S608 - constants
    f"unnest({', '.join(f'%b::{kind}[]' for kind in _COLUMN_TYPES)})"
)
# Only for what may be there already: the clause costs a fifth of the server's time. It names no conflict target, for
# that would need the right to read the log, which the writer does not have.
INSERT_AGAIN: Final = f"{INSERT} ON CONFLICT DO NOTHING"
_CONFLICTS: Final = "SELECT id FROM audit.conflicting_events(%b::uuid[], %b::bytea[]) AS id"


async def connect_writer(url: SecretStr) -> psycopg.AsyncConnection:
    """Connect so that each statement is a transaction of its own, durable when it returns.

    Raises:
        psycopg.OperationalError: the server cannot be reached.
    """
    connection = await connect(url, autocommit=True, prepare_threshold=1, application_name=_APPLICATION_NAME)
    try:
        await connection.execute("SET synchronous_commit = on")  # whatever the server's own setting is
    except BaseException:
        await connection.close()
        raise
    return connection


async def insert(connection: psycopg.AsyncConnection, statement: LiteralString, records: Sequence[Record]) -> int:
    """Add records, and return how many were not there yet.

    Args:
        connection: of `connect_writer`.
        statement: `INSERT`, or `INSERT_AGAIN` where some may be there already.
        records: at least one.

    Raises:
        psycopg.Error: none of them was added, or nobody knows whether they were.
    """
    cursor = await connection.execute(statement, [list(column) for column in zip(*records, strict=True)])
    return cursor.rowcount


async def find_conflicts(connection: psycopg.AsyncConnection, records: Sequence[Record]) -> list[UUID]:
    """Return the ids that stand in the log with another hash than here; the writer sees no more of the log than this.

    Raises:
        psycopg.Error: the log could not be asked.
    """
    ids, leaves = [record.id for record in records], [record.leaf for record in records]
    return [row[0] for row in await (await connection.execute(_CONFLICTS, [ids, leaves])).fetchall()]
