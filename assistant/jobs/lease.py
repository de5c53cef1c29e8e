"""A worker's hold on a job: it ends by itself when the worker goes silent, and nobody writes without it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from uuid import UUID

from sqlalchemy import func, update
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlmodel import col

from assistant.database import transaction
from assistant.errors import UnavailableError
from assistant.jobs.job import Job, JobState
from assistant.jobs.tables import JobRow

_log = logging.getLogger(__name__)

_BEATS_PER_LEASE = 3  # two heartbeats may be lost before the lease is


class LeaseLostError(Exception):
    """The job was cancelled, or another worker holds it now: stop, and leave no trace."""


class Lease:
    """The right to work on one job and to say how it went.

    Attributes:
        job: the job as it was when it was taken.
        is_lost: set once a heartbeat found that the lease is somebody else's, or nobody's.
    """

    def __init__(self, engine: AsyncEngine, job: Job, token: UUID, seconds: float) -> None:
        self.job = job
        self.is_lost = False
        self._engine = engine
        self._token = token
        self._seconds = seconds
        self._held_until = time.monotonic() + seconds

    async def heartbeat(self) -> bool:
        """Prolong the lease; tell whether it is still held."""
        return await self._write(lease_until=func.now() + timedelta(seconds=self._seconds))

    async def progress(self, percent: int, words: str) -> None:
        """Show how far the job is, and prolong the lease.

        Args:
            percent: 0 to 100.
            words: the present step, for a person; never text from a document.

        Raises:
            LeaseLostError: the job is not ours any more.
        """
        until = func.now() + timedelta(seconds=self._seconds)
        if not await self._write(percent=percent, detail=words, lease_until=until):
            raise LeaseLostError

    async def finish(self, words: str = "Done.") -> bool:
        """End the job well; tell whether it was still ours to end."""
        return await self._end(state=JobState.DONE, percent=100, detail=words)

    async def fail(self, words: str) -> bool:
        """End the job without success; `words` tell the person why and what to do."""
        return await self._end(state=JobState.FAILED, detail=words)

    async def give_back(self, words: str, *, wait_seconds: float) -> bool:
        """Let the job be tried again after a pause."""
        until = func.now() + timedelta(seconds=wait_seconds)
        return await self._write(state=JobState.QUEUED, detail=words, token=None, lease_until=until)

    async def run(self, work: Callable[[Lease], Awaitable[str]]) -> str:
        """Do the work while the lease is held, and return its closing words.

        Raises:
            LeaseLostError: the lease was lost meanwhile; the work was cancelled.
        """
        working = asyncio.ensure_future(work(self))
        beating = asyncio.ensure_future(self._beat())
        try:
            await asyncio.wait({working, beating}, return_when=asyncio.FIRST_COMPLETED)
            if working.done():
                return working.result()
            raise LeaseLostError
        finally:
            for task in (working, beating):
                task.cancel()
            await asyncio.gather(working, beating, return_exceptions=True)

    async def _beat(self) -> None:
        """Prolong the lease until it is lost; a database that is away for a moment does not lose it at once."""
        while not self.is_lost:
            await asyncio.sleep(self._seconds / _BEATS_PER_LEASE)
            with contextlib.suppress(UnavailableError):
                await self.heartbeat()
            if time.monotonic() > self._held_until:
                self.is_lost = True

    async def _end(self, **values: object) -> bool:
        return await self._write(token=None, lease_until=None, finished_at=func.now(), **values)

    async def _write(self, **values: object) -> bool:
        statement = (
            update(JobRow)
            .where(
                col(JobRow.id) == self.job.id,
                col(JobRow.token) == self._token,
                col(JobRow.state) == JobState.RUNNING,
            )
            .values(**values)
            .returning(col(JobRow.id))
        )
        asked_at = time.monotonic()
        async with transaction(self._engine) as connection:
            is_held = (await connection.execute(statement)).first() is not None
        if is_held:
            self._held_until = asked_at + self._seconds
        else:
            self.is_lost = True
        return is_held
