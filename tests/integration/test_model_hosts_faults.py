"""Hosts that fail, and hosts that attack."""

import logging
import os
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from types import FrameType

import pytest

from connectors.errors import HostError, NoRouteError
from connectors.model_hosts.catalogue import Fleet
from connectors.model_hosts.hosts import ModelHosts
from connectors.model_hosts.kinds.kinds import build_kinds
from connectors.model_hosts.values import Capability, ChatMessage, Inputs, Need, Route, Tool, ToolCall, Wishes
from connectors.model_hosts.watching.watch import Watch
from tests.fakes.model_host import FakeModel, FakeModelHost, Fault
from tests.fakes.open_hosts import ask, eventually, fleet_of, open_hosts

SECRET = "the-secret-of-the-prompt"
PROMPT = (ChatMessage("user", f"Tell me about {SECRET}."),)


@pytest.mark.parametrize("kind", ["ollama", "vllm"])
@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("500", "Host1 failed (status 500)."),
        ("503", "Host1 is too busy (status 503)."),
        ("429", "Host1 is too busy (status 429)."),
        ("404", "Host1 says that it no longer has this model (status 404)."),
        ("401", "Host1 refuses our key (status 401); check api_key_file in fleet.yaml."),
        ("refuse", "Host1 "),
        ("cut", "Host1 "),
        ("error", "Host1 "),
        ("empty", "Host1 gave no answer."),
        ("hang", "Host1 said nothing for 0.4 s before its answer began."),
    ],
)
async def test_fault_before_the_first_token_can_be_retried_elsewhere(
    kind: str, fault: str, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    patience = 0.4 if fault == "hang" else 30.0  # a loaded machine takes longer than 0.4 s for all the others
    with FakeModelHost(kind, fault=Fault.parse(fault)) as broken, FakeModelHost(kind, reply="Here.") as sound:
        async with open_hosts(fleet=fleet_of(broken, sound), first_token_timeout_seconds=patience) as hosts:
            await eventually(lambda: hosts.is_ready)
            route = hosts.choose(Need())
            assert route.host == "Host1"
            with pytest.raises(HostError) as caught:
                await ask(hosts, route, PROMPT)
            other = hosts.choose(Need(), excluding=frozenset({route.deployment}))
            text, _ = await ask(hosts, other, PROMPT)
            assert hosts.choose(Need()).host == "Host2"  # the one that failed rests
    assert str(caught.value).startswith(words)
    assert (caught.value.can_retry, caught.value.host, caught.value.model) == (True, "Host1", "llama3.1:8b")
    assert not caught.value.has_gone_down  # its process is alive
    assert (other.host, text) == ("Host2", "Here.")
    assert SECRET not in caplog.text
    assert SECRET not in str(caught.value)


async def note(stream: AsyncIterator[object], pieces: list[object]) -> None:
    async for piece in stream:
        pieces.append(piece)  # noqa: PERF401  # a comprehension would lose what came before an error


@pytest.mark.parametrize("kind", ["ollama", "vllm"])
@pytest.mark.parametrize("fault", ["cut@3", "hang@3", "error@3"])
async def test_fault_in_mid_stream_keeps_what_came(kind: str, fault: str) -> None:
    with FakeModelHost(kind, reply="one two three four five", fault=Fault.parse(fault)) as fake:
        async with open_hosts(fake, stall_timeout_seconds=2.0) as hosts:
            route = hosts.choose(Need())
            pieces: list[object] = []
            with pytest.raises(HostError) as caught:
                await note(hosts.ask(route, PROMPT, max_tokens=50, temperature=0.0, reader="maria"), pieces)
            await eventually(lambda: fake.in_flight == 0)
            assert hosts.statuses()[0].models[0].in_flight == 0
    assert "".join(getattr(piece, "text", "") for piece in pieces) == "one two three"
    assert caught.value.can_retry


async def test_slow_first_token_within_patience_is_waited_for() -> None:
    with FakeModelHost("vllm", first_token_seconds=2.5, reply="Late.") as fake:
        async with open_hosts(fake, first_token_timeout_seconds=60.0, stall_timeout_seconds=2.0) as hosts:
            text, _ = await ask(hosts)
    assert text == "Late."


async def test_host_that_died_a_moment_ago() -> None:
    with FakeModelHost("vllm") as fake:
        hosts_open = open_hosts(fleet=fleet_of(fake), look_every_seconds=60.0)
        hosts = await hosts_open.__aenter__()
        route = hosts.choose(Need())
    try:
        with pytest.raises(HostError, match="Host1"):
            await ask(hosts, route)
        await eventually(lambda: not hosts.statuses()[0].is_up)
    finally:
        await hosts_open.__aexit__(None, None, None)


@pytest.mark.parametrize("kind", ["ollama", "vllm", "llamacpp"])
async def test_prompt_that_the_host_finds_overlong(kind: str) -> None:
    """Our count said that it fits: a prompt of many short tokens."""
    with FakeModelHost(kind, models=[FakeModel("m", 4096)]) as fake:
        async with open_hosts(fleet=fleet_of(fake, context_tokens=4096)) as hosts:
            route = hosts.choose(Need(prompt_tokens=100))
            with pytest.raises(HostError) as caught:
                await ask(hosts, route, (ChatMessage("user", "a b " * 10_000),))
            await eventually(lambda: not fake.in_flight)
            # The host is not at fault: others may ask it at once.
            assert "failed a moment ago" not in hosts.choose(Need()).reason
    assert caught.value.can_retry
    assert str(caught.value) == "Host1 says that this prompt does not fit its window."


@pytest.mark.parametrize(
    "wishes",
    [
        Wishes(format="json_schema", schema='{"name": "x", "schema": {"pattern": "^(abc$"}}'),
        Wishes(tools=(Tool("read", "", '{"$ref": "#/nowhere"}'),)),
        Wishes(top_p=0.0),
    ],
    ids=["schema", "tools", "sampling"],
)
async def test_a_wish_that_hosts_refuse_has_no_host_rest(wishes: Wishes) -> None:
    """llama.cpp and vLLM answer a schema that is none with 400: one caller must not take every host from all."""
    with FakeModelHost("vllm", fault=Fault.parse("400")) as fake:
        async with open_hosts(fleet=fleet_of(fake)) as hosts:
            with pytest.raises(HostError) as caught:
                await note(
                    hosts.ask(
                        hosts.choose(Need()), PROMPT, max_tokens=50, temperature=0.0, reader="eve", wishes=wishes
                    ),
                    [],
                )
            assert "failed a moment ago" not in hosts.choose(Need()).reason
            # Without a wish, or with stops alone, it is the host that is broken.
            with pytest.raises(HostError) as broken:
                await ask(hosts)
            assert "failed a moment ago" in hosts.choose(Need()).reason
    assert (caught.value.is_unfit, broken.value.is_unfit) == (True, False)
    assert str(caught.value).endswith("refuses what this request asks for (status 400).")


@pytest.mark.parametrize("kind", ["ollama", "vllm"])
async def test_an_answer_that_its_limit_ends_before_its_first_word_has_no_host_rest(kind: str) -> None:
    """A model that thinks first says nothing within `max_tokens: 1`: that is the caller's wish and no failure."""
    with FakeModelHost(kind, fault=Fault.parse("blank")) as fake:
        async with open_hosts(fleet=fleet_of(fake)) as hosts:
            _, usage = await ask(hosts, max_tokens=1)
            assert "failed a moment ago" not in hosts.choose(Need()).reason
    assert usage.finish_reason == "length"


async def test_dimensions_that_a_host_refuses_have_no_host_rest() -> None:
    """vLLM answers them with 400 for a model that has only one length."""
    embedder = FakeModel("e", capabilities=("embedding",))
    with FakeModelHost("vllm", models=[embedder], fault=Fault.parse("400")) as fake:
        host = fleet_of(fake).hosts[0]
        model = replace(host.models[0], capabilities=frozenset({Capability.EMBED}))
        async with open_hosts(fleet=Fleet((replace(host, models=(model,)),))) as hosts:
            need = Need(capability=Capability.EMBED)
            with pytest.raises(HostError) as caught:
                await hosts.embed(hosts.choose(need), Inputs(("text",), 64))
            assert "failed a moment ago" not in hosts.choose(need).reason
    assert caught.value.is_unfit


@pytest.mark.parametrize("kind", ["ollama", "vllm"])
async def test_a_model_that_works_and_says_nothing_has_no_host_rest(kind: str) -> None:
    """As one that thinks and stops: whoever asks can bring that about, and it is what they used."""
    with FakeModelHost(kind, fault=Fault.parse("blank@3")) as fake:
        async with open_hosts(fleet=fleet_of(fake)) as hosts:
            with pytest.raises(HostError) as caught:
                await ask(hosts)
            assert "failed a moment ago" not in hosts.choose(Need()).reason
    assert (str(caught.value), caught.value.is_unfit) == ("Host1 worked at this and said nothing.", True)


@pytest.mark.parametrize("kind", ["ollama", "vllm"])
async def test_a_model_may_have_nothing_to_say_of_what_a_tool_gave(kind: str) -> None:
    """Agents end so every day; as a failure, each had a host rest and asked all others the same."""
    call = ToolCall("c00000001", "write", "{}")
    said = (*PROMPT, ChatMessage("assistant", "", (call,)), ChatMessage("tool", "done", call_id=call.id))
    with FakeModelHost(kind, fault=Fault.parse("empty")) as fake:
        async with open_hosts(fleet=fleet_of(fake)) as hosts:
            text, usage = await ask(hosts, messages=said)
            assert "failed a moment ago" not in hosts.choose(Need()).reason
    assert (text, usage.finish_reason) == ("", "stop")


async def test_no_room_anywhere_is_said_before_anything_is_sent() -> None:
    with FakeModelHost("vllm", models=[FakeModel("m", 4096)]) as fake:
        async with open_hosts(fake) as hosts:
            with pytest.raises(
                NoRouteError, match=r"needs room for 34 358 tokens .* largest window there is has 4 096"
            ):
                hosts.choose(Need(prompt_tokens=33_334))
    assert not fake.prompts


async def test_key_from_the_fleet_is_sent_and_never_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with FakeModelHost("vllm", api_key="s3cret-host-key", reply="Open.") as fake:
        async with open_hosts(fleet=fleet_of(fake)) as hosts:
            text, _ = await ask(hosts)
    assert text == "Open."
    assert "s3cret-host-key" not in caplog.text


@pytest.mark.parametrize("kind", ["ollama", "vllm"])
@pytest.mark.parametrize("status", [301, 307, 308])
async def test_host_cannot_redirect_a_prompt(kind: str, status: int) -> None:
    with FakeModelHost(kind) as elsewhere, FakeModelHost(kind) as host:
        path = "/api/chat" if kind == "ollama" else "/v1/chat/completions"
        host.fault = Fault("redirect", status=status, location=f"{elsewhere.address}{path}")
        async with open_hosts(fleet=fleet_of(host)) as hosts:
            with pytest.raises(HostError):
                await ask(hosts, messages=PROMPT)
    assert host.prompts
    assert elsewhere.requests == []


@pytest.mark.parametrize("fault", [None, "refuse"])
async def test_proxies_of_the_environment_see_nothing(monkeypatch: pytest.MonkeyPatch, fault: str | None) -> None:
    """litellm goes through them by default, also when it retries a refused connection."""
    with FakeModelHost("stranger") as proxy, FakeModelHost("vllm", reply="Direct.") as fake:
        fake.fault = Fault.parse(fault) if fault else None
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.address)
            monkeypatch.setenv(name.lower(), proxy.address)
        monkeypatch.delenv("NO_PROXY", raising=False)
        async with open_hosts(fleet=fleet_of(fake)) as hosts:
            if fault:
                with pytest.raises(HostError):
                    await ask(hosts)
            else:
                assert (await ask(hosts))[0] == "Direct."
    assert proxy.requests == []


async def test_refused_connection_does_not_cut_the_answers_of_others() -> None:
    """litellm's retry closes the client it made; with a shared pool every stream would end."""
    with FakeModelHost("vllm", reply="word " * 60, token_seconds=0.02) as steady, FakeModelHost("vllm") as broken:
        broken.fault = Fault("refuse")
        async with open_hosts(fleet=fleet_of(steady, broken)) as hosts:
            routes = {route.host: route for route in _both_routes(hosts)}
            stream = hosts.ask(routes["Host1"], PROMPT, max_tokens=60, temperature=0.0, reader="maria")
            await anext(stream)
            with pytest.raises(HostError):
                await ask(hosts, routes["Host2"])
            rest = [item async for item in stream]
    assert sum(len(getattr(item, "text", "").split()) for item in rest) > 50


def _both_routes(hosts: ModelHosts) -> list[Route]:
    first = hosts.choose(Need())
    return [first, hosts.choose(Need(), excluding=frozenset({first.deployment}))]


async def test_litellm_sees_neither_prompt_nor_answer() -> None:
    """It hands our function what it holds of the deployment; no text goes through it, so none is recorded by it."""
    seen: list[str] = []

    def look(frame: FrameType, event: str, _argument: object) -> None:
        if event == "call" and "/litellm/" in frame.f_code.co_filename:
            seen.append(repr(frame.f_locals))

    with FakeModelHost("vllm", reply="Here is what-the-model-said.") as fake:
        async with open_hosts(fleet=fleet_of(fake)) as hosts:
            await ask(hosts, messages=PROMPT)
            sys.setprofile(look)
            try:
                await ask(hosts, messages=PROMPT)
            finally:
                sys.setprofile(None)
    assert len(seen) > 10
    assert not [line for line in seen if SECRET in line or "what-the-model-said" in line]


async def test_settings_of_litellm_are_in_the_environment() -> None:
    with FakeModelHost("vllm") as fake:
        async with open_hosts(fake) as hosts:
            await ask(hosts)
    assert os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] == "True"


async def test_a_look_that_raises_is_logged_without_its_words_and_the_next_one_comes(
    caplog: pytest.LogCaptureFixture,
) -> None:
    calls: list[int] = []

    def fail_once() -> None:
        calls.append(len(calls))
        if calls == [0]:
            raise ValueError(SECRET)

    with FakeModelHost("vllm") as fake:
        watch = Watch(fleet_of(fake), build_kinds(), on_change=fail_once, every_seconds=0.05)
        watch.start()
        await eventually(lambda: calls == [0, 1])  # nothing changed since: it is told again what it did not take
        await watch.close()
    assert "A look at the model hosts failed: ValueError" in caplog.text
    assert SECRET not in caplog.text


async def test_litellm_that_does_not_load_is_not_ready_and_said_until_it_loads(monkeypatch: pytest.MonkeyPatch) -> None:
    with FakeModelHost("vllm", reply="Here.") as fake, monkeypatch.context() as broken:
        broken.setitem(sys.modules, "litellm", None)  # its import fails
        async with open_hosts(fleet=fleet_of(fake)) as hosts:
            with pytest.raises(HostError, match="Host1 cannot be asked: litellm did not load"):
                await ask(hosts)
            assert not hosts.is_ready
            assert hosts.statuses()[0].words.startswith("Host1 cannot be asked: litellm did not load")
            broken.undo()
            assert (await ask(hosts))[0] == "Here."
            assert hosts.is_ready
            assert hosts.statuses()[0].words.startswith("Host1 serves")


@pytest.mark.parametrize("kind", ["ollama", "vllm"])
async def test_a_host_that_ignores_its_limit_is_cut_off_and_heard_no_more(kind: str) -> None:
    long_words = f"{'w' * 40} " * 100
    with FakeModelHost(kind, reply=long_words, token_seconds=0.05) as endless:
        async with open_hosts(fleet=fleet_of(endless)) as hosts:
            text, usage = await ask(hosts, max_tokens=50)
            await eventually(lambda: endless.client_aborts == 1)
    assert len(text) == 50 * 16
    assert usage.finish_reason == "length"
