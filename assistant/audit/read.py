"""Read the log as the reader role: the newest events, older pages, and what comes in from now on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, fields
from datetime import datetime
from types import TracebackType
from typing import Final, Self
from uuid import UUID

import orjson
import psycopg
from psycopg import sql
from psycopg.rows import class_row
from pydantic import SecretStr

from assistant.audit.events import Tag
from assistant.conversation import parse_reference, short_reference
from assistant.database import connect
from assistant.errors import BadInputError, UnavailableError

_POLL_SECONDS: Final = 0.5
_MOST_A_PAGE: Final = 1000

_TAIL_DIGITS: Final = 8  # of a turn's id, which the index `event_by_turn` goes by


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """A row of the log.

    Attributes:
        occurred_at, recorded_at: by the clock of the process that wrote it, and by the database's.
        body: the exact bytes that `leaf` is the hash of.
    """

    id: UUID
    recorded_at: datetime
    occurred_at: datetime
    type: str
    subject: UUID | None
    actor: UUID | None
    thread_id: UUID | None
    turn_id: UUID | None
    rule: str | None
    severity: int | None
    model: str | None
    content_id: UUID | None
    body: bytes
    leaf: bytes

    @property
    def reference(self) -> str:
        """Return the short id that the page and the log file show; empty outside a turn."""
        return short_reference(self.turn_id) if self.turn_id else ""

    @property
    def document(self) -> Mapping[str, object]:
        """Return the body as JSON says it."""
        document: Mapping[str, object] = orjson.loads(self.body)
        return document


_COLUMNS: Final = sql.SQL(", ").join(sql.Identifier(field.name) for field in fields(StoredEvent))


@dataclass(frozen=True, slots=True)
class Search:
    """Which events are wanted; what is not named does not matter.

    Attributes:
        reference: the short id of a turn, as a person read it from the page.
        person_id: who acted, or whom it was about.
        rule: the strictest rule of the guard, by its full name.
    """

    types: frozenset[Tag] = frozenset()
    reference: str = ""
    turn_id: UUID | None = None
    thread_id: UUID | None = None
    person_id: UUID | None = None
    rule: str = ""


class LogReader:
    """Read the log over one connection; use it as `async with`."""

    def __init__(self, reader_url: SecretStr, *, poll_seconds: float = _POLL_SECONDS) -> None:
        self._reader_url = reader_url
        self._poll_seconds = poll_seconds
        self._connection: psycopg.AsyncConnection | None = None

    async def __aenter__(self) -> Self:
        """Connect.

        Raises:
            UnavailableError: the database cannot be reached as the audit reader.
        """
        try:
            self._connection = await connect(self._reader_url, autocommit=True)
            # Several statements see one moment of the log, and none can change it.
            await self._connection.set_isolation_level(psycopg.IsolationLevel.REPEATABLE_READ)
            await self._connection.set_read_only(True)
        except psycopg.OperationalError as error:
            raise UnavailableError("The audit log cannot be read: the database does not answer.") from error
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Disconnect."""
        if self._connection is not None:
            await self._connection.close()

    async def read_newest(
        self, count: int, search: Search | None = None, *, before: UUID | None = None
    ) -> list[StoredEvent]:
        """Return the newest events, the latest last; `before` an id gives the page above it.

        Raises:
            BadInputError: a reference that cannot be one.
            UnavailableError: the database went away.
        """
        conditions = _conditions(search)
        if before is not None:
            conditions.append(sql.SQL("id < {}").format(before))
        async with _one_moment(self._open) as connection:
            return await _select(connection, conditions, newest=min(count, _MOST_A_PAGE))

    async def follow(self, count: int, search: Search | None = None) -> AsyncGenerator[StoredEvent, None]:
        """Yield the newest events and then every one that is committed from now on, none left out and none twice.

        Ids are made before the commit, so a later commit may bring an earlier id. What is new is therefore told by
        what the previous look could not see, not by the largest id.

        Raises:
            BadInputError: a reference that cannot be one.
            UnavailableError: the database went away.
        """
        conditions = _conditions(search)
        async with _one_moment(self._open) as connection:
            seen = await _snapshot(connection)
            events = await _select(connection, conditions, newest=min(count, _MOST_A_PAGE))
        while True:
            for event in events:
                yield event
            await asyncio.sleep(self._poll_seconds)
            async with _one_moment(self._open) as connection:
                now = await _snapshot(connection)
                events = await _select(connection, [*conditions, _unseen_since(seen)])
            seen = now

    @property
    def _open(self) -> psycopg.AsyncConnection:
        if self._connection is None:
            raise UnavailableError("The audit log is not open for reading.")
        return self._connection


@asynccontextmanager
async def _one_moment(connection: psycopg.AsyncConnection) -> AsyncGenerator[psycopg.AsyncConnection, None]:
    """Open a transaction whose statements all see the same log."""
    try:
        async with connection.transaction():
            yield connection
    except psycopg.OperationalError as error:
        raise UnavailableError(
            "The audit log cannot be read: the database went away. Ask again in a minute."
        ) from error


async def _snapshot(connection: psycopg.AsyncConnection) -> str:
    row = await (await connection.execute("SELECT pg_current_snapshot()::text")).fetchone()
    return str(row[0]) if row else ""


async def _select(
    connection: psycopg.AsyncConnection, conditions: Sequence[sql.Composable], *, newest: int | None = None
) -> list[StoredEvent]:
    """Return what meets all conditions, the latest last; all of it, or only the newest."""
    where = sql.SQL(" AND ").join(conditions) if conditions else sql.SQL("true")
    order = sql.SQL("ORDER BY id") if newest is None else sql.SQL("ORDER BY id DESC LIMIT {}").format(newest)
    query = sql.SQL("SELECT {} FROM audit.event WHERE {} {}").format(_COLUMNS, where, order)
    async with connection.cursor(row_factory=class_row(StoredEvent)) as cursor:
        events = await (await cursor.execute(query)).fetchall()
    return events if newest is None else events[::-1]


def _unseen_since(snapshot: str) -> sql.Composed:
    # The first two conditions are what the index needs; the third is what is meant.
    return sql.SQL(
        "era = (SELECT coalesce(max(era), 0::smallint) FROM audit.event) AND xid >= pg_snapshot_xmin({snapshot}) "
        "AND NOT pg_visible_in_snapshot(xid, {snapshot})"
    ).format(snapshot=sql.SQL("{}::pg_snapshot").format(snapshot))


def _conditions(search: Search | None) -> list[sql.Composable]:
    wanted = search or Search()
    conditions: list[sql.Composable] = []
    if wanted.types:
        conditions.append(sql.SQL("type = ANY({})").format([tag.value for tag in sorted(wanted.types)]))
    if wanted.reference:
        conditions.append(_is_turn(tail_of_reference(wanted.reference)))
    if wanted.turn_id:
        conditions.append(_is_turn(str(wanted.turn_id)[-_TAIL_DIGITS:]))
        conditions.append(sql.SQL("turn_id = {}").format(wanted.turn_id))
    if wanted.thread_id:
        conditions.append(sql.SQL("thread_id = {}").format(wanted.thread_id))
    if wanted.person_id:
        conditions.append(
            sql.SQL("(subject = {person} OR actor = {person} AND actor IS DISTINCT FROM subject)").format(
                person=wanted.person_id
            )
        )
    if wanted.rule:
        conditions.append(sql.SQL("rule = {}").format(wanted.rule))
    return conditions


def _is_turn(tail: str) -> sql.Composed:
    return sql.SQL("right(turn_id::text, 8) = {} AND turn_id IS NOT NULL").format(tail)


def tail_of_reference(reference: str) -> str:
    """Return the last eight hexadecimal digits of the turn that a short reference stands for.

    A reference holds three bits more; two turns that differ in nothing but those do not occur.

    Raises:
        BadInputError: it cannot be a reference.
    """
    try:
        bits = parse_reference(reference)
    except ValueError:
        raise BadInputError(
            f"{reference!r} is not a reference: those have seven letters and digits, such as 7QK2M4X."
        ) from None
    return f"{bits & 0xFFFFFFFF:0{_TAIL_DIGITS}x}"
