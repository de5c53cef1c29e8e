"""Every kind of host, every fault, before and in the middle of an answer: what the person gets of it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from connectors.errors import HostError
from connectors.model_hosts.catalogue import KIND_NAMES, Fleet, Host, Model
from connectors.model_hosts.hosts import ModelHosts
from connectors.model_hosts.values import ChatMessage, Need, Token, Usage
from tests.fakes.model_host import FakeModel, FakeModelHost, Fault
from tests.fakes.open_hosts import ask, eventually, open_hosts

PROMPT = (ChatMessage("user", "Tell me about the-secret-of-the-prompt."),)
PATIENCE_SECONDS = 1.5  # longer than the fake's `slow`, shorter than its `hang`
WAITED = "said nothing for 1.5 s"
REPLY = "one two three four five six"

# What Host1 is said to have done.
BEFORE = {
    "refuse": "Host1 ",
    "hang": f"Host1 {WAITED} before its answer began.",
    "500": "Host1 failed (status 500).",
    "429": "Host1 is too busy (status 429).",
    "cut": "Host1 ",
    "wrong": "Host1 answers with another model, other:1b; load the right one there.",
    "garbage": "Host1 ",
    "torn": "Host1 ",
    "html": "Host1 ",
    "sorry": "Host1 ",
    "redirect": "Host1 ",
    "empty": "Host1 gave no answer.",
}
# A redirect and a refused connection have no form within an answer: its status was sent, its connection is open.
DURING = {
    "hang@3": f"Host1 {WAITED} in the middle of its answer.",
    "500@3": "Host1 ",
    "429@3": "Host1 ",
    "cut@3": "Host1 ",
    "wrong@3": "Host1 answers with another model, other:1b; load the right one there.",
    "garbage@3": "Host1 ",
    "torn@3": "Host1 ",
}


def fleet_of_two(broken: FakeModelHost, sound: FakeModelHost) -> Fleet:
    model = Model("right:1b", "right:1b", 8192)
    return Fleet(
        tuple(
            Host(name, fake.kind, fake.address, models=(model,)) for name, fake in (("Host1", broken), ("Host2", sound))
        )
    )


def host_of(kind: str, fault: Fault | None = None) -> FakeModelHost:
    models = [FakeModel("right:1b"), FakeModel("other:1b")]
    return FakeModelHost(kind, models=models, reply=REPLY, token_seconds=0.005, fault=fault)


async def read(hosts: ModelHosts, pieces: list[str]) -> Usage:
    """Ask Host1; what came before an error is in `pieces`."""
    route = hosts.choose(Need())
    assert route.host == "Host1"
    stream: AsyncIterator[object] = hosts.ask(route, PROMPT, max_tokens=50, temperature=0.0, reader="maria")
    usage = None
    async for item in stream:
        if isinstance(item, Token):
            pieces.append(item.text)
        usage = item
    assert isinstance(usage, Usage)
    return usage


@pytest.mark.parametrize("kind", KIND_NAMES)
@pytest.mark.parametrize("fault", BEFORE)
async def test_before_the_answer_another_host_gives_it(kind: str, fault: str, caplog: pytest.LogCaptureFixture) -> None:
    with host_of(kind, Fault.parse(fault)) as broken, host_of(kind) as sound, FakeModelHost(kind) as outside:
        if fault == "redirect":
            path = "/api/chat" if kind == "ollama" else "/v1/chat/completions"
            broken.fault = Fault("redirect", location=outside.address + path)
        async with open_hosts(
            fleet=fleet_of_two(broken, sound),
            first_token_timeout_seconds=PATIENCE_SECONDS,
            stall_timeout_seconds=PATIENCE_SECONDS,
        ) as hosts:
            pieces: list[str] = []
            with pytest.raises(HostError) as caught:
                await read(hosts, pieces)
            await eventually(lambda: broken.in_flight == 0)
            other = hosts.choose(Need(), excluding=frozenset({"Host1/right:1b"}))
            text, _ = await ask(hosts, other, PROMPT)
            assert hosts.choose(Need()).host == "Host2"  # the one that failed rests
        assert outside.prompts == []
        assert len(broken.prompts) <= 1  # litellm would ask the one that just failed again
    assert pieces == []
    assert (other.host, text) == ("Host2", REPLY)
    assert str(caught.value).startswith(BEFORE[fault])
    assert (caught.value.can_retry, caught.value.host) == (True, "Host1")
    assert "the-secret-of-the-prompt" not in caplog.text + str(caught.value)


@pytest.mark.parametrize("kind", KIND_NAMES)
@pytest.mark.parametrize("fault", DURING)
async def test_in_the_answer_what_came_stays(kind: str, fault: str, caplog: pytest.LogCaptureFixture) -> None:
    with host_of(kind, Fault.parse(fault)) as broken, host_of(kind) as sound:
        broken.token_seconds = 0.05  # the third word arrives alone, before the fault
        async with open_hosts(fleet=fleet_of_two(broken, sound), stall_timeout_seconds=PATIENCE_SECONDS) as hosts:
            pieces: list[str] = []
            with pytest.raises(HostError) as caught:
                await read(hosts, pieces)
            await eventually(lambda: broken.in_flight == 0)
            assert hosts.statuses()[0].models[0].in_flight == 0
            assert hosts.choose(Need()).host == "Host2"
    assert "".join(pieces) == "one two three"
    assert str(caught.value).startswith(DURING[fault])
    assert caught.value.can_retry
    assert "the-secret-of-the-prompt" not in caplog.text + str(caught.value)


@pytest.mark.parametrize("kind", KIND_NAMES)
@pytest.mark.parametrize("fault", ["slow", "slow@3"])
async def test_a_pause_within_patience_is_waited_for(kind: str, fault: str) -> None:
    with host_of(kind, Fault.parse(fault)) as slow, host_of(kind) as sound:
        async with open_hosts(fleet=fleet_of_two(slow, sound), first_token_timeout_seconds=20.0) as hosts:
            pieces: list[str] = []
            usage = await read(hosts, pieces)
    assert "".join(pieces) == REPLY
    assert usage.finish_reason == "stop"
    assert sound.prompts == []
