"""How many answers of one token run at once: exact over clients, and no place is lost to a crash."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from uuid import UUID

import pytest
from redis.asyncio import Redis

from assistant.errors import UnavailableError
from assistant.web.gateway.places import Places
from assistant.web.gateway.refusals import GatewayError

pytestmark = pytest.mark.integration

TOKEN, OTHER = UUID(int=1), UUID(int=2)


@pytest.fixture
async def clients(redis_url: str) -> AsyncIterator[list[Redis]]:
    clients = [Redis.from_url(redis_url) for _ in range(3)]
    yield clients
    for client in clients:
        await client.aclose()


async def test_never_more_than_may_run_and_never_fewer(clients: list[Redis]) -> None:
    processes = [Places(client, most=4) for client in clients]
    everybody_asked = asyncio.Event()
    asked: list[bool] = []

    async def answer(number: int) -> None:
        try:
            async with processes[number % 3].taken(TOKEN):
                asked.append(True)
                if len(asked) == 60:
                    everybody_asked.set()
                await everybody_asked.wait()
        except GatewayError:
            asked.append(False)
            if len(asked) == 60:
                everybody_asked.set()

    async with asyncio.timeout(30):
        await asyncio.gather(*map(answer, range(60)))
    assert (asked.count(True), asked.count(False)) == (4, 56)
    assert await clients[0].zcard(f"gateway:answers:{TOKEN}") == 0


async def test_tokens_do_not_take_each_others_places(clients: list[Redis]) -> None:
    places = Places(clients[0], most=1)
    async with places.taken(TOKEN), places.taken(OTHER):
        with pytest.raises(GatewayError) as refused:
            await places.taken(TOKEN).__aenter__()
    assert (refused.value.status, refused.value.headers["retry-after"]) == (429, "1")


@pytest.mark.parametrize("error", [RuntimeError, asyncio.CancelledError, GeneratorExit])
async def test_a_place_is_free_however_its_answer_ends(clients: list[Redis], error: type[BaseException]) -> None:
    places = Places(clients[0], most=1)
    with pytest.raises(error):
        async with places.taken(TOKEN):
            raise error
    async with places.taken(TOKEN):
        pass


async def test_a_dead_process_gives_its_place_back_and_a_living_one_keeps_it(clients: list[Redis]) -> None:
    dead, alive = Places(clients[0], most=1, lease_seconds=0.5), Places(clients[1], most=1, lease_seconds=0.5)
    assert await dead._take(f"gateway:answers:{TOKEN}", "a process that was killed")
    with pytest.raises(GatewayError):
        await alive.taken(TOKEN).__aenter__()
    await asyncio.sleep(0.6)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(alive.taken(TOKEN))
        await asyncio.sleep(1.2)
        with pytest.raises(GatewayError):
            await dead.taken(TOKEN).__aenter__()


async def test_what_cannot_be_counted_is_not_let_in() -> None:
    client = Redis.from_url("redis://127.0.0.1:9/0", socket_connect_timeout=1)
    with pytest.raises(UnavailableError):
        await Places(client, most=1).taken(TOKEN).__aenter__()
    await client.aclose()
