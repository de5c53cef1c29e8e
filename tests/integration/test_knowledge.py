"""The knowledge base on the real Postgres: who finds what, and what is left of a secret."""

from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg import sql

from assistant.conversation import Person, Role
from assistant.database import create_engine, libpq_dsn
from assistant.errors import BadInputError, NotAllowedError, NotFoundError
from assistant.keys import Keys
from assistant.knowledge.document import DocumentationFile, DocumentState, GuardedText
from assistant.knowledge.knowledge import Knowledge
from assistant.knowledge.product_docs import read_documentation
from tests.integration.conftest import Database

pytestmark = pytest.mark.integration

SECRET = "AKIAQWERTYUIOPASDFGH"
MARIA = Person(uuid4(), "maria", frozenset({Role.EMPLOYEE}))
TOM = Person(uuid4(), "tom", frozenset({Role.EMPLOYEE}))
ADMIN = Person(uuid4(), "admin", frozenset({Role.ADMINISTRATOR}))
HANDBOOK = f"""# Fleet handbook

## Adding a model host

Write the host into `fleet.yaml` and set CLOISTER_FLEET. The key {SECRET} opens the store room.

## Ports

The page listens on port 8420.
"""


def guard(text: str) -> GuardedText:
    """Stand for the guard: takes out the planted secret, blocks a private key."""
    if "PRIVATE KEY" in text:
        return GuardedText("", is_blocked=True, reason="It holds a private key. Remove it and add the file again.")
    return GuardedText(text.replace(SECRET, "[AWS_ACCESS_KEY_1]"))


async def silent(percent: int, words: str) -> None:
    assert 0 <= percent <= 100
    assert words.endswith(".")


@pytest.fixture
async def knowledge(database: Database, keys: Keys) -> AsyncIterator[Knowledge]:
    engine = create_engine(database.app_url)
    yield Knowledge(engine, keys, guard, max_upload_bytes=1 << 20)
    await engine.dispose()


async def add(knowledge: Knowledge, person: Person, name: str, text: str, *, is_shared: bool = False) -> UUID:
    upload = await knowledge.accept_upload(person, name, text.encode(), is_shared=is_shared)
    await knowledge.index_upload(upload, silent)
    return upload


async def sources(knowledge: Knowledge, question: str, reader: Person | None) -> list[str]:
    return [p.source for p in await knowledge.retrieve(question, reader=str(reader.id) if reader else "")]


@pytest.mark.parametrize(
    ("question", "heading"),
    [
        ("How do I add a model host?", "Fleet handbook > Adding a model host"),
        ("Which port does the page listen on?", "Fleet handbook > Ports"),
        ("Auf welchem Port hört die Seite?", "Fleet handbook > Ports"),
        ("CLOISTER_FLEET", "Fleet handbook > Adding a model host"),
        ("what about the fleet yaml then", "Fleet handbook > Adding a model host"),
    ],
)
async def test_a_natural_question_finds_its_passage(knowledge: Knowledge, question: str, heading: str) -> None:
    await add(knowledge, MARIA, "handbook.md", HANDBOOK)
    best = (await knowledge.retrieve(question, reader=str(MARIA.id)))[0]
    assert best.heading == heading
    assert best.title == "Fleet handbook"
    assert best.source == "handbook.md"
    assert 0 < best.score <= 1


@pytest.mark.parametrize("question", ["", "?!…", "the of and", "' OR 1=1 --", "a:* & !b | (c <-> d)", "\\", "ж" * 5000])
async def test_no_question_is_an_error(knowledge: Knowledge, question: str) -> None:
    await add(knowledge, MARIA, "handbook.md", HANDBOOK)
    for passage in await knowledge.retrieve(question, reader=str(MARIA.id)):
        assert passage.text


async def test_an_unrelated_question_finds_nothing(knowledge: Knowledge) -> None:
    await add(knowledge, MARIA, "handbook.md", HANDBOOK)
    assert await knowledge.retrieve("Write a poem about autumn leaves and page boys", reader=str(MARIA.id)) == []


async def test_offsets_point_at_the_guarded_text(knowledge: Knowledge) -> None:
    await add(knowledge, MARIA, "handbook.md", HANDBOOK)
    guarded = guard(HANDBOOK).text
    for passage in await knowledge.retrieve("host port fleet", reader=str(MARIA.id)):
        assert guarded[passage.start : passage.end] == passage.text


async def test_a_private_document_is_found_by_its_owner_alone(knowledge: Knowledge) -> None:
    await add(knowledge, MARIA, "diary.txt", "The falcon lands at midnight.")
    assert await sources(knowledge, "When does the falcon land?", MARIA) == ["diary.txt"]
    for stranger in (TOM, ADMIN, None):
        assert await sources(knowledge, "When does the falcon land?", stranger) == []
    assert await knowledge.retrieve("falcon", reader=f"{MARIA.id}' OR '1'='1") == []
    assert [d.source for d in await knowledge.documents(TOM)] == []


async def test_a_shared_document_is_found_by_everybody_and_needs_an_administrator(knowledge: Knowledge) -> None:
    await add(knowledge, ADMIN, "canteen.md", "# Canteen\n\nLunch is at noon.", is_shared=True)
    assert await sources(knowledge, "When is lunch?", TOM) == ["canteen.md"]
    assert await sources(knowledge, "When is lunch?", None) == ["canteen.md"]
    with pytest.raises(NotAllowedError):
        await knowledge.accept_upload(TOM, "mine.md", b"text", is_shared=True)


async def test_only_who_may_removes_a_document(knowledge: Knowledge) -> None:
    private = await add(knowledge, MARIA, "diary.txt", "The falcon lands at midnight.")
    shared = await add(knowledge, ADMIN, "canteen.md", "Lunch is at noon.", is_shared=True)
    for thief, target in ((TOM, private), (ADMIN, private), (TOM, shared), (MARIA, uuid4())):
        with pytest.raises(NotFoundError):
            await knowledge.remove_document(thief, target)
    await knowledge.remove_document(MARIA, private)
    await knowledge.remove_document(ADMIN, shared)
    assert await sources(knowledge, "falcon lunch", MARIA) == []


async def test_a_planted_secret_is_nowhere_in_the_database(knowledge: Knowledge, database: Database) -> None:
    waiting = await knowledge.accept_upload(MARIA, f"{SECRET}.md", HANDBOOK.encode())
    assert SECRET not in dump(database)
    await knowledge.index_upload(waiting, silent)
    after = dump(database)
    assert SECRET not in after
    assert "[AWS_ACCESS_KEY_1] opens the store room" in after


async def test_an_upload_is_sealed_to_its_place_and_gone_once_it_was_guarded(
    knowledge: Knowledge, database: Database
) -> None:
    first = await knowledge.accept_upload(MARIA, "a.txt", b"The falcon lands at midnight.")
    second = await knowledge.accept_upload(TOM, "b.txt", b"Nothing of interest.")
    with psycopg.connect(libpq_dsn(database.app_url), autocommit=True) as connection:
        connection.execute(
            "UPDATE upload SET sealed = (SELECT sealed FROM upload WHERE id = %s) WHERE id = %s", (first, second)
        )
        with pytest.raises(BadInputError, match="cannot be opened"):
            await knowledge.index_upload(second, silent)  # Tom moved Maria's bytes to his own upload
        await knowledge.index_upload(first, silent)
        assert connection.execute("SELECT count(*) FROM upload").fetchone() == (0,)
    assert await sources(knowledge, "falcon", TOM) == []


async def test_indexing_twice_changes_nothing(knowledge: Knowledge, database: Database) -> None:
    upload = await add(knowledge, MARIA, "handbook.md", HANDBOOK)
    before = dump(database)
    again = await knowledge.index_upload(upload, silent)
    assert again.state is DocumentState.INDEXED
    assert dump(database) == before


async def test_the_same_file_again_takes_the_place_of_the_first(knowledge: Knowledge) -> None:
    await add(knowledge, MARIA, "handbook.md", HANDBOOK)
    newer = await add(knowledge, MARIA, "handbook (1).md", HANDBOOK)
    theirs = await add(knowledge, TOM, "handbook.md", HANDBOOK)
    assert [d.id for d in await knowledge.documents(MARIA)] == [newer]
    assert [d.id for d in await knowledge.documents(TOM)] == [theirs]


async def test_a_blocked_document_says_why_and_keeps_nothing(knowledge: Knowledge, database: Database) -> None:
    upload = await knowledge.accept_upload(MARIA, "key.pem", b"-----BEGIN PRIVATE KEY-----\nsesame")
    for _ in range(2):
        with pytest.raises(BadInputError, match="holds a private key"):
            await knowledge.index_upload(upload, silent)
    (document,) = await knowledge.documents(MARIA)
    assert document.state is DocumentState.FAILED
    assert "private key" in document.reason
    assert "sesame" not in dump(database)
    assert "upload ()" in dump(database)


async def test_work_that_is_not_wanted_any_more_leaves_the_upload_for_the_next(knowledge: Knowledge) -> None:
    class StopError(Exception):
        pass

    async def stop_late(percent: int, _words: str) -> None:
        if percent > 80:
            raise StopError

    upload = await knowledge.accept_upload(MARIA, "handbook.md", HANDBOOK.encode())
    with pytest.raises(StopError):
        await knowledge.index_upload(upload, stop_late)
    assert await sources(knowledge, "port", MARIA) == []
    assert (await knowledge.index_upload(upload, silent)).state is DocumentState.INDEXED


async def test_removing_a_document_while_it_waits_removes_the_upload(knowledge: Knowledge, database: Database) -> None:
    upload = await knowledge.accept_upload(MARIA, "handbook.md", HANDBOOK.encode())
    await knowledge.remove_document(MARIA, upload)
    assert "upload ()" in dump(database)
    with pytest.raises(NotFoundError):
        await knowledge.index_upload(upload, silent)


async def test_an_upload_that_nobody_read_is_swept_after_its_hour(knowledge: Knowledge, database: Database) -> None:
    late = await knowledge.accept_upload(MARIA, "late.txt", b"late")
    await knowledge.accept_upload(MARIA, "fresh.txt", b"fresh")
    with psycopg.connect(libpq_dsn(database.app_url), autocommit=True) as connection:
        connection.execute(
            "UPDATE upload SET created_at = now() - interval '61 min', expires_at = now() - interval '1 min'"
            " WHERE id = %s",
            (late,),
        )
        with pytest.raises(NotFoundError):
            await knowledge.index_upload(late, silent)
        assert await knowledge.sweep_uploads() == 1
        with pytest.raises(psycopg.errors.CheckViolation):
            connection.execute("UPDATE upload SET expires_at = now() + interval '2 hours'")
    states = {d.source: d.state for d in await knowledge.documents(MARIA)}
    assert states == {"late.txt": DocumentState.FAILED, "fresh.txt": DocumentState.PENDING}


async def test_a_file_that_cannot_be_used_is_refused_in_words(knowledge: Knowledge) -> None:
    with pytest.raises(BadInputError, match="at most 1048576"):
        await knowledge.accept_upload(MARIA, "big.txt", b"a" * ((1 << 20) + 1))
    with pytest.raises(BadInputError, match="PDF"):
        await knowledge.accept_upload(MARIA, "report.pdf", b"%PDF-1.7")
    assert await knowledge.documents(MARIA) == []


async def test_a_name_keeps_neither_folders_nor_control_characters(knowledge: Knowledge) -> None:
    await knowledge.accept_upload(MARIA, "C:\\Users\\maria\\plan\x00\x1b[31m\u202e.md", b"text")
    await knowledge.accept_upload(MARIA, "../../\n", b"text")
    assert {d.source for d in await knowledge.documents(MARIA)} == {"plan[31m.md", "document"}


async def test_the_documentation_follows_its_files(knowledge: Knowledge) -> None:
    start = DocumentationFile("docs/start.md", "Start", "# Start\n\nRun make run.")
    fleet = DocumentationFile("docs/fleet.md", "Fleet", "# Fleet\n\nHosts stand in fleet.yaml.")
    assert await knowledge.index_documentation([start, fleet], silent) == 2
    assert await knowledge.index_documentation([start, fleet], silent) == 0
    moved = DocumentationFile("docs/start.md", "Start", "# Start\n\nRun cloister up.")
    assert await knowledge.index_documentation([moved], silent) == 1
    assert await sources(knowledge, "What do I run?", None) == ["docs/start.md"]
    assert await sources(knowledge, "Where do hosts stand?", None) == []
    with pytest.raises(NotFoundError):
        await knowledge.remove_document(ADMIN, (await knowledge.documents(ADMIN))[0].id)


async def test_the_products_own_documentation_can_be_indexed(knowledge: Knowledge) -> None:
    files = read_documentation()
    assert files
    await knowledge.index_documentation(files, silent)
    assert {d.source for d in await knowledge.documents(TOM)} == {file.source for file in files}


def dump(database: Database) -> str:
    """Return every row of the rooms' tables as text, the way a thief of the disk would read them."""
    with psycopg.connect(libpq_dsn(database.owner_url)) as connection:
        return "\n".join(f"{table} ({_rows(connection, table)})" for table in ("document", "passage", "upload", "job"))


def _rows(connection: psycopg.Connection, table: str) -> str:
    query = sql.SQL("SELECT coalesce(string_agg(t::text, chr(10)), '') FROM {} AS t").format(sql.Identifier(table))
    return connection.execute(query).fetchone()[0]
