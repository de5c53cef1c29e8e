"""What the tests of the history share: two people, a history in two processes, and turns to tell."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import UUID, uuid4

import psycopg
from argon2 import PasswordHasher
from sqlalchemy.ext.asyncio import AsyncEngine

from assistant.conversation import MessageState, Person, Role, Turn
from assistant.database import create_engine, libpq_dsn
from assistant.history import History
from assistant.identity import Identity
from tests.integration.conftest import Database


@dataclass(frozen=True, slots=True)
class Scene:
    """Maria and Otto, and the history as the processes `web-1` and `web-2` see it."""

    database: Database
    engine: AsyncEngine
    history: History
    other_process: History
    maria: Person
    otto: Person

    def turn(self, person: Person | None = None, thread_id: UUID | None = None, **changes: object) -> Turn:
        values = {
            "id": uuid4(),
            "thread_id": thread_id or uuid4(),
            "message_id": uuid4(),
            "answer_id": uuid4(),
            "person": person or self.maria,
            "persona": "general",
            "text": "the raw text, which the history never stores",
        }
        return Turn(**(values | changes))  # type: ignore[arg-type] - a table of defaults

    async def tell(
        self, question: str, answer: str, *, state: MessageState = MessageState.COMPLETE, turn: Turn | None = None
    ) -> Turn:
        """Let a whole turn happen and return it."""
        told = turn or self.turn()
        await self.history.start_turn(told, question, title=question)
        await self.history.finish_turn(told, answer, state)
        return told

    def sql(self, statement: str, *values: object) -> list[tuple[object, ...]]:
        """Look at the tables, or age their rows, past the code that is tested."""
        with psycopg.connect(libpq_dsn(self.database.owner_url)) as connection:
            cursor = connection.execute(statement, values)
            return cursor.fetchall() if cursor.description else []


@asynccontextmanager
async def open_scene(database: Database) -> AsyncIterator[Scene]:
    """Give a scene on a fresh database."""
    engine = create_engine(database.app_url)
    hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    identity = Identity(engine, session_hours=1, hasher=hasher)
    try:
        maria, otto = [
            await identity.add_person(n, {Role.EMPLOYEE}, "correct horse battery") for n in ("maria", "otto")
        ]
        yield Scene(database, engine, History(engine, process="web-1"), History(engine, process="web-2"), maria, otto)
    finally:
        await engine.dispose()
