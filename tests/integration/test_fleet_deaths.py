"""What the processes tell each other over Redis of prompts over which hosts went down."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import redis.asyncio
from pydantic import SecretStr

from assistant.answering.attempts import LethalPrompts
from assistant.audit.parts import TextMarker
from assistant.bootstrap.fleet import open_lethal
from assistant.errors import LethalPromptError
from assistant.fleet.deaths import FORGET_SECONDS, Death, RedisDeaths
from assistant.redis_client import open_redis
from connectors.errors import HostError
from tests.fakes.turn_parts import KEYS

pytestmark = pytest.mark.integration

TEXT = "Tell me of Mini1."
MARK = TextMarker(KEYS).mark(TEXT)


@pytest.fixture
async def client(redis_url: str) -> AsyncIterator[redis.asyncio.Redis]:
    async with open_redis(SecretStr(redis_url), patience_seconds=60.0) as opened:
        yield opened


def gone(host: str) -> HostError:
    return HostError(f"{host} went down.", can_retry=True, host=host, model="m", has_gone_down=True)


async def everything(client: redis.asyncio.Redis) -> dict[bytes, dict[bytes, bytes]]:
    return {name: await client.hgetall(name) async for name in client.scan_iter("cloister:fleet:deaths:*")}  # type: ignore[misc]


async def test_processes_with_other_clocks_mean_the_same_time(client: redis.asyncio.Redis) -> None:
    here = LethalPrompts(RedisDeaths(client, key=b"k"), clock=lambda: 100.0)
    there = LethalPrompts(RedisDeaths(client, key=b"k"), clock=lambda: 1e6)
    await (await here.begin(MARK)).note("Mini1/m", gone("Mini1"))
    (death,) = await RedisDeaths(client, key=b"k").exchange(MARK, (), now=1e6)
    assert 1e6 - 60 < death.begun_at == death.at <= 1e6
    await (await there.begin(MARK)).note("Mini2/m", gone("Mini2"))
    with pytest.raises(LethalPromptError, match="Mini1 and Mini2"):
        await here.begin(MARK)


async def test_an_answer_takes_it_from_redis_and_else_time_does(client: redis.asyncio.Redis) -> None:
    prompts = LethalPrompts(RedisDeaths(client, key=b"k"))
    first = await prompts.begin(MARK)
    await first.note("Mini1/m", gone("Mini1"))
    (name,) = await everything(client)
    assert 0 < await client.ttl(name) <= FORGET_SECONDS
    await first.answered()
    assert not await everything(client)


async def test_redis_has_no_text_and_no_mark_that_stands_elsewhere(redis_url: str, client: redis.asyncio.Redis) -> None:
    async with open_lethal(SecretStr(redis_url), KEYS) as prompts:
        await (await prompts.begin(MARK)).note("Mini1/m", gone("Mini1"))
    held = repr(await everything(client))
    assert "Mini1" in held
    assert MARK not in held
    assert TEXT not in held


async def test_what_another_version_wrote_is_nothing_and_keeps_nobody_away(client: redis.asyncio.Redis) -> None:
    deaths = RedisDeaths(client, key=b"k")
    await deaths.exchange(MARK, [Death("1", "a", "Mini1", 1.0, 1.0)], now=1.0)
    (name,) = await everything(client)
    for number, text in enumerate((b"", b"{", b"[]", b'["a", "b", null, 1]', b'["a", ["b"], 1, 1]', b"\xff")):
        await client.hset(name, f"x{number}", text)  # type: ignore[misc]
    (death,) = await deaths.exchange(MARK, (), now=1.0)
    assert death.host == "Mini1"


async def test_without_redis_a_process_goes_by_its_own(tmp_path: Path) -> None:
    async with open_lethal(SecretStr(f"unix://{tmp_path}/nobody.sock"), KEYS) as prompts:
        attempts = await prompts.begin(MARK)
        await attempts.note("Mini1/m", gone("Mini1"))
        await attempts.note("Mini2/m", gone("Mini2"))
        with pytest.raises(LethalPromptError):
            await prompts.begin(MARK)
