"""Documents through their use cases: what a refused or a cancelled one leaves behind."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from uuid import uuid4

import psycopg
import pytest

from assistant.conversation import Person, Role
from assistant.database import create_engine, libpq_dsn
from assistant.documents import Documents
from assistant.errors import BadInputError, NotFoundError
from assistant.jobs.declared import INDEX_UPLOAD
from assistant.jobs.lease import Lease
from assistant.jobs.perform import perform
from assistant.jobs.queue import MAX_OPEN_PER_PERSON, Jobs
from assistant.keys import Keys
from assistant.knowledge.document import DocumentState, GuardedText
from assistant.knowledge.knowledge import Knowledge
from tests.fakes.broker import MemoryBroker
from tests.fakes.turn_parts import FakeAudit
from tests.integration.conftest import Database
from workers.tasks import sweep_uploads

pytestmark = pytest.mark.integration

MARIA = Person(uuid4(), "maria", frozenset({Role.EMPLOYEE}))


@dataclass
class Shelf:
    """The use cases and all they stand on, as the sweeping task gets them."""

    documents: Documents
    jobs: Jobs
    knowledge: Knowledge
    audit: FakeAudit
    database: Database

    @property
    def uploads(self) -> int:
        with psycopg.connect(libpq_dsn(self.database.owner_url)) as connection:
            row = connection.execute("SELECT count(*) FROM upload").fetchone()
        assert row is not None
        return int(row[0])


@pytest.fixture
async def shelf(database: Database, keys: Keys) -> AsyncIterator[Shelf]:
    engine = create_engine(database.app_url)
    jobs, audit = Jobs(engine, MemoryBroker()), FakeAudit([])
    knowledge = Knowledge(engine, keys, GuardedText)
    yield Shelf(Documents(knowledge, jobs, audit), jobs, knowledge, audit, database)
    await engine.dispose()


async def test_one_file_too_many_leaves_nothing_behind(shelf: Shelf) -> None:
    for _ in range(MAX_OPEN_PER_PERSON):
        await shelf.jobs.enqueue(INDEX_UPLOAD, person=MARIA, payload={"upload": uuid4()})
    with pytest.raises(BadInputError, match="still open"):
        await shelf.documents.add(MARIA, "one-more.txt", b"One too many.")
    assert shelf.uploads == 0
    assert shelf.audit.events == []
    assert await shelf.documents.list_own(MARIA) == []


async def test_a_cancelled_upload_is_gone_after_the_next_sweep_and_others_stay(shelf: Shelf) -> None:
    unwanted = await shelf.documents.add(MARIA, "unwanted.txt", b"Never mind.")
    await shelf.documents.add(MARIA, "wanted.txt", b"The falcon lands at midnight.")
    await shelf.jobs.cancel(MARIA, unwanted.id)
    assert await sweep_uploads.run(shelf) == "1 swept"
    assert await sweep_uploads.run(shelf) == "0 swept"
    assert shelf.uploads == 1
    found = {document.source: (document.state, document.reason) for document in await shelf.documents.list_own(MARIA)}
    assert found == {
        "unwanted.txt": (DocumentState.FAILED, "Adding it was stopped. Add it again."),
        "wanted.txt": (DocumentState.PENDING, ""),
    }


async def test_an_upload_whose_job_failed_is_gone_too_and_what_was_indexed_stays(shelf: Shelf) -> None:
    async def index(lease: Lease) -> str:
        await shelf.knowledge.index_upload(lease.job.payload["upload"], lease.progress)
        return "Done."

    async def fail(_: Lease) -> str:
        raise NotFoundError("It is not to be had.")

    done, failed = [await shelf.documents.add(MARIA, f"{number}.txt", b"%d" % number) for number in range(2)]
    assert await perform(shelf.jobs, done.id, index) == "done"
    assert await perform(shelf.jobs, failed.id, fail) == "failed"
    assert await sweep_uploads.run(shelf) == "1 swept"
    assert shelf.uploads == 0
    states = {document.source: document.state for document in await shelf.documents.list_own(MARIA)}
    assert states == {"0.txt": DocumentState.INDEXED, "1.txt": DocumentState.FAILED}
