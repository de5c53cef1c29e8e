"""The projector: follows sealed batches in their order, and keeps words for searching and tallies for charts.

What it writes and how far it came are one transaction, so each event counts once, wherever it is killed. Everything can
be made anew from the log: it is no evidence, and a text that was erased leaves no word. Who erases waits for nothing of
this but its last moment.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

import psycopg
from psycopg import sql
from psycopg.rows import class_row
from pydantic import SecretStr

from assistant.audit.projections.blind_words import BlindWords
from assistant.audit.projections.tally import Counted, Tally
from assistant.audit.reading.read import POSSIBLE_TIME
from assistant.audit.record import parse_body
from assistant.audit.seals.heads import FIRST_BATCH, SELECT_HEADS, Head, select_batch
from assistant.audit.writing.content import ContentRow, KeyWrap
from assistant.database import connect, unreadable
from assistant.errors import UnavailableError
from assistant.keys import Keys

_EVENTS_A_STEP: Final = 5_000  # one transaction; a single larger batch is one, too
_HEADS_A_STEP: Final = 500
_ROWS_AT_ONCE: Final = 1_000
_APPLICATION_NAME: Final = "cloister-audit-projector"
_NOTHING_YET: Final = FIRST_BATCH - 1
_AWAY: Final = "The projections cannot be written: the database does not answer."

# Neither by number, which any role could hold. One projector works at a time; an erasure waits for the second lock
# alone, which is taken last and held for a moment.
_BE_THE_ONE: Final = "LOCK TABLE audit.tally IN SHARE ROW EXCLUSIVE MODE"
_LOCK: Final = "SELECT FROM audit.projection FOR UPDATE"
# Words of texts that were there when they were read; the key is gone by now, or was gone before somebody held this up.
# Looked for since the last step, however long ago that was: nothing of an erasure stays because nobody projected.
_TAKE_BACK: Final = """
    DELETE FROM audit.search s USING audit.dek d
    WHERE s.thread_id = d.thread_id
        AND d.destroyed_at > (SELECT coalesce(until, '-infinity') FROM audit.projection) - interval '1 day'
        AND NOT EXISTS (SELECT FROM audit.event e JOIN audit.content c ON c.id = e.content_id WHERE e.id = s.event_id)
"""
_ADVANCE: Final = "UPDATE audit.projection SET batch = %s, until = %s"
_EVENTS: Final = sql.SQL("""
    SELECT e.id, {occurred_at}, e.type, e.model, e.host, e.persona, e.severity, e.body,
        c.id AS content_id, c.thread_id, c.turn_id, c.kind, c.dek_id, c.sealed, d.person_id, d.wrapped
    FROM ({batch}) batch JOIN audit.event e ON e.id = batch.id
    LEFT JOIN audit.content c ON c.id = e.content_id
    LEFT JOIN audit.dek d ON d.id = c.dek_id
""")
_OCCURRED_AT: Final = sql.SQL(POSSIBLE_TIME).format(sql.Identifier("occurred_at"))
_INSERT_WORDS: Final = (
    "INSERT INTO audit.search (event_id, thread_id, words) VALUES (%s, %s, %s) ON CONFLICT (event_id) DO NOTHING"
)
_INSERT_TALLY: Final = """
    INSERT INTO audit.tally AS t (day, type, rule, model, host, persona, severity, events, findings)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
    ON CONFLICT (day, type, rule, model, host, persona, severity)
    DO UPDATE SET events = t.events + excluded.events, findings = t.findings + excluded.findings
"""


class _Row(NamedTuple):
    id: UUID
    occurred_at: datetime
    type: str
    model: str | None
    host: str | None
    persona: str | None
    severity: int | None
    body: bytes
    content_id: UUID | None
    thread_id: UUID | None
    turn_id: UUID | None
    kind: str | None
    dek_id: UUID | None
    sealed: bytes | None
    person_id: UUID | None
    wrapped: bytes | None


class Projector:
    """Bring the projections up to the newest head, over a connection for each call.

    Args:
        projector_url: the database as the projector.
        keys: the installation's, to open the texts and to hash their words.
    """

    def __init__(self, projector_url: SecretStr, keys: Keys) -> None:
        self._projector_url = projector_url
        self._wrap = KeyWrap(keys)
        self._words = BlindWords(keys)

    async def follow(self, *, seconds: float | None = None) -> int:
        """Project what was sealed since the last call, for about so long; return how many events.

        Raises:
            UnavailableError: the database does not answer, or the log is not the one that was projected.
        """
        end = None if seconds is None else time.monotonic() + seconds
        done = 0
        try:
            async with await self._connect() as connection:
                while (step := await self._step(connection)) is not None:
                    done += step
                    if end is not None and time.monotonic() > end:
                        break
        except (psycopg.OperationalError, psycopg.ProgrammingError) as error:
            raise unreadable(error, _AWAY) from error
        return done

    async def rebuild(self) -> int:
        """Forget everything and project the whole log anew; return how many events. Searches find less meanwhile.

        Raises:
            UnavailableError: the database does not answer.
        """
        try:
            async with await self._connect() as connection, connection.transaction():
                await connection.execute("SET LOCAL lock_timeout = '10s'")  # of whoever reads for longer
                await connection.execute(_BE_THE_ONE)
                await connection.execute(_LOCK)
                await connection.execute("TRUNCATE audit.search, audit.tally")  # a million rows deleted take a minute
                await connection.execute(_ADVANCE, [_NOTHING_YET, None])
        except (psycopg.OperationalError, psycopg.ProgrammingError) as error:
            raise unreadable(error, _AWAY) from error
        return await self.follow()

    async def _connect(self) -> psycopg.AsyncConnection:
        return await connect(self._projector_url, autocommit=True, application_name=_APPLICATION_NAME)

    async def _step(self, connection: psycopg.AsyncConnection) -> int | None:
        """Project some batches in one transaction; None when there are none."""
        async with connection.transaction():
            await connection.execute(_BE_THE_ONE)
            last, head = await _next_heads(connection)
            count = head.size - (last.size if last else 0) if head else 0
            if head and count:
                await self._project(connection, last, head)
            await connection.execute(_LOCK)
            await connection.execute(_TAKE_BACK)
            if head is None:
                return None
            await connection.execute(_ADVANCE, [head.batch, head.sealed_at])
            return count

    async def _project(self, connection: psycopg.AsyncConnection, last: Head | None, head: Head) -> None:
        snapshot = sql.SQL("{}::pg_snapshot").format(sql.Literal(str(head.snapshot)))
        batch = select_batch(sql.SQL("id"), after=last, era=sql.Literal(head.era), snapshot=snapshot)
        tally = Tally()
        async with (
            connection.cursor("projected", binary=True, row_factory=class_row(_Row)) as rows,
            connection.cursor() as cursor,
        ):
            await rows.execute(_EVENTS.format(batch=batch, occurred_at=_OCCURRED_AT))
            while block := await rows.fetchmany(_ROWS_AT_ONCE):
                for row in block:
                    tally.add(_counted(row))
                if entries := self._entries(block):
                    await cursor.executemany(_INSERT_WORDS, entries)
            counts = [(*key, count, tally.findings[key]) for key, count in sorted(tally.events.items())]
            await cursor.executemany(_INSERT_TALLY, counts)

    def _entries(self, rows: Sequence[_Row]) -> list[tuple[UUID, UUID, list[int]]]:
        """Return what to search by, of the events whose text is there and was not changed."""
        entries = []
        for row in rows:
            text = self._text_of(row)
            if text is not None and row.thread_id is not None:
                entries.append((row.id, row.thread_id, self._words.of(text)))
        return entries

    def _text_of(self, row: _Row) -> str | None:
        content = (row.content_id, row.thread_id, row.turn_id, row.kind, row.dek_id, row.sealed)
        if None in content or row.wrapped is None:
            return None  # no text, or one that was erased
        stored: Any = ContentRow(*content)  # type: ignore[arg-type]
        try:
            return self._wrap.open(stored.dek_id, stored.thread_id, _known(row.person_id), row.wrapped).open(stored)
        except (ValueError, zlib.error):
            return None  # `audit verify` says so


def _known(identifier: UUID | None) -> UUID:
    if identifier is None:
        raise ValueError("The key belongs to nobody.")
    return identifier


async def _next_heads(connection: psycopg.AsyncConnection) -> tuple[Head | None, Head | None]:
    """Return the last head that was projected, and the one to project up to.

    Raises:
        UnavailableError: the log ends before what was projected.
    """
    row = await (await connection.execute("SELECT batch FROM audit.projection")).fetchone()
    done = _NOTHING_YET if row is None else int(row[0])
    cursor = await connection.execute(
        sql.SQL("{} WHERE batch >= {} ORDER BY batch LIMIT {}").format(SELECT_HEADS, done, _HEADS_A_STEP)
    )
    heads = [Head.of_row(each) for each in await cursor.fetchall()]
    last = heads.pop(0) if heads and heads[0].batch == done else None
    if last is None and done != _NOTHING_YET:
        raise UnavailableError(
            "The log ends before what was projected: it was set back. Run `cloister audit rebuild-projections`."
        )
    if not heads:
        return last, None
    limit = (last.size if last else 0) + _EVENTS_A_STEP
    return last, next((head for head in reversed(heads) if head.size <= limit), heads[0])


def _counted(row: _Row) -> Counted:
    return Counted(
        row.occurred_at, row.type, row.model, row.host, row.persona, row.severity, parse_body(row.body)
    )  # fmt: skip
