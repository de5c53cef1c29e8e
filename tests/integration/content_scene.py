"""What the tests of kept texts share: a log with texts, and a turn to write about."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import UUID, uuid4

import psycopg

from assistant.audit.events import TurnGuarded
from assistant.audit.parts import GuardReport, TextMarker, TurnPlace
from assistant.audit.reader_pool import ReaderPool
from assistant.audit.writing.append import Appender
from assistant.audit.writing.content import ContentReader, Kept
from assistant.audit.writing.content_keys import ContentKeys
from assistant.audit.writing.keeping import ContentLog
from assistant.conversation import Person
from assistant.database import libpq_dsn
from assistant.keys import Keys
from policies.verdict import Action
from tests.integration.conftest import Database
from tests.integration.seal_scene import ORIGIN

SENTENCE = "The merger with Heliotrope is signed in March."


def place(thread_id: UUID | None = None, person_id: UUID | None = None) -> TurnPlace:
    return TurnPlace(uuid4(), thread_id or uuid4(), person_id or uuid4())


def guarded(database: Database, turn: TurnPlace, text: str = SENTENCE) -> TurnGuarded:
    report = GuardReport(Action.ALLOW, "sha256:0123456789ab")
    return TurnGuarded(turn=turn, guard=report, chars=len(text), text_mark=TextMarker(database.keys).mark(text))


@asynccontextmanager
async def open_log(database: Database) -> AsyncIterator[ContentLog]:
    """The log as one process writes it."""
    keys = ContentKeys(database.audit_writer_url, database.keys)
    async with Appender(database.audit_writer_url, ORIGIN) as appender:
        yield ContentLog(appender, keys)
    await keys.close()


@dataclass(frozen=True)
class Texts:
    """The kept texts, as whoever has these keys reads them."""

    database: Database
    keys: Keys

    async def read(self, ids: Collection[UUID]) -> dict[UUID, Kept]:
        async with ReaderPool(self.database.audit_reader_url) as pool:
            return await ContentReader(pool, self.keys).read(ids)


def reader(database: Database, keys: Keys | None = None) -> Texts:
    return Texts(database, keys or database.keys)


def as_superuser(database: Database, statement: str, *values: object) -> list[tuple[object, ...]]:
    """Change rows as somebody who may do anything, and who knows how to pass the triggers."""
    with psycopg.connect(libpq_dsn(database.owner_url)) as connection:
        connection.execute("SET LOCAL cloister.erasing = 'on'")
        connection.execute("ALTER TABLE audit.content DISABLE TRIGGER refuse_statement")
        cursor = connection.execute(statement, values)  # type: ignore[call-overload]
        rows = cursor.fetchall() if cursor.description else []
        connection.execute("ALTER TABLE audit.content ENABLE ALWAYS TRIGGER refuse_statement")
        return rows


def add_people(database: Database, *people: Person) -> None:
    """Give people accounts: what erases looks their roles up itself."""
    for person in people:
        as_superuser(
            database,
            "INSERT INTO person (id, name, display_name, password_hash, roles) VALUES (%s, %s, %s, '', %s)",
            person.id,
            person.name,
            person.name,
            [role.value for role in person.roles],
        )


def content_ids(database: Database) -> list[UUID]:
    """In the order of their events."""
    rows = as_superuser(database, "SELECT content_id FROM audit.event WHERE content_id IS NOT NULL ORDER BY id")
    return [UUID(str(row[0])) for row in rows]


def destroy_key(database: Database, thread_id: UUID) -> None:
    as_superuser(
        database,
        "UPDATE audit.dek SET wrapped = NULL, destroyed_at = clock_timestamp() WHERE thread_id = %s "
        "AND destroyed_at IS NULL",
        thread_id,
    )
