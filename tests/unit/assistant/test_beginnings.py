import asyncio
from contextlib import suppress
from dataclasses import replace
from uuid import uuid4

import pytest

from assistant.answering.beginnings import Beginnings
from assistant.conversation import Turn
from assistant.errors import BadInputError, NotAllowedError
from assistant.turn import run_turn
from assistant.turn_events import Answered, Blocked, Routed
from policies.guard import Guard
from tests.fakes.turn_parts import World, make_guard, make_turn, run_all

FOREVER = 3600.0
KEY = (
    "-----BEGIN OPENSSH PRIVATE KEY-----\n"
    "b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtz\n"
    "-----END OPENSSH PRIVATE KEY-----"
)


@pytest.fixture(scope="module")
def guard() -> Guard:
    return make_guard()


async def test_turns_begin_a_few_at_a_time_in_the_order_in_which_they_came() -> None:
    beginnings = Beginnings(2, longest_seconds=FOREVER)
    begun: list[int] = []
    may_end = [asyncio.Event() for _ in range(5)]

    async def begin(number: int) -> None:
        with await beginnings.next():
            begun.append(number)
            await may_end[number].wait()

    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(begin(number)) for number in range(5)]
        for number in range(4):
            while len(begun) < min(5, 2 + number):  # noqa: ASYNC110 - as soon as the loop gets to it
                await asyncio.sleep(0)
            assert begun == list(range(min(5, 2 + number)))
            may_end[number].set()
            await running[number]
        may_end[4].set()


async def test_who_asks_a_hundred_times_holds_up_nobody_else() -> None:
    beginnings = Beginnings(1, longest_seconds=FOREVER)
    begun: list[str] = []

    async def begin(asker: str) -> None:
        with await beginnings.next(asker):
            begun.append(asker)

    first = await beginnings.next("script")
    async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
        for asker in (*["script"] * 100, "ann", "ben", "ann"):
            tasks.create_task(begin(asker))
        await asyncio.sleep(0)
        first.end()
    assert begun[:6] == ["script", "ann", "ben", "script", "ann", "script"]
    assert len(begun) == 103


async def test_turns_begin_person_after_person(guard: Guard) -> None:
    world = World(guard)
    beginnings = Beginnings(1, longest_seconds=FOREVER)
    world.parts = replace(world.parts, beginnings=beginnings)
    place = await beginnings.next(is_interactive=True)
    first, second, other = make_turn("One"), make_turn("Two"), make_turn("Three")
    other = replace(other, person=replace(other.person, id=uuid4()))
    ended: list[str] = []

    async def run(turn: Turn) -> None:
        await run_all(world, turn)
        ended.append(turn.text)

    order = [asyncio.create_task(run(turn)) for turn in (first, second, other)]
    await asyncio.sleep(0)
    place.end()
    async with asyncio.timeout(300):
        await asyncio.gather(*order)
    assert ended.index("Three") < ended.index("Two")


async def test_who_leaves_in_the_moment_in_which_it_is_called_gives_its_place_on() -> None:
    beginnings = Beginnings(1, longest_seconds=FOREVER)
    first = await beginnings.next("ann")
    leaving = asyncio.create_task(beginnings.next("ben"))
    next_one = asyncio.create_task(beginnings.next("cleo"))
    await asyncio.sleep(0)
    first.end()  # the place is Ben's now, and he did not hear of it yet
    leaving.cancel()
    with suppress(asyncio.CancelledError):
        await leaving
    async with asyncio.timeout(60):
        (await next_one).end()
        (await beginnings.next("ann")).end()


async def test_one_that_takes_long_holds_up_nobody() -> None:
    beginnings = Beginnings(1, longest_seconds=0.01)
    with await beginnings.next():
        async with asyncio.timeout(60):
            (await beginnings.next()).end()


async def test_no_person_waits_for_a_program(guard: Guard) -> None:
    world = World(guard)
    beginnings = Beginnings(1, longest_seconds=FOREVER)
    world.parts = replace(world.parts, beginnings=beginnings)
    with await beginnings.next():  # a program's, which has not come to its host yet
        async with asyncio.timeout(300):
            assert isinstance((await run_all(world, make_turn("Hello")))[-1], Answered)
        program = asyncio.create_task(run_all(world, replace(make_turn("Hello"), is_interactive=False)))
        for _ in range(100):
            await asyncio.sleep(0)
        assert not program.done()
    assert isinstance((await program)[-1], Answered)


async def test_whoever_leaves_while_waiting_takes_no_place() -> None:
    beginnings = Beginnings(1, longest_seconds=FOREVER)
    with await beginnings.next():
        waiting = asyncio.create_task(beginnings.next())
        await asyncio.sleep(0)
        waiting.cancel()
        with suppress(asyncio.CancelledError):
            await waiting
    async with asyncio.timeout(60):
        (await beginnings.next()).end()


async def test_a_beginning_ends_once() -> None:
    beginnings = Beginnings(1, longest_seconds=FOREVER)
    first = await beginnings.next()
    first.end()
    second = await beginnings.next()
    first.end()  # no second place comes of it
    third = asyncio.create_task(beginnings.next())
    for _ in range(10):
        await asyncio.sleep(0)
    assert not third.done()
    second.end()
    (await third).end()


async def test_a_turn_lets_the_next_one_begin_however_it_goes_on(guard: Guard) -> None:
    world = World(guard, Dev1_qwen=["Hello ", FOREVER])
    world.parts = replace(world.parts, beginnings=Beginnings(1, longest_seconds=FOREVER))
    async with asyncio.timeout(300):
        with pytest.raises(BadInputError):
            await run_all(world, make_turn(" "))
        with pytest.raises(NotAllowedError):
            await run_all(world, make_turn("Hello", persona="nobody"))
        assert isinstance((await run_all(world, make_turn(KEY)))[-1], Blocked)
        async for event in (silent := run_turn(make_turn("One"), world.parts)):  # its host says no more
            if isinstance(event, Routed):
                break
        world.hosts.scripts["Dev1/qwen"] = ["Hello ", "there."]
        assert isinstance((await run_all(world, make_turn("Two")))[-1], Answered)
        await silent.aclose()
