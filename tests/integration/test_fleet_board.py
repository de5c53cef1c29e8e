"""What all processes know of each other over Redis: work in flight, speed, failures, drains."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest
import redis.asyncio
from pydantic import SecretStr

from assistant.fleet import board as board_file
from assistant.fleet.board import RedisBoard
from assistant.redis_client import open_redis
from connectors.errors import HostError, NoRouteError
from connectors.model_hosts.choosing.sharing import Failing, Share, Ticket, Told, Word
from connectors.model_hosts.ending import end_task
from connectors.model_hosts.hosts import ModelHosts
from connectors.model_hosts.values import Asker, Need, Place, Route
from tests.fakes.model_host import FakeModelHost, Fault
from tests.fakes.open_hosts import QUESTION, ask, eventually, fleet_of, open_hosts

pytestmark = pytest.mark.integration


@pytest.fixture
async def client(redis_url: str) -> AsyncIterator[redis.asyncio.Redis]:
    async with open_redis(SecretStr(redis_url), patience_seconds=60.0) as opened:
        yield opened


class Prompt:
    """A prompt that waits in line and then keeps its seat until it is stopped."""

    def __init__(self, hosts: ModelHosts, owner: str) -> None:
        self.places: list[int] = []
        self.is_seated = False
        self._task = asyncio.create_task(self._wait(hosts, Need(asker=Asker(owner))))

    async def _wait(self, hosts: ModelHosts, need: Need) -> None:
        async with aclosing(hosts.line_up(need)) as steps:
            async for step in steps:
                if isinstance(step, Place):
                    self.places.append(step.before)
                else:
                    self.is_seated = True
                    await asyncio.Event().wait()

    async def stop(self) -> None:
        await end_task(self._task)


async def test_work_of_one_process_is_seen_by_the_other(client: redis.asyncio.Redis) -> None:
    with FakeModelHost("vllm", reply="word " * 200, token_seconds=0.05) as one, FakeModelHost("vllm") as two:
        one.waiting = two.waiting = 0
        fleet = fleet_of(one, two)
        async with (
            open_hosts(fleet=fleet, board=RedisBoard(client)) as here,
            open_hosts(fleet=fleet, board=RedisBoard(client)) as there,
        ):
            assert there.choose(Need()).host == "Host1"
            stream = here.ask(here.choose(Need()), QUESTION, max_tokens=200, temperature=0.0, reader="maria")
            async with aclosing(stream):
                await anext(stream)
                await eventually(lambda: there.choose(Need()).host == "Host2")
                assert there.statuses()[0].words == "Host1 answers 1 prompt"
            await eventually(lambda: there.choose(Need()).host == "Host1")


async def test_speed_and_failure_of_one_process_count_for_the_other(client: redis.asyncio.Redis) -> None:
    with FakeModelHost("vllm", reply="word " * 40, token_seconds=0.01) as one, FakeModelHost("vllm") as two:
        fleet = fleet_of(one, two)
        async with (
            open_hosts(fleet=fleet, board=RedisBoard(client)) as here,
            open_hosts(fleet=fleet, board=RedisBoard(client)) as there,
        ):
            await ask(here)
            await eventually(lambda: there.statuses()[0].models[0].tokens_per_second > 0)
            one.fault = Fault.parse("500")
            with pytest.raises(HostError):
                await ask(here)
            await eventually(lambda: there.choose(Need()).host == "Host2")


async def test_drained_host_gets_no_new_work_and_finishes_its_own(client: redis.asyncio.Redis) -> None:
    board = RedisBoard(client)
    with FakeModelHost("vllm", reply="word " * 60, token_seconds=0.02) as one, FakeModelHost("vllm") as two:
        fleet = fleet_of(one, two)
        async with (
            open_hosts(fleet=fleet, board=RedisBoard(client)) as here,
            open_hosts(fleet=fleet, board=RedisBoard(client)) as there,
        ):
            stream = here.ask(here.choose(Need()), QUESTION, max_tokens=60, temperature=0.0, reader="maria")
            await anext(stream)
            assert await board.drain("Host1", "2026-11-29 13:00 UTC")
            assert not await board.drain("Host1", "later")
            for hosts in (here, there):
                await eventually(lambda hosts=hosts: hosts.statuses()[0].is_drained)
                assert hosts.choose(Need()).host == "Host2"
                assert hosts.statuses()[0].words == "Host1 is drained for maintenance since 2026-11-29 13:00 UTC"
            rest = [item async for item in stream]
            assert sum(len(getattr(item, "text", "").split()) for item in rest) > 50
            await board.drain("Host2", "2026-11-29 13:01 UTC")
            await eventually(lambda: there.statuses()[1].is_drained)
            with pytest.raises(NoRouteError, match="Host1 is drained for maintenance since 2026-11-29 13:00 UTC"):
                there.choose(Need())
            assert await board.undrain("Host1")
            assert not await board.undrain("Host1")
            await eventually(lambda: not there.statuses()[0].is_drained)
            assert there.choose(Need()).host == "Host1"


async def test_a_process_that_starts_knows_of_drains_before_its_first_prompt(client: redis.asyncio.Redis) -> None:
    await RedisBoard(client).drain("Host1", "today")
    with FakeModelHost("vllm") as one, FakeModelHost("vllm") as two:
        async with open_hosts(fleet=fleet_of(one, two), board=RedisBoard(client)) as hosts:
            assert hosts.choose(Need()).host == "Host2"


async def test_a_process_that_died_is_forgotten(client: redis.asyncio.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(board_file, "_FORGET_MILLISECONDS", 300)
    mortal, other = RedisBoard(client), RedisBoard(client)
    await mortal.exchange(Word({"Host1/m": Share(3, 20.0, 900.0, 4.0)}))
    assert (await other.read()).others == {"Host1/m": Share(3, 20.0, 900.0, 4.0)}
    async with asyncio.timeout(180):
        while (await other.read()).others:  # noqa: ASYNC110  # Redis forgets by its own clock
            await asyncio.sleep(0.05)
    assert await client.scard(board_file._PROCESSES) == 0


async def test_prompts_of_two_processes_wait_in_one_line(client: redis.asyncio.Redis) -> None:
    """Tom waits elsewhere, and longer; but he had an answer already, so Maria is next."""
    with FakeModelHost("exo") as fake:
        fleet = fleet_of(fake)
        async with (
            open_hosts(fleet=fleet, board=RedisBoard(client)) as here,
            open_hosts(fleet=fleet, board=RedisBoard(client)) as there,
        ):
            await eventually(lambda: here.is_ready and there.is_ready)  # what loads holds up the loop
            first = Prompt(there, "tom")
            await eventually(lambda: first.is_seated)
            toms = Prompt(there, "tom")
            await eventually(lambda: toms.places == [0])
            await eventually(lambda: here.statuses()[0].models[0].in_flight == 1)  # else it seems to be free
            marias = Prompt(here, "maria")
            await eventually(lambda: (marias.places, toms.places) == ([0], [0, 1]))
            await first.stop()
            await eventually(lambda: marias.is_seated)
            assert not toms.is_seated
            await marias.stop()
            await eventually(lambda: toms.is_seated)
            await toms.stop()


async def test_the_place_of_a_process_that_was_killed_gets_free(
    client: redis.asyncio.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(board_file, "_FORGET_MILLISECONDS", 2000)
    mortal = RedisBoard(client)
    ticket = Ticket("tom", is_interactive=True, weight=1.0, waited_seconds=60.0, deployments=("Host1/llama3.1:8b",))
    word = Word({"Host1/llama3.1:8b": Share(in_flight=1)}, (ticket,), {})
    with FakeModelHost("exo") as fake:
        async with open_hosts(fleet=fleet_of(fake), board=RedisBoard(client)) as hosts:
            await eventually(lambda: hosts.is_ready)
            async with asyncio.timeout(180):
                while hosts.statuses()[0].models[0].in_flight != 1:
                    await mortal.exchange(word)
                    await asyncio.sleep(0.01)
            waiting = Prompt(hosts, "maria")
            async with asyncio.timeout(180):
                while waiting.places != [1]:
                    await mortal.exchange(word)  # it lives
                    await asyncio.sleep(0.01)
            assert not waiting.is_seated
            await eventually(lambda: waiting.is_seated)
            await waiting.stop()


async def test_one_prompt_tries_a_host_that_failed_whoever_saw_it_fail(client: redis.asyncio.Redis) -> None:
    with FakeModelHost("vllm") as one, FakeModelHost("vllm") as two:
        fleet = fleet_of(one, two)
        async with (
            open_hosts(fleet=fleet, board=RedisBoard(client)) as here,
            open_hosts(fleet=fleet, board=RedisBoard(client)) as there,
        ):
            await eventually(lambda: here.is_ready and there.is_ready)
            one.fault = Fault.parse("500")
            with pytest.raises(HostError):
                await ask(here)
            await eventually(lambda: there.choose(Need()).host == "Host2")
            one.fault = None
            await client.hset(board_file._FAILING, "Host1/llama3.1:8b", "2 0")  # its rest is over
            need = Need(("llama3.1:8b",))
            only_two = frozenset({"Host2/llama3.1:8b"})
            await eventually(lambda: there.choose(need).host == here.choose(need).host == "Host1")
            async with aclosing(here.line_up(need)) as mine, aclosing(there.line_up(need)) as theirs:
                trial, other = await anext(mine), await anext(theirs)
                assert isinstance(trial, Route)
                assert isinstance(other, Route)
                assert (trial.host, other.host) == ("Host1", "Host2")
                assert here.choose(need).host == "Host2"
                text, _ = await ask(here, trial)
                assert text
            await eventually(lambda: there.choose(need).host == "Host1")
            assert not await client.hgetall(board_file._FAILING)
            assert there.choose(need, excluding=only_two).host == "Host1"


async def test_who_was_there_before_a_host_failed_ends_nobody_elses_trial(client: redis.asyncio.Redis) -> None:
    with FakeModelHost("vllm") as one, FakeModelHost("vllm") as two:
        async with open_hosts(fleet=fleet_of(one, two), board=RedisBoard(client)) as hosts:
            need, only_two = Need(("llama3.1:8b",)), frozenset({"Host2/llama3.1:8b"})
            early = hosts.line_up(need, excluding=only_two)
            assert isinstance(await anext(early), Route)
            one.fault = Fault.parse("500")
            with pytest.raises(HostError):
                await ask(hosts, hosts.choose(need, excluding=only_two))
            async with asyncio.timeout(180):
                while not await client.hgetall(board_file._FAILING):  # noqa: ASYNC110  # until Redis knows
                    await asyncio.sleep(0.05)
            await client.hset(board_file._FAILING, "Host1/llama3.1:8b", "2 0")  # its rest is over
            await eventually(lambda: "failed" not in hosts.choose(need, excluding=only_two).reason)
            async with aclosing(hosts.line_up(need, excluding=only_two)) as trial:
                assert isinstance(await anext(trial), Route)
                await early.aclose()
                assert "failed a moment ago" in hosts.choose(need, excluding=only_two).reason  # it is being tried
            assert "failed" not in hosts.choose(need, excluding=only_two).reason


async def test_what_is_known_of_failures_stays_while_redis_is_away(client: redis.asyncio.Redis) -> None:
    board = RedisBoard(client)
    await board.exchange(Word(failing={"a": Failing(3, 60.0), "b": Failing(1, 15.0)}))
    await board.exchange(Word(failing={"b": Failing(0, 0.0)}))
    failing = (await board.read()).failing
    assert failing is not None
    assert set(failing) == {"a"}
    assert failing["a"].failures == 3
    assert 0 < failing["a"].rest_seconds <= 60
    assert await board.claim_trial("a")
    assert not await RedisBoard(client).claim_trial("a")
    assert await board.claim_trial("a")  # the claim is the process's: which of its prompts tries, its breaker says


async def test_several_processes_add_up(client: redis.asyncio.Redis) -> None:
    first, second, third = (RedisBoard(client) for _ in range(3))
    await first.exchange(Word({"a": Share(1, 10.0), "b": Share(2, 0.0)}))
    await second.exchange(Word({"a": Share(2, 30.0)}))
    told = await third.exchange(Word({"a": Share(9, 9.0)}))
    assert told == Told({}, {"a": Share(3, 20.0), "b": Share(2, 0.0)}, failing={})


@pytest.mark.parametrize(
    "written",
    [
        b"{",
        b"[]",
        b'{"a": [1, 2, 3, 4]}',
        b'{"shares": {"a": 1}}',
        b'{"shares": {"a": [1, 2]}}',
        b'{"shares": {"a": ["1", 2, 3, 4]}}',
        b'{"shares": {"a": [-1, 2, 3, 4]}}',
        b'{"shares": {"a": [1e300, 0, 0, 0]}}',
        b'{"shares": [], "tickets": {}, "used": []}',
        b'{"tickets": [1, [], ["maria"], ["maria", 1, 1, 1, ["a"]], ["maria", true, 0, 1, ["a"]]]}',
        b'{"tickets": [["maria", true, 1, -1, ["a"]], ["maria", true, 1, 1, [1]]], "used": {"maria": -1}}',
    ],
)
async def test_what_another_version_wrote_is_nothing(client: redis.asyncio.Redis, written: bytes) -> None:
    await client.sadd(board_file._PROCESSES, "other")
    await client.set("other", written)
    assert await RedisBoard(client).read() == Told(failing={})


async def test_without_redis_answers_go_on_and_drains_stay(
    client: redis.asyncio.Redis, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)

    class MortalBoard(RedisBoard):
        is_dead = False

        async def exchange(self, own: object) -> Told:
            if self.is_dead:
                raise redis.ConnectionError("gone with a password")
            return await super().exchange(own)  # type: ignore[arg-type]  # as it is called

    board = MortalBoard(client)
    await board.drain("Host1", "today")
    with FakeModelHost("vllm") as one, FakeModelHost("vllm", reply="Here.") as two:
        async with open_hosts(fleet=fleet_of(one, two), board=board) as hosts:
            await eventually(lambda: hosts.is_ready)  # what loads holds up the loop, and Redis seems to be away
            await eventually(lambda: hosts.choose(Need()).host == "Host2")
            caplog.clear()
            board.is_dead = True
            await eventually(lambda: "cannot be heard" in caplog.text)
            text, _ = await ask(hosts)
            assert hosts.choose(Need()).host == "Host2"
    assert text == "Here."
    assert caplog.text.count("The other processes cannot be heard about the model hosts: ConnectionError") == 1
    assert "password" not in caplog.text
