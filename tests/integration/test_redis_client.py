"""What cancels a task is heard while the task talks to Redis."""

from __future__ import annotations

import asyncio

import pytest
import redis
from pydantic import SecretStr

from assistant.redis_client import open_redis
from connectors.model_hosts.ending import end_task

pytestmark = pytest.mark.integration


async def test_whoever_cancels_between_sending_and_reading_is_heard(redis_url: str) -> None:
    """However many steps of the loop a command has taken by then."""
    client = open_redis(SecretStr(redis_url), patience_seconds=5.0)
    try:
        for steps in range(12):
            await client.ping()  # the connection stands
            task = asyncio.create_task(client.get("x"))
            for _ in range(steps):
                await asyncio.sleep(0)
            was_over = task.done()
            task.cancel()
            await asyncio.wait({task})
            assert task.cancelled() or was_over, f"lost after {steps} steps"
    finally:
        await client.aclose()


async def test_a_loop_over_redis_ends_when_it_is_told_to(redis_url: str) -> None:
    client = open_redis(SecretStr(redis_url), patience_seconds=5.0)

    async def ask_again_and_again() -> None:
        while True:
            await client.get("x")

    try:
        for steps in range(1, 30):
            task = asyncio.create_task(ask_again_and_again())
            for _ in range(steps):
                await asyncio.sleep(0)
            async with asyncio.timeout(180):
                await end_task(task)
    finally:
        await client.aclose()


async def test_more_than_there_are_connections_ask_in_one_moment(redis_url: str) -> None:
    client = open_redis(SecretStr(redis_url), patience_seconds=60.0)
    try:
        answers = await asyncio.gather(*(client.get("x") for _ in range(300)))
    finally:
        await client.aclose()
    assert answers == [None] * 300


async def test_a_server_that_takes_nothing_is_given_up() -> None:
    """It accepts, and never answers; a command that fits no buffer is not waited for either."""
    held: list[asyncio.StreamWriter] = []
    server = await asyncio.start_server(lambda _, writer: held.append(writer), "127.0.0.1", 0, limit=1)
    port = server.sockets[0].getsockname()[1]
    client = open_redis(SecretStr(f"redis://127.0.0.1:{port}/0"), patience_seconds=0.2)
    try:
        for value in (b"", bytes(32 << 20)):
            with pytest.raises(redis.TimeoutError):
                await client.set("x", value)
    finally:
        await client.aclose()
        for writer in held:
            writer.close()
        server.close()
        await server.wait_closed()
