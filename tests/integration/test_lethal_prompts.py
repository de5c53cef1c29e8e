"""Prompts that take down hosts, which are processes here and really die; and hosts that die of something else."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, ExitStack, aclosing, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import SecretStr

from assistant.answering.attempts import LethalPrompts
from assistant.audit.events import HostUnreachable, TurnFailed
from assistant.audit.parts import TextMarker
from assistant.bootstrap.fleet import open_lethal
from assistant.embedding import embed_texts
from assistant.errors import LethalPromptError
from assistant.policy.names import FleetAsk
from assistant.turn import run_turn
from assistant.turn_events import Answered, Failed, Routed, Trouble, TurnEvent
from connectors.errors import HostError
from connectors.model_hosts.catalogue import Fleet, Host, Model
from connectors.model_hosts.hosts import ModelHosts
from connectors.model_hosts.values import Capability, ChatMessage, Inputs, Need, Place
from policies.guard import Guard
from tests.fakes.model_host import FakeModelHost, Fault
from tests.fakes.open_hosts import ask, eventually, fleet_of, open_hosts
from tests.fakes.turn_parts import KEYS, World, make_guard, make_turn

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]
POISON = "xyzzy"
KINDS = ("vllm", "ollama", "llamacpp")


class MortalHost:
    """A fake host in a process of its own, that dies of a word."""

    def __init__(self, number: int, kind: str, *words: str) -> None:
        command = [sys.executable, "-m", "tests.fakes.model_host", "--kind", kind, "--model", "m", "--reply", "Here."]
        self.process = subprocess.Popen(
            [*command, "--dies-of", POISON, *words], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        self.number, self.kind = number, kind

    @property
    def is_alive(self) -> bool:
        return self.process.poll() is None

    def entry(self) -> Host:
        """Return it as a fleet has it, when it listens."""
        assert self.process.stdout is not None
        address = self.process.stdout.readline().split()[1]
        every = frozenset({Capability.CHAT, Capability.EMBED})
        models = (Model("m", "m", 8192, capabilities=every),)
        return Host(f"Host{self.number}", self.kind, address, models=models, max_parallel=4)

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()


Begin = Callable[..., Sequence[MortalHost]]


@pytest.fixture
def begin() -> Iterator[Begin]:
    with ExitStack() as stack:

        def start(kinds: Sequence[str], *words: str) -> Sequence[MortalHost]:
            mortals = [MortalHost(number, kind, *words) for number, kind in enumerate(kinds, start=1)]
            for mortal in mortals:
                stack.callback(mortal.end)
            return mortals

        yield start


@asynccontextmanager
async def opened(mortals: Sequence[MortalHost]) -> AsyncIterator[ModelHosts]:
    """Open hosts that are not looked at again: nobody knows of a death before a prompt meets it."""
    fleet = Fleet(tuple(mortal.entry() for mortal in mortals))
    async with open_hosts(fleet=fleet, look_every_seconds=3600.0) as hosts:
        await eventually(lambda: hosts.is_ready)
        yield hosts


async def say(world: World, text: str, **changes: object) -> list[TurnEvent]:
    turn = replace(make_turn(text), **changes)  # type: ignore[arg-type]  # as it has them
    return [event async for event in run_turn(turn, world.parts)]


@pytest.fixture(scope="module")
def guard() -> Guard:
    return make_guard()


def world_of(guard: Guard, hosts: ModelHosts) -> World:
    world = World(guard)
    world.parts = replace(world.parts, hosts=hosts)
    return world


@pytest.mark.parametrize("first_token_ms", ["0", "50"])  # before its head, or after it
async def test_a_prompt_takes_down_two_hosts_and_no_more(begin: Begin, guard: Guard, first_token_ms: str) -> None:
    mortals = begin(KINDS, "--first-token-ms", first_token_ms)
    async with opened(mortals) as hosts:
        world = world_of(guard, hosts)
        (*_, last) = await say(world, f"Tell me of {POISON}.")
        alive = [mortal.is_alive for mortal in mortals]
        again = (await say(world, f"Tell me of {POISON}."))[-1]
        other = (await say(world, "Tell me."))[-1]
        assert [mortal.is_alive for mortal in mortals] == alive
    assert alive.count(False) == 2
    assert isinstance(last, Failed)
    assert last.trouble is Trouble.UNFIT  # no client asks again by itself
    down = [f"Host{mortal.number}" for mortal in mortals if not mortal.is_alive]
    met = [event for event in world.audit.events if isinstance(event, HostUnreachable)]
    assert sorted(event.host for event in met) == down
    assert [(event.went_down, event.is_retried) for event in met] == [(True, True), (True, False)]
    assert last.words.startswith(
        f"{met[0].host} and {met[1].host} went down at this prompt before an answer began, so it is not sent to "
        f"another one. Change it"
    )
    assert [event.error for event in world.audit.events if isinstance(event, TurnFailed)] == ["LethalPromptError"] * 2
    assert isinstance(again, Failed)
    assert again.words.startswith("Nothing was sent.")
    assert isinstance(other, Answered)


async def test_who_asks_again_takes_down_the_only_host_once_more_and_then_no_more(begin: Begin, guard: Guard) -> None:
    """One host, which somebody starts again each time: clients ask again by themselves as long as it is only away."""
    world = World(guard)
    now = 0.0
    world.parts = replace(world.parts, lethal=LethalPrompts(clock=lambda: now))
    ends: list[TurnEvent] = []
    for number in range(3):
        now = 30.0 * number
        (mortal,) = begin(["vllm"])
        async with opened([mortal]) as hosts:
            world.parts = replace(world.parts, hosts=hosts)
            ends.append((await say(world, f"Tell me of {POISON}."))[-1])
            assert mortal.is_alive == (number == 2)
    assert [end.trouble for end in ends if isinstance(end, Failed)] == [Trouble.AWAY, Trouble.UNFIT, Trouble.UNFIT]
    assert isinstance(ends[2], Failed)
    assert ends[2].words.startswith("Nothing was sent. Host1 went down at this prompt")


async def test_what_is_embedded_takes_down_two_hosts_and_no_more(begin: Begin, guard: Guard) -> None:
    mortals = begin(["vllm"] * 3)
    async with opened(mortals) as hosts:
        world = world_of(guard, hosts)
        turn = replace(make_turn(""), inputs=Inputs((POISON,)), model="m")
        events = [event async for event in embed_texts(turn, world.parts)]
        assert sum(mortal.is_alive for mortal in mortals) == 1
    assert isinstance(events[-1], Failed)
    assert "went down at this prompt" in events[-1].words


async def test_what_is_looked_through_for_names_takes_down_two_hosts_and_no_more(begin: Begin) -> None:
    """Each job that tries again, and each turn with the same file, asks anew: no asking tries a second host itself."""
    mortals = begin(["vllm"] * 3)
    lethal, marker = LethalPrompts(), TextMarker(KEYS)
    async with opened(mortals) as hosts:

        def find(text: str) -> asyncio.Future[str]:
            asking = FleetAsk(
                hosts,
                "m",
                begin=lambda prompt: lethal.begin(marker.mark(prompt)),
                loop=asyncio.get_running_loop(),
                only=tuple,
                patience_seconds=60.0,
            )
            return asyncio.ensure_future(asyncio.to_thread(asking, text))

        for _ in range(2):
            with pytest.raises(HostError, match="went down before it said a word"):
                await find(f"Ana wrote of {POISON}.")
        with pytest.raises(LethalPromptError, match=r"^Nothing was sent"):
            await find(f"Ana wrote of {POISON}.")
        assert await find("Ana wrote this.") == "Here."
    assert sum(mortal.is_alive for mortal in mortals) == 1


async def test_what_took_down_a_host_in_one_process_takes_down_one_in_another_and_no_more(
    begin: Begin, guard: Guard, redis_url: str
) -> None:
    """Three processes with a host each, so that none of them sees more than one die."""
    ends: list[TurnEvent] = []
    mortals = begin(["vllm"] * 3)
    async with AsyncExitStack() as stack:
        for mortal in mortals:
            world = world_of(guard, await stack.enter_async_context(opened([mortal])))
            lethal = await stack.enter_async_context(open_lethal(SecretStr(redis_url), KEYS))
            world.parts = replace(world.parts, lethal=lethal)
            ends.append((await say(world, f"Tell me of {POISON}."))[-1])
    assert [mortal.is_alive for mortal in mortals] == [False, False, True]
    assert [end.trouble for end in ends if isinstance(end, Failed)] == [Trouble.AWAY, Trouble.UNFIT, Trouble.UNFIT]


async def test_hosts_that_are_down_or_restart_are_no_reason_to_refuse(begin: Begin, guard: Guard) -> None:
    """One is killed while it has the prompt, two were killed before it came; a fourth one answers."""
    mortals = begin(["vllm"] * 4, "--first-token-ms", "300")
    async with opened(mortals) as hosts:
        world = world_of(guard, hosts)
        events: list[TurnEvent] = []
        async for event in run_turn(make_turn("Tell me."), world.parts):
            events.append(event)
            if isinstance(event, Routed) and len([one for one in events if isinstance(one, Routed)]) == 1:
                chosen = next(mortal for mortal in mortals if f"Host{mortal.number}" == event.route.host)
                others = [mortal for mortal in mortals if mortal is not chosen]
                asyncio.get_running_loop().call_later(0.1, chosen.end)
                for mortal in others[:2]:
                    mortal.end()
    met = [event for event in world.audit.events if isinstance(event, HostUnreachable)]
    assert [event.went_down for event in met] == [True, False, False]
    assert isinstance(events[-1], Answered)
    assert others[2].is_alive


async def test_prompts_that_were_there_when_a_host_died_are_answered(begin: Begin, guard: Guard) -> None:
    mortals = begin(["vllm"] * 4, "--first-token-ms", "200")
    async with opened(mortals) as hosts:
        world = world_of(guard, hosts)
        texts = ["Tell me.", "Say it.", "Go on.", f"Tell me of {POISON}.", *(f"What is {n}?" for n in range(8))]
        ends = [events[-1] for events in await asyncio.gather(*(say(world, text) for text in texts))]
        assert sum(mortal.is_alive for mortal in mortals) == 2
    assert [type(end).__name__ for end in ends].count("Answered") == len(texts) - 1
    assert isinstance(ends[3], Failed)


@pytest.mark.parametrize("kind", ["ollama", "lmstudio"])
async def test_a_server_that_outlives_its_model_says_so(kind: str) -> None:
    with FakeModelHost(kind, fault=Fault.parse("crash")) as fake:
        async with open_hosts(fleet=fleet_of(fake)) as hosts:
            await eventually(lambda: hosts.is_ready)
            with pytest.raises(HostError, match="Host1 went down before it said a word") as caught:
                await ask(hosts, hosts.choose(Need()), (ChatMessage("user", "Hi"),))
    assert caught.value.has_gone_down


async def test_what_is_said_to_others_clears_no_suspect() -> None:
    suspect = Need(is_suspect=True, answer_tokens=200)
    with FakeModelHost("vllm") as fake:
        async with open_hosts(fleet=fleet_of(fake)) as hosts:
            await eventually(lambda: hosts.is_ready)
            async with hosts.seat(suspect) as route:
                await ask(hosts)
                async with aclosing(hosts.line_up(suspect)) as second:
                    assert isinstance(await anext(second), Place)
                await ask(hosts, route)
                async with hosts.seat(suspect) as beside:
                    assert beside.host == route.host
