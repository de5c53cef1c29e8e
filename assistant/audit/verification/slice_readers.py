"""Read slices ahead, in their order: by a thread, or by several processes that share one moment of the database."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import multiprocessing
import queue
import signal
import warnings
from collections.abc import AsyncGenerator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from typing import Final

import psycopg
from psycopg import sql
from pydantic import SecretStr

from assistant.audit.verification.slices import SETTINGS, Slice, SliceQuery, read_slice
from assistant.database import connect_blocking

_SLICES_AHEAD: Final = 2  # of each process; a slice has some megabyte
_LOOK_SECONDS: Final = 0.002
_FORK: Final = multiprocessing.get_context("fork")  # children keep the lock on the network, and start at once

Outcome = Slice | BaseException | None
_Fetch = Callable[[SliceQuery], "Slice | BaseException"]


class SliceReaders:
    """Read slices by so many processes; 0: by a thread of this one.

    The processes start at once, before connections and threads are there that they would inherit.
    """

    def __init__(self, reader_url: SecretStr, processes: int) -> None:
        self._reader_url = reader_url
        self._pipes: list[Connection] = []
        self._children: list[multiprocessing.process.BaseProcess] = []
        self._is_over = False
        for _ in range(processes):
            self._start_child()
        self._threads = ThreadPoolExecutor(max(1, processes), "audit-slices")

    async def read(self, snapshot: str, queries: Sequence[SliceQuery]) -> AsyncGenerator[Slice, None]:
        """Yield the slices in their order.

        Args:
            snapshot: as `pg_export_snapshot` named it.
            queries: one for each slice.

        Raises:
            psycopg.Error: the database went away, or refuses; or a process ended.
        """
        count = max(1, len(self._pipes))
        ready: list[queue.Queue[Outcome]] = [queue.Queue(_SLICES_AHEAD) for _ in range(count)]
        loop = asyncio.get_running_loop()
        workers = [
            loop.run_in_executor(self._threads, self._work, number, snapshot, queries[number::count], ready[number])
            for number in range(count)
        ]
        try:
            for number in range(len(queries)):
                found = await _take(ready[number % count])
                if not isinstance(found, Slice):
                    raise found or psycopg.OperationalError("A slice is missing.")
                yield found
        finally:
            self._is_over = True
            for each in ready:
                _drain(each)
            await asyncio.gather(*workers, return_exceptions=True)

    def close(self) -> None:
        """End the processes."""
        self._is_over = True
        for pipe in self._pipes:
            pipe.close()
        for child in self._children:
            child.terminate()
            child.join()
        self._threads.shutdown(wait=False)

    def _start_child(self) -> None:
        ours, theirs = _FORK.Pipe()
        child = _FORK.Process(target=_serve, args=(theirs, [*self._pipes, ours], self._reader_url), daemon=True)
        with warnings.catch_warnings():
            # Python 3.12 and later warn where threads are. The child touches nothing of theirs: its pipe alone.
            warnings.simplefilter("ignore", DeprecationWarning)
            child.start()
        theirs.close()
        self._pipes.append(ours)
        self._children.append(child)

    def _work(self, number: int, snapshot: str, queries: Sequence[SliceQuery], ready: queue.Queue[Outcome]) -> None:
        try:
            if self._pipes:
                pipe = self._pipes[number]
                pipe.send(snapshot)
                self._hand_over(lambda query: _ask(pipe, query), queries, ready)
            else:
                with _open(self._reader_url, snapshot) as connection:
                    self._hand_over(lambda query: read_slice(connection, query), queries, ready)
        except (EOFError, OSError):
            self._put(ready, psycopg.OperationalError("A process that reads the log ended."))
        except BaseException as error:  # noqa: BLE001 - raised again where it is awaited
            self._put(ready, error)

    def _hand_over(self, fetch: _Fetch, queries: Sequence[SliceQuery], ready: queue.Queue[Outcome]) -> None:
        for query in queries:
            if self._is_over:
                return
            self._put(ready, fetch(query))

    def _put(self, ready: queue.Queue[Outcome], found: Outcome) -> None:
        while not self._is_over:
            with contextlib.suppress(queue.Full):
                ready.put(found, timeout=0.2)
                return


async def _take(ready: queue.Queue[Outcome]) -> Outcome:
    while True:
        with contextlib.suppress(queue.Empty):
            return ready.get_nowait()
        await asyncio.sleep(_LOOK_SECONDS)


def _drain(ready: queue.Queue[Outcome]) -> None:
    with contextlib.suppress(queue.Empty):
        while True:
            ready.get_nowait()


def _ask(pipe: Connection, query: SliceQuery) -> Slice | BaseException:
    pipe.send(query)
    found: Slice | BaseException = pipe.recv()
    return found


def _open(reader_url: SecretStr, snapshot: str) -> psycopg.Connection:
    """Connect, and begin a transaction in the moment that another connection holds open."""
    connection = connect_blocking(reader_url)
    try:
        connection.set_isolation_level(psycopg.IsolationLevel.REPEATABLE_READ)
        connection.set_read_only(True)
        connection.execute(sql.SQL("SET TRANSACTION SNAPSHOT {}").format(sql.Literal(snapshot)))
        for setting in SETTINGS:
            connection.execute(setting)
    except BaseException:
        connection.close()
        raise
    return connection


def _serve(pipe: Connection, others: Sequence[Connection], reader_url: SecretStr) -> None:
    """Read what is asked for, as a process of its own, until nobody asks."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent gets it as well, and ends us
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    for other in others:
        other.close()  # so that the end of the parent is the end of the pipe
    gc.disable()  # nothing here has cycles, and each row makes some objects
    with contextlib.suppress(EOFError, OSError):
        snapshot = pipe.recv()
        try:
            with _open(reader_url, snapshot) as connection:
                while True:
                    pipe.send(read_slice(connection, pipe.recv()))
        except psycopg.Error as error:
            pipe.send(psycopg.OperationalError(str(error)))
