"""The appender: many callers, one connection, one commit for all who wait; each returns once its own event is durable.

While one commit is on its way to the disk the next batch collects, so a commit's price is shared by everybody who came
meanwhile. A record is made once and its id never changes, so it may be sent again whenever the fate of a commit is
unknown: the table takes it once. Where the settings say so, records wait in a spool while the database is away.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Final, LiteralString, Self

import psycopg
from pydantic import SecretStr

from assistant.audit.events import Event
from assistant.audit.record import Origin, Record, compose_record
from assistant.audit.writing.content import ContentKeyGoneError, ContentRow
from assistant.audit.writing.detour import Detour, SpoolLimits
from assistant.audit.writing.insert import INSERT, INSERT_AGAIN, Entry, connect_writer, insert
from assistant.audit.writing.spool import SpoolFolder
from assistant.database import TRANSIENT
from assistant.errors import AuditUnavailableError

_log = logging.getLogger(__name__)

_PATIENCE_SECONDS: Final = 10.0  # a restart of Postgres takes less; a person waits no longer
_MOST_IN_A_BATCH: Final = 512  # beyond, a batch gains little and its callers wait longer
_MOST_WAITING: Final = 20_000  # callers; some 30 MB of records while the database is away
_FIRST_PAUSE_SECONDS: Final = 0.05
_LONGEST_PAUSE_SECONDS: Final = 1.0


@dataclass(slots=True, eq=False)
class _Waiting:
    """A record on its way.

    Its caller awaits `stored`, and takes that along when cancelled; the record stays: only `is_refused` stops it.
    """

    entry: Entry
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
        spools: where records wait for the database, and where dead processes may have left some; None: nowhere.
        limits: how much may wait there; None refuses instead, once patience ends.
        patience_seconds: how long an append waits for a database that is away.
        clock: nanoseconds since 1970.
    """

    def __init__(
        self,
        writer_url: SecretStr,
        origin: Origin,
        *,
        spools: SpoolFolder | None = None,
        limits: SpoolLimits | None = None,
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
        self._limits = limits if spools is not None else None
        self._detour = None if spools is None else Detour(writer_url, spools, limits, self.compose)

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
        if self._detour is not None:
            self._detour.start()

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
        await self.enqueue(record, content)

    def enqueue(
        self, record: Record, content: ContentRow | None = None, *, linger_seconds: float = 0.0
    ) -> asyncio.Future[None]:
        """Give a record its place behind those that came before; what is returned tells of its durability.

        Args:
            record: from `compose`.
            content: the text that it is about.
            linger_seconds: how long it may wait for the next one, so that both are one commit. Only for what nothing
                hangs on before that next one.

        Raises:
            AuditUnavailableError: the log is closed, or too much waits for it.
        """
        if self._task is None or self._task.done() or self._is_closing:
            raise AuditUnavailableError("The audit log is not open, so nothing may proceed. Start Cloister again.")
        if len(self._queue) >= _MOST_WAITING:
            raise _unavailable()
        loop = asyncio.get_running_loop()
        waiting = _Waiting(Entry(record, content), loop.time() + self._patience_seconds, loop.create_future())
        self._queue.append(waiting)
        if linger_seconds:
            loop.call_later(linger_seconds, self._has_work.set)
        else:
            self._has_work.set()
        if self._alarm is None:
            self._alarm = loop.call_at(waiting.deadline, self._refuse_overdue)
        return waiting.stored

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
        if self._detour is not None:
            await self._detour.close()
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

    async def _store(self, batch: Sequence[_Waiting], statement: LiteralString = INSERT) -> None:
        """Write a batch, again and again while the database is away, until all is stored, spooled or refused."""
        if await self._spool([waiting for waiting in batch if not waiting.is_refused]):
            return
        pause_seconds, began = _FIRST_PAUSE_SECONDS, time.monotonic()
        while batch := [waiting for waiting in batch if not waiting.is_refused]:
            try:
                await self._write(statement, [waiting.entry for waiting in batch])
            except TRANSIENT as error:
                _log.warning("The audit log cannot be written (%s); trying again.", type(error).__name__)
                await self._disconnect()
                if self._limits and time.monotonic() - began >= self._limits.after_seconds:
                    await self._spool(batch, cause=type(error).__name__)
                    return
                statement = INSERT_AGAIN
                await asyncio.sleep(pause_seconds)
                pause_seconds = min(2 * pause_seconds, _LONGEST_PAUSE_SECONDS)
            except psycopg.Error as error:
                await self._store_around(batch, statement, error)
                return
            else:
                for waiting in batch:
                    waiting.succeed()
                return

    async def _spool(self, batch: Sequence[_Waiting], *, cause: str | None = None) -> bool:
        """Keep a batch on the disk if the database is away, or refuse it with the reason; False when it is there."""
        if self._detour is None or not batch or (cause is None and not self._detour.is_taken):
            return False
        try:
            if not await self._detour.keep([waiting.entry for waiting in batch], cause=cause):
                return False
        except AuditUnavailableError as error:
            for waiting in batch:
                waiting.refuse(AuditUnavailableError(str(error)))
        else:
            for waiting in batch:
                waiting.succeed()
        return True

    async def _store_around(self, batch: Sequence[_Waiting], statement: LiteralString, error: psycopg.Error) -> None:
        """Halve a batch that the database refuses until only the records it refuses are refused."""
        if len(batch) > 1:
            middle = len(batch) // 2
            await self._store(batch[:middle], statement)
            await self._store(batch[middle:], statement)
            return
        refusal = _unavailable()
        if isinstance(error, psycopg.errors.ForeignKeyViolation) and statement == INSERT:  # else it may be stored
            refusal = ContentKeyGoneError("The key of this conversation in the audit log was destroyed. Send again.")
        else:
            _log.error(
                "The audit log refused an event of type %s: %s.", batch[0].entry.record.type, type(error).__name__
            )
        refusal.__cause__ = error
        batch[0].refuse(refusal)

    async def _write(self, statement: LiteralString, entries: Sequence[Entry]) -> None:
        connection = self._connection or await self._connect()
        if self._limits is None:
            await insert(connection, statement, entries)
            return
        # A server that is held still says nothing, and a statement that is cancelled waits for its answer.
        alarm = asyncio.get_running_loop().call_later(self._limits.after_seconds, _hang_up, connection)
        try:
            await insert(connection, statement, entries)
        finally:
            alarm.cancel()

    async def _connect_patiently(self) -> None:
        while True:
            try:
                await self._connect()
            except TRANSIENT as error:
                _log.warning("The audit log cannot be reached (%s); trying again.", type(error).__name__)
                await asyncio.sleep(_FIRST_PAUSE_SECONDS)
            else:
                return

    async def _connect(self) -> psycopg.AsyncConnection:
        self._connection = await connect_writer(self._writer_url)
        return self._connection

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


def _hang_up(connection: psycopg.AsyncConnection) -> None:
    """End a connection under whoever waits for it, so that the wait fails now."""
    with contextlib.suppress(OSError, psycopg.Error), socket.socket(fileno=os.dup(connection.fileno())) as line:
        line.shutdown(socket.SHUT_RDWR)


def _tell_of_death(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        _log.critical("The audit appender ended by a defect; nothing proceeds until a restart.", exc_info=error)


def _unavailable() -> AuditUnavailableError:
    return AuditUnavailableError(
        "Cannot answer now: the audit log is unavailable. Try again in a minute; "
        "if it stays so, tell the administrator."
    )
