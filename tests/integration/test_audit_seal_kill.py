"""kill -9 of the sealer at every point where it waits: nothing acknowledged is lost or doubled, the log stays sound.

`make bench-kill ROUNDS=300` does it to the real process, under load, and to Postgres too.
"""

from __future__ import annotations

import asyncio
import multiprocessing
from multiprocessing.context import ForkServerContext
from pathlib import Path

import pytest

from assistant.audit.seals.seal_key import read_public_key
from assistant.audit.verification.findings import Verdict
from assistant.audit.verification.verify import Verifier
from tests.fakes.mortal_sealer import report
from tests.integration.conftest import Database
from tests.integration.seal_scene import SealedLog

pytestmark = pytest.mark.integration

NEVER = 0
EVENTS = 90  # a round; every third fills a tile


@pytest.fixture(scope="module")
def forks() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.fakes.mortal_sealer"])
    return context


def seal_and_die(context: ForkServerContext, log: SealedLog, point: int) -> int | None:
    """Return how many points there were; None when it died at one."""
    receive, send = context.Pipe(duplex=False)
    url, file = log.database.audit_sealer_url.get_secret_value(), str(log.keys._file)
    process = context.Process(target=report, args=(url, file, point, send))
    process.start()
    send.close()
    process.join(60)
    try:
        return int(receive.recv())
    except EOFError:
        assert process.exitcode == -9
        return None
    finally:
        receive.close()
        process.close()


def is_sound(log: SealedLog) -> int:
    async def run() -> int:
        key = read_public_key(log.keys.public_file)
        async with Verifier(log.database.audit_reader_url, key) as verifier:
            findings = await verifier.verify()
            assert findings.problems == []
            assert findings.verdict in (Verdict.SOUND, Verdict.COULD_NOT_CHECK)
            return findings.size

    return asyncio.run(run())


def test_killed_at_every_point(database: Database, tmp_path: Path, forks: ForkServerContext) -> None:
    log = SealedLog.at(database, tmp_path)
    log.append(EVENTS)
    log.seal()
    acknowledged = EVENTS
    point, sizes = 1, [EVENTS]
    while True:
        log.append(EVENTS)
        log.rotate()
        acknowledged += EVENTS + 1
        points = seal_and_die(forks, log, point)
        sizes.append(is_sound(log))
        if points is not None:
            break
        point += 1
    assert point > 50  # as many as there are
    assert sizes == sorted(sizes)
    log.seal()
    assert is_sound(log) == acknowledged
    assert len(log.rows("SELECT id FROM audit.event")) == acknowledged
    assert len(set(sizes)) > 20  # some died before their commit, some after it


def test_killed_before_there_is_a_key(database: Database, tmp_path: Path, forks: ForkServerContext) -> None:
    for point in range(1, 200):
        folder = tmp_path / str(point)
        folder.mkdir()
        log = SealedLog.at(database, folder)
        if log.heads():
            break
        log.append(1)
        if seal_and_die(forks, log, point) is None and not log.heads():
            assert list(folder.glob("seal.key")) == [] or log.keys.read().current.public == read_public_key(
                log.keys.public_file
            )
    assert log.heads()
