"""A turn and its person's limits: taken before anything happens, settled however it ends."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest

from assistant.audit.events import TurnRefused
from assistant.audit.record import Origin, compose_record
from assistant.balance import Allowance, Balance, Counted, QuotaError, Window
from assistant.errors import AuditUnavailableError, BadInputError, UnavailableError
from assistant.turn import run_turn
from assistant.turn_events import Accepted, Answered, AnswerText, Failed, ReasoningText, Trouble
from connectors.model_hosts.values import Reasoning, Token, Usage
from policies.guard import Guard
from tests.fakes.turn_parts import World, host_error, make_guard, make_turn, run_all

REACHED = Allowance("everyday", Counted.TOKENS, Window.DAY, 1000, 20, 3600)
PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA7bq1\n-----END RSA PRIVATE KEY-----"


@pytest.fixture(scope="module")
def guard() -> Guard:
    return make_guard()


def refusal(*, is_first: bool = True) -> QuotaError:
    return QuotaError(REACHED, Balance((REACHED,)), wanted=300, is_first=is_first)


async def test_a_limit_that_is_reached_refuses_before_anything_is_sent_and_is_noted(guard: Guard) -> None:
    world = World(guard)
    world.limits.refusal = refusal()
    turn = make_turn("What is the weather?")
    with pytest.raises(QuotaError):
        await run_all(world, turn)
    (event,) = world.audit.events
    assert isinstance(event, TurnRefused)
    assert (event.turn.turn_id, event.limit, event.counted, event.persona) == (turn.id, "everyday", "tokens", "general")
    compose_record(event, Origin.here("test"), 1)  # it has a canonical form
    assert world.hosts.asked == []
    world.limits.refusal = refusal(is_first=False)
    with pytest.raises(QuotaError):
        await run_all(world, turn)
    assert len(world.audit.events) == 1  # a script that asks on and on does not fill the log


async def test_what_cannot_be_counted_or_noted_is_not_answered(guard: Guard) -> None:
    world = World(guard)
    world.limits.refusal = UnavailableError("Redis is away.")
    with pytest.raises(UnavailableError):
        await run_all(world, make_turn("Hello?"))
    world.limits.refusal = refusal()
    world.audit.fails_at = "turn:refused"
    with pytest.raises(AuditUnavailableError):
        await run_all(world, make_turn("Hello?"))
    assert world.hosts.asked == []


async def test_what_is_refused_anyway_takes_nothing(guard: Guard) -> None:
    world = World(guard)
    with pytest.raises(BadInputError):
        await run_all(world, make_turn(" "))
    assert world.limits.claims == []


async def test_an_answer_uses_what_its_host_counted(guard: Guard) -> None:
    world = World(guard, Dev1_qwen=["Hello."])
    seen = await run_all(world, make_turn("Hello?"))
    assert isinstance(seen[0], Accepted)
    assert isinstance(seen[-1], Answered)
    assert world.limits.held.settled == [(15, False)]
    (claim,) = world.limits.claims
    assert claim.tokens > world.parts.personas.choose("general", claim.person).max_answer_tokens
    assert world.limits.held.grown[0] <= claim.tokens + 200


async def test_whoever_leaves_before_the_end_has_used_what_the_host_did(guard: Guard) -> None:
    """Also of what the model only thought: else a script that always leaves in time would use nothing."""
    thought = Reasoning("word " * 800)
    world = World(guard, Dev1_qwen=[thought, Token("Hello there, "), 30.0, "never"])
    await run_all(world, make_turn("Hello?"), stop_after=AnswerText)
    ((tokens, is_refunded),) = world.limits.held.settled
    assert tokens > 1000
    assert not is_refunded
    again = World(guard, Dev1_qwen=[thought, 30.0])
    async with aclosing(run_turn(make_turn("Hello?"), again.parts)) as events:
        async for event in events:
            if isinstance(event, ReasoningText):
                break
    assert again.limits.held.settled[0][0] > 1000


async def test_a_host_that_counts_nothing_is_counted_for(guard: Guard) -> None:
    world = World(guard, Dev1_qwen=["word " * 400])
    world.hosts.usage = Usage()
    await run_all(world, make_turn("Hello?"))
    assert world.limits.held.settled[0][0] > 500


async def test_a_failure_of_ours_does_not_count_and_a_block_does(guard: Guard) -> None:
    away = World(guard, Dev1_qwen=[host_error()])
    assert isinstance((await run_all(away, make_turn("Hello?")))[-1], Failed)
    assert away.limits.held.settled == [(0, True)]
    blocked = World(guard)
    await run_all(blocked, make_turn(PEM))
    assert blocked.limits.held.settled == [(0, False)]
    overlong = World(guard)
    overlong.hosts.room_tokens = 1
    await run_all(overlong, make_turn("Hello?"))
    assert overlong.limits.held.settled[0][0] == 0


async def test_what_a_host_refuses_because_of_its_caller_counts(guard: Guard) -> None:
    """Else a schema that is none asks every host again and again, and costs nothing."""
    world = World(guard, Dev1_qwen=[host_error("Mini2 refuses the form.", is_unfit=True)])
    failed = (await run_all(world, make_turn("Hello?")))[-1]
    assert isinstance(failed, Failed)
    assert failed.trouble is Trouble.UNFIT
    ((_, is_refunded),) = world.limits.held.settled
    assert not is_refunded


async def test_without_its_first_event_a_turn_gives_everything_back(guard: Guard) -> None:
    world = World(guard)
    world.audit.fails_at = "turn:accepted"
    with pytest.raises(AuditUnavailableError):
        await run_all(world, make_turn("Hello?"))
    assert world.limits.held.settled == [(0, True)]


async def test_a_stop_gives_its_place_back(guard: Guard) -> None:
    world = World(guard, Dev1_qwen=["Hello ", 30.0])
    task = asyncio.create_task(run_all(world, make_turn("Hello?")))
    while not world.hosts.asked:  # noqa: ASYNC110 - the fake says so in no other way
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert len(world.limits.held.settled) == 1


async def test_a_history_that_needs_more_than_is_left_is_refused_in_words(guard: Guard) -> None:
    world = World(guard)
    world.limits.held.refusal = refusal()
    last = (await run_all(world, make_turn("Hello?")))[-1]
    assert isinstance(last, Failed)
    assert (last.trouble, last.retry_after_seconds) == (Trouble.LIMIT, 3600)
    assert "needs up to 300" in last.words
    assert world.hosts.asked == []
    assert world.audit.tags == ["turn:accepted", "turn:failed", "turn:refused"]
    assert world.limits.held.settled == [(0, False)]


async def test_the_line_before_busy_hosts_knows_who_asks_and_with_which_weight(guard: Guard) -> None:
    world = World(guard)
    world.limits.held.weight = 0.25
    turn = make_turn("Hello?")
    await run_all(world, turn)
    asker = world.hosts.needs[-1].asker
    assert (asker.owner, asker.is_interactive, asker.weight) == (str(turn.person.id), True, 0.25)
