"""A database that is away, or that took the connection and says nothing: everybody is told, and soon."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncEngine

from assistant.audit.reading.read import LogReader
from assistant.audit.writing.partitions import ensure_partitions
from assistant.conversation import Person, Role
from assistant.database import create_engine, transaction
from assistant.errors import UnavailableError
from assistant.jobs.declared import INDEX_UPLOAD
from assistant.jobs.job import Job, JobState
from assistant.jobs.lease import Lease
from assistant.jobs.queue import Jobs
from assistant.keys import Keys
from assistant.knowledge.document import DocumentationFile, GuardedText
from assistant.knowledge.knowledge import Knowledge
from assistant.migrations import migrate
from tests.fakes.broker import MemoryBroker

pytestmark = pytest.mark.integration

MARIA = Person(uuid4(), "maria", frozenset({Role.EMPLOYEE}))
FILE = DocumentationFile("docs/start.md", "Start", "# Start\n\nRun make run.")
AN_ID = uuid4()
_BOUND_SECONDS = 60.0  # without a limit of our own the kernel waits for minutes, and some of these calls for ever


async def report(percent: int, words: str) -> None:
    """Tell nobody."""


JOBS: dict[str, Callable[[Jobs], Awaitable[object]]] = {
    "enqueue": lambda jobs: jobs.enqueue(INDEX_UPLOAD, person=MARIA),
    "refuse_flood": lambda jobs: jobs.refuse_flood(MARIA),
    "job": lambda jobs: jobs.job(MARIA, AN_ID),
    "watch": lambda jobs: anext(jobs.watch(MARIA, AN_ID)),
    "cancel": lambda jobs: jobs.cancel(MARIA, AN_ID),
    "abandoned": lambda jobs: jobs.abandoned(INDEX_UPLOAD, "upload", within=timedelta(hours=1)),
    "take": lambda jobs: jobs.take(AN_ID),
    "reap": lambda jobs: jobs.reap(),
    "ended_unnoted": lambda jobs: jobs.ended_unnoted(),
    "confirm_noted": lambda jobs: jobs.confirm_noted(AN_ID),
    "forget_finished": lambda jobs: jobs.forget_finished(older_than=timedelta(days=1)),
}
KNOWLEDGE: dict[str, Callable[[Knowledge], Awaitable[object]]] = {
    "retrieve": lambda knowledge: knowledge.retrieve("Which port?", reader=""),
    "accept_upload": lambda knowledge: knowledge.accept_upload(MARIA, "a.txt", b"text"),
    "index_upload": lambda knowledge: knowledge.index_upload(AN_ID, report),
    "index_documentation": lambda knowledge: knowledge.index_documentation([FILE], report),
    "documents": lambda knowledge: knowledge.documents(MARIA),
    "remove_document": lambda knowledge: knowledge.remove_document(MARIA, AN_ID),
    "sweep_uploads": lambda knowledge: knowledge.sweep_uploads(),
}


@pytest.fixture
async def away(tmp_path: Path) -> AsyncIterator[AsyncEngine]:
    """An engine whose server is not there."""
    engine = create_engine(SecretStr(f"postgresql://cloister_app:s3cret@/cloister?host={tmp_path}"))
    yield engine
    await engine.dispose()


@pytest.fixture
def silent() -> Iterator[SecretStr]:
    """The address of a server that accepts every connection and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield SecretStr(f"postgresql://cloister_app:s3cret@127.0.0.1:{server.getsockname()[1]}/cloister")


@pytest.mark.parametrize("name", JOBS)
async def test_no_call_of_the_queue_lets_a_drivers_error_out(away: AsyncEngine, name: str) -> None:
    with pytest.raises(UnavailableError):
        await JOBS[name](Jobs(away, MemoryBroker()))


@pytest.mark.parametrize("name", KNOWLEDGE)
async def test_no_call_of_the_knowledge_base_lets_a_drivers_error_out(away: AsyncEngine, keys: Keys, name: str) -> None:
    with pytest.raises(UnavailableError):
        await KNOWLEDGE[name](Knowledge(away, keys, GuardedText))


async def test_work_goes_on_while_heartbeats_find_no_database(away: AsyncEngine) -> None:
    async def patient(lease: Lease) -> str:
        with pytest.raises(UnavailableError):
            await lease.heartbeat()
        await asyncio.sleep(1.5)  # the lease's own heartbeat comes after 1 s
        return "Done."

    assert await Lease(away, _job(), uuid4(), seconds=3).run(patient) == "Done."


async def test_a_silent_server_is_given_up_by_everybody_who_connects(silent: SecretStr, keys: Keys) -> None:
    engine = create_engine(silent)

    async def query() -> None:
        async with transaction(engine):
            pass

    async def read() -> None:
        async with LogReader(silent):
            pass

    attempts = (query(), read(), ensure_partitions(silent), asyncio.to_thread(migrate, silent, keys))
    async with asyncio.timeout(_BOUND_SECONDS):
        ends = await asyncio.gather(*attempts, return_exceptions=True)
    await engine.dispose()
    assert [isinstance(end, UnavailableError) for end in ends] == [True] * 4, ends


def _job() -> Job:
    return Job(
        id=UUID(int=1),
        task="index_upload",
        label="Add a document",
        person_id=None,
        payload={},
        state=JobState.RUNNING,
        percent=0,
        detail="",
        attempts=1,
        reference="0000001",
        created_at=None,
        started_at=None,
        finished_at=None,
    )
