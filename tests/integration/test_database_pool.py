"""Connections that wait in a pool: who takes one finds it alive, and the server is not asked for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, suppress
from typing import Any, TypeAlias

import psycopg
import pytest
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from assistant.database import connect, create_engine, reading, transaction

pytestmark = pytest.mark.integration

Opened: TypeAlias = Callable[[AsyncEngine], AbstractAsyncContextManager[AsyncConnection]]


@pytest.fixture
async def engine(empty_database: SecretStr) -> AsyncIterator[AsyncEngine]:
    engine = create_engine(empty_database)
    yield engine
    await engine.dispose()


async def server_process(connection: AsyncConnection) -> int:
    return int(await connection.scalar(text("SELECT pg_backend_pid()")) or 0)


@pytest.mark.parametrize("how", [transaction, reading])
async def test_a_connection_that_the_server_ended_is_replaced_unseen(
    engine: AsyncEngine, empty_database: SecretStr, how: Opened
) -> None:
    async with how(engine) as one, how(engine) as other:
        ended = {await server_process(one), await server_process(other)}
    async with await connect(empty_database, autocommit=True) as killer:
        for process in ended:
            await killer.execute("SELECT pg_terminate_backend(%s, 5000)", [process])
    for _ in range(2):
        async with how(engine) as connection:
            assert await server_process(connection) not in ended


async def test_whether_a_connection_lives_is_not_asked_of_the_server(
    engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []
    execute = psycopg.AsyncCursor.execute

    async def noted(cursor: psycopg.AsyncCursor, query: str, *arguments: Any, **options: Any) -> object:
        asked.append(query)
        return await execute(cursor, query, *arguments, **options)

    async with reading(engine) as connection:
        first = await server_process(connection)
    monkeypatch.setattr(psycopg.AsyncCursor, "execute", noted)
    async with reading(engine) as connection:
        assert await server_process(connection) == first
    assert asked == ["SELECT pg_backend_pid()"]


async def test_what_only_reads_needs_no_transaction(engine: AsyncEngine) -> None:
    begun = text("SELECT now() = statement_timestamp()")
    async with reading(engine) as connection:
        assert [await connection.scalar(begun) for _ in range(2)] == [True, True]
    async with transaction(engine) as connection:  # the same connection, as it was before
        assert [await connection.scalar(begun) for _ in range(2)][1] is False


async def test_who_leaves_before_reading_leaves_the_next_a_transaction(
    engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with transaction(engine) as connection:
        await connection.execute(text("CREATE TABLE kept (number integer)"))
    has_begun = asyncio.Event()

    async def linger(*_: object) -> None:
        has_begun.set()
        await asyncio.Event().wait()

    async def read() -> None:
        async with reading(engine):
            pass

    with monkeypatch.context() as patch:
        patch.setattr(psycopg.AsyncConnection, "set_isolation_level", linger)  # the second of the two steps
        reader = asyncio.create_task(read())
        await has_begun.wait()
        reader.cancel()
        await asyncio.wait([reader])
    with suppress(ZeroDivisionError):
        async with transaction(engine) as connection:
            await connection.execute(text("INSERT INTO kept VALUES (1)"))
            raise ZeroDivisionError
    async with reading(engine) as connection:
        assert await connection.scalar(text("SELECT count(*) FROM kept")) == 0
