"""The appender on a real server: acknowledged means durable, whoever is cancelled or killed meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psutil
import psycopg
import pytest
from pydantic import SecretStr

from assistant.audit.events import FeedbackGiven, JobEnqueued, LogOpened, LogRead
from assistant.audit.record import Origin, derive_record
from assistant.audit.writing.append import Appender
from assistant.database import libpq_dsn
from assistant.database_roles import AUDIT_WRITER_ROLE, url_for_role
from assistant.embedded.postgres import EmbeddedPostgres
from assistant.errors import AuditUnavailableError
from assistant.keys import Keys
from assistant.migrations import migrate
from tests.integration.conftest import Database

pytestmark = pytest.mark.integration

_ORIGIN = Origin("test", 1, "0.1.0")


@dataclass(frozen=True, slots=True)
class _MortalLog:
    """A log on a server that the test may kill."""

    server: EmbeddedPostgres
    writer_url: SecretStr


@pytest.fixture(scope="module")
def mortal(tmp_path_factory: pytest.TempPathFactory, keys: Keys) -> Iterator[_MortalLog]:
    # A killed process loses nothing that it wrote, synced or not; only a power cut does. So no fsync here either.
    with EmbeddedPostgres(tmp_path_factory.mktemp("m"), options={"fsync": "off"}) as server:
        migrate(server.owner_url, keys)
        yield _MortalLog(server, url_for_role(server.owner_url, AUDIT_WRITER_ROLE, keys))


def _job(job_id: UUID) -> JobEnqueued:
    return JobEnqueued(actor=None, job_id=job_id, task="index")


def _stored_jobs(owner_url: SecretStr) -> list[UUID]:
    with psycopg.connect(libpq_dsn(owner_url)) as connection:
        bodies = connection.execute("SELECT body FROM audit.event WHERE type = 'job:enqueued' ORDER BY id").fetchall()
    return [UUID(json.loads(body)["data"]["job_id"]) for (body,) in bodies]


async def test_an_acknowledged_event_is_in_the_log_with_every_column_derivable(database: Database) -> None:
    actor, thread, turn = uuid4(), uuid4(), uuid4()
    async with Appender(database.audit_writer_url, _ORIGIN) as appender:
        await appender.append(LogOpened(process="test"))
        await appender.append(
            FeedbackGiven(actor=actor, thread_id=thread, turn_id=turn, message_id=uuid4(), is_helpful=True)
        )
        with psycopg.connect(libpq_dsn(database.owner_url)) as connection:
            rows = connection.execute(
                "SELECT id, occurred_at, type, subject, actor, thread_id, turn_id, rule, severity, model, host, "
                "persona, content_id, body, leaf, tableoid::regclass::text, xid IS NOT NULL, "
                "recorded_at < now() + interval '9 s' "
                "FROM audit.event ORDER BY id"
            ).fetchall()
    for row in rows:
        assert row[:15] == derive_record(row[13])
        assert row[15:] == (time.strftime("audit.event_%Y_%m", time.gmtime()), True, True)
    assert [row[2] for row in rows] == ["log:opened", "feedback:given"]
    assert rows[1][3:7] == (actor, actor, thread, turn)


async def test_callers_who_wait_together_share_a_commit(database: Database) -> None:
    async with Appender(database.audit_writer_url, _ORIGIN) as appender:
        await asyncio.gather(*(appender.append(_job(uuid4())) for _ in range(200)))
    with psycopg.connect(libpq_dsn(database.owner_url)) as connection:
        counts = connection.execute("SELECT count(*), count(DISTINCT xid) FROM audit.event").fetchone()
    assert counts is not None
    assert counts[0] == 200
    assert counts[1] <= 3


async def test_what_may_linger_goes_with_the_next_one_in_its_order(database: Database) -> None:
    jobs = [uuid4() for _ in range(3)]
    async with Appender(database.audit_writer_url, _ORIGIN) as appender:
        begun = [appender.enqueue(appender.compose(_job(job)), linger_seconds=3600.0) for job in jobs[:2]]
        await appender.append(_job(jobs[2]))
        assert all(one.done() and one.exception() is None for one in begun)
    with psycopg.connect(libpq_dsn(database.owner_url)) as connection:
        commits = connection.execute("SELECT count(DISTINCT xid) FROM audit.event").fetchone()
    assert commits == (1,)
    assert _stored_jobs(database.owner_url) == jobs


async def test_what_may_linger_does_not_wait_for_ever(database: Database) -> None:
    async with Appender(database.audit_writer_url, _ORIGIN) as appender:
        async with asyncio.timeout(60):
            await appender.enqueue(appender.compose(_job(job := uuid4())), linger_seconds=0.01)
        assert _stored_jobs(database.owner_url) == [job]
        waiting = appender.enqueue(appender.compose(_job(last := uuid4())), linger_seconds=3600.0)
    await waiting  # closing waits for no company
    assert _stored_jobs(database.owner_url) == [job, last]


async def test_durable_even_where_the_server_is_told_not_to_wait(database: Database) -> None:
    async with Appender(database.audit_writer_url, _ORIGIN) as appender:
        await appender.append(_job(uuid4()))
        assert appender._connection is not None
        row = await (await appender._connection.execute("SHOW synchronous_commit")).fetchone()
    assert row == ("on",)  # the test server's own default is off


async def test_a_cancelled_caller_does_not_cancel_its_event(database: Database) -> None:
    jobs = [uuid4() for _ in range(50)]
    async with Appender(database.audit_writer_url, _ORIGIN) as appender:
        tasks = [asyncio.create_task(appender.append(_job(job))) for job in jobs]
        await asyncio.sleep(0)  # each has handed over its event
        for task in tasks:
            task.cancel()
        assert all(
            isinstance(end, asyncio.CancelledError) for end in await asyncio.gather(*tasks, return_exceptions=True)
        )
    assert sorted(_stored_jobs(database.owner_url)) == sorted(jobs)


async def test_closing_stores_what_waits_and_takes_no_more(database: Database) -> None:
    jobs = [uuid4() for _ in range(1_500)]  # three batches
    appender = Appender(database.audit_writer_url, _ORIGIN)
    await appender.start()
    tasks = [asyncio.create_task(appender.append(_job(job))) for job in jobs]
    await asyncio.sleep(0)
    await appender.close()
    await asyncio.gather(*tasks)
    assert sorted(_stored_jobs(database.owner_url)) == sorted(jobs)
    with pytest.raises(AuditUnavailableError):
        await appender.append(_job(uuid4()))


async def test_a_lost_connection_is_replaced_unseen(database: Database) -> None:
    jobs = [uuid4() for _ in range(20)]
    async with Appender(database.audit_writer_url, _ORIGIN) as appender:
        for job in jobs:
            await appender.append(_job(job))
            with psycopg.connect(libpq_dsn(database.owner_url)) as connection:
                connection.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE application_name = 'cloister-audit-writer' AND datname = current_database()"
                )
    assert _stored_jobs(database.owner_url) == jobs


async def test_a_commit_of_unknown_fate_is_sent_again_and_stored_once(database: Database) -> None:
    """The answer of the first commit is lost on its way: what a broken connection at the worst moment looks like."""
    jobs = [uuid4() for _ in range(10)]
    async with Appender(database.audit_writer_url, _ORIGIN) as appender:
        write, losses = appender._write, iter([True, True])

        async def write_and_lose_the_answer(*arguments: Any) -> None:
            await write(*arguments)
            if next(losses, False):
                raise psycopg.OperationalError("server closed the connection unexpectedly")

        appender._write = write_and_lose_the_answer  # type: ignore[method-assign] # the attacker is the network
        await asyncio.gather(*(appender.append(_job(job)) for job in jobs))
    assert sorted(_stored_jobs(database.owner_url)) == sorted(jobs)


async def test_a_record_that_the_database_refuses_takes_no_other_with_it(database: Database) -> None:
    with psycopg.connect(libpq_dsn(database.owner_url)) as connection:
        connection.execute("ALTER TABLE audit.event ADD CHECK (type <> 'log:opened')")
    jobs = [uuid4() for _ in range(30)]
    async with Appender(database.audit_writer_url, _ORIGIN) as appender:
        good = [asyncio.create_task(appender.append(_job(job))) for job in jobs[:17]]
        bad = asyncio.create_task(appender.append(LogOpened(process="test")))
        good += [asyncio.create_task(appender.append(_job(job))) for job in jobs[17:]]
        with pytest.raises(AuditUnavailableError):
            await bad
        await asyncio.gather(*good)
    assert sorted(_stored_jobs(database.owner_url)) == sorted(jobs)


async def test_an_event_that_is_too_large_is_refused_alone(database: Database) -> None:
    async with Appender(database.audit_writer_url, _ORIGIN) as appender:
        with pytest.raises(ValueError, match="at most"):
            await appender.append(LogRead(actor=None, door="test", filters=("x" * 120,) * 200))
        await appender.append(LogOpened(process="test"))


async def test_a_database_that_stops_answering_refuses_in_time(mortal: _MortalLog) -> None:
    """Held still, not ended: nothing tells the connection that nobody is there."""
    async with Appender(mortal.writer_url, _ORIGIN, patience_seconds=2) as appender:
        await _append_at_last(appender, _job(uuid4()))
        processes = _processes_of(mortal.server)
        for process in processes:
            with contextlib.suppress(psutil.NoSuchProcess):  # Postgres' own come and go
                process.suspend()
        try:
            ends = await asyncio.gather(*(appender.append(_job(uuid4())) for _ in range(5)), return_exceptions=True)
        finally:
            for process in processes:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.resume()
        assert [type(end) for end in ends] == [AuditUnavailableError] * 5
        await _append_at_last(appender, _job(uuid4()))


async def test_no_database_no_start(tmp_path: Path) -> None:
    nowhere = SecretStr(f"postgresql://cloister_audit_writer:s3cret@/cloister?host={tmp_path}")
    with pytest.raises(AuditUnavailableError) as caught:
        await Appender(nowhere, _ORIGIN, patience_seconds=0.3).start()
    assert "s3cret" not in str(caught.value)


async def test_an_appender_that_was_never_started_refuses(database: Database) -> None:
    with pytest.raises(AuditUnavailableError):
        await Appender(database.audit_writer_url, _ORIGIN).append(LogOpened(process="test"))


async def test_nothing_acknowledged_is_lost_or_doubled_when_the_server_is_killed(mortal: _MortalLog) -> None:
    """kill -9 of every process of Postgres, three times, while 64 callers append as fast as they can."""
    acknowledgements: asyncio.Queue[UUID] = asyncio.Queue()
    acknowledged: list[UUID] = []
    is_over = asyncio.Event()

    async def keep_appending(appender: Appender) -> None:
        while not is_over.is_set():
            job = uuid4()
            await appender.append(_job(job))
            acknowledgements.put_nowait(job)

    async def take(count: int) -> None:
        acknowledged.extend([await acknowledgements.get() for _ in range(count)])

    async with Appender(mortal.writer_url, _ORIGIN, patience_seconds=60) as appender:
        callers = [asyncio.create_task(keep_appending(appender)) for _ in range(64)]
        for _ in range(3):
            await take(500)
            _kill(mortal.server)
            mortal.server.start()
        await take(acknowledgements.qsize() + 500)  # it works again
        is_over.set()
        await asyncio.gather(*callers)
        await take(acknowledgements.qsize())
    stored = _stored_jobs(mortal.server.owner_url)
    assert len(stored) == len(set(stored))
    assert set(acknowledged) <= set(stored)


async def test_a_server_that_is_away_refuses_and_recovers(mortal: _MortalLog) -> None:
    async with Appender(mortal.writer_url, _ORIGIN, patience_seconds=2) as appender:
        await _append_at_last(appender, _job(uuid4()))
        _kill(mortal.server)
        refused = await asyncio.gather(*(appender.append(_job(uuid4())) for _ in range(5)), return_exceptions=True)
        assert [type(end) for end in refused] == [AuditUnavailableError] * 5
        mortal.server.start()
        job = uuid4()
        await _append_at_last(appender, _job(job))
    assert job in _stored_jobs(mortal.server.owner_url)


async def _append_at_last(appender: Appender, event: JobEnqueued) -> None:
    """Append, however slow the machine is; a server that never comes ends in the test's own time limit."""
    while True:
        with contextlib.suppress(AuditUnavailableError):
            await appender.append(event)
            return


def _processes_of(server: EmbeddedPostgres) -> list[psutil.Process]:
    assert server._process is not None
    postmaster = psutil.Process(server._process.pid)
    return [postmaster, *postmaster.children(recursive=True)]


def _kill(server: EmbeddedPostgres) -> None:
    processes = _processes_of(server)
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    assert server._process is not None
    server._process.wait()
    psutil.wait_procs(processes, timeout=60)
