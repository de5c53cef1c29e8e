"""A log whose database goes away and comes back: closed to everybody, in milliseconds, as a stopped server looks."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
from psycopg import sql
from pydantic import SecretStr

from assistant.audit.events import JobEnqueued
from assistant.audit.record import Origin
from assistant.audit.writing.append import Appender
from assistant.audit.writing.detour import SpoolLimits
from assistant.audit.writing.spool import SPOOL_PURPOSE, SpoolFolder
from assistant.database import libpq_dsn, parse_url
from assistant.keys import Keys

ORIGIN = Origin("test", 1, "0.1.0")
_ELSEWHERE = "cloister"  # the database that the server came with
SOON = 0.5  # seconds until the database is given up; a busy machine takes half of that to commit
PLENTY = SpoolLimits(most_seconds=900, most_bytes=1 << 30, after_seconds=SOON)


def job(job_id: UUID) -> JobEnqueued:
    return JobEnqueued(actor=None, job_id=job_id, task="index")


def shut(owner_url: SecretStr, *, is_shut: bool) -> None:
    """Close a database to everybody, and end who is in it; or open it again."""
    name = parse_url(owner_url).database or ""
    with psycopg.connect(libpq_dsn(owner_url), dbname=_ELSEWHERE, autocommit=True) as connection:
        flag = sql.SQL("false" if is_shut else "true")
        connection.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}").format(sql.Identifier(name), flag))
        if is_shut:
            connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])


@contextmanager
def away(owner_url: SecretStr) -> Iterator[None]:
    shut(owner_url, is_shut=True)
    try:
        yield
    finally:
        shut(owner_url, is_shut=False)


@dataclass(frozen=True, slots=True)
class SpoolingLog:
    """A log, and the folder where its processes keep their spools."""

    owner_url: SecretStr
    writer_url: SecretStr
    folder: Path
    keys: Keys

    def appender(self, limits: SpoolLimits | None = PLENTY, *, patience_seconds: float = 10) -> Appender:
        return Appender(self.writer_url, ORIGIN, spools=self.spools(), limits=limits, patience_seconds=patience_seconds)

    def spools(self) -> SpoolFolder:
        return SpoolFolder(self.folder, self.keys.sealer(SPOOL_PURPOSE))

    async def append(self, appender: Appender, jobs: Sequence[UUID]) -> None:
        await asyncio.gather(*(appender.append(job(job_id)) for job_id in jobs))

    async def leave_orphan(self, jobs: Sequence[UUID]) -> Path:
        """Have events wait on the disk of a process that is no more."""
        async with self.appender() as appender:
            shut(self.owner_url, is_shut=True)
            await self.append(appender, jobs)
        shut(self.owner_url, is_shut=False)
        (file,) = self.files()
        return file

    def files(self) -> list[Path]:
        return sorted(self.folder.glob("*.spool"))

    def set_aside(self) -> list[Path]:
        return sorted((self.folder / "unreadable").glob("*"))

    async def replayed(self) -> None:
        """Return once nothing waits any more."""
        end = time.monotonic() + 20
        while self.files():
            assert time.monotonic() < end, "The spool was not replayed."
            await asyncio.sleep(0.01)

    def bodies(self, tag: str) -> list[dict[str, Any]]:
        """What the events of a type say, in the order in which they were recorded."""
        with psycopg.connect(libpq_dsn(self.owner_url)) as connection:
            rows = connection.execute(
                "SELECT body FROM audit.event WHERE type = %s ORDER BY recorded_at, id", [tag]
            ).fetchall()
        return [json.loads(body)["data"] for (body,) in rows]

    def jobs(self) -> list[UUID]:
        return [UUID(data["job_id"]) for data in self.bodies("job:enqueued")]
