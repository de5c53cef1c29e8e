"""Two real llama.cpp servers and an Ollama behind one name; one of them is killed while it streams."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, aclosing, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from assistant.audit.events import TurnTakenOver
from assistant.turn import run_turn
from assistant.turn_events import Answered, Notice, Routed
from connectors.errors import HostError
from connectors.model_hosts.bundled import BundledServer
from connectors.model_hosts.catalogue import Fleet, Host, Model
from connectors.model_hosts.hosts import ModelHosts
from connectors.model_hosts.values import AnswerItem, ChatMessage, Need, Route, Token
from tests.fakes.model_host import FakeModel, FakeModelHost
from tests.fakes.open_hosts import QUESTION, ask, eventually, open_hosts
from tests.fakes.tiny_gguf import write_tiny_gguf
from tests.fakes.turn_parts import World, make_guard, make_turn

NEED = Need(("tiny",), answer_tokens=200)


async def start(stack: AsyncExitStack, file: Path) -> tuple[BundledServer, Host]:
    server = BundledServer(file, on_change=lambda: None)
    server.start()
    stack.push_async_callback(server.close)
    assert await server.wait_until_up(60)
    assert server.host is not None
    return server, replace(server.host, name=file.stem, models=(Model(file.stem, "tiny", 2048),))


async def test_an_engine_that_dies_costs_no_answer_that_another_could_give(tmp_path: Path) -> None:
    with FakeModelHost("ollama", models=[FakeModel("tiny", 2048)], reply="Here.") as ollama:
        async with AsyncExitStack() as stack:
            mortal, one = await start(stack, write_tiny_gguf(tmp_path / "one.gguf", is_endless=True))
            _, two = await start(stack, write_tiny_gguf(tmp_path / "two.gguf"))
            three = Host("three", "ollama", ollama.address, models=(Model("tiny", "tiny", 2048),))
            hosts = await stack.enter_async_context(open_hosts(fleet=Fleet((one, two, three))))
            await eventually(lambda: all(status.is_up for status in hosts.statuses()))
            excluded = frozenset({"two/tiny", "three/tiny"})
            stream = hosts.ask(
                hosts.choose(NEED, excluding=excluded), QUESTION, max_tokens=1500, temperature=0.0, reader="maria"
            )
            first = await anext(stream)
            assert mortal._process is not None
            mortal._process.kill()
            with pytest.raises(HostError) as caught:
                _ = [item async for item in stream]
            assert caught.value.can_retry
            # What `run_turn` does next: choose again without it. Both others can answer, of two kinds.
            taken = [hosts.choose(NEED, excluding=frozenset({"one/tiny"}))]
            taken.append(hosts.choose(NEED, excluding=frozenset({"one/tiny", taken[0].deployment})))
            texts = {route.host: (await ask(hosts, route))[0].strip() for route in taken}
            await eventually(lambda: not hosts.statuses()[0].is_up)
            assert hosts.choose(NEED).host in {"two", "three"}
    assert isinstance(first, Token)
    assert texts == {"two": "These words come from a real llama.cpp model.", "three": "Here."}


class Murderer:
    """The model hosts, of which one dies with its first word."""

    def __init__(self, hosts: ModelHosts, victim: BundledServer) -> None:
        self.choose = hosts.choose
        self.line_up = hosts.line_up
        self._hosts = hosts
        self._victim = victim

    async def ask(self, route: Route, messages: Sequence[ChatMessage], **how: Any) -> AsyncGenerator[AnswerItem, None]:
        async with aclosing(self._hosts.ask(route, messages, **how)) as items:
            async for item in items:
                if isinstance(item, Token) and route.host == "one" and self._victim._process is not None:
                    with suppress(ProcessLookupError):
                        self._victim._process.kill()
                yield item


async def test_another_engine_goes_on_from_what_the_dead_one_said(tmp_path: Path) -> None:
    """A turn over two real servers: one is killed in mid-answer, the other one reads what was said and goes on."""
    async with AsyncExitStack() as stack:
        mortal, one = await start(stack, write_tiny_gguf(tmp_path / "one.gguf", is_endless=True))
        _, two = await start(stack, write_tiny_gguf(tmp_path / "two.gguf", is_endless=True))
        hosts = await stack.enter_async_context(open_hosts(fleet=Fleet((one, two))))
        await eventually(lambda: hosts.is_ready and all(status.is_up for status in hosts.statuses()))
        world = World(make_guard())
        parts = replace(world.parts, hosts=Murderer(hosts, mortal))
        turn = replace(make_turn("Tell me."), max_answer_tokens=1500)
        events = [event async for event in run_turn(turn, parts)]
    assert isinstance(events[-1], Answered)
    assert [event.route.host for event in events if isinstance(event, Routed)] == ["one", "two"]
    assert "one stopped in mid-answer; two goes on from there." in [
        event.words for event in events if isinstance(event, Notice)
    ]
    (taken,) = [event for event in world.audit.events if isinstance(event, TurnTakenOver)]
    assert not taken.is_anew
    # What it had said may still have been held back by the guard: then none of it was shown yet.
    assert taken.chars < len(str(world.history.answer["text"]))
