"""A process that appends through an outage and kills itself at a chosen point of it.

Points lie before and after every wait for the database, every write, sync, lock and end of a file; what it
acknowledged went down a pipe first, where a kill cannot reach it.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import signal
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import psycopg

from assistant.audit.events import JobEnqueued
from assistant.audit.writing.detour import SpoolLimits
from tests.integration.spool_scene import SpoolingLog, shut

CALLERS = 3  # each appends once before, twice during and once after the outage
AT_LEAST_SECONDS = 0.005  # until the database is given up

_FILE_CALLS = ((os, "pwrite"), (os, "fdatasync"), (os, "fsync"), (os, "ftruncate"), (os, "unlink"), (fcntl, "flock"))


def append_until(log: SpoolingLog, last_point: int, acknowledge: Callable[[UUID], None]) -> list[str]:
    """Append through an outage, and die at a point; return the names of all points, if it was not reached."""
    passed: list[str] = []

    def point(name: str) -> None:
        passed.append(name)
        if len(passed) == last_point:
            os.kill(os.getpid(), signal.SIGKILL)

    watch_waits(point)
    watch_files(point)
    asyncio.run(_through_an_outage(log, acknowledge))
    return passed


async def _through_an_outage(log: SpoolingLog, acknowledge: Callable[[UUID], None]) -> None:
    async def append() -> None:
        job = uuid4()
        await appender.append(JobEnqueued(actor=None, job_id=job, task="index"))
        acknowledge(job)

    async def append_together() -> None:
        await asyncio.gather(*(append() for _ in range(CALLERS)))

    limits = SpoolLimits(most_seconds=900, most_bytes=1 << 30, after_seconds=AT_LEAST_SECONDS)
    async with log.appender(limits) as appender:
        await append_together()
        shut(log.owner_url, is_shut=True)
        await append_together()
        await append_together()
        shut(log.owner_url, is_shut=False)
        await log.replayed()
        await append_together()


def watch_waits(point: Callable[[str], None]) -> None:
    """Every statement, fetch, commit and rollback of psycopg comes through here."""
    wait = psycopg.AsyncConnection.wait

    async def watched(self: psycopg.AsyncConnection, *arguments: Any, **more: Any) -> Any:
        point("before wait")
        result = await wait(self, *arguments, **more)
        point("after wait")
        return result

    psycopg.AsyncConnection.wait = watched  # type: ignore[method-assign]


def watch_files(point: Callable[[str], None]) -> None:
    """Every change of a spool comes through here; a write also stops in its middle."""
    for module, name in _FILE_CALLS:
        setattr(module, name, _watched(getattr(module, name), name, point))
    pwrite, is_half = os.pwrite, False

    def in_two_halves(descriptor: int, content: Any, offset: int) -> int:
        nonlocal is_half
        is_half = not is_half
        return pwrite(descriptor, content[: len(content) // 2] if is_half else content, offset)

    os.pwrite = in_two_halves  # type: ignore[assignment]


def _watched(call: Callable[..., Any], name: str, point: Callable[[str], None]) -> Callable[..., Any]:
    def watched(*arguments: Any, **more: Any) -> Any:
        point(f"before {name}")
        result = call(*arguments, **more)
        point(f"after {name}")
        return result

    return watched


def report(log: SpoolingLog, last_point: int, acknowledged: Any, answer: Any) -> None:
    """Do it in a process of its own; tell what was acknowledged, and how far it came."""
    answer.send(append_until(log, last_point, lambda job: acknowledged.send_bytes(job.bytes)))
