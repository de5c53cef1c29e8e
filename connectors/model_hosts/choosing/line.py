"""The line before the model hosts: who waits when no deployment has room, and who is next.

Each process knows its own prompts that wait and what the others told of theirs, and both put all of them into the same
order. A deployment that gets free goes to the first in that order who may be asked on it. Of two processes that decide
within the same tenth of a second one gets the seat, see `seats.py`; the other one's prompt keeps its place in line.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import Counter, defaultdict
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from connectors.errors import BusyError, NoRouteError
from connectors.model_hosts.choosing.choice import Candidate, Held, best, in_order_of_choice, refusal, usable_groups
from connectors.model_hosts.choosing.seats import Seat
from connectors.model_hosts.choosing.sharing import Ticket
from connectors.model_hosts.values import Need, Place

_TICK_SECONDS = 0.5  # how often who waits looks anew although nobody told of a change: hosts come and go
_BATCH_SHARE = 0.5  # of the patience: a program that waited as long goes with the people
_HALF_LIFE_SECONDS = 60.0
_LEAST_USE = 0.05  # less is forgotten
_UNKNOWN_RETRY_SECONDS = 10
_TAKEN_SECONDS = 0.1  # until it is tried again where another process was faster: as soon as that one has told of it
_MOST_ASKED = 16  # deployments that a seat is asked for in one request; where all are gone, the next ones at once
_STEP_SECONDS = 5  # an estimate is no better than that


def in_order(tickets: Iterable[Ticket], used: Mapping[str, float], *, aging_seconds: float) -> list[Ticket]:
    """Return tickets in the order in which they are asked.

    People go before programs, unless a program waited for `aging_seconds`. Among them, who had the least lately and has
    the fewest waiting before this one, by weight: an owner with a hundred prompts and one with a single prompt take
    turns. Then who waited longest.

    Args:
        tickets: of all processes.
        used: what each owner has of the hosts, over all processes, see `Line.used`.
        aging_seconds: after how long a program counts as a person.
    """
    by_owner: defaultdict[str, list[Ticket]] = defaultdict(list)
    for ticket in tickets:
        by_owner[ticket.owner].append(ticket)
    ranked: list[tuple[bool, float, float, Ticket]] = []
    for owner, own in by_owner.items():
        own.sort(key=lambda ticket: (_is_late(ticket, aging_seconds), -ticket.waited_seconds))
        before = used.get(owner, 0.0)
        for number, ticket in enumerate(own):
            share = (before + number) / ticket.weight
            ranked.append((_is_late(ticket, aging_seconds), share, -ticket.waited_seconds, ticket))
    ranked.sort(key=lambda entry: entry[:3])
    return [entry[3] for entry in ranked]


def _is_late(ticket: Ticket, aging_seconds: float) -> bool:
    """Tell whether it goes after the others: a program that did not wait long yet."""
    return not ticket.is_interactive and ticket.waited_seconds < aging_seconds


@dataclass(slots=True, eq=False)
class _Entry:
    """A prompt of this process that waits, or that has a seat since a moment."""

    need: Need
    excluding: frozenset[str]
    since: float
    deployments: tuple[str, ...] = ()
    granted: Candidate | None = None
    seat: Seat | None = None
    place: Place | None = None
    refused: NoRouteError | None = None
    changed: asyncio.Event = field(default_factory=asyncio.Event)


class Line:
    """The line as one process keeps it.

    Args:
        candidates: every deployment as it is now, the work of all processes included.
        others: what the other processes told: their tickets, and what each owner has of the hosts there.
        take, give_back: count a prompt on a deployment, for the choice.
        seat: takes a seat on one of some deployments, the best that is free over all processes; None if there is none.
        end_seat: gives it back.
        on_change: called when somebody joins or leaves.
        held: which deployment has a conversation in its cache.
        most_waiting: how many may wait for each deployment.
        patience_seconds: how long each of them.
    """

    def __init__(
        self,
        *,
        candidates: Callable[[], Sequence[Candidate]],
        others: Callable[[], tuple[Sequence[Ticket], Mapping[str, float]]],
        take: Callable[[str], None],
        give_back: Callable[[str], None],
        seat: Callable[[Need, Sequence[Candidate]], Awaitable[Seat | None]],
        end_seat: Callable[[Seat], None],
        on_change: Callable[[], None],
        held: Callable[[str], Held | None] = lambda _: None,
        most_waiting: int,
        patience_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._candidates = candidates
        self._others = others
        self._take = take
        self._give_back = give_back
        self._seat = seat
        self._end_seat = end_seat
        self._on_change = on_change
        self._held = held
        self._most_waiting = most_waiting
        self._patience_seconds = patience_seconds
        self._clock = clock
        self._waiting: list[_Entry] = []
        self._running: Counter[str] = Counter()
        self._ended: dict[str, tuple[float, float]] = {}  # owner -> answers that ended, halved since; when
        self._looked_at = -math.inf
        self._taken_until: dict[str, float] = {}  # deployments on which other processes were faster
        self._tried: dict[str, _Entry] = {}  # deployment -> the suspect that has not been answered there yet

    @property
    def tickets(self) -> tuple[Ticket, ...]:
        """Return what the others are told of those who wait here."""
        return tuple(self._ticket(entry) for entry in self._waiting)

    @property
    def used(self) -> Mapping[str, float]:
        """Return what each owner has of the hosts here: answers in the making, and half as much of those a minute ago.

        Without the second, who asks on and on would be even with everybody else each time that an answer ends.
        """
        used = {owner: float(count) for owner, count in self._running.items() if count}
        for owner, (amount, at) in list(self._ended.items()):
            left = amount * 0.5 ** ((self._clock() - at) / _HALF_LIFE_SECONDS)
            if left < _LEAST_USE:
                del self._ended[owner]
            else:
                used[owner] = used.get(owner, 0.0) + left
        return used

    async def wait(
        self, need: Need, *, excluding: frozenset[str] = frozenset()
    ) -> AsyncGenerator[Place | tuple[Candidate, float], None]:
        """Yield the place in line whenever it changes, at last the deployment with the seconds waited.

        Its seat is held until the generator is closed; closing it earlier leaves the line.

        Raises:
            NoRouteError: no deployment can take it.
            BusyError: the line is full, or the patience is over.
        """
        entry = _Entry(need, excluding, self._clock())
        usable = self._look_at(entry, self._candidates())
        if entry.refused is not None:
            raise entry.refused
        # Who comes while nobody waits, here or elsewhere, is next without an order being made.
        free = () if self._waiting or self._others()[0] else self._open_now(entry, usable)
        self._waiting.append(entry)
        try:
            if free:
                self._grant(entry, free[0])
            else:
                self.stir()
            if entry.granted is None:
                self._refuse_if_full(entry)
                self._on_change()
            told: int | None = None
            while entry.seat is None:
                if entry.granted is not None:
                    await self._take_seat(entry, entry.granted, free or self._still_open(entry, entry.granted))
                    free = ()  # as of then
                    continue
                if entry.refused is not None:
                    raise entry.refused
                if entry.place is not None and entry.place.before != told:
                    told = entry.place.before
                    yield entry.place
                    continue  # something may have happened while it was told
                await self._next_change(entry)
            yield entry.seat.candidate, self._clock() - entry.since
        finally:
            self._leave(entry)

    def stir(self) -> None:
        """Give free seats to those who are next; called when something changed, here or elsewhere."""
        if not self._waiting:
            return
        others, used_elsewhere = self._others()
        candidates = {candidate.deployment: candidate for candidate in self._candidates()}
        if self._clock() - self._looked_at >= _TICK_SECONDS:
            self._looked_at = self._clock()
            for waiting in self._waiting:
                self._look_at(waiting, list(candidates.values()))
        free = {name: self._free_slots(candidate) for name, candidate in candidates.items()}
        own = [(self._ticket(entry), entry) for entry in self._waiting]
        entries = {id(ticket): entry for ticket, entry in own}
        used = dict(used_elsewhere)
        for owner, amount in self.used.items():
            used[owner] = used.get(owner, 0.0) + amount
        order = in_order(
            [*(ticket for ticket, _ in own), *others],
            used,
            aging_seconds=self._patience_seconds * _BATCH_SHARE,
        )
        ahead: Counter[frozenset[str]] = Counter()
        for ticket in order:
            entry = entries.get(id(ticket))
            open_now = [
                name for name in ticket.deployments if free.get(name, 0) > 0 and not self._is_tried(name, entry)
            ]
            if open_now:
                taken = open_now[0]
                if entry is not None:
                    granted = best([candidates[name] for name in open_now], entry.need, self._held(entry.need.thread))
                    self._grant(entry, granted)
                    taken = granted.deployment
                free[taken] -= 1
                continue
            wanted = frozenset(ticket.deployments)
            if entry is not None:
                before = sum(count for names, count in ahead.items() if not names.isdisjoint(wanted))
                self._place(entry, before, [candidates[name] for name in wanted if name in candidates])
            ahead[wanted] += 1

    def look_again(self) -> None:
        """Look at once at where those who wait may be asked: hosts came, went, or are others than they were."""
        self._looked_at = -math.inf
        self.stir()

    def clear(self, deployment: str) -> None:
        """Note that a deployment begins to answer the suspect that is there: that one did not take it down."""
        if self._tried.pop(deployment, None) is not None:
            self.stir()

    def _is_tried(self, deployment: str, entry: _Entry | None) -> bool:
        """Tell whether another suspect is there: of two together nobody could tell which one took the host down."""
        return entry is not None and entry.need.is_suspect and deployment in self._tried

    def _ticket(self, entry: _Entry) -> Ticket:
        asker = entry.need.asker
        return Ticket(asker.owner, asker.is_interactive, asker.weight, self._clock() - entry.since, entry.deployments)

    def _look_at(self, entry: _Entry, candidates: Sequence[Candidate]) -> Sequence[Candidate]:
        """Note and return which deployments can take an entry now: those of its first model that can be asked."""
        for usable in usable_groups(candidates, entry.need, excluding=entry.excluding):
            entry.deployments = tuple(candidate.deployment for candidate in usable)
            return usable
        entry.deployments = ()  # nor where it could be asked before, should a seat there get free first
        entry.refused = refusal(candidates, entry.need, entry.excluding)
        entry.changed.set()
        return ()

    def _open_now(self, entry: _Entry, usable: Iterable[Candidate]) -> list[Candidate]:
        """Return those where an entry can be answered at once, as far as this process knows, the best first."""
        return self._in_order(entry, self._free(entry, usable))

    def _still_open(self, entry: _Entry, granted: Candidate) -> list[Candidate]:
        """Return those of the deployments of an entry that are open now, with the one that was granted."""
        wished = frozenset(entry.deployments) - {granted.deployment}
        others = self._free(entry, (each for each in self._candidates() if each.deployment in wished))
        return self._in_order(entry, [granted, *others])

    def _free(self, entry: _Entry, usable: Iterable[Candidate]) -> list[Candidate]:
        free = [candidate for candidate in usable if self._free_slots(candidate)]
        if entry.need.is_suspect:
            free = [candidate for candidate in free if not self._is_tried(candidate.deployment, entry)]
        return free

    def _in_order(self, entry: _Entry, free: Iterable[Candidate]) -> list[Candidate]:
        return in_order_of_choice(free, entry.need, self._held(entry.need.thread))

    def _free_slots(self, candidate: Candidate) -> int:
        if candidate.absence:
            return 0
        if self._taken_until and self._taken_until.get(candidate.deployment, -math.inf) > self._clock():
            return 0
        return candidate.free_slots

    async def _take_seat(self, entry: _Entry, granted: Candidate, free: Sequence[Candidate]) -> None:
        """Take the seat over all processes; where others were faster everywhere, go back to the same place in line."""
        asked = free[:_MOST_ASKED]
        entry.seat = await self._seat(entry.need, asked)
        if entry.seat is None:
            until = self._clock() + _TAKEN_SECONDS
            self._taken_until |= dict.fromkeys((one.deployment for one in asked), until)
            self._withdraw(entry, granted)
            self._waiting.append(entry)
            self.stir()
            self._on_change()
        elif entry.seat.candidate.deployment != granted.deployment:
            self._withdraw(entry, granted)
            self._note_grant(entry, entry.seat.candidate)

    def _withdraw(self, entry: _Entry, granted: Candidate) -> None:
        """Undo a grant."""
        entry.granted = None
        if self._tried.get(granted.deployment) is entry:
            del self._tried[granted.deployment]
        self._running[entry.need.asker.owner] -= 1
        self._give_back(granted.deployment)

    def _note_grant(self, entry: _Entry, candidate: Candidate) -> None:
        entry.granted = candidate
        self._running[entry.need.asker.owner] += 1
        self._take(candidate.deployment)
        if entry.need.is_suspect:
            self._tried[candidate.deployment] = entry

    def _grant(self, entry: _Entry, granted: Candidate) -> None:
        self._waiting.remove(entry)
        self._note_grant(entry, granted)
        entry.changed.set()

    def _place(self, entry: _Entry, before: int, wanted: Sequence[Candidate]) -> None:
        measured = [candidate for candidate in wanted if candidate.answer_seconds]
        seconds = None
        if measured:
            answer_seconds = sum(candidate.answer_seconds for candidate in measured) / len(measured)
            estimate = (before + 1) * answer_seconds / sum(candidate.slots for candidate in wanted)
            seconds = max(1, math.ceil(estimate / _STEP_SECONDS) * _STEP_SECONDS)
        entry.place = Place(before, seconds)
        entry.changed.set()

    def _refuse_if_full(self, entry: _Entry) -> None:
        most = self._most_waiting * len(entry.deployments)
        if entry.place is not None and entry.place.before >= most:
            self._take_another_model(entry, f"{entry.place.before} prompts wait for it already")

    def _take_another_model(self, entry: _Entry, why: str) -> None:
        """Give a prompt that cannot wait (longer) to another of its models that is free now.

        Raises:
            BusyError: there is none.
        """
        for usable in usable_groups(self._candidates(), entry.need, excluding=entry.excluding):
            if open_now := self._open_now(entry, usable):
                self._grant(entry, open_now[0])
                return
        retry = entry.place.seconds if entry.place is not None and entry.place.seconds else _UNKNOWN_RETRY_SECONDS
        raise BusyError(
            f"Every model host that may answer this is busy, and {why}. Ask again in about {retry} s.",
            retry_after_seconds=retry,
        )

    async def _next_change(self, entry: _Entry) -> None:
        """Wait until something about an entry changes; take another model when its patience is over."""
        left = entry.since + self._patience_seconds - self._clock()
        if left <= 0:
            self._take_another_model(entry, f"this one waited for {self._patience_seconds:.0f} s")
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(min(left, _TAKEN_SECONDS if self._taken_until else _TICK_SECONDS)):
                await entry.changed.wait()
        entry.changed.clear()
        over = [name for name, until in self._taken_until.items() if until <= self._clock()]
        for name in over:
            del self._taken_until[name]
        if over or self._clock() - self._looked_at >= _TICK_SECONDS:
            self.stir()

    def _leave(self, entry: _Entry) -> None:
        if entry.seat is not None:
            self._end_seat(entry.seat)
            self._note_end(entry.need.asker.owner)
        if entry.granted is not None:
            self._withdraw(entry, entry.granted)
        else:
            self._waiting.remove(entry)
            self._on_change()
        self.stir()

    def _note_end(self, owner: str) -> None:
        now = self._clock()
        amount, at = self._ended.get(owner, (0.0, now))
        self._ended[owner] = (amount * 0.5 ** ((now - at) / _HALF_LIFE_SECONDS) + 1.0, now)
