"""Real worker processes on real Redis and Postgres: killed, cancelled, cut off, and searched for a planted secret."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import psutil
import psycopg
import pytest
import redis
from pydantic import SecretStr

from assistant.conversation import Person, Role
from assistant.database import create_engine, libpq_dsn
from assistant.embedded.redis import EmbeddedRedis
from assistant.jobs.broker import CeleryBroker
from assistant.jobs.declared import INDEX_UPLOAD
from assistant.jobs.job import Job, JobState
from assistant.jobs.queue import Jobs
from assistant.keys import Keys
from assistant.knowledge.document import GuardedText
from assistant.knowledge.knowledge import Knowledge
from tests.fakes.small_worker import LEASE_SECONDS, SECRET
from tests.integration.conftest import Database
from workers.schedule import SCHEDULE

pytestmark = pytest.mark.integration

MARIA = Person(uuid4(), "maria", frozenset({Role.EMPLOYEE}))
TEXT = f"# Store room\n\nThe key {SECRET} opens the store room behind the canteen.\n"
PATIENCE_SECONDS = 180.0
GUARDING_PERCENT = 15


@dataclass
class Site:
    """The page's side of the queue, and the worker processes started for it."""

    folder: Path
    jobs: Jobs
    knowledge: Knowledge
    redis_url: str
    processes: list[subprocess.Popen[bytes]]

    def start_worker(self) -> subprocess.Popen[bytes]:
        with (self.folder / "worker.log").open("ab") as log:
            worker = subprocess.Popen(
                [sys.executable, "-m", "tests.fakes.small_worker", str(self.folder)],
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.processes.append(worker)
        return worker

    async def add(self) -> Job:
        upload = await self.knowledge.accept_upload(MARIA, f"{SECRET}.md", TEXT.encode())
        return await self.jobs.enqueue(INDEX_UPLOAD, person=MARIA, payload={"upload": upload})

    def hold(self) -> None:
        (self.folder / "hold").touch()

    def release(self) -> None:
        (self.folder / "hold").unlink()

    async def until_guarding(self, job: Job, *, attempt: int = 1) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while (now := await self.jobs.job(MARIA, job.id)).percent != GUARDING_PERCENT or now.attempts != attempt:
            assert time.monotonic() < deadline, f"{now.state}: {now.detail}\n{self.log()}"
            await self.jobs.reap()
            await asyncio.sleep(0.1)

    async def until_ended(self, job: Job) -> Job:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while (now := await self.jobs.job(MARIA, job.id)).state.is_open:
            assert time.monotonic() < deadline, f"{now.state}: {now.detail}\n{self.log()}"
            await self.jobs.reap()
            await asyncio.sleep(0.1)
        return now

    def log(self) -> str:
        return (self.folder / "worker.log").read_text()


async def until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not is_so():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)


@asynccontextmanager
async def open_site(database: Database, redis_url: str, keys: Keys, folder: Path) -> AsyncIterator[Site]:
    addresses = {"redis": redis_url, "database": database.app_url.get_secret_value()}
    (folder / "worker.json").write_text(json.dumps(addresses))
    engine, broker = create_engine(database.app_url), CeleryBroker(SecretStr(redis_url))
    knowledge = Knowledge(engine, keys, lambda text: GuardedText(text.replace(SECRET, "[AWS_ACCESS_KEY_1]")))
    jobs = Jobs(engine, broker, kick_after=timedelta(seconds=LEASE_SECONDS))
    site = Site(folder, jobs, knowledge, redis_url, [])
    try:
        yield site
    finally:
        for process in site.processes:
            kill_all(process)
        broker.close()
        await engine.dispose()


@pytest.fixture
async def site(database: Database, redis_url: str, keys: Keys, tmp_path: Path) -> AsyncIterator[Site]:
    async with open_site(database, redis_url, keys, tmp_path) as site:
        yield site


def kill_all(process: subprocess.Popen[bytes]) -> None:
    """Kill a worker's parent and its children, as the machine losing power would."""
    try:
        family = [*psutil.Process(process.pid).children(recursive=True), psutil.Process(process.pid)]
    except psutil.NoSuchProcess:
        family = []
    for member in family:
        member.kill()
    process.wait(timeout=60)


async def test_killed_cancelled_and_finished_jobs_leave_no_text_behind(site: Site, database: Database) -> None:
    # Nothing is lost when all processes of a worker are killed in the middle of a job.
    first = site.start_worker()
    site.hold()
    job = await site.add()
    await site.until_guarding(job)
    kill_all(first)
    second = site.start_worker()
    await site.until_guarding(job, attempt=2)
    site.release()
    done = await site.until_ended(job)
    assert (done.state, done.attempts) == (JobState.DONE, 2)
    found = await site.knowledge.retrieve("What opens the store room?", reader=str(MARIA.id))
    assert "[AWS_ACCESS_KEY_1] opens" in found[0].text

    # Messages too many do nothing, also when a worker reads them; one that is no job breaks nothing.
    broker = CeleryBroker(SecretStr(site.redis_url))
    for wanted in (job.id, job.id, UUID(int=0)):
        await broker.send(INDEX_UPLOAD.name, wanted)
    broker.close()

    # A cancelled job stops while it works.
    site.hold()
    unwanted = await site.add()
    await site.until_guarding(unwanted)
    assert (await site.jobs.cancel(MARIA, unwanted.id)).state is JobState.CANCELLED
    await until(lambda: f"{unwanted.id}: lost" in site.log())
    site.release()
    assert (await site.jobs.job(MARIA, job.id)).attempts == 2

    # SIGTERM lets the present job end.
    site.hold()
    last = await site.add()
    await site.until_guarding(last)
    second.send_signal(signal.SIGTERM)
    await asyncio.sleep(2 * LEASE_SECONDS)
    site.release()
    assert second.wait(timeout=60) == 0
    ended = await site.jobs.job(MARIA, last.id)
    assert (ended.state, ended.attempts) == (JobState.DONE, 1)

    # What a thief finds: in Redis, in the rows, in the log, nothing that anybody wrote.
    for text in ("store room", SECRET, "canteen"):
        assert text not in redis_dump(site.redis_url)
        assert text not in job_rows(database)
        assert text not in site.log()


async def test_a_busy_worker_reads_no_further_and_owes_redis_nothing(site: Site) -> None:
    """A message that is owed an acknowledgement when Redis goes away would keep the worker from reading for good."""
    site.start_worker()
    site.hold()
    await site.until_guarding(await site.add())
    waiting = await site.add()
    with redis.Redis.from_url(site.redis_url) as client:
        await asyncio.sleep(LEASE_SECONDS)
        assert client.llen("cloister") > 0, "an idle worker could take it"
        assert client.keys("unacked*") == []
    site.release()
    assert (await site.until_ended(waiting)).attempts == 1


async def test_a_job_outlives_a_killed_redis(database: Database, keys: Keys, tmp_path: Path) -> None:
    with EmbeddedRedis(tmp_path) as server:
        async with open_site(database, server.url.get_secret_value(), keys, tmp_path) as site:
            worker = site.start_worker()
            assert (await site.until_ended(await site.add())).state is JobState.DONE
            site.hold()
            begun = await site.add()
            await site.until_guarding(begun)
            server._process.kill()
            server._process.wait()
            asked_meanwhile = await site.add()
            site.release()
            server.start()
            for job in (begun, asked_meanwhile):
                ended = await site.until_ended(job)
                assert (ended.state, ended.attempts) == (JobState.DONE, 1)
            assert worker.poll() is None


@pytest.fixture
def scheduler(redis_url: str, tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CLOISTER_")}
    environment |= {"CLOISTER_REDIS_URL": redis_url, "CLOISTER_DATA_DIR": str(tmp_path)}
    process = subprocess.Popen([sys.executable, "-m", "workers", "scheduler"], env=environment)
    yield process
    process.kill()
    process.wait(timeout=60)


async def test_the_scheduler_sends_chores_and_ends_when_told(
    scheduler: subprocess.Popen[bytes], redis_url: str, tmp_path: Path
) -> None:
    with redis.Redis.from_url(redis_url) as client:
        await until(lambda: client.llen("cloister") > 0)
        message = json.loads(client.lindex("cloister", 0))
    assert message["headers"]["task"] in {chore.task for chore in SCHEDULE}
    assert message["headers"]["expires"] is not None
    scheduler.send_signal(signal.SIGTERM)
    assert scheduler.wait(timeout=60) == 0
    assert os.listdir(tmp_path) == []  # noqa: PTH208 - the test may block


def redis_dump(url: str) -> str:
    """Return everything that Redis holds."""
    with redis.Redis.from_url(url) as client:
        return " ".join(repr(client.dump(key)) + repr(key) for key in client.scan_iter("*"))


def job_rows(database: Database) -> str:
    with psycopg.connect(libpq_dsn(database.owner_url)) as connection:
        return connection.execute("SELECT string_agg(job::text, chr(10)) FROM job").fetchone()[0]
