"""The line before the model hosts: order, seats, bounds."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.errors import BusyError, NoRouteError
from connectors.model_hosts.choosing.choice import Candidate
from connectors.model_hosts.choosing.held import HeldThreads
from connectors.model_hosts.choosing.line import Line, in_order
from connectors.model_hosts.choosing.seats import Seat, Seats
from connectors.model_hosts.choosing.sharing import Ticket
from connectors.model_hosts.values import Asker, Capability, Need, Place

CHAT = frozenset({Capability.CHAT})
ONE = Candidate("Dev1/m", "Dev1", "m", "m", 8192, CHAT, is_loaded=True, answer_seconds=9.0)
OTHER = replace(ONE, deployment="Dev2/other", host="Dev2", name="other", public_name="other")


class Room:
    """A line over deployments whose seats are counted here, at a time that stands still."""

    def __init__(self, *candidates: Candidate, most_waiting: int = 5, patience_seconds: float = 100.0) -> None:
        self.candidates = {candidate.deployment: candidate for candidate in candidates}
        self.others: tuple[Sequence[Ticket], Mapping[str, float]] = ((), {})
        self.now = 0.0
        self.seats = Seats(None, HeldThreads())
        self.taken_elsewhere: set[str] = set()  # what the board knows and this process does not
        self.line = Line(
            candidates=lambda: list(self.candidates.values()),
            others=lambda: self.others,
            take=lambda name: self.count(name, 1),
            give_back=lambda name: self.count(name, -1),
            seat=self.seat,
            end_seat=self.seats.end,
            on_change=lambda: None,
            most_waiting=most_waiting,
            patience_seconds=patience_seconds,
            clock=lambda: self.now,
        )

    async def seat(self, need: Need, free: Sequence[Candidate]) -> Seat | None:
        left = [candidate for candidate in free if candidate.deployment not in self.taken_elsewhere]
        return await self.seats.take(need, left) if left else None

    def count(self, name: str, change: int) -> None:
        candidate = self.candidates[name]
        self.candidates[name] = replace(candidate, in_flight=candidate.in_flight + change)

    def fill(self, name: str = "Dev1/m") -> None:
        self.count(name, self.candidates[name].free_slots)


class Waiter:
    """A prompt in the line, which keeps its seat until told otherwise."""

    def __init__(
        self,
        room: Room,
        owner: str,
        *,
        is_interactive: bool = True,
        models: tuple[str, ...] = (),
        only: tuple[frozenset[str], ...] = (),
    ) -> None:
        self.places: list[Place] = []
        self.seat = ""
        self._end = asyncio.Event()
        self.need = Need(models=models, answer_tokens=100, asker=Asker(owner, is_interactive=is_interactive), only=only)
        self.task = asyncio.create_task(self._wait(room))

    async def _wait(self, room: Room) -> None:
        async with aclosing(room.line.wait(self.need)) as steps:
            async for step in steps:
                if isinstance(step, Place):
                    self.places.append(step)
                    continue
                self.seat = step[0].deployment
                await self._end.wait()
                return

    async def leave(self) -> None:
        self._end.set()
        await self.task


async def settled() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def test_who_finds_room_does_not_wait() -> None:
    room = Room(ONE)
    waiter = Waiter(room, "maria")
    await settled()
    assert (waiter.seat, waiter.places) == ("Dev1/m", [])
    assert room.candidates["Dev1/m"].in_flight == 1
    await waiter.leave()
    assert room.candidates["Dev1/m"].in_flight == 0


async def test_places_move_up_and_people_take_turns() -> None:
    room = Room(ONE)
    first = Waiter(room, "maria")
    await settled()
    hers = [Waiter(room, "maria"), Waiter(room, "maria")]
    await settled()
    toms = Waiter(room, "tom")
    await settled()
    # Maria has an answer running: Tom, who has none, goes before what else she asked.
    assert [place.words for place in toms.places] == ["You are next, about 10 s"]
    assert [place.before for place in hers[0].places] == [0, 1]
    assert [place.words for place in hers[1].places] == ["1 before you, about 20 s", "2 before you, about 30 s"]
    await first.leave()
    await settled()
    assert [hers[0].seat, toms.seat] == ["", "Dev1/m"]
    await toms.leave()
    await settled()
    assert [waiter.seat for waiter in hers] == ["Dev1/m", ""]
    for waiter in hers:
        await waiter.leave()
    assert room.line.used == {"maria": 3.0, "tom": 1.0}
    room.now = 60.0
    assert room.line.used == {"maria": 1.5, "tom": 0.5}
    room.now = 600.0
    assert room.line.used == {}
    assert room.line.tickets == ()


async def test_a_script_goes_behind_people_until_it_waited_long() -> None:
    room = Room(ONE)
    room.fill()
    script = Waiter(room, "robot", is_interactive=False)
    await settled()
    person = Waiter(room, "maria")
    await settled()
    assert [place.before for place in script.places] == [0, 1]
    room.now = 60.0  # of the 100 that it would wait
    room.line.stir()
    late = Waiter(room, "tom")
    await settled()
    assert script.places[-1].before == 0
    assert late.places[-1].before == 2
    for waiter in (script, person, late):
        waiter.task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiter.task


async def test_who_comes_as_two_hosts_get_free_takes_no_seat_of_who_waited() -> None:
    room = Room(replace(ONE, slots=1), replace(ONE, deployment="Dev2/m", host="Dev2", slots=1))
    for name in room.candidates:
        room.fill(name)
    first = Waiter(room, "tom")
    await settled()
    for name in room.candidates:
        room.count(name, -1)  # nobody tells of it: a rest that is over makes no noise
    second = Waiter(room, "maria")
    await settled()
    assert sorted([first.seat, second.seat]) == ["Dev1/m", "Dev2/m"]
    assert [candidate.in_flight for candidate in room.candidates.values()] == [1, 1]
    for waiter in (first, second):
        await waiter.leave()


async def test_who_leaves_is_not_waited_for() -> None:
    room = Room(ONE)
    room.fill()
    leaver, stayer = Waiter(room, "maria"), Waiter(room, "tom")
    await settled()
    assert stayer.places[-1].before == 1
    leaver.task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaver.task
    await settled()
    assert stayer.places[-1].before == 0
    room.count("Dev1/m", -1)
    room.line.stir()
    await settled()
    assert stayer.seat == "Dev1/m"
    await stayer.leave()


async def test_a_seat_that_was_given_and_not_taken_is_given_back() -> None:
    room = Room(ONE)
    room.fill()
    waiter = Waiter(room, "maria")
    await settled()
    room.count("Dev1/m", -1)
    room.line.stir()  # hers now, but she leaves before she hears of it
    waiter.task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiter.task
    assert room.candidates["Dev1/m"].in_flight == 0


async def test_prompts_of_other_processes_have_their_places_too() -> None:
    room = Room(ONE)
    room.fill()
    room.others = ((Ticket("tom", is_interactive=True, weight=1.0, waited_seconds=5.0, deployments=("Dev1/m",)),), {})
    waiter = Waiter(room, "maria")
    await settled()
    assert waiter.places[-1].before == 1
    room.count("Dev1/m", -1)
    room.line.stir()
    await settled()
    assert waiter.seat == ""  # it is free for whoever waits elsewhere
    room.others = ((), {"tom": 1})
    room.line.stir()
    await settled()
    assert waiter.seat == "Dev1/m"
    await waiter.leave()


async def test_what_waits_for_another_model_is_not_in_the_way() -> None:
    room = Room(ONE, OTHER)
    room.fill()
    held = Waiter(room, "maria", models=("m",))
    await settled()
    free = Waiter(room, "tom", models=("other",))
    await settled()
    assert (held.seat, free.seat) == ("", "Dev2/other")
    await free.leave()
    held.task.cancel()


async def test_a_full_line_refuses_and_says_when_to_come_back() -> None:
    room = Room(ONE, most_waiting=2)
    room.fill()
    waiting = [Waiter(room, "maria"), Waiter(room, "tom")]
    await settled()
    with pytest.raises(BusyError, match=r"2 prompts wait for it already\. Ask again in about 30 s") as caught:
        await Waiter(room, "anna").task
    assert caught.value.retry_after_seconds == 30
    assert len(room.line.tickets) == 2
    for waiter in waiting:
        waiter.task.cancel()


async def test_a_full_line_gives_the_next_model_of_the_list_that_is_free() -> None:
    room = Room(ONE, OTHER, most_waiting=0)
    room.fill()
    waiter = Waiter(room, "maria", models=("m", "other"))
    await settled()
    assert waiter.seat == "Dev2/other"
    await waiter.leave()


async def test_patience_ends() -> None:
    room = Room(ONE, patience_seconds=10.0)
    room.fill()
    waiter = Waiter(room, "maria")
    await settled()
    room.now = 11.0
    room.line.stir()
    with pytest.raises(BusyError, match="this one waited for 10 s"):
        await waiter.task


async def test_who_waits_for_a_host_that_goes_away_is_told() -> None:
    room = Room(ONE)
    room.fill()
    waiter = Waiter(room, "maria")
    await settled()
    room.candidates["Dev1/m"] = replace(ONE, absence="does not answer", in_flight=1)
    room.now = 1.0
    room.line.stir()
    with pytest.raises(NoRouteError, match="Dev1 does not answer"):
        await waiter.task


TICKETS = st.lists(
    st.builds(
        Ticket,
        owner=st.sampled_from("abc"),
        is_interactive=st.booleans(),
        weight=st.just(1.0),
        waited_seconds=st.floats(0, 100),
        deployments=st.just(("Dev1/m",)),
    ),
    max_size=12,
)


@given(TICKETS, st.dictionaries(st.sampled_from("abc"), st.integers(0, 5)))
def test_order_keeps_all_and_each_owners_own_order(tickets: list[Ticket], running: dict[str, int]) -> None:
    order = in_order(tickets, running, aging_seconds=50.0)
    assert sorted(map(id, order)) == sorted(map(id, tickets))
    late = [not ticket.is_interactive and ticket.waited_seconds < 50 for ticket in order]
    assert late == sorted(late)
    for owner in "abc":
        for group in (True, False):
            waited = [
                ticket.waited_seconds
                for ticket, is_late in zip(order, late, strict=True)
                if ticket.owner == owner and is_late is group
            ]
            assert waited == sorted(waited, reverse=True)


def test_one_owner_of_many_prompts_waits_for_the_other_of_one() -> None:
    many = [Ticket("robot", is_interactive=True, weight=1.0, waited_seconds=50.0, deployments=("m",))] * 100
    one = Ticket("maria", is_interactive=True, weight=1.0, waited_seconds=0.0, deployments=("m",))
    assert in_order([*many, one], {"robot": 3}, aging_seconds=50.0)[0] is one
    assert in_order([*many, one], {}, aging_seconds=50.0)[1] is one


def test_a_weight_gives_more() -> None:
    def ticket(owner: str, weight: float) -> Ticket:
        return Ticket(owner, is_interactive=True, weight=weight, waited_seconds=1.0, deployments=("m",))

    tickets = [ticket("heavy", 3.0) for _ in range(6)] + [ticket("light", 1.0) for _ in range(2)]
    order = in_order(tickets, {}, aging_seconds=50.0)
    assert [entry.owner for entry in order].index("light", 2) >= 3


class Suspect(Waiter):
    """A prompt with which a host went down."""

    def __init__(self, room: Room, owner: str) -> None:
        super().__init__(room, owner)
        self.need = replace(self.need, is_suspect=True)


async def test_two_suspects_are_not_on_one_host_until_it_answers_one_of_them() -> None:
    room = Room(replace(ONE, slots=4))
    first, second = Suspect(room, "maria"), Suspect(room, "tom")
    third = Waiter(room, "ada")
    await settled()
    assert (first.seat, second.seat, third.seat) == ("Dev1/m", "", "Dev1/m")
    room.line.clear("Dev1/m")
    await settled()
    assert second.seat == "Dev1/m"
    fourth = Suspect(room, "eve")
    await settled()
    assert fourth.seat == ""
    await second.leave()  # it failed, or was stopped
    await settled()
    assert fourth.seat == "Dev1/m"
    for waiter in (first, third, fourth):
        await waiter.leave()


async def test_suspects_are_spread_over_hosts_that_are_free() -> None:
    twin = replace(ONE, deployment="Dev2/m", host="Dev2", slots=4)
    room = Room(replace(ONE, slots=4), twin)
    room.count("Dev2/m", 2)  # else it would be chosen
    suspects = [Suspect(room, owner) for owner in ("maria", "tom")]
    await settled()
    assert {suspect.seat for suspect in suspects} == {"Dev1/m", "Dev2/m"}
    for suspect in suspects:
        await suspect.leave()


async def test_who_was_not_fast_enough_keeps_the_place_in_line() -> None:
    room = Room(ONE)
    room.taken_elsewhere = {"Dev1/m"}
    first = Waiter(room, "maria")
    await settled()
    assert (first.seat, [place.before for place in first.places]) == ("", [0])
    assert room.candidates["Dev1/m"].in_flight == 0
    assert room.line.used == {}
    second = Waiter(room, "tom")
    await settled()
    assert [place.before for place in second.places] == [1]
    room.taken_elsewhere = set()
    room.now = 1.0
    room.line.stir()
    await settled()
    assert (first.seat, second.seat) == ("Dev1/m", "")
    for waiter in (first, second):
        await waiter.leave()
    assert room.line.tickets == ()
    assert room.seats.taken == {}


async def test_another_host_is_taken_where_another_process_was_faster() -> None:
    room = Room(ONE, replace(ONE, deployment="Dev2/m", host="Dev2"))
    room.taken_elsewhere = {"Dev1/m"}
    waiter = Waiter(room, "maria")
    await settled()
    assert (waiter.seat, waiter.places) == ("Dev2/m", [])
    assert [candidate.in_flight for candidate in room.candidates.values()] == [0, 1]
    await waiter.leave()
    assert [candidate.in_flight for candidate in room.candidates.values()] == [0, 0]


@pytest.mark.parametrize("is_granted_before", [True, False])
async def test_who_waits_goes_nowhere_where_it_may_not_be_any_more(*, is_granted_before: bool) -> None:
    """The seat gets free in the same moment, before or after whoever waits is told."""
    allowed = replace(ONE, labels=frozenset({"internal"}))
    room = Room(allowed, OTHER)
    room.fill()
    waiter = Waiter(room, "maria", only=(frozenset({"internal"}),))
    await settled()
    assert waiter.places
    room.candidates["Dev1/m"] = replace(ONE, in_flight=0 if is_granted_before else 1)
    room.line.look_again()
    room.candidates["Dev1/m"] = replace(ONE, in_flight=0)
    room.line.stir()
    await settled()
    assert not waiter.seat
    with pytest.raises(NoRouteError, match="the label 'internal' alone"):
        await waiter.leave()
