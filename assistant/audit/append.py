"""The appender: many callers, one connection, one commit for all who wait; each returns once its own event is durable.

While one commit is on its way to the disk the next batch collects, so a commit's price is shared by everybody who came
meanwhile. A record is made once and its id never changes, so it may be sent again whenever the fate of a commit is
unknown: the table takes it once.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Final, LiteralString, Self

import psycopg
from pydantic import SecretStr

from assistant.audit.content import ContentKeyGoneError, ContentRow
from assistant.audit.events import Event
from assistant.audit.record import Origin, Record, compose_record
from assistant.database import connect
from assistant.errors import AuditUnavailableError

_log = logging.getLogger(__name__)

_PATIENCE_SECONDS: Final = 10.0  # a restart of Postgres takes less; a person waits no longer
_MOST_IN_A_BATCH: Final = 512  # beyond, a batch gains little and its callers wait longer
_MOST_WAITING: Final = 20_000  # callers; some 30 MB of records while the database is away
_FIRST_PAUSE_SECONDS: Final = 0.05
_LONGEST_PAUSE_SECONDS: Final = 1.0

# What another connection, or the same one a moment later, can mend: a server that is away, starting, full or a standby.
_TRANSIENT: Final = (psycopg.OperationalError, psycopg.InterfaceError, psycopg.InternalError, OSError)

_APPLICATION_NAME: Final = "cloister-audit-writer"  # as `pg_stat_activity` shows it

# In the order of `Record`: id, time, type; four ids; rule, severity, model, host, persona; an id; body and leaf.
_COLUMN_TYPES: Final = (
    *("uuid", "timestamptz", "text"),
    *("uuid", "uuid", "uuid", "uuid"),
    *("text", "smallint", "text", "text", "text"),
    *("uuid", "bytea", "bytea"),
)
_INSERT: Final = (
    f"INSERT INTO audit.event ({', '.join(Record._fields)}) SELECT * FROM "  # noqa: S608 - constants
    f"unnest({', '.join(f'%b::{kind}[]' for kind in _COLUMN_TYPES)})"
)
# Only for what may be there already: the clause costs a fifth of the server's time. It names no conflict target, for
# that would need the right to read the log, which the writer does not have.
_INSERT_AGAIN: Final = f"{_INSERT} ON CONFLICT DO NOTHING"
_INSERT_CONTENT: Final = (
    f"INSERT INTO audit.content ({', '.join(ContentRow._fields)}) SELECT * FROM "  # noqa: S608 - constants
    "unnest(%b::uuid[], %b::uuid[], %b::uuid[], %b::text[], %b::uuid[], %b::bytea[])"
)
# Events and their texts in one statement, so in one transaction; a batch without texts goes without.
_WITH_CONTENT: Final[Mapping[LiteralString, LiteralString]] = {
    _INSERT: f"WITH kept AS ({_INSERT_CONTENT}) {_INSERT}",
    _INSERT_AGAIN: f"WITH kept AS ({_INSERT_CONTENT} ON CONFLICT DO NOTHING) {_INSERT_AGAIN}",
}


@dataclass(slots=True, eq=False)
class _Waiting:
    """A record on its way.

    Its caller awaits `stored`, and takes that along when cancelled; the record stays: only `is_refused` stops it.
    """

    record: Record
    content: ContentRow | None
    deadline: float
    stored: asyncio.Future[None]
    is_refused: bool = False

    def succeed(self) -> None:
        if not self.stored.done():
            self.stored.set_result(None)

    def refuse(self, error: AuditUnavailableError) -> None:
        self.is_refused = True
        if not self.stored.done():
            self.stored.set_exception(error)


class Appender:
    """Append events durably; one a process, on the loop where it was started.

    An event whose caller was refused may still be found in the log later: its commit was on the way when patience
    ended. An event that was acknowledged is always found.

    Args:
        writer_url: the database as the audit writer.
        origin: this process.
        patience_seconds: how long an append waits for a database that is away.
        clock: nanoseconds since 1970.
    """

    def __init__(
        self,
        writer_url: SecretStr,
        origin: Origin,
        *,
        patience_seconds: float = _PATIENCE_SECONDS,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self._writer_url = writer_url
        self._origin = origin
        self._patience_seconds = patience_seconds
        self._clock = clock
        self._connection: psycopg.AsyncConnection | None = None
        self._queue: deque[_Waiting] = deque()
        self._in_flight: Sequence[_Waiting] = ()
        self._has_work = asyncio.Event()
        self._alarm: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None
        self._is_closing = False

    async def __aenter__(self) -> Self:
        """Start."""
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        await self.close()

    @property
    def is_connected(self) -> bool:
        """Tell whether the log was open when it was last written to."""
        return self._task is not None and not self._task.done() and self._connection is not None

    async def start(self) -> None:
        """Connect, and begin to take events.

        Raises:
            AuditUnavailableError: the database cannot be reached as the audit writer.
        """
        try:
            async with asyncio.timeout(self._patience_seconds):
                await self._connect_patiently()
        except TimeoutError:
            raise _unavailable() from None
        self._task = asyncio.create_task(self._store_batches(), name="audit-appender")
        self._task.add_done_callback(_tell_of_death)

    async def append(self, event: Event) -> None:
        """Return once the event is durable. Cancelling the caller does not cancel its event.

        Raises:
            AuditUnavailableError: it could not be made durable in time; what it stands for must not go on.
            ValueError: the event has no canonical form, or is larger than the log takes.
        """
        await self.append_record(self.compose(event))

    def compose(self, event: Event) -> Record:
        """Return an event as `append` stores it, for a caller that must know its id before it is stored.

        Raises:
            ValueError: see `append`.
        """
        return compose_record(event, self._origin, self._clock())

    async def append_record(self, record: Record, content: ContentRow | None = None) -> None:
        """Return once a record is durable, as `append` does, and with it the text that it is about.

        Raises:
            ContentKeyGoneError: the text's key was destroyed; neither is stored.
            AuditUnavailableError: see `append`.
        """
        if self._task is None or self._task.done() or self._is_closing:
            raise AuditUnavailableError("The audit log is not open, so nothing may proceed. Start Cloister again.")
        if len(self._queue) >= _MOST_WAITING:
            raise _unavailable()
        loop = asyncio.get_running_loop()
        waiting = _Waiting(record, content, loop.time() + self._patience_seconds, loop.create_future())
        self._queue.append(waiting)
        self._has_work.set()
        if self._alarm is None:
            self._alarm = loop.call_at(waiting.deadline, self._refuse_overdue)
        await waiting.stored

    async def close(self) -> None:
        """Take no more events, store those that wait, and disconnect."""
        self._is_closing = True
        self._has_work.set()
        if self._task is not None:
            # Every record is stored or refused within the patience; the rest of a second lets its callers know.
            await asyncio.wait({self._task}, timeout=self._patience_seconds + 1)
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._alarm is not None:
            self._alarm.cancel()
        self._refuse(lambda _: True)
        await self._disconnect()

    async def _store_batches(self) -> None:
        while self._queue or not self._is_closing:
            await self._has_work.wait()
            await asyncio.sleep(0)  # callers who were just acknowledged may join: one commit instead of two half empty
            self._in_flight = [self._queue.popleft() for _ in range(min(len(self._queue), _MOST_IN_A_BATCH))]
            if not self._queue and not self._is_closing:
                self._has_work.clear()
            await self._store(self._in_flight)
            self._in_flight = ()

    async def _store(self, batch: Sequence[_Waiting], statement: LiteralString = _INSERT) -> None:
        """Write a batch, again and again while the database is away, until all is stored or refused."""
        pause_seconds = _FIRST_PAUSE_SECONDS
        while batch := [waiting for waiting in batch if not waiting.is_refused]:
            try:
                await self._write(statement, batch)
            except _TRANSIENT as error:
                _log.warning("The audit log cannot be written (%s); trying again.", type(error).__name__)
                await self._disconnect()
                statement = _INSERT_AGAIN
                await asyncio.sleep(pause_seconds)
                pause_seconds = min(2 * pause_seconds, _LONGEST_PAUSE_SECONDS)
            except psycopg.Error as error:
                await self._store_around(batch, statement, error)
                return
            else:
                for waiting in batch:
                    waiting.succeed()
                return

    async def _store_around(self, batch: Sequence[_Waiting], statement: LiteralString, error: psycopg.Error) -> None:
        """Halve a batch that the database refuses until only the records it refuses are refused."""
        if len(batch) > 1:
            middle = len(batch) // 2
            await self._store(batch[:middle], statement)
            await self._store(batch[middle:], statement)
            return
        refusal = _unavailable()
        if isinstance(error, psycopg.errors.ForeignKeyViolation) and statement == _INSERT:  # else it may be stored
            refusal = ContentKeyGoneError("The key of this conversation in the audit log was destroyed. Send again.")
        else:
            _log.error("The audit log refused an event of type %s: %s.", batch[0].record.type, type(error).__name__)
        refusal.__cause__ = error
        batch[0].refuse(refusal)

    async def _write(self, statement: LiteralString, batch: Sequence[_Waiting]) -> None:
        connection = self._connection or await self._connect()
        columns = [list(column) for column in zip(*[waiting.record for waiting in batch], strict=True)]
        contents = [waiting.content for waiting in batch if waiting.content is not None]
        if contents:
            statement = _WITH_CONTENT[statement]
            columns = [*(list(column) for column in zip(*contents, strict=True)), *columns]
        await connection.execute(statement, columns)

    async def _connect_patiently(self) -> None:
        while True:
            try:
                await self._connect()
            except _TRANSIENT as error:
                _log.warning("The audit log cannot be reached (%s); trying again.", type(error).__name__)
                await asyncio.sleep(_FIRST_PAUSE_SECONDS)
            else:
                return

    async def _connect(self) -> psycopg.AsyncConnection:
        """Connect so that each statement is a transaction of its own, durable when it returns."""
        connection = await connect(
            self._writer_url, autocommit=True, prepare_threshold=1, application_name=_APPLICATION_NAME
        )
        try:
            await connection.execute("SET synchronous_commit = on")  # whatever the server's own setting is
        except BaseException:
            await connection.close()
            raise
        self._connection = connection
        return connection

    async def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    def _refuse_overdue(self) -> None:
        """Refuse whoever waited too long, and set the alarm for whoever waits longest now."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        self._refuse(lambda waiting: waiting.deadline <= now)
        deadlines = [waiting.deadline for waiting in (*self._in_flight, *self._queue) if not waiting.is_refused]
        self._alarm = loop.call_at(min(deadlines), self._refuse_overdue) if deadlines else None

    def _refuse(self, is_overdue: Callable[[_Waiting], bool]) -> None:
        for waiting in (*self._in_flight, *self._queue):
            if is_overdue(waiting) and not waiting.is_refused:
                waiting.refuse(_unavailable())


def _tell_of_death(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        _log.critical("The audit appender ended by a defect; nothing proceeds until a restart.", exc_info=error)


def _unavailable() -> AuditUnavailableError:
    return AuditUnavailableError(
        "Cannot answer now: the audit log is unavailable. Try again in a minute; "
        "if it stays so, tell the administrator."
    )
