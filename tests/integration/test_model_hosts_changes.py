"""What changes between the choice of a deployment and the moment it is asked: minutes may lie between the two."""

from __future__ import annotations

import asyncio
import threading
from contextlib import aclosing
from dataclasses import replace
from typing import Any

import httpx
import pytest
import redis.asyncio
from pydantic import SecretStr

from assistant.fleet.board import RedisBoard
from assistant.redis_client import open_redis
from connectors.errors import HostError, NoRouteError
from connectors.model_hosts.catalogue import Fleet
from connectors.model_hosts.hosts import ModelHosts
from connectors.model_hosts.values import ChatMessage, Gap, Inputs, Need, Place, Route
from tests.fakes.model_host import FakeModel, FakeModelHost, Received
from tests.fakes.open_hosts import QUESTION, ask, eventually, fleet_of, open_hosts

pytestmark = pytest.mark.integration

SECRET = "the salaries of the board"
INTERNAL = (frozenset({"internal"}),)
SELDOM = 600.0  # nothing that happens here is seen by a look


def labelled(fleet: Fleet, *labels: str, context_tokens: int = 8192) -> Fleet:
    """Return a fleet whose first host has these labels, and its models this window."""
    first, *rest = fleet.hosts
    models = tuple(replace(model, context_tokens=context_tokens) for model in first.models)
    return Fleet((replace(first, labels=labels, models=models), *rest))


class SlowToLoad(FakeModelHost):
    """A host that does nothing else while it loads a model, which takes until the test says so."""

    def __init__(self, kind: str, **settings: Any) -> None:
        super().__init__(kind, **settings)
        self.may_load = threading.Event()

    def _look_up(self, request: Received) -> tuple[int, Any]:
        if request.path == "/api/v1/models/load":
            self.may_load.wait(180)
        return super()._look_up(request)


async def refused(hosts: ModelHosts, route: Route) -> str:
    """Ask in each way that there is, and return what is said."""
    said: set[str] = set()
    gap = Gap(SECRET, "")
    messages = (ChatMessage("user", SECRET),)
    for asked in (
        hosts.ask(route, messages, max_tokens=9, temperature=0.0, reader="maria"),
        hosts.fill(route, gap, max_tokens=9, temperature=0.0),
    ):
        async with aclosing(asked) as items:
            with pytest.raises(HostError) as raised:
                await anext(items)
        said.add(str(raised.value))
        assert raised.value.can_retry
    with pytest.raises(HostError) as raised:
        await hosts.embed(route, Inputs((SECRET,)))
    (words,) = said | {str(raised.value)}
    assert not any("failed a moment ago" in status.words for status in hosts.statuses())
    return words


async def test_a_host_that_lost_its_label_is_not_sent_what_was_meant_for_it() -> None:
    with FakeModelHost("vllm") as fake:
        fleet = labelled(fleet_of(fake), "internal")
        async with open_hosts(fleet=fleet, look_every_seconds=SELDOM) as hosts:
            route = hosts.choose(Need(only=INTERNAL))
            hosts.take_fleet(labelled(fleet, "rented"))
            assert await refused(hosts, route) == "Host1 lost the label that the policy wants for this."
            assert not fake.prompts
            hosts.take_fleet(fleet)
            assert hosts.choose(Need(only=INTERNAL)).reason.endswith("warm")  # it did not fail
            assert (await ask(hosts, route))[0]


async def test_a_host_with_a_smaller_window_now_is_not_sent_what_no_longer_fits() -> None:
    with FakeModelHost("vllm", models=[FakeModel("llama3.1:8b", 32_768)]) as fake:
        fleet = labelled(fleet_of(fake), context_tokens=32_768)
        async with open_hosts(fleet=fleet, look_every_seconds=SELDOM) as hosts:
            route = hosts.choose(Need(prompt_tokens=20_000))
            hosts.take_fleet(labelled(fleet, context_tokens=8192))
            assert "has a window of 8,192 tokens now" in await refused(hosts, route)
            hosts.take_fleet(Fleet(()))
            assert await refused(hosts, route) == "Host1 no longer offers llama3.1:8b."
    assert not fake.prompts


async def test_a_label_that_goes_while_its_model_is_loaded_counts() -> None:
    with SlowToLoad("lmstudio", models=[FakeModel("m:1", is_loaded=False)]) as fake:
        fleet = labelled(fleet_of(fake), "internal")
        async with open_hosts(fleet=fleet, look_every_seconds=SELDOM) as hosts:
            route = hosts.choose(Need(only=INTERNAL))
            asking = asyncio.create_task(ask(hosts, route))
            await eventually(lambda: any(request.path == "/api/v1/models/load" for request in fake.requests))
            hosts.take_fleet(labelled(fleet, "rented"))
            fake.may_load.set()
            with pytest.raises(HostError, match="lost the label"):
                await asking
    assert not fake.prompts


async def test_a_host_that_answers_no_look_while_it_loads_is_asked_when_it_is_done() -> None:
    with SlowToLoad("lmstudio", models=[FakeModel("m:1", is_loaded=False)], reply="Here.") as fake:
        async with open_hosts(fleet=fleet_of(fake)) as hosts:
            asking = asyncio.create_task(ask(hosts, hosts.choose(Need())))
            looks = hosts._watch.client
            usual, looks.timeout = looks.timeout, httpx.Timeout(0.1)
            await eventually(lambda: not hosts.statuses()[0].is_up)
            looks.timeout = usual
            fake.may_load.set()
            assert (await asking)[0] == "Here."


async def test_who_waits_gets_no_seat_on_a_host_that_lost_its_label_a_moment_ago() -> None:
    with FakeModelHost("llamacpp", slots=1) as fake:
        fleet = labelled(fleet_of(fake), "internal")
        async with open_hosts(fleet=fleet, look_every_seconds=SELDOM) as hosts:
            seated = hosts.line_up(Need(only=INTERNAL))
            assert isinstance(await anext(seated), Route)
            async with aclosing(hosts.line_up(Need(only=INTERNAL))) as waiting:
                assert isinstance(await anext(waiting), Place)
                hosts.take_fleet(labelled(fleet, "rented"))
                await seated.aclose()
                with pytest.raises(NoRouteError, match="the label 'internal' alone, and there is none"):
                    await anext(waiting)


async def test_a_host_that_was_drained_is_not_asked_and_has_not_failed(redis_url: str) -> None:
    async with open_redis(SecretStr(redis_url), patience_seconds=60.0) as client:
        await drained_before_it_is_asked(client)


async def drained_before_it_is_asked(client: redis.asyncio.Redis) -> None:
    board = RedisBoard(client)
    with FakeModelHost("vllm") as fake:
        async with open_hosts(fleet=fleet_of(fake), board=RedisBoard(client), look_every_seconds=SELDOM) as hosts:
            route = hosts.choose(Need())
            await board.drain("Host1", "today")
            await eventually(lambda: hosts.statuses()[0].is_drained)
            assert await refused(hosts, route) == "Host1 is drained for maintenance since today."
            assert not fake.prompts
            await board.undrain("Host1")
            await eventually(lambda: not hosts.statuses()[0].is_drained)
            assert hosts.choose(Need()).reason.endswith("warm")
            assert hosts.samples()[0].trouble == ""


async def test_a_model_that_left_memory_without_a_prompt_is_loaded_with_its_window_again() -> None:
    """LM Studio would load it by itself with 4,096 tokens, and cut what is longer without a word."""
    model = FakeModel("qwen2.5:32b", is_loaded=False)
    with FakeModelHost("lmstudio", models=[model]) as fake:

        def loads() -> int:
            return sum(request.path == "/api/v1/models/load" for request in fake.requests)

        async with open_hosts(fleet=fleet_of(fake, context_tokens=6000)) as hosts:
            await ask(hosts)
            assert loads() == 1
            model.is_loaded = True
            await eventually(lambda: hosts.statuses()[0].models[0].is_loaded)
            model.is_loaded = False
            await eventually(lambda: not hosts.statuses()[0].models[0].is_loaded)
            await ask(hosts, messages=QUESTION)
            assert loads() == 2
