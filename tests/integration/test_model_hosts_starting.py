"""A llama.cpp server that reads its model answers 503 to everybody: prompts wait for it, and it has not failed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack, aclosing

import pytest

from connectors.errors import HostError, NoRouteError
from connectors.model_hosts.catalogue import Fleet, Host, Model
from connectors.model_hosts.hosts import ModelHosts
from connectors.model_hosts.values import AnswerItem, Capability, Gap, Loading, Need, Token
from tests.fakes.model_host import FakeModelHost
from tests.fakes.open_hosts import QUESTION, ask, eventually, fleet_of, open_hosts

MODEL = "llama3.1:8b"
SELDOM = 3600.0  # nobody looks at the hosts beside those who wait for them


def answer_of(hosts: ModelHosts) -> AsyncIterator[AnswerItem]:
    return hosts.ask(hosts.choose(Need()), QUESTION, max_tokens=50, temperature=0.0, reader="maria")


def patient(fake: FakeModelHost, seconds: float) -> Fleet:
    models = (Model(MODEL, MODEL, 8192),)
    return Fleet((Host("Host1", "llamacpp", fake.address, models=models, waits=(("load", seconds),)),))


async def told(stream: AsyncIterator[AnswerItem]) -> str:
    return "".join([item.text async for item in stream if isinstance(item, Token)])


async def test_that_litellm_is_imported_is_told_once() -> None:
    told: list[bool] = []
    with FakeModelHost("vllm") as fake:
        async with open_hosts(fleet=fleet_of(fake), on_loaded=lambda: told.append(True)) as hosts:
            await eventually(lambda: hosts.is_ready)
            assert told == [True]
            await ask(hosts)
    assert told == [True]


async def test_a_prompt_waits_for_a_server_that_starts_and_the_person_is_told() -> None:
    with FakeModelHost("llamacpp", is_loading=True, reply="Up at last.") as fake:
        async with open_hosts(fleet=fleet_of(fake), look_every_seconds=SELDOM) as hosts:
            assert hosts.statuses()[0].words == f"Host1 is loading {MODEL}"
            assert "starting" in hosts.choose(Need()).reason
            stream = answer_of(hosts)
            loading = await anext(stream)
            assert isinstance(loading, Loading)
            assert loading.words.startswith(f"Host1 is loading {MODEL}")
            waiting = asyncio.create_task(told(stream))
            seen = len(fake.requests)
            await eventually(lambda: len(fake.requests) > seen)  # it is looked at by who waits
            fake.is_loading = False
            assert await waiting == "Up at last."
            assert hosts.statuses()[0].words == f"Host1 serves {MODEL}"
    assert len(fake.prompts) == 1


async def test_a_server_that_was_started_anew_since_the_last_look_has_not_failed() -> None:
    with FakeModelHost("llamacpp", reply="Back again.") as fake:
        async with open_hosts(fleet=fleet_of(fake), look_every_seconds=SELDOM) as hosts:
            assert (await ask(hosts))[0] == "Back again."
            fake.is_loading = True
            stream = answer_of(hosts)
            assert isinstance(await anext(stream), Loading)
            assert hosts.statuses()[0].words == f"Host1 is loading {MODEL}"
            waiting = asyncio.create_task(told(stream))
            fake.is_loading = False
            assert await waiting == "Back again."
            assert "failed a moment ago" not in hosts.choose(Need()).reason
    assert len(fake.prompts) == 3  # the one in the middle was refused


async def test_code_is_completed_by_a_server_that_was_started_anew() -> None:
    with FakeModelHost("llamacpp", reply="return 1") as fake:
        models = (Model(MODEL, MODEL, 8192, capabilities=frozenset({Capability.FIM})),)
        fleet = Fleet((Host("Host1", "llamacpp", fake.address, models=models),))
        async with open_hosts(fleet=fleet, look_every_seconds=SELDOM) as hosts:
            fake.is_loading = True
            route = hosts.choose(Need(capability=Capability.FIM))
            stream = hosts.fill(route, Gap("def one():\n    ", "\n"), max_tokens=20, temperature=0.0)
            assert isinstance(await anext(stream), Loading)
            fake.is_loading = False
            assert await told(stream) == "return 1"


async def test_a_server_that_never_ends_its_start_is_a_host_that_failed() -> None:
    with FakeModelHost("llamacpp", is_loading=True) as fake:
        async with open_hosts(fleet=patient(fake, 0.2), look_every_seconds=SELDOM) as hosts:
            with pytest.raises(HostError, match=rf"Host1 is still loading {MODEL} after 0\.2 s") as raised:
                await told(answer_of(hosts))
            assert raised.value.can_retry
            assert "failed a moment ago" in hosts.choose(Need()).reason
    assert not fake.prompts


async def test_a_server_that_ends_while_it_starts_is_gone() -> None:
    with ExitStack() as running:
        fake = running.enter_context(FakeModelHost("llamacpp", is_loading=True))
        async with open_hosts(fleet=fleet_of(fake), look_every_seconds=0.1) as hosts:
            stream = answer_of(hosts)
            assert isinstance(await anext(stream), Loading)
            running.close()
            with pytest.raises(HostError, match="Host1 cannot be reached"):
                await told(stream)
            with pytest.raises(NoRouteError, match="Host1 cannot be reached"):
                hosts.choose(Need())


async def test_whoever_is_up_goes_before_whoever_starts() -> None:
    with FakeModelHost("llamacpp", is_loading=True) as starting, FakeModelHost("vllm", reply="Here.") as up:
        async with open_hosts(fleet=fleet_of(starting, up), look_every_seconds=SELDOM) as hosts:
            async with aclosing(hosts.line_up(Need())) as standing:
                route = await anext(standing)
                assert route.host == "Host2"  # type: ignore[union-attr]  # there is room
            only_one = frozenset({f"Host2/{MODEL}"})
            assert hosts.choose(Need(), excluding=only_one).host == "Host1"


async def test_a_server_whose_window_nobody_knows_yet_cannot_be_asked_before_it_is_up() -> None:
    with FakeModelHost("llamacpp", is_loading=True) as fake:
        async with open_hosts(fleet=fleet_of(fake, context_tokens=0)) as hosts:
            with pytest.raises(NoRouteError, match="Host1 is loading its model"):
                hosts.choose(Need())
            fake.is_loading = False
            await eventually(lambda: hosts.statuses()[0].models[0].is_available)
        fake.is_loading = True
        async with open_hosts(fake) as hosts:  # found, and nobody named its model
            with pytest.raises(NoRouteError, match="is loading its model"):
                hosts.choose(Need(("llama3.1",)))
            assert hosts.statuses()[0].words.endswith("is loading its model")
