"""Bring hits from the log to the queue: batch after batch as they are sealed, each event once.

The batches of the sealer say what is new, so no event is marked and none is missed, in whatever order transactions
ended. Rows and watermark are one transaction; a row that is there already stays as people left it, and what the log
says of it is put right. To forget the watermark is therefore to rebuild.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, LiteralString, NamedTuple
from uuid import UUID

import psycopg
from psycopg import sql
from psycopg.rows import class_row
from pydantic import SecretStr
from sqlalchemy import delete, func, select, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlmodel import col

from assistant.audit.seals.heads import SELECT_HEADS, Head, select_batch
from assistant.compliance.standing import patience
from assistant.compliance.tables import HitRow, HitsFollowedRow
from assistant.database import connect, transaction
from assistant.errors import UnavailableError
from policies.verdict import Action

QUEUED_FROM: Final = Action.REDACT
"""The mildest action that becomes a hit: what is pseudonymised is ordinary work, and samples look at that."""

_MOST_AT_ONCE: Final = 20_000  # events of one round; a second of work

_HITS: Final = sql.SQL(
    "SELECT id AS event_id, turn_id, thread_id, subject, type, coalesce(rule, '') AS rule, severity, occurred_at"
    " FROM audit.event WHERE severity >= {least} AND turn_id IS NOT NULL AND id IN ({batch}) ORDER BY id"
)


class _Found(NamedTuple):
    event_id: UUID
    turn_id: UUID
    thread_id: UUID
    subject: UUID
    type: str
    rule: str
    severity: int
    occurred_at: datetime


class HitFollower:
    """Follow the log as its reader, and write hits as the application.

    Args:
        engine: of the application's tables.
        reader_url: the log, as its reader.
    """

    def __init__(self, engine: AsyncEngine, reader_url: SecretStr) -> None:
        self._engine = engine
        self._reader_url = reader_url

    async def follow(self) -> int:
        """Bring everything that was sealed to the queue, and return how many hits that were.

        Several may run at once: they do the same work twice, and nothing twice to the queue.

        Raises:
            UnavailableError: the database does not answer.
        """
        found = 0
        try:
            async with await connect(self._reader_url, autocommit=True) as log:
                await log.set_isolation_level(psycopg.IsolationLevel.REPEATABLE_READ)
                await log.set_read_only(True)
                while (count := await self._follow_once(log)) is not None:
                    found += count
        except psycopg.OperationalError as error:
            raise UnavailableError("The audit log cannot be read: the database does not answer.") from error
        return found

    async def rebuild(self) -> int:
        """Look through the whole log again: hits that are missing come back, what people decided stays.

        Raises:
            UnavailableError: the database does not answer.
        """
        async with transaction(self._engine) as connection:
            await connection.execute(delete(HitsFollowedRow))
        return await self.follow()

    async def _follow_once(self, log: psycopg.AsyncConnection) -> int | None:
        """Bring the next batches, and return how many hits they held; none when there are no more."""
        async with transaction(self._engine) as connection:
            batch = await connection.scalar(select(col(HitsFollowedRow.batch)))
        async with log.transaction():
            last = await _head(log, "WHERE batch = %s", batch) if batch is not None else None
            head = await _next_head(log, last)
            if head is None:
                return None
            hits = await _read_hits(log, last, head)
        async with transaction(self._engine) as connection:
            await _store(connection, hits)
            followed = insert(HitsFollowedRow).values(batch=head.batch)
            furthest = func.greatest(col(HitsFollowedRow.batch), followed.excluded.batch)
            # After a restore the log is behind the mark, and is followed from its beginning.
            mark = {"batch": furthest if last else followed.excluded.batch}
            await connection.execute(followed.on_conflict_do_update(index_elements=["id"], set_=mark))
        return len(hits)


async def _next_head(log: psycopg.AsyncConnection, last: Head | None) -> Head | None:
    """Return the head that ends the next round: some thousand events further, or one batch if that is larger."""
    size, batch = (last.size, last.batch) if last else (0, -1)
    far = await _head(log, "WHERE size <= %s ORDER BY size DESC, batch DESC LIMIT 1", size + _MOST_AT_ONCE)
    if far is not None and far.batch > batch:
        return far
    return await _head(log, "WHERE batch > %s ORDER BY batch LIMIT 1", batch)


async def _head(log: psycopg.AsyncConnection, condition: LiteralString, value: int) -> Head | None:
    row = await (await log.execute(sql.SQL("{} {}").format(SELECT_HEADS, sql.SQL(condition)), [value])).fetchone()
    return Head.of_row(row) if row else None


async def _read_hits(log: psycopg.AsyncConnection, last: Head | None, head: Head) -> list[_Found]:
    batch = select_batch(
        sql.SQL("id"),
        after=last,
        era=sql.Literal(head.era),
        snapshot=sql.SQL("{}::pg_snapshot").format(sql.Literal(str(head.snapshot))),
    )
    query = _HITS.format(least=sql.Literal(QUEUED_FROM.severity), batch=batch)
    async with log.cursor(row_factory=class_row(_Found)) as cursor:
        return await (await cursor.execute(query)).fetchall()


async def _store(connection: AsyncConnection, hits: Sequence[_Found]) -> None:
    if hits:
        rows = [{**hit._asdict(), "due_at": hit.occurred_at + patience(hit.severity)} for hit in hits]
        await connection.execute(_STORE, rows)


def _build_store() -> Any:
    new: Any = insert(HitRow)
    told = [*_Found._fields[1:], "due_at"]
    table = HitRow.__table__.c  # type: ignore[attr-defined]  # SQLModel's own
    is_other = tuple_(*(table[name] for name in told)).is_distinct_from(tuple_(*(new.excluded[name] for name in told)))
    return new.on_conflict_do_update(
        index_elements=["event_id"], set_={name: new.excluded[name] for name in told}, where=is_other
    )


_STORE: Final = _build_store()
