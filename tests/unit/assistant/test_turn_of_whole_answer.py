"""A caller who waits for the whole answer: the guard looks seldom, and everything else is as in a stream."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest

from assistant.answering.guarding import ON_LOOP_CHARS
from assistant.audit.events import TurnInterrupted
from assistant.conversation import Turn
from assistant.turn import run_turn
from assistant.turn_events import Answered, AnswerText, Blocked, Interrupted, TurnEvent
from policies.guard import Guard
from tests.fakes.turn_parts import Piece, World, host_error, make_guard, make_turn

GITHUB = "ghp_aB3dE5fG7hJ9kL1mN3pQ5rS7tU9vW1xY3zA5"
KEY = (
    "-----BEGIN OPENSSH PRIVATE KEY-----\n"
    "b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtz\n"
    "-----END OPENSSH PRIVATE KEY-----\n"
)
WORDS = [f"word{number} " for number in range(200)]


@pytest.fixture(scope="module")
def guard() -> Guard:
    return make_guard()


def whole_turn(*, is_whole: bool = True) -> Turn:
    return replace(make_turn("Hi"), is_whole=is_whole)


async def run(world: World, turn: Turn) -> list[TurnEvent]:
    return [event async for event in run_turn(turn, world.parts.unkept())]


def pieces_of(events: Sequence[TurnEvent]) -> list[str]:
    return [event.text for event in events if isinstance(event, AnswerText)]


async def test_a_short_answer_is_looked_at_once_and_a_streamed_one_piece_by_piece(guard: Guard) -> None:
    whole = pieces_of(await run(World(guard, Dev1_qwen=WORDS), whole_turn()))
    streamed = pieces_of(await run(World(guard, Dev1_qwen=WORDS), whole_turn(is_whole=False)))
    assert whole == ["".join(WORDS)]
    assert len(streamed) > len(WORDS) / 2
    assert "".join(streamed) == whole[0]


async def test_a_long_answer_is_looked_at_page_by_page(guard: Guard) -> None:
    page = ON_LOOP_CHARS // 4 * "far "
    pieces = pieces_of(await run(World(guard, Dev1_qwen=[page, page, page]), whole_turn()))
    assert len(pieces) >= 3
    assert "".join(pieces) == 3 * page


async def test_a_slow_answer_is_looked_at_every_second(guard: Guard) -> None:
    world = World(guard, Dev1_qwen=WORDS)
    ticks = iter(range(10_000))
    world.parts = replace(world.parts, clock=lambda: next(ticks) / 10)
    assert 200 / 20 <= len(pieces_of(await run(world, whole_turn()))) <= 200 / 9


@pytest.mark.parametrize("cut", [1, 7, 20])
async def test_a_secret_in_pieces_is_found(guard: Guard, cut: int) -> None:
    said = f"The token is {GITHUB}, or not."
    script = [said[start : start + cut] for start in range(0, len(said), cut)]
    events = await run(World(guard, Dev1_qwen=script), whole_turn())
    assert GITHUB not in "".join(pieces_of(events))
    assert "or not." in "".join(pieces_of(events))
    assert isinstance(events[-1], Answered)


async def test_a_block_in_mid_answer_closes_the_host_that_would_go_on(guard: Guard) -> None:
    world = World(guard, Dev1_qwen=["Here it is:\n", KEY, ON_LOOP_CHARS * "x ", 3600.0, "and more"])
    events = await run(world, whole_turn())
    assert isinstance(events[-1], Blocked)
    assert world.hosts.closed == 1
    assert world.audit.tags[-1] == "answer:blocked"
    assert "b3BlbnNzaC1rZXk" not in repr(events)


async def stopped(world: World, turn: Turn) -> tuple[TurnInterrupted, str]:
    """Stop a turn once its host has said all that it says, and return what the log has of it."""
    task = asyncio.create_task(run(world, turn))
    await world.hosts.is_waiting.wait()
    task.cancel()
    await asyncio.wait((task,))
    ended = world.audit.events[-1]
    assert isinstance(ended, TurnInterrupted)
    return ended, world.audit.texts[ended.tag]


async def test_who_leaves_has_used_and_left_behind_what_came(guard: Guard) -> None:
    script: list[Piece] = ["One sentence. ", "Another one. ", "A third", 3600.0]
    world, streaming = World(guard, Dev1_qwen=script), World(guard, Dev1_qwen=script)
    ended, text = await stopped(world, whole_turn())
    streamed, streamed_text = await stopped(streaming, whole_turn(is_whole=False))
    assert text == streamed_text
    assert text.startswith("One sentence. Another one. ")
    assert (ended.chars, ended.guard) == (streamed.chars, streamed.guard)
    assert world.limits.held.settled == streaming.limits.held.settled
    assert world.hosts.closed == 1


async def test_a_host_that_fails_in_mid_answer_leaves_what_it_said(guard: Guard) -> None:
    script: list[Piece] = ["One sentence. ", "Another one. ", host_error()]
    whole, streaming = World(guard, Dev1_qwen=script), World(guard, Dev1_qwen=script)
    events, streamed = await run(whole, whole_turn()), await run(streaming, whole_turn(is_whole=False))
    assert isinstance(events[-1], Interrupted)
    assert pieces_of(events) == ["".join(pieces_of(streamed))]
    assert whole.audit.tags == streaming.audit.tags
    assert whole.audit.texts == streaming.audit.texts
    assert whole.limits.held.settled == streaming.limits.held.settled


async def test_another_host_goes_on_from_what_was_gathered(guard: Guard) -> None:
    def world() -> World:
        made = World(guard, Dev1_qwen=["One half, ", host_error()], Dev2_qwen=["and the other."])
        made.hosts.goes_on = frozenset({"Dev1/qwen", "Dev2/qwen"})
        return made

    whole, streaming = world(), world()
    events, streamed = await run(whole, whole_turn()), await run(streaming, whole_turn(is_whole=False))
    assert isinstance(events[-1], Answered)
    assert "".join(pieces_of(events)) == "".join(pieces_of(streamed)) == "One half, and the other."
    assert whole.hosts.begun == streaming.hosts.begun == ["", "One half,"]


async def test_a_host_that_fails_after_what_is_blocked_is_not_replaced(guard: Guard) -> None:
    world = World(guard, Dev1_qwen=["Here it is:\n", KEY, host_error()], Dev2_qwen=["Hello."])
    events = await run(world, whole_turn())
    assert isinstance(events[-1], Blocked)
    assert len(world.hosts.asked) == 1
