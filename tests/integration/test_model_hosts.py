"""Every kind of host over real HTTP: found, told apart, asked."""

import asyncio
from contextlib import aclosing, suppress
from dataclasses import replace

import pytest

from connectors.errors import HostError, NoRouteError
from connectors.model_hosts.catalogue import KIND_NAMES, Fleet, Host, Model
from connectors.model_hosts.values import Capability, ChatMessage, HostStatus, Loading, Need, Token
from tests.fakes.model_host import FakeModel, FakeModelHost
from tests.fakes.open_hosts import QUESTION, ask, eventually, fleet_of, open_hosts

KINDS = ["ollama", "lmstudio", "exo", "vllm", "llamacpp"]  # those that are told apart from strangers on loopback


@pytest.mark.parametrize("kind", KINDS)
async def test_found_on_loopback_and_asked(kind: str) -> None:
    with FakeModelHost(kind, reply="Guard, ask, guard, record.") as fake:
        async with open_hosts(fake) as hosts:
            (status,) = hosts.statuses()
            text, usage = await ask(hosts)
    assert (status.kind, status.is_up, status.origin) == (kind, True, "found")
    assert status.words.endswith("serves llama3.1:8b") or "lost 1 of 1 nodes" in status.words
    assert text == "Guard, ask, guard, record."
    assert (usage.answer_tokens, usage.finish_reason, usage.is_truncated) == (4, "stop", False)
    (prompt,) = fake.prompts
    assert [message["content"] for message in prompt["messages"]] == ["Be brief.", "What is a turn?"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("other", [*KINDS, "stranger"])
async def test_kinds_are_told_apart(kind: str, other: str) -> None:
    with FakeModelHost(other) as fake:
        async with open_hosts(loopback_ports={kind: [fake.port]}) as hosts:
            found = [status for status in hosts.statuses() if status.origin == "found"]
    assert bool(found) is (kind == other)


async def test_ollama_is_always_sent_its_window_and_told_not_to_cut() -> None:
    with FakeModelHost("ollama") as fake:
        async with open_hosts(fleet=fleet_of(fake, context_tokens=12_000)) as hosts:
            await ask(hosts, max_tokens=77)
    (prompt,) = fake.prompts
    assert prompt["options"]["num_ctx"] == 12_000
    assert prompt["options"]["num_predict"] == 77
    assert prompt["truncate"] is False


async def test_each_host_of_a_name_is_told_its_own_window() -> None:
    """litellm lends the limits of one deployment to all of its name."""
    with FakeModelHost("ollama") as one, FakeModelHost("ollama") as two:
        (narrow,), (wide,) = fleet_of(one, context_tokens=4096).hosts, fleet_of(two, context_tokens=16_384).hosts
        async with open_hosts(fleet=Fleet((narrow, replace(wide, name="Host2")))) as hosts:
            short, long = (
                hosts.choose(Need(("llama3.1:8b",))),
                hosts.choose(Need(("llama3.1:8b",), prompt_tokens=10_000)),
            )
            for route in (short, long):
                await ask(hosts, route)
            with pytest.raises(NoRouteError, match=r"largest window there is has 16 384 \(Host2 llama3\.1:8b\)"):
                hosts.choose(Need(("llama3.1:8b",), prompt_tokens=20_000))
    assert (short.host, long.host) == ("Host1", "Host2")
    assert [prompt["options"]["num_ctx"] for fake in (one, two) for prompt in fake.prompts] == [4096, 16_384]


@pytest.mark.parametrize("kind", KIND_NAMES)
async def test_an_answer_is_gone_on_from_in_the_kinds_own_way(kind: str) -> None:
    with FakeModelHost(kind, reply="and the rest.") as fake:
        async with open_hosts(fleet=fleet_of(fake)) as hosts:
            route = hosts.choose(Need())
            assert route.can_continue is (kind in {"ollama", "vllm", "llamacpp"})
            if not route.can_continue:
                return
            stream = hosts.ask(route, QUESTION, max_tokens=50, temperature=0.0, reader="maria", begun="The beginning,")
            text = "".join([item.text async for item in stream if isinstance(item, Token)])
    assert text == "and the rest."
    (prompt,) = fake.prompts
    last = prompt["messages"][-1]
    assert (last["role"], last["content"]) == ("assistant", "The beginning,")
    assert (prompt.get("continue_final_message"), prompt.get("add_generation_prompt")) == (
        (True, False) if kind == "vllm" else (None, None)
    )
    assert kind != "ollama" or (prompt["truncate"], prompt["options"]["num_ctx"]) == (False, 8192)


async def test_lmstudio_model_is_loaded_with_its_window_once() -> None:
    with FakeModelHost("lmstudio", models=[FakeModel("qwen2.5:32b", is_loaded=False)]) as fake:
        async with open_hosts(fleet=fleet_of(fake, context_tokens=6000), look_every_seconds=60.0) as hosts:
            assert hosts.statuses()[0].words.startswith("Host1 has qwen2.5:32b on disk")
            await asyncio.gather(ask(hosts), ask(hosts))
    loads = [request.body for request in fake.requests if request.path == "/api/v1/models/load"]
    assert loads == [{"model": "qwen2.5:32b", "context_length": 6000}]


async def test_lmstudio_that_cannot_be_told_a_window_answers_with_what_is_in_memory_alone() -> None:
    models = [FakeModel("on-disk:7b", is_loaded=False), FakeModel("ready:7b", 4096)]
    with FakeModelHost("lmstudio", models=models, is_old=True, reply="Here.") as fake:
        async with open_hosts(fake, look_every_seconds=60.0) as hosts:
            text, _ = await ask(hosts, hosts.choose(Need(models=("ready:7b",))))
            with pytest.raises(HostError, match="did not load on-disk:7b with a window of 8,192 tokens"):
                await ask(hosts, hosts.choose(Need(models=("on-disk:7b",))))
    assert text == "Here."
    assert [prompt["model"] for prompt in fake.prompts] == ["ready:7b"]


async def test_remote_models_are_refused() -> None:
    models = [FakeModel("kimi:cloud"), FakeModel("innocent", is_remote=True)]
    with FakeModelHost("ollama", models=models, is_cloud_on=True) as fake:
        async with open_hosts(fake) as hosts:
            (status, quote) = hosts.statuses()
            route = hosts.choose(Need())
    assert status.models == ()
    assert "set OLLAMA_NO_CLOUD=1" in status.words
    assert (quote.kind, route.host) == ("quote", "quote")


async def test_remote_model_named_by_the_fleet_is_refused() -> None:
    with FakeModelHost("ollama", models=[FakeModel("innocent", is_remote=True)]) as fake:
        async with open_hosts(fleet=fleet_of(fake)) as hosts:
            with pytest.raises(NoRouteError, match="runs on somebody else's machines"):
                hosts.choose(Need())


async def test_an_answer_of_somebody_elses_machines_is_no_answer() -> None:
    """A model may be made to forward between two looks; its answers then say so."""
    with FakeModelHost("ollama", forwards=True) as forwarding, FakeModelHost("ollama", reply="Here.") as honest:
        async with open_hosts(fleet=fleet_of(forwarding, honest)) as hosts:
            with pytest.raises(HostError) as caught:
                await ask(hosts)
            after = hosts.choose(Need())
            assert (await ask(hosts, after))[0] == "Here."
            assert hosts.samples()[0].trouble.startswith("answers from somebody else's machines")
    assert str(caught.value) == (
        "Host1 answers from somebody else's machines, not its own; set OLLAMA_NO_CLOUD=1 on it and restart Ollama."
    )
    assert (caught.value.can_retry, after.host) == (True, "Host2")


async def test_host_started_later_appears_and_a_stopped_one_is_named() -> None:
    with FakeModelHost("ollama") as first:
        port = first.port
    async with open_hosts(loopback_ports={"ollama": [port]}) as hosts:
        assert hosts.choose(Need()).host == "quote"
        with FakeModelHost("ollama", port=port):
            await eventually(lambda: hosts.choose(Need()).host != "quote")
        await eventually(lambda: not hosts.statuses()[0].is_up)
        with pytest.raises(NoRouteError, match=r"cannot be reached at http://127\.0\.0\.1"):
            hosts.choose(Need())


async def test_configured_hosts_that_are_down_are_no_reason_to_quote() -> None:
    with FakeModelHost("vllm") as fake:
        fleet = fleet_of(fake)
    async with open_hosts(fleet=fleet) as hosts:
        (status,) = hosts.statuses()
        with pytest.raises(NoRouteError, match=r"Tried: Host1 cannot be reached at .* for \d s\. Ask again"):
            hosts.choose(Need())
    assert not status.is_up


async def test_nothing_there_quotes_for_the_reader() -> None:
    async with open_hosts(loopback_ports={}) as hosts:
        assert hosts.is_ready
        route = hosts.choose(Need(("starcoder2", "*"), prompt_tokens=3_000_000))
        text, _ = await ask(hosts, route)
        with pytest.raises(NoRouteError, match=r"No model host serves 'gpt-4'\. There is: quote"):
            hosts.choose(Need(("gpt-4",)))
        with pytest.raises(NoRouteError, match="embeddings"):
            hosts.choose(Need(capability=Capability.EMBED))
    assert route.reason == "quote: no model host was found, so passages are quoted"
    assert "No model host was found" in text
    assert "A turn, told to maria: 15 letters." in text


async def test_least_busy_of_two_hosts_is_chosen() -> None:
    with FakeModelHost("vllm", token_seconds=0.05, reply="word " * 100) as one, FakeModelHost("vllm") as two:
        async with open_hosts(fleet=fleet_of(one, two)) as hosts:
            first = hosts.choose(Need())
            stream = hosts.ask(first, QUESTION, max_tokens=200, temperature=0.0, reader="maria")
            async with aclosing(stream):
                await anext(stream)
                second = hosts.choose(Need())
                (status, _) = hosts.statuses()
            third = hosts.choose(Need())
    assert (first.host, second.host, third.host) == ("Host1", "Host2", "Host1")
    assert status.words == "Host1 answers 1 prompt"


async def test_first_token_arrives_while_the_model_still_produces() -> None:
    with FakeModelHost("ollama", reply="one two three four five", token_seconds=0.2) as fake:
        async with open_hosts(fake) as hosts:
            route = hosts.choose(Need())
            stream = hosts.ask(route, QUESTION, max_tokens=200, temperature=0.0, reader="maria")
            async with aclosing(stream):
                first = await anext(stream)
                sent = fake.tokens_sent
                rest = [item async for item in stream]
    assert isinstance(first, Token)
    assert first.text.startswith("one")
    assert sent < 5
    assert len(rest) > 2


async def test_tokens_that_come_together_are_joined() -> None:
    with FakeModelHost("vllm", reply="word " * 300) as fake:
        async with open_hosts(fake) as hosts:
            stream = hosts.ask(hosts.choose(Need()), QUESTION, max_tokens=300, temperature=0.0, reader="maria")
            pieces = [item.text async for item in stream if isinstance(item, Token)]
    assert "".join(pieces).split() == ["word"] * 300
    assert len(pieces) < 150


@pytest.mark.parametrize("how", ["close", "cancel"])
@pytest.mark.parametrize("kind", KIND_NAMES)
async def test_stop_reaches_the_host(kind: str, how: str) -> None:
    with FakeModelHost(kind, reply="word " * 500, token_seconds=0.02) as fake:
        async with open_hosts(fleet=fleet_of(fake)) as hosts:
            route = hosts.choose(Need())
            stream = hosts.ask(route, QUESTION, max_tokens=500, temperature=0.0, reader="maria")
            if how == "close":
                await anext(stream)
                await stream.aclose()
            else:
                await _cancel_while_reading(stream)
            await eventually(lambda: fake.client_aborts == 1)
            await eventually(lambda: fake.in_flight == 0)
            assert [model.in_flight for model in hosts.statuses()[0].models] == [0]
    assert fake.tokens_sent < 100


async def _cancel_while_reading(stream: object) -> None:
    begun = asyncio.Event()

    async def read() -> None:
        async with aclosing(stream) as items:  # type: ignore[type-var]  # the generator of `ask`
            async for _ in items:
                begun.set()

    task = asyncio.create_task(read())
    await begun.wait()
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def test_prompt_that_was_cut_is_noticed() -> None:
    """exo and LM Studio may cut a prompt and answer 200; the count of tokens gives it away."""
    with FakeModelHost("exo", models=[FakeModel("big", context_tokens=500)]) as fake:
        fleet = Fleet((Host("Mini3-5", "exo", fake.address, models=(Model("big", "big", 8192),)),))
        async with open_hosts(fleet=fleet) as hosts:
            long = ChatMessage("user", "word " * 2000)
            _, usage = await ask(hosts, messages=(long,))
    assert usage.is_truncated
    assert usage.note.startswith("Mini3-5 read 500 tokens of a prompt of at least 2 000: it did not see all of it.")


async def test_prompt_that_an_old_ollama_cut_is_noticed() -> None:
    with FakeModelHost("ollama", cuts_prompts=True) as fake:
        async with open_hosts(fleet=fleet_of(fake, context_tokens=512)) as hosts:
            _, usage = await ask(hosts, hosts.choose(Need(answer_tokens=100)), (ChatMessage("user", "word " * 2000),))
    assert fake.prompts[0]["truncate"] is False
    assert usage.is_truncated
    assert usage.note.startswith("Host1 read 512 tokens of a prompt of at least 2 000: it did not see all of it.")


async def test_words_while_a_model_loads() -> None:
    models = [FakeModel("llama3.1:70b", is_loaded=False)]
    with FakeModelHost("ollama", models=models, first_token_seconds=0.5) as fake:
        async with open_hosts(fleet=fleet_of(fake)) as hosts:
            asking = asyncio.create_task(ask(hosts))
            await eventually(lambda: _words(hosts.statuses()) == "Host1 is loading llama3.1:70b")
            await asking
            stream = hosts.ask(hosts.choose(Need()), QUESTION, max_tokens=9, temperature=0.0, reader="maria")
            async with aclosing(stream):
                loading = await anext(stream)
            assert isinstance(loading, Loading)
            assert loading.words.startswith("Host1 is loading llama3.1:70b")


def _words(statuses: tuple[HostStatus, ...]) -> str:
    return statuses[0].words
