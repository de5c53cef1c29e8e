"""Seats on hosts over all processes: never one too many, none lost for long, and who has a conversation is known."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import ExitStack, aclosing
from pathlib import Path

import pytest
import redis.asyncio
from pydantic import SecretStr

from assistant.fleet import board as board_file
from assistant.fleet.board import RedisBoard
from assistant.redis_client import open_redis
from connectors.model_hosts.choosing.choice import Held
from connectors.model_hosts.choosing.sharing import GivenSeat, SeatPlace, WantedSeat, Word
from connectors.model_hosts.hosts import ModelHosts
from connectors.model_hosts.values import Need, Route
from tests.fakes.model_host import FakeModelHost
from tests.fakes.open_hosts import eventually, fleet_of, open_hosts

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]
KEY = bytes(range(32))
THREAD = "a-thread-that-nobody-may-read"
ONE = (SeatPlace("Host1/m", 1),)
BOTH = (SeatPlace("Host1/m", 1, is_favoured=True), SeatPlace("Host2/m", 1, is_favoured=True))


@pytest.fixture
async def client(redis_url: str) -> AsyncIterator[redis.asyncio.Redis]:
    async with open_redis(SecretStr(redis_url), patience_seconds=5.0) as opened:
        yield opened


@pytest.mark.parametrize("slots", [1, 3])
def test_two_processes_never_take_one_seat_too_many(redis_url: str, slots: int) -> None:
    with ExitStack() as stack:
        command = [sys.executable, "-m", "tests.fakes.line_process", str(slots), redis_url]
        both = []
        for _ in range(2):
            one = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            both.append(stack.enter_context(one))
            stack.callback(one.kill)
        ready = [one.stdout.readline() for one in both if one.stdout]
        for one in both:
            assert one.stdin is not None
            one.stdin.write("go\n")
            one.stdin.flush()
        most = [int(one.stdout.readline()) for one in both if one.stdout]
    assert ready == ["ready\n"] * 2
    assert max(most) == slots


async def test_a_seat_is_taken_once_and_free_when_it_ends(client: redis.asyncio.Redis) -> None:
    here, there = RedisBoard(client), RedisBoard(client)
    assert await here.take_seat(WantedSeat("1", ONE)) == GivenSeat("Host1/m")
    assert await here.take_seat(WantedSeat("1", ONE)) == GivenSeat("Host1/m")  # asked again: the answer was lost
    assert await there.take_seat(WantedSeat("1", ONE)) == GivenSeat("")
    assert await there.take_seat(WantedSeat("1", BOTH)) == GivenSeat("Host2/m")
    assert await here.take_seat(WantedSeat("2", ONE, ended=(("Host1/m", "1"),))) == GivenSeat("Host1/m")
    await here.exchange(Word(ended_seats=(("Host1/m", "2"),)))
    assert await there.take_seat(WantedSeat("2", ONE)) == GivenSeat("Host1/m")


async def test_the_seats_of_the_dead_are_free_and_those_of_the_living_are_not(
    client: redis.asyncio.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(board_file, "_FORGET_MILLISECONDS", 1000)
    alive, dead, other = RedisBoard(client), RedisBoard(client), RedisBoard(client)
    place = (SeatPlace("Host1/m", 2),)
    await alive.take_seat(WantedSeat("1", place))
    await dead.take_seat(WantedSeat("1", place))
    async with asyncio.timeout(180):
        while not (given := await other.take_seat(WantedSeat("1", place))).deployment:
            await alive.exchange(Word(seats={"1": "Host1/m"}))
            await asyncio.sleep(0.05)
    assert given == GivenSeat("Host1/m")
    assert await other.take_seat(WantedSeat("2", place)) == GivenSeat("")


async def test_a_clock_that_is_set_back_keeps_no_seat_of_the_dead(client: redis.asyncio.Redis) -> None:
    board = RedisBoard(client)
    assert (await board.take_seat(WantedSeat("1", ONE))).deployment == "Host1/m"
    (key,) = await client.keys("*seats*")
    ((dead, until),) = await client.zrange(key, 0, -1, withscores=True)
    await client.zadd(key, {dead: until + 3_600_000})  # as if Redis' clock had been an hour ahead
    assert (await board.take_seat(WantedSeat("2", ONE))).deployment == "Host1/m"
    assert (await board.take_seat(WantedSeat("3", ONE))).deployment == ""


async def test_seats_that_redis_forgot_are_told_again(client: redis.asyncio.Redis) -> None:
    here, there = RedisBoard(client), RedisBoard(client)
    await here.take_seat(WantedSeat("1", ONE))
    await client.flushdb()
    await here.exchange(Word(seats={"1": "Host1/m"}))
    assert await there.take_seat(WantedSeat("1", ONE)) == GivenSeat("")


async def test_who_has_a_conversation_is_known_to_all_and_which_it_is_to_nobody(client: redis.asyncio.Redis) -> None:
    here, there = RedisBoard(client, thread_key=KEY), RedisBoard(client, thread_key=KEY)
    wanted = WantedSeat("1", BOTH[1:], thread=THREAD, prompt_tokens=700)
    assert await here.take_seat(wanted) == GivenSeat("Host2/m")
    await here.exchange(Word(ended_seats=(("Host2/m", "1"),)))
    held = Held("Host2/m", 700)
    assert await there.take_seat(WantedSeat("1", BOTH, thread=THREAD)) == GivenSeat("Host2/m", held)
    cold = (SeatPlace("Host1/m", 1), SeatPlace("Host2/m", 9))  # that it is held makes no difference there
    assert (await there.take_seat(WantedSeat("2", cold, thread=THREAD))).deployment == "Host1/m"
    assert await RedisBoard(client, thread_key=b"other").take_seat(
        WantedSeat("3", (SeatPlace("Host3/m", 9),), thread=THREAD)
    ) == GivenSeat("Host3/m")
    keys = [key async for key in client.scan_iter()]
    assert [key for key in keys if key.startswith(board_file._THREAD.encode())]
    assert not any(THREAD.encode() in key for key in keys)
    for key in keys:
        if key.startswith(board_file._THREAD.encode()):
            assert 0 < await client.pttl(key) <= 600_000


async def seats_asked(client: redis.asyncio.Redis) -> int:
    return int((await client.info("commandstats"))["cmdstat_evalsha"]["calls"])


async def seated(hosts: ModelHosts, need: Need) -> Route:
    async with hosts.seat(need) as route:
        return route


async def test_a_conversation_stays_with_its_host_whichever_process_asks(client: redis.asyncio.Redis) -> None:
    with FakeModelHost("vllm") as one, FakeModelHost("vllm") as two:
        fleet = fleet_of(one, two)
        async with (
            open_hosts(fleet=fleet, board=RedisBoard(client, thread_key=KEY)) as here,
            open_hosts(fleet=fleet, board=RedisBoard(client, thread_key=KEY)) as there,
        ):
            async with here.seat(Need()) as busy:  # so that the conversation begins on the other one
                first = await seated(here, Need(thread=THREAD, prompt_tokens=100))
            assert {busy.host, first.host} == {"Host1", "Host2"}
            again = await seated(there, Need(thread=THREAD, prompt_tokens=150))
            assert (again.host, again.held_tokens) == (first.host, 100)
            assert "has this conversation" in again.reason
            before = await seats_asked(client)
            assert (await seated(there, Need(thread="another", prompt_tokens=150))).host == busy.host
            assert await seats_asked(client) == before + 1  # one request a prompt, and no other is waited for


async def test_without_the_board_a_prompt_is_seated_by_what_its_process_knows(client: redis.asyncio.Redis) -> None:
    class DeadBoard(RedisBoard):
        async def take_seat(self, wanted: WantedSeat) -> GivenSeat:
            raise redis.ConnectionError("gone")

    with FakeModelHost("exo") as fake:
        async with open_hosts(fleet=fleet_of(fake), board=DeadBoard(client)) as hosts:
            async with hosts.seat(Need()) as route, aclosing(hosts.line_up(Need())) as waiting:
                assert route.host == "Host1"
                assert not isinstance(await anext(waiting), Route)
            await eventually(lambda: hosts.statuses()[0].models[0].in_flight == 0)
