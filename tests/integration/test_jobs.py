"""Jobs on the real Postgres: the row is the truth, whatever happens to messages and workers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from itertools import pairwise
from uuid import UUID, uuid4

import psycopg
import pytest
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncEngine

from assistant.conversation import Person, Role
from assistant.database import create_engine, libpq_dsn
from assistant.documents import note_ended_jobs
from assistant.errors import BadInputError, NotFoundError, UnavailableError
from assistant.jobs.broker import CeleryBroker
from assistant.jobs.declared import INDEX_DOCUMENTATION, INDEX_UPLOAD, DeclaredJob
from assistant.jobs.job import JobState
from assistant.jobs.lease import Lease, LeaseLostError
from assistant.jobs.perform import perform
from assistant.jobs.queue import MAX_OPEN_PER_PERSON, Jobs
from tests.fakes.broker import MemoryBroker
from tests.fakes.turn_parts import FakeAudit
from tests.integration.conftest import Database

pytestmark = pytest.mark.integration

MARIA = Person(uuid4(), "maria", frozenset({Role.EMPLOYEE}))
TOM = Person(uuid4(), "tom", frozenset({Role.ADMINISTRATOR}))
HASTY = DeclaredJob("hasty", "Be quick", max_attempts=2, lease_seconds=0.3)
PATIENT = DeclaredJob("patient", "Take time", lease_seconds=3)
DECLARED = (INDEX_UPLOAD, INDEX_DOCUMENTATION, HASTY, PATIENT)


@pytest.fixture
async def engine(database: Database) -> AsyncIterator[AsyncEngine]:
    engine = create_engine(database.app_url)
    yield engine
    await engine.dispose()


@pytest.fixture
def broker() -> MemoryBroker:
    return MemoryBroker()


@pytest.fixture
def jobs(engine: AsyncEngine, broker: MemoryBroker) -> Jobs:
    return Jobs(engine, broker, declared=DECLARED)


@pytest.fixture
def jumped(database: Database) -> Iterator[psycopg.Connection]:
    with psycopg.connect(libpq_dsn(database.app_url), autocommit=True) as connection:
        yield connection


def age(connection: psycopg.Connection, by: str) -> None:
    """Let time pass: every moment in the table lies further back."""
    connection.execute(
        "UPDATE job SET created_at = created_at - %s::interval, kicked_at = kicked_at - %s::interval,"
        " lease_until = lease_until - %s::interval, finished_at = finished_at - %s::interval",
        (by, by, by, by),
    )


async def work(lease: Lease) -> str:
    await lease.progress(50, "Half of it.")
    return "All of it."


async def test_a_job_goes_from_queued_to_done(jobs: Jobs, broker: MemoryBroker) -> None:
    upload = uuid4()
    job = await jobs.enqueue(INDEX_UPLOAD, person=MARIA, payload={"upload": upload})
    assert (job.state, job.percent, job.label) == (JobState.QUEUED, 0, "Add a document")
    assert broker.sent == [("index_upload", job.id)]
    assert await perform(jobs, job.id, work) == "done"
    after = await jobs.job(MARIA, job.id)
    assert (after.state, after.percent, after.detail, after.attempts) == (JobState.DONE, 100, "All of it.", 1)
    assert after.payload == {"upload": upload}
    assert after.finished_at is not None


async def test_a_message_too_many_does_nothing(jobs: Jobs) -> None:
    job = await jobs.enqueue(HASTY, person=MARIA)
    both = await asyncio.gather(*(perform(jobs, job.id, work) for _ in range(8)))
    assert sorted(both) == ["done"] + ["skipped"] * 7
    assert await perform(jobs, job.id, work) == "skipped"
    assert await perform(jobs, uuid4(), work) == "skipped"
    assert (await jobs.job(MARIA, job.id)).attempts == 1


async def test_nobody_reaches_anothers_job(jobs: Jobs) -> None:
    job = await jobs.enqueue(HASTY, person=MARIA)
    own = await jobs.enqueue(INDEX_DOCUMENTATION, person=None)
    for target in (job.id, own.id, uuid4()):
        with pytest.raises(NotFoundError):
            await jobs.job(TOM, target)
        with pytest.raises(NotFoundError):
            await jobs.cancel(TOM, target)
        with pytest.raises(NotFoundError):
            await anext(jobs.watch(TOM, target))
    assert (await jobs.job(MARIA, job.id)).state is JobState.QUEUED


async def test_a_job_survives_that_redis_is_down(jobs: Jobs, broker: MemoryBroker, jumped: psycopg.Connection) -> None:
    broker.is_down = True
    job = await jobs.enqueue(HASTY, person=MARIA)
    age(jumped, "11 s")
    assert await jobs.reap() == 1
    broker.is_down = False
    assert await jobs.reap() == 0  # told a moment ago
    age(jumped, "21 s")
    assert await jobs.reap() == 1
    assert broker.sent == [("hasty", job.id)]
    assert await perform(jobs, job.id, work) == "done"
    age(jumped, "1 h")
    assert await jobs.reap() == 0


async def test_a_job_that_only_waits_is_told_ever_more_rarely(
    jobs: Jobs, broker: MemoryBroker, jumped: psycopg.Connection
) -> None:
    await jobs.enqueue(HASTY, person=MARIA)
    kicks = []
    for second in range(0, 300, 5):
        if await jobs.reap():
            kicks.append(second)
        age(jumped, "5 s")
    assert len(kicks) < 10
    assert max(b - a for a, b in pairwise(kicks)) <= 65


async def test_a_silent_worker_loses_its_job_to_the_next(jobs: Jobs, jumped: psycopg.Connection) -> None:
    job = await jobs.enqueue(HASTY, person=MARIA)
    dead = await jobs.take(job.id)
    assert dead is not None
    assert await jobs.take(job.id) is None
    age(jumped, "1 s")
    assert await jobs.reap() == 1
    alive = await jobs.take(job.id)
    assert alive is not None
    with pytest.raises(LeaseLostError):
        await dead.progress(99, "I was only asleep.")
    assert not await dead.finish()
    assert not await dead.fail("no")
    assert not await dead.give_back("no", wait_seconds=0)
    assert (await jobs.job(MARIA, job.id)).percent == 0
    assert await alive.finish()


async def test_a_job_that_kills_its_workers_is_given_up(jobs: Jobs, jumped: psycopg.Connection) -> None:
    job = await jobs.enqueue(HASTY, person=MARIA)
    for _ in range(HASTY.max_attempts):
        assert await jobs.take(job.id) is not None
        age(jumped, "1 s")
    assert await jobs.take(job.id) is None
    assert await jobs.reap() == 0
    after = await jobs.job(MARIA, job.id)
    assert after.state is JobState.FAILED
    assert "Given up" in after.detail


async def test_heartbeats_keep_a_long_job(jobs: Jobs) -> None:
    job = await jobs.enqueue(PATIENT, person=MARIA)

    async def slow(lease: Lease) -> str:
        await asyncio.sleep(1.2 * PATIENT.lease_seconds)
        assert await jobs.take(job.id) is None
        return "Done slowly."

    assert await perform(jobs, job.id, slow) == "done"


async def test_a_cancelled_job_stops_at_the_next_heartbeat(jobs: Jobs) -> None:
    job = await jobs.enqueue(HASTY, person=MARIA)
    stopped = asyncio.Event()

    async def endless(lease: Lease) -> str:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            stopped.set()
            raise
        return "never"

    performing = asyncio.create_task(perform(jobs, job.id, endless))
    watching = jobs.watch(MARIA, job.id)
    while (await anext(watching)).state is not JobState.RUNNING:
        pass
    assert (await jobs.cancel(MARIA, job.id)).state is JobState.CANCELLED
    assert await performing == "lost"
    assert stopped.is_set()
    assert [seen.state async for seen in watching] == [JobState.CANCELLED]
    assert await jobs.take(job.id) is None
    assert (await jobs.cancel(MARIA, job.id)).state is JobState.CANCELLED


async def test_bad_input_fails_at_once_and_in_words(jobs: Jobs) -> None:
    job = await jobs.enqueue(INDEX_UPLOAD, person=MARIA)

    async def refuse(_lease: Lease) -> str:
        raise BadInputError("The file is a picture.")

    assert await perform(jobs, job.id, refuse) == "failed"
    after = await jobs.job(MARIA, job.id)
    assert (after.state, after.detail, after.attempts) == (JobState.FAILED, "The file is a picture.", 1)


async def test_a_defect_is_tried_again_then_told_with_a_reference_and_never_quotes(
    jobs: Jobs, jumped: psycopg.Connection, caplog: pytest.LogCaptureFixture
) -> None:
    job = await jobs.enqueue(HASTY, person=MARIA)
    secret = "sesame"

    async def break_down(_lease: Lease) -> str:
        raise ValueError(secret)

    assert await perform(jobs, job.id, break_down) == "again"
    assert (await jobs.job(MARIA, job.id)).state is JobState.QUEUED
    assert await perform(jobs, job.id, break_down) == "skipped"  # not before the pause is over
    assert await jobs.reap() == 0
    age(jumped, "10 s")
    assert await jobs.reap() == 1
    assert await perform(jobs, job.id, break_down) == "failed"
    after = await jobs.job(MARIA, job.id)
    assert job.reference in after.detail
    assert job.reference in caplog.text
    assert "ValueError" in caplog.text
    assert secret not in caplog.text + after.detail


async def test_a_database_that_is_away_for_a_moment_does_not_end_the_work(jobs: Jobs, database: Database) -> None:
    job = await jobs.enqueue(PATIENT, person=MARIA)

    async def slow(_lease: Lease) -> str:
        with psycopg.connect(libpq_dsn(database.owner_url), autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        await asyncio.sleep(1.5)  # longer than the time to a heartbeat
        return "Done."

    assert await perform(jobs, job.id, slow) == "done"


async def test_the_products_own_job_exists_once(jobs: Jobs, broker: MemoryBroker) -> None:
    asked = await asyncio.gather(*(jobs.enqueue(INDEX_DOCUMENTATION, person=None) for _ in range(5)))
    assert len({job.id for job in asked}) == 1
    assert len(broker.sent) == 1
    await perform(jobs, asked[0].id, work)
    assert (await jobs.enqueue(INDEX_DOCUMENTATION, person=None)).id != asked[0].id


async def test_nobody_fills_the_queue_alone(jobs: Jobs) -> None:
    for _ in range(MAX_OPEN_PER_PERSON):
        await jobs.refuse_flood(MARIA)
        await jobs.enqueue(HASTY, person=MARIA)
    for ask in (jobs.enqueue(HASTY, person=MARIA), jobs.refuse_flood(MARIA)):
        with pytest.raises(BadInputError, match="still open"):
            await ask
    await jobs.refuse_flood(TOM)
    await jobs.enqueue(HASTY, person=TOM)


@pytest.mark.parametrize(
    "payload", ['{"text": "sesame"}', '["sesame"]', '"sesame"', '{"a": {"b": "sesame"}}', '{"a": 1}', '{"a": null}']
)
async def test_the_database_refuses_text_in_a_payload(jumped: psycopg.Connection, payload: str) -> None:
    with pytest.raises(psycopg.Error):
        jumped.execute(
            "INSERT INTO job (id, task, payload, reference) VALUES (%s, 'hasty', %s::jsonb, 'X')", (uuid4(), payload)
        )


async def test_ended_jobs_are_forgotten_after_their_time(jobs: Jobs, jumped: psycopg.Connection) -> None:
    done, still_open = await jobs.enqueue(HASTY, person=MARIA), await jobs.enqueue(HASTY, person=MARIA)
    await perform(jobs, done.id, work)
    age(jumped, "31 days")
    assert await jobs.forget_finished(older_than=timedelta(days=30)) == 0, "its end is not in the audit log yet"
    await jobs.confirm_noted(done.id)
    assert await jobs.forget_finished(older_than=timedelta(days=30)) == 1
    assert jumped.execute("SELECT id FROM job").fetchall() == [(still_open.id,)]


async def test_redis_that_is_down_is_told_quickly(tmp_path: object) -> None:
    broker = CeleryBroker(SecretStr(f"unix://{tmp_path}/none.sock"))
    with pytest.raises(UnavailableError):
        async with asyncio.timeout(180):
            await broker.send("hasty", UUID(int=1))
    broker.close()


async def test_every_end_of_a_job_is_noted_once_in_the_audit_log(jobs: Jobs) -> None:
    async def refuse(_: Lease) -> str:
        raise BadInputError("It cannot be read.")

    done, failed, cancelled, still_open = [await jobs.enqueue(HASTY, person=MARIA) for _ in range(4)]
    await perform(jobs, done.id, work)
    await perform(jobs, failed.id, refuse)
    await jobs.cancel(MARIA, cancelled.id)
    log = FakeAudit([])
    assert await note_ended_jobs(jobs, log) == 3
    assert await note_ended_jobs(jobs, log) == 0
    assert [(event.tag.value, event.job_id) for event in log.events] == [
        ("job:finished", done.id),
        ("job:failed", failed.id),
        ("job:cancelled", cancelled.id),
    ]
    assert still_open.id not in {event.job_id for event in log.events}
