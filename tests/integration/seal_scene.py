"""A log that is sealed: events as the product writes them, a sealer with a key of its own, and open transactions."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID, uuid4

import psycopg

from assistant.audit.events import Event, JobEnqueued
from assistant.audit.record import Origin, compose_record
from assistant.audit.seals.heads import SELECT_HEADS, Head
from assistant.audit.seals.seal import Sealer
from assistant.audit.seals.seal_key import SealKeyFile, rotate
from assistant.audit.writing.append import Appender
from assistant.database import libpq_dsn
from tests.integration.conftest import Database

ORIGIN = Origin("test", 1, "0.1.0")
INSERT = (
    "INSERT INTO audit.event (id, occurred_at, type, subject, actor, body, leaf) VALUES (%s, %s, %s, %s, %s, %s, %s)"
)


def job(number: int = 0) -> JobEnqueued:
    return JobEnqueued(actor=uuid4(), job_id=UUID(int=number), task="index")


@dataclass(frozen=True, slots=True)
class SealedLog:
    """A database with the file of its sealing key."""

    database: Database
    keys: SealKeyFile

    @classmethod
    def at(cls, database: Database, folder: Path) -> SealedLog:
        return cls(database, SealKeyFile(folder / "seal.key"))

    def append(self, count: int) -> None:
        async def run() -> None:
            async with Appender(self.database.audit_writer_url, ORIGIN) as appender:
                await asyncio.gather(*(appender.append(job(number)) for number in range(count)))

        asyncio.run(run())

    def append_events(self, *events: Event) -> None:
        async def run() -> None:
            async with Appender(self.database.audit_writer_url, ORIGIN) as appender:
                for event in events:
                    await appender.append(event)

        asyncio.run(run())

    def seal(self) -> Head | None:
        return asyncio.run(Sealer(self.database.audit_sealer_url, self.keys).seal())

    def rotate(self) -> None:
        async def run() -> None:
            async with Appender(self.database.audit_writer_url, ORIGIN) as appender:
                await rotate(self.keys, appender)

        asyncio.run(run())

    def open_writer(self) -> psycopg.Connection:
        """A transaction that stays open until the test ends it."""
        return psycopg.connect(libpq_dsn(self.database.audit_writer_url))

    def execute(self, *statements: str) -> None:
        """As a superuser of the server with the triggers off, who puts them on again."""
        with psycopg.connect(libpq_dsn(self.database.owner_url)) as connection:
            switch(connection, "DISABLE")
            for statement in statements:
                connection.execute(statement)  # type: ignore[call-overload]
            switch(connection, "ENABLE ALWAYS")

    def rows(self, query: str) -> list[tuple[object, ...]]:
        with psycopg.connect(libpq_dsn(self.database.owner_url)) as connection:
            return connection.execute(query).fetchall()  # type: ignore[call-overload,no-any-return]

    def heads(self) -> list[Head]:
        with psycopg.connect(libpq_dsn(self.database.owner_url)) as connection:
            rows = connection.execute(SELECT_HEADS.as_string() + " ORDER BY batch").fetchall()  # type: ignore[call-overload]
        return [Head.of_row(row) for row in rows]


def write_one(connection: psycopg.Connection, number: int = 0) -> None:
    row = compose_record(job(number), ORIGIN, time.time_ns())
    connection.execute(INSERT, [row.id, row.occurred_at, row.type, row.subject, row.actor, row.body, row.leaf])


def loosen(database: Database) -> None:
    """Let rows say what they like, as in a log from before revision 0023."""
    with psycopg.connect(libpq_dsn(database.owner_url)) as connection:
        _loosen(connection)
        for table, trigger in (("event", "refuse_textless"), ("content", "refuse_orphan")):
            connection.execute(f"ALTER TABLE audit.{table} DISABLE TRIGGER {trigger}")  # type: ignore[call-overload]


def _loosen(connection: psycopg.Connection) -> None:
    connection.execute("ALTER TABLE IF EXISTS audit.event DROP CONSTRAINT IF EXISTS event_says_so")


def switch(connection: psycopg.Connection, how: str) -> None:
    _loosen(connection)
    tables = connection.execute(
        "SELECT tgrelid::regclass::text, tgname FROM pg_trigger WHERE tgname LIKE 'refuse%' AND tgparentid = 0"
    ).fetchall()
    for table, trigger in tables:
        connection.execute(f"ALTER TABLE {table} {how} TRIGGER {trigger}")  # type: ignore[call-overload]


def leaves_of(rows: Sequence[tuple[object, ...]]) -> list[bytes]:
    return [bytes(row[0]) for row in rows]  # type: ignore[call-overload]
