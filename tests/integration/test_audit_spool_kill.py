"""kill -9 at every point of an outage: nothing acknowledged is lost, nothing is stored twice, the log stays sound.

`make bench-kill` does it at random moments to the whole: appenders, sealer and Postgres, under load.
"""

from __future__ import annotations

import asyncio
import multiprocessing
from collections import Counter
from multiprocessing.context import ForkServerContext
from pathlib import Path
from uuid import UUID

import pytest

from assistant.audit.seals.seal_key import read_public_key
from assistant.audit.verification.findings import Verdict
from assistant.audit.verification.verify import Verifier
from tests.fakes.mortal_appender import CALLERS, report
from tests.integration.conftest import Database
from tests.integration.seal_scene import SealedLog
from tests.integration.spool_scene import SpoolingLog, shut

pytestmark = pytest.mark.integration

LOOK_EVERY = 20  # rounds; a look at the whole log takes as long as three of them


@pytest.fixture(scope="module")
def forks() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.fakes.mortal_appender"])
    return context


def append_and_die(context: ForkServerContext, log: SpoolingLog, point: int) -> tuple[list[UUID], list[str] | None]:
    """Return what was acknowledged, and the names of all points; None when it died at one."""
    told, tell = context.Pipe(duplex=False)
    receive, send = context.Pipe(duplex=False)
    process = context.Process(target=report, args=(log, point, tell, send))
    process.start()
    tell.close()
    send.close()
    process.join(60)
    acknowledged = []
    try:
        while True:
            acknowledged.append(UUID(bytes=told.recv_bytes()))
    except EOFError:
        pass
    try:
        return acknowledged, receive.recv()
    except EOFError:
        assert process.exitcode == -9
        return acknowledged, None
    finally:
        told.close()
        receive.close()
        process.close()


async def adopt(log: SpoolingLog) -> None:
    """Start somebody else, who brings into the log what the dead one left."""
    async with log.appender():
        await log.replayed()


async def is_sound(sealed: SealedLog) -> int:
    await asyncio.to_thread(sealed.seal)
    key = read_public_key(sealed.keys.public_file)
    async with Verifier(sealed.database.audit_reader_url, key) as verifier:
        findings = await verifier.verify()
    assert findings.problems == []
    assert findings.verdict is Verdict.SOUND
    return findings.size


def test_killed_at_every_point(database: Database, tmp_path: Path, forks: ForkServerContext) -> None:
    log = SpoolingLog(database.owner_url, database.audit_writer_url, tmp_path / "spool", database.keys)
    sealed = SealedLog.at(database, tmp_path)
    acknowledged: set[UUID] = set()
    died_with: Counter[int] = Counter()
    point = 1
    while True:
        told, points = append_and_die(forks, log, point)
        shut(log.owner_url, is_shut=False)
        asyncio.run(adopt(log))
        acknowledged.update(told)
        stored = log.jobs()
        assert acknowledged <= set(stored), f"lost after a kill at point {point}"
        assert len(stored) == len(set(stored)), f"doubled after a kill at point {point}"
        if point % LOOK_EVERY == 0 or points is not None:
            asyncio.run(is_sound(sealed))
        if points is not None:
            break
        died_with[len(told)] += 1
        point += 1
    seen = Counter(points)
    calls = ("pwrite", "fdatasync", "fsync", "unlink")
    assert {f"{when} {call}" for when in ("before", "after") for call in calls} <= set(seen)
    assert seen["before fdatasync"] >= 3  # its head, and the events of two waits
    assert set(died_with) >= {0, CALLERS, 2 * CALLERS, 3 * CALLERS}  # before, in and after the outage
    aside = [data for data in log.bodies("log:replayed") if data["unreadable"] or data["conflicts"] or data["refused"]]
    assert aside == []  # only ever torn ends
    assert log.bodies("log:conflicted") == []
