"""A model of the fleet that finds names is asked as every prompt is: in line, and only where its texts may go."""

import asyncio
from contextlib import aclosing

import pytest

from assistant.answering.attempts import LethalPrompts
from assistant.policy.names import FleetAsk
from connectors.errors import NoRouteError
from connectors.model_hosts.catalogue import Fleet, Host, Model
from connectors.model_hosts.hosts import ModelHosts
from connectors.model_hosts.values import Need
from tests.fakes.model_host import FakeModelHost
from tests.fakes.open_hosts import eventually, open_hosts

MODEL = "llama3.1:8b"
PLACES = (frozenset({"inside"}), frozenset({"gpu", "vault"}))


def fleet(fake: FakeModelHost, *labels: str) -> Fleet:
    models = (Model(MODEL, MODEL, 8192),)
    return Fleet((Host("Host1", fake.kind, fake.address, models=models, labels=labels),))


def ask(hosts: ModelHosts, only: tuple[frozenset[str], ...] = ()) -> "asyncio.Task[str]":
    asking = FleetAsk(
        hosts,
        MODEL,
        begin=LethalPrompts().begin,  # type: ignore[arg-type]  # the text stands for its mark
        loop=asyncio.get_running_loop(),
        only=lambda: only,
        patience_seconds=60.0,
    )
    return asyncio.create_task(asyncio.to_thread(asking, "Ana wrote this."))


async def test_it_waits_in_line_for_a_seat() -> None:
    with FakeModelHost("ollama", reply="[]") as fake:
        async with open_hosts(fleet=fleet(fake)) as hosts:
            async with aclosing(hosts.line_up(Need())) as standing:
                await anext(standing)
                asking = ask(hosts)
                await eventually(lambda: bool(hosts._line.tickets))  # it stands in line
                assert not fake.prompts
            assert await asking == "[]"
            assert not hosts._line.tickets
    assert len(fake.prompts) == 1


@pytest.mark.parametrize("labels", [(), ("inside",), ("gpu", "vault")])
async def test_a_text_goes_to_no_host_without_a_label_of_every_line(labels: tuple[str, ...]) -> None:
    with FakeModelHost("ollama", reply="[]") as fake:
        async with open_hosts(fleet=fleet(fake, *labels)) as hosts:
            with pytest.raises(NoRouteError, match="The policy lets this go to hosts with the label"):
                await ask(hosts, PLACES)
    assert not fake.prompts


async def test_a_text_goes_to_the_host_that_may_have_everything() -> None:
    with FakeModelHost("ollama", reply="[]") as fake:
        async with open_hosts(fleet=fleet(fake, "vault", "inside")) as hosts:
            assert await ask(hosts, PLACES) == "[]"


async def test_what_failed_is_tried_by_one_text_at_a_time() -> None:
    with FakeModelHost("ollama", reply="[]") as fake:
        async with open_hosts(fleet=fleet(fake)) as hosts:
            deployment = f"Host1/{MODEL}"
            hosts._breaker.failed(deployment)
            hosts._loads[deployment].hear(1, 0.0)  # its rest is over
            async with aclosing(hosts.line_up(Need())) as standing:
                await anext(standing)
                assert hosts._breaker.trials == {deployment}
            assert await ask(hosts) == "[]"
            assert not hosts._breaker.trials
