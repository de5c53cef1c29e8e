"""Texts that become vectors: the same limits, guard, line and record as a turn, and no text anywhere."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import replace

import pytest

from assistant.audit.events import TurnAnswered, TurnInterrupted
from assistant.bootstrap.application import AnswerTurn
from assistant.conversation import Person, Role, Turn
from assistant.errors import AuditUnavailableError, BadInputError, NotAllowedError
from assistant.turn_events import Answered, Blocked, Failed, Routed, Trouble, TurnEvent
from connectors.model_hosts.values import Capability, Inputs
from policies.guard import Guard
from policies.policy import parse_policy
from tests.fakes.turn_parts import MARIA, World, host_error, make_guard, make_turn

KEY = "ghp_9fK2mQ7xT4vB8nR1sW6yZ3cD5hJ0pL2aEuGi"
MAIL = "anna.berger@corp.example"
PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA7bq1\n-----END RSA PRIVATE KEY-----"
TEXTS = ("How do I reset my badge?", "Vacation rules")


@pytest.fixture(scope="module")
def guard() -> Guard:
    return make_guard()


def wanted(*texts: str, model: str = "nomic", persona: str = "general", person: Person = MARIA) -> Turn:
    turn = make_turn("", person=person, persona=persona)
    return replace(turn, inputs=Inputs(texts), model=model, door="gateway")


async def run(world: World, turn: Turn) -> list[TurnEvent]:
    return [event async for event in AnswerTurn(world.parts)(turn)]


def world_of(guard: Guard, **scripts: list[Exception | float]) -> World:
    return World(guard, **(scripts or {"Dev1_nomic": []}))


async def test_two_events_and_no_text_and_the_end_is_durable_first(guard: Guard) -> None:
    world = world_of(guard)
    events = await run(world, wanted(*TEXTS))
    last = events[-1]
    assert isinstance(last, Answered)
    assert last.vectors is not None
    assert [row[0] for row in last.vectors.rows] == [float(len(text)) for text in TEXTS]
    assert world.journal == ["audit turn:accepted", "asked Dev1/nomic", "audit turn:answered"]
    assert world.audit.texts == {}
    assert world.history.message == world.history.answer == {}
    end = world.audit.events[-1]
    assert isinstance(end, TurnAnswered)
    assert (end.finish_reason, end.prompt_tokens, end.answer_tokens) == ("embedded", 10, 0)
    assert not any(text in repr(world.audit.events) for text in TEXTS)


async def test_vectors_are_not_given_out_when_their_end_cannot_be_noted(guard: Guard) -> None:
    world = world_of(guard)
    world.audit.fails_at = "turn:answered"
    events = await run(world, wanted(*TEXTS))
    assert not any(isinstance(event, Answered) for event in events)
    assert isinstance(events[-1], Failed)


async def test_nothing_is_asked_before_the_request_is_in_the_log(guard: Guard) -> None:
    world = world_of(guard)
    world.audit.fails_at = "turn:accepted"
    with pytest.raises(AuditUnavailableError):
        await run(world, wanted(*TEXTS))
    assert world.hosts.embedded == []
    assert world.limits.held.settled == [(0, True)]


async def test_one_model_of_this_name_is_asked_for_and_no_other(guard: Guard) -> None:
    world = world_of(guard)
    await run(world, wanted("x" * 30, "y" * 3000))
    assert {(need.models, need.capability) for need in world.hosts.needs} == {(("nomic",), Capability.EMBED)}
    assert {need.prompt_tokens for need in world.hosts.needs} == {1000}  # each text is read by itself
    with pytest.raises(BadInputError, match="general/MODEL"):
        await run(world, wanted("x", model=""))


async def test_a_secret_never_reaches_the_host_and_is_in_the_report(guard: Guard) -> None:
    world = world_of(guard)
    await run(world, wanted("first", f"token = {KEY}", f"mail {MAIL}"))
    (inputs,) = world.hosts.embedded
    assert KEY not in str(inputs)
    assert MAIL not in str(inputs)
    end = world.audit.events[-1]
    assert isinstance(end, TurnAnswered)
    assert {found.start for found in end.guard.findings} >= {len("first\ntoken = ")}


async def test_a_text_becomes_the_same_one_whatever_comes_beside_it(guard: Guard) -> None:
    world = world_of(guard)
    text = f"Ask {MAIL}"
    await run(world, wanted(text))
    await run(world, wanted("Ask otto.kern@corp.example", text))
    alone, beside = world.hosts.embedded
    assert alone.texts[0] == beside.texts[1]


async def test_one_blocked_text_ends_all(guard: Guard) -> None:
    world = world_of(guard)
    events = await run(world, wanted("fine", PEM))
    assert isinstance(events[-1], Blocked)
    assert world.hosts.embedded == []
    assert world.audit.tags == ["turn:accepted", "prompt:blocked"]
    assert world.audit.texts == {}
    assert world.limits.held.settled == [(0, False)]


async def test_the_policy_says_which_hosts_may_be_sent_texts() -> None:
    world = world_of(Guard(parse_policy({"site.yaml": "places: [{only: inside, personas: general}]\n"})))
    await run(world, wanted(*TEXTS))
    assert {need.only for need in world.hosts.needs} == {(frozenset({"inside"}),)}


async def test_another_host_with_the_model_takes_over(guard: Guard) -> None:
    world = world_of(guard, Dev1_nomic=[host_error()], Dev2_nomic=[])
    events = await run(world, wanted(*TEXTS))
    assert [event.route.host for event in events if isinstance(event, Routed)] == ["Dev1", "Dev2"]
    assert world.audit.tags == ["turn:accepted", "host:unreachable", "turn:answered"]
    assert world.hosts.left == 2


async def test_a_failure_of_every_host_is_refunded(guard: Guard) -> None:
    world = world_of(guard, Dev1_nomic=[host_error("Dev1 gave no answer.")])
    last = (await run(world, wanted(*TEXTS)))[-1]
    assert isinstance(last, Failed)
    assert last.trouble is Trouble.AWAY
    assert "Dev1 gave no answer." in last.words
    assert world.limits.held.settled == [(0, True)]


async def test_whoever_leaves_has_used_what_was_sent_and_is_in_the_log(guard: Guard) -> None:
    world = world_of(guard, Dev1_nomic=[60.0])
    events = AnswerTurn(world.parts)(wanted("x" * 300))
    async with aclosing(events):
        async for event in events:
            if isinstance(event, Routed):
                waiting = asyncio.ensure_future(anext(events))
                while not world.hosts.embedded:  # noqa: ASYNC110 - a fake that tells nobody
                    await asyncio.sleep(0)
                waiting.cancel()
                await asyncio.wait((waiting,))
                break
    assert isinstance(world.audit.events[-1], TurnInterrupted)
    assert world.limits.held.settled == [(100, False)]
    assert world.hosts.left == 1


@pytest.mark.parametrize("texts", [(), ("",), ("fine", " \n")])
async def test_nothing_to_embed(guard: Guard, texts: tuple[str, ...]) -> None:
    with pytest.raises(BadInputError, match="empty"):
        await run(world_of(guard), wanted(*texts))


async def test_role_model_and_size(guard: Guard) -> None:
    world = world_of(guard)
    with pytest.raises(NotAllowedError):
        await run(
            world, wanted("x", persona="operations", person=Person(MARIA.id, "maria", frozenset({Role.EMPLOYEE})))
        )
    assert world.audit.tags == ["access:refused"]
    with pytest.raises(BadInputError, match="at most 200,000"):
        await run(world, wanted("x" * 200_001))
    assert world.hosts.embedded == []
