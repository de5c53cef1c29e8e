"""The way of records around a database that is away: into a spool, and from there into the log, in their order.

Replaying is safe to repeat: an id is taken once. A spool is deleted after its last record and the note about it are in
the log; one that holds anything unreadable, refused or in conflict with the log is set aside for a person instead.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Final, ParamSpec, TypeVar

import psycopg
from pydantic import SecretStr

from assistant.audit.events import Event, LogConflicted, LogReplayed, LogSpooled, TextDropped
from assistant.audit.record import Record
from assistant.audit.writing.insert import (
    INSERT,
    INSERT_AGAIN,
    Entry,
    connect_writer,
    find_conflicts,
    insert,
)
from assistant.audit.writing.spool import Spool, SpoolFolder, Stretch, size_of
from assistant.database import TRANSIENT
from assistant.errors import AuditUnavailableError
from assistant.repeating import is_set_within

P = ParamSpec("P")
T = TypeVar("T")

_log = logging.getLogger(__name__)

_AT_ONCE: Final = 512  # records; a statement of some half a megabyte
_MOST_ORPHANS: Final = 64  # open files; what is left is taken afterwards
_FIRST_PAUSE_SECONDS: Final = 0.05
_LONGEST_PAUSE_SECONDS: Final = 1.0
_CLOSING_SECONDS: Final = 1.0  # for the statement that is on its way
_AFTER_A_FAULT_SECONDS: Final = 1.0  # until a disk that failed is tried again


@dataclass(frozen=True, slots=True)
class SpoolLimits:
    """How much may wait, in one process and one outage.

    Attributes:
        after_seconds: how long the database is waited for before anything is spooled; a short restart takes less.
    """

    most_seconds: float
    most_bytes: int
    after_seconds: float = 2.0


@dataclass(slots=True)
class _Replay:
    """A spool on its way into the log, and what has come of it so far."""

    spool: Spool
    place: int
    records: int = 0
    added: int = 0
    unreadable: int = 0
    torn_bytes: int = 0
    refused: int = 0
    conflicts: int = 0
    erased_texts: int = 0
    oldest: datetime | None = None
    is_noted: bool = False

    @classmethod
    def of(cls, spool: Spool) -> _Replay:
        return cls(spool, spool.begin)

    @property
    def is_at_end(self) -> bool:
        return self.place >= self.spool.size

    @property
    def is_clean(self) -> bool:
        return not (self.unreadable or self.torn_bytes or self.refused or self.conflicts)

    def note(self, now: datetime) -> LogReplayed:
        late = (now - self.oldest).total_seconds() if self.oldest else 0.0
        return LogReplayed(
            spool=self.spool.path.stem,
            records=self.records,
            added=self.added,
            unreadable=self.unreadable,
            torn_bytes=self.torn_bytes,
            refused=self.refused,
            conflicts=self.conflicts,
            erased_texts=self.erased_texts,
            oldest_seconds=max(0, int(late)),
        )


@dataclass(slots=True)
class _Outage:
    """Since when the database is away, and what waits for it."""

    cause: str
    began: float
    open: _Replay | None = None
    broken: list[_Replay] = field(default_factory=list)
    not_before: float = 0.0  # after a fault of the disk

    @property
    def spooled_bytes(self) -> int:
        return sum(replay.spool.size for replay in (self.open, *self.broken) if replay is not None)


class Detour:
    """Keep records while the database is away, and bring them into the log afterwards; also those of dead processes.

    Args:
        writer_url: the database as the audit writer.
        folder: where spools lie.
        limits: None spools nothing; what earlier processes left is brought into the log all the same.
        compose: makes the record of an event of this process.
        clock: seconds, from any moment on.
    """

    def __init__(
        self,
        writer_url: SecretStr,
        folder: SpoolFolder,
        limits: SpoolLimits | None,
        compose: Callable[[Event], Record],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._writer_url = writer_url
        self._folder = folder
        self.limits = limits
        self._compose = compose
        self._clock = clock
        self._outage: _Outage | None = None
        self._closed: list[_Replay] = []  # nothing more is added to these
        self._lock = asyncio.Lock()  # whoever adds to the open spool, or ends the outage
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="audit-spool")  # a disk may take its time
        self._way_back: asyncio.Task[None] | None = None
        self._is_closing = asyncio.Event()

    @property
    def is_taken(self) -> bool:
        """Tell whether records go this way now."""
        return self._outage is not None

    def start(self) -> None:
        """Begin to look for what dead processes left."""
        self._come_back()

    async def keep(self, entries: Sequence[Entry], *, cause: str | None = None) -> bool:
        """Return True once entries are on this machine's disk, and False when the database is back meanwhile.

        Args:
            entries: at least one.
            cause: what is wrong with the database, as whoever misses it first says.

        Raises:
            AuditUnavailableError: they may not or cannot wait here; says why.
        """
        async with self._lock:
            if self._outage is None:
                if cause is None:
                    return False
                _log.warning("The audit log cannot be written (%s); its events wait on this machine's disk.", cause)
                self._outage = _Outage(cause, self._clock())
            self._come_back()
            try:
                await self._keep(self._outage, list(entries))
            except OSError as error:
                _log.error("The audit log's events cannot wait on this machine's disk: %s.", error.strerror)
                self._give_up_file(self._outage)
                raise _cannot_wait(error.strerror or type(error).__name__) from error
            return True

    async def close(self) -> None:
        """Let go of everything; what waits is brought into the log by whoever starts next."""
        self._is_closing.set()
        if self._way_back is not None:
            # A connection that is cancelled while it is made stays open on the server for a minute.
            await asyncio.wait({self._way_back}, timeout=_CLOSING_SECONDS)
            self._way_back.cancel()
            await asyncio.gather(self._way_back, return_exceptions=True)
        await asyncio.to_thread(self._thread.shutdown)
        outage = self._outage
        for replay in (*self._closed, *((outage.open, *outage.broken) if outage else ())):
            if replay is not None:
                replay.spool.close()
        self._outage, self._closed = None, []

    async def _keep(self, outage: _Outage, entries: list[Entry]) -> None:
        limits, now = self.limits, self._clock()
        if limits is None:
            raise _cannot_wait("the settings say deny")
        if now - outage.began > limits.most_seconds:
            raise _cannot_wait(f"the database is away for more than {limits.most_seconds / 60:g} minutes")
        if outage.spooled_bytes + sum(map(size_of, entries)) > limits.most_bytes:
            raise _cannot_wait(f"more than {limits.most_bytes:,} bytes wait already")
        if now < outage.not_before:
            raise _cannot_wait("the disk failed a moment ago")
        if outage.open is None:
            outage.open = _Replay.of(await self._on_thread(self._folder.create))
            note = LogSpooled(spool=outage.open.spool.path.stem, cause=outage.cause)
            entries.insert(0, Entry(self._compose(note)))
        await self._on_thread(outage.open.spool.append, entries)

    def _give_up_file(self, outage: _Outage) -> None:
        """Use another file after the disk failed, and not at once: what the old one has is still replayed."""
        outage.not_before = self._clock() + _AFTER_A_FAULT_SECONDS
        replay, outage.open = outage.open, None
        if replay is None:
            return
        if replay.spool.size > replay.spool.begin:
            outage.broken.append(replay)
        else:
            with contextlib.suppress(OSError):  # it holds nothing; whoever finds it removes it
                replay.spool.remove()

    def _come_back(self) -> None:
        if self._way_back is None or self._way_back.done():
            self._way_back = asyncio.create_task(self._replay_patiently(), name="audit-replay")
            self._way_back.add_done_callback(_tell_of_death)

    async def _replay_patiently(self) -> None:
        """Try until everything is in the log and nothing goes this way any more."""
        pause_seconds = _FIRST_PAUSE_SECONDS
        while not self._is_closing.is_set():
            try:
                if await self._replay_everything():
                    return
            except TRANSIENT as error:
                _log.debug("What waits for the audit log cannot be brought there yet (%s).", type(error).__name__)
            await is_set_within(self._is_closing, pause_seconds)
            pause_seconds = min(2 * pause_seconds, _LONGEST_PAUSE_SECONDS)

    async def _replay_everything(self) -> bool:
        """Replay what waits; True when nothing is left to do."""
        self._closed += map(_Replay.of, await self._on_thread(self._folder.take_orphans, _MOST_ORPHANS))
        if self._outage is None and not self._closed:
            return True
        async with await connect_writer(self._writer_url) as connection:
            if self._outage is not None:
                await self._end_outage(self._outage, connection)
            while self._closed:
                if not await self._replay_to_end(self._closed[0], connection):
                    break
                await self._finish(self._closed[0], connection)
                del self._closed[0]
        return False  # more may lie there: of processes that died meanwhile, or more than were taken at once

    async def _end_outage(self, outage: _Outage, connection: psycopg.AsyncConnection) -> None:
        """Replay while more comes, until nothing is left; what comes then goes into the database directly."""
        while True:
            replay = outage.open
            if replay is not None and not await self._replay_to_end(replay, connection):
                return
            async with self._lock:
                if outage.open is None or (outage.open is replay and replay.is_at_end):
                    self._closed[:0] = [*outage.broken, *([outage.open] if outage.open else [])]
                    self._outage = None
                    _log.warning("The audit log can be written again.")
                    return

    async def _replay_to_end(self, replay: _Replay, connection: psycopg.AsyncConnection) -> bool:
        """Return True at its end, and False when the process wants to end before that."""
        while not replay.is_at_end:
            if self._is_closing.is_set():
                return False
            found = await self._on_thread(_read, replay, _AT_ONCE)
            if found.entries:
                await self._store(replay, found.entries, connection)
            replay.place = found.end
            replay.records += len(found.entries)
            replay.unreadable += found.unreadable
            replay.torn_bytes += found.torn_bytes
            replay.oldest = replay.oldest or (found.entries[0].record.occurred_at if found.entries else None)
        return True

    async def _store(self, replay: _Replay, entries: Sequence[Entry], connection: psycopg.AsyncConnection) -> None:
        """Add what may be there already; halve what the database refuses until only that is left out."""
        try:
            added = await insert(connection, INSERT_AGAIN, entries)
        except TRANSIENT:
            raise
        except psycopg.Error as error:
            if len(entries) > 1:
                middle = len(entries) // 2
                await self._store(replay, entries[:middle], connection)
                await self._store(replay, entries[middle:], connection)
            else:
                await self._store_without(replay, entries[0], error, connection)
            return
        replay.added += added
        if added < len(entries):
            await self._tell_of_conflicts(replay, entries, connection)

    async def _store_without(
        self, replay: _Replay, entry: Entry, error: psycopg.Error, connection: psycopg.AsyncConnection
    ) -> None:
        """Add an event without its text if the text's key was destroyed, as erasing leaves it; else leave it out."""
        if entry.content is not None and isinstance(error, psycopg.errors.ForeignKeyViolation):
            replay.erased_texts += 1
            note = TextDropped(thread_id=entry.content.thread_id, event_id=entry.record.id)
            await self._store(replay, [Entry(entry.record)], connection)
            await insert(connection, INSERT, [Entry(self._compose(note))])
            return
        _log.error("The audit log refused a spooled %s: %s.", entry.record.type, type(error).__name__)
        replay.refused += 1

    async def _tell_of_conflicts(
        self, replay: _Replay, entries: Sequence[Entry], connection: psycopg.AsyncConnection
    ) -> None:
        conflicts = await find_conflicts(connection, entries)
        for identifier in conflicts:
            _log.error("The audit log has another event than the spooled one of the same id, %s.", identifier)
            await insert(connection, INSERT, [Entry(self._compose(LogConflicted(event_id=identifier)))])
        replay.conflicts += len(conflicts)

    async def _finish(self, replay: _Replay, connection: psycopg.AsyncConnection) -> None:
        """Note in the log what came late, and only then let go of the file; a disk that keeps it is asked again."""
        if not replay.is_noted:
            await insert(connection, INSERT, [Entry(self._compose(replay.note(datetime.now(UTC))))])
            replay.is_noted = True
        if replay.is_clean:
            await self._on_thread(replay.spool.remove)
            _log.info("%d events that waited on the disk are in the audit log.", replay.records)
        else:
            place = await self._on_thread(replay.spool.set_aside)
            _log.error("Not every spooled event could be brought into the audit log. Look at %s.", place)

    async def _on_thread(self, work: Callable[P, T], *arguments: P.args, **more: P.kwargs) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, partial(work, *arguments, **more))


def _read(replay: _Replay, most: int) -> Stretch:
    """Read on; what the disk does not give is unreadable, as what was changed is."""
    try:
        return replay.spool.read(replay.place, most)
    except OSError as error:
        _log.error("%s cannot be read: %s.", replay.spool.path.name, error.strerror)
        return Stretch(replay.spool.size, torn_bytes=replay.spool.size - replay.place)


def _cannot_wait(reason: str) -> AuditUnavailableError:
    return AuditUnavailableError(
        f"Cannot answer now: the audit log is unavailable, and its events may not wait on this machine: {reason}. "
        "Tell the administrator."
    )


def _tell_of_death(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        _log.critical("Replaying the audit log's spool ended by a defect; its files stay.", exc_info=error)
