"""A turn whose caller keeps the conversation: guarded as a whole, never shortened, kept nowhere."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from assistant.bootstrap.application import AnswerTurn
from assistant.conversation import Author, Context, Said, Turn
from assistant.errors import BadInputError, NotAllowedError
from assistant.turn_events import Answered, AnswerText, Blocked, Failed, Guarded, Trouble, TurnEvent
from connectors.errors import NoRouteError
from connectors.model_hosts.values import ChatMessage, Need, Route, Wishes
from policies.guard import Guard
from tests.fakes.turn_parts import World, host_error, make_guard, make_turn

MAIL = "anna.berger@corp.example"
KEY = "ghp_9fK2mQ7xT4vB8nR1sW6yZ3cD5hJ0pL2aEuGi"
PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA7bq1\n-----END RSA PRIVATE KEY-----"


@pytest.fixture(scope="module")
def guard() -> Guard:
    return make_guard()


def turn_of(text: str, *said: Said, system: str = "", **fields: object) -> Turn:
    return replace(make_turn(text), context=Context(system, said), door="gateway", **fields)


async def run(world: World, turn: Turn) -> list[TurnEvent]:
    return [event async for event in AnswerTurn(world.parts)(turn)]


async def test_everything_the_caller_sends_is_guarded_and_one_value_has_one_placeholder(guard: Guard) -> None:
    world = World(guard, Dev1_qwen=["Write to ", "[EMAIL_1]", "."])
    turn = turn_of(
        f"Write to {MAIL} again",
        Said(Author.USER, f"The key is {KEY}, the owner {MAIL}"),
        Said(Author.ASSISTANT, f"I keep {KEY} in mind"),
        system=f"Sign as {MAIL}",
    )
    events = await run(world, turn)
    (messages,) = world.hosts.asked
    assert [message.role for message in messages] == ["system", "user", "assistant", "user"]
    told = "\n".join(message.content for message in messages)
    assert MAIL not in told
    assert KEY not in told
    assert told.count("[EMAIL_1]") == 3
    assert messages[0].content.startswith("You are the company's own assistant.")
    assert messages[0].content.endswith("Sign as [EMAIL_1]")
    assert "".join(event.text for event in events if isinstance(event, AnswerText)) == f"Write to {MAIL}."
    (guarded,) = [event for event in events if isinstance(event, Guarded)]
    assert len(guarded.verdict.decisions) == 5  # of everything that was sent, not of the last message alone


@pytest.mark.parametrize("place", ["system", "earlier", "answer", "own"])
async def test_a_block_anywhere_ends_the_turn(guard: Guard, place: str) -> None:
    world = World(guard)
    turn = turn_of(
        PEM if place == "own" else "Hello",
        Said(Author.USER, PEM if place == "earlier" else "Hi"),
        Said(Author.ASSISTANT, PEM if place == "answer" else "Hi"),
        system=PEM if place == "system" else "",
    )
    events = await run(world, turn)
    assert isinstance(events[-1], Blocked)
    assert world.hosts.asked == []
    assert world.audit.tags == ["turn:accepted", "prompt:blocked"]


async def test_a_long_conversation_is_judged_without_holding_everybody_up(guard: Guard) -> None:
    turns_of_others = 0

    async def live() -> None:
        nonlocal turns_of_others
        while True:
            await asyncio.sleep(0)
            turns_of_others += 1

    others = asyncio.create_task(live())
    await run(World(guard), turn_of("Hello", *(Said(Author.USER, f"Number {number}") for number in range(200))))
    others.cancel()
    assert turns_of_others >= 200


async def test_nothing_is_kept_but_the_events(guard: Guard) -> None:
    world = World(guard, Dev1_qwen=["Hello [EMAIL_1]"])
    events = await run(world, turn_of(f"Greet {MAIL}"))
    assert isinstance(events[-1], Answered)
    assert world.audit.tags == ["turn:accepted", "turn:guarded", "turn:routed", "turn:answered"]
    assert world.history.sealed is None
    assert world.history.answer == world.history.message == {}
    assert not [entry for entry in world.journal if entry.startswith("history")]


async def test_the_end_says_what_the_host_counted(guard: Guard) -> None:
    (*_, end) = await run(World(guard), turn_of("Hello"))
    assert isinstance(end, Answered)
    assert end.usage is not None
    assert (end.usage.prompt_tokens, end.usage.answer_tokens, end.usage.finish_reason) == (10, 5, "stop")


async def test_a_conversation_without_room_is_refused_and_not_shortened(guard: Guard) -> None:
    world = World(guard)

    def choose(need: Need, *, excluding: frozenset[str] = frozenset()) -> Route:
        raise NoRouteError("too long", is_overlong=True)

    world.hosts.choose = choose  # type: ignore[method-assign]
    (*_, end) = await run(world, turn_of("Hello", Said(Author.USER, "Hi"), Said(Author.ASSISTANT, "Ho")))
    assert isinstance(end, Failed)
    assert end.trouble is Trouble.OVERLONG
    assert world.hosts.asked == []


async def test_a_host_that_is_away_is_told_from_our_own_failures(guard: Guard) -> None:
    (*_, away) = await run(World(guard, Dev1_qwen=[host_error(can_retry=False)]), turn_of("Hello"))
    assert isinstance(away, Failed)
    assert away.trouble is Trouble.AWAY
    (*_, ours) = await run(World(guard, Dev1_qwen=[RuntimeError("x")]), turn_of("Hello"))
    assert isinstance(ours, Failed)
    assert ours.trouble is Trouble.OURS


async def test_the_callers_wishes_reach_the_host_within_the_personas_limit(guard: Guard) -> None:
    wishes = Wishes(top_p=0.5, seed=7, stop=("END",))
    world = World(guard)
    await run(world, turn_of("Hello", temperature=0.0, max_answer_tokens=33, wishes=wishes))
    await run(world, turn_of("Hello", max_answer_tokens=10**6))
    assert world.hosts.wished == [(33, 0.0, wishes), (2048, 0.4, Wishes())]


async def test_what_came_along_counts_as_length(guard: Guard) -> None:
    world = World(guard)
    for turn in (turn_of("Hello", system="x" * 200_001), turn_of("Hello", Said(Author.USER, "x" * 200_001))):
        with pytest.raises(BadInputError, match="200,000"):
            await run(world, turn)
    assert world.audit.events == []


async def test_a_persona_is_not_talked_into_a_model_that_is_not_its_own(guard: Guard) -> None:
    world = World(guard)
    only = world.parts.personas.choose("general", make_turn("x").person).model_copy(update={"models": ("qwen2.5",)})
    assert only.uses("qwen2.5:32b")
    assert only.uses("qwen2.5")
    assert not only.uses("llama3.1:70b")
    world.parts = replace(world.parts, personas=type(world.parts.personas)([only]))
    with pytest.raises(NotAllowedError):
        await run(world, turn_of("Hello", model="llama3.1:70b"))
    await run(world, turn_of("Hello", model="qwen2.5:32b"))
    assert world.hosts.needs[-1].models == ("qwen2.5:32b",)
    assert isinstance(world.hosts.asked[-1][0], ChatMessage)
