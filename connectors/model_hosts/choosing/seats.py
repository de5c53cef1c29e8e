"""Seats on deployments: the right to be answered there now, taken over all processes at once where they share a board.

What a process knows of the others is up to a tenth of a second old. Where it finds room by that, the board has the last
word: it counts and takes in one step, so that two processes never take the same seat. Without it each goes by what it
knows.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count, takewhile
from typing import Final

from connectors.model_hosts.choosing.choice import Candidate, in_favour
from connectors.model_hosts.choosing.held import HeldThreads
from connectors.model_hosts.choosing.sharing import Exchange, SeatPlace, WantedSeat, Word
from connectors.model_hosts.values import Need

_TELL_SECONDS: Final = 15.0  # the board forgets a seat that nobody repeats within a third of it


@dataclass(frozen=True, slots=True, eq=False)
class Seat:
    """A seat that a prompt has; given back with `Seats.end`.

    Attributes:
        name: among those of this process.
    """

    name: str
    candidate: Candidate


class Seats:
    """The seats of this process.

    Args:
        exchange: the way to the board; None for a process alone.
        held: which deployment has a conversation in its cache.
    """

    def __init__(
        self, exchange: Exchange | None, held: HeldThreads, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._exchange = exchange
        self._held = held
        self._clock = clock
        self._numbers = count(1)
        self._taken: dict[str, str] = {}  # name of a seat -> deployment
        self._ended: dict[tuple[str, str], float] = {}  # deployment and name, until the board knows -> when

    @property
    def taken(self) -> Mapping[str, str]:
        """Return the seats of this process, by their names: the deployment of each."""
        return dict(self._taken)

    @property
    def ended(self) -> tuple[tuple[str, str], ...]:
        """Return deployment and name of seats that were given back and that the board may still count."""
        return tuple(self._ended)

    async def take(self, need: Need, free: Sequence[Candidate]) -> Seat | None:
        """Take the best seat that is free for a prompt.

        Args:
            need: what the prompt asks.
            free: deployments that have room, as far as this process knows, the best first.

        Returns:
            The seat; None if another process was faster everywhere.
        """
        name = str(next(self._numbers))
        chosen = free[0]
        if self._exchange is not None:
            wanted = self._wanted(name, need, free)
            try:
                given = await self._exchange.take_seat(wanted)
            except BaseException:  # cancelled: whether the board gave one nobody hears
                self._note_end((place.deployment for place in wanted.places), name)
                raise
            if given is not None:
                if given.held is not None:
                    self._held.note(need.thread, given.held)
                if not given.deployment:
                    return None
                chosen = next(one for one in free if one.deployment == given.deployment)
        self._taken[name] = chosen.deployment
        return Seat(name, chosen)

    def end(self, seat: Seat) -> None:
        """Give a seat back."""
        del self._taken[seat.name]
        if self._exchange is not None:
            self._note_end([seat.candidate.deployment], seat.name)

    def were_told(self, word: Word) -> None:
        """Note what the board knows now.

        Only a whole word counts: one from before a seat ended may come to the board after whoever told of the end
        with a wish, and would take the seat anew.
        """
        for each in word.ended_seats:
            self._ended.pop(each, None)

    def _note_end(self, deployments: Iterable[str], name: str) -> None:
        """Keep it for the board; not for long, or the first word after a long time would be too long to be heard."""
        now = self._clock()
        for place, _ in list(takewhile(lambda each: each[1] < now - _TELL_SECONDS, self._ended.items())):
            del self._ended[place]
        self._ended |= dict.fromkeys(((deployment, name) for deployment in deployments), now)

    def _wanted(self, name: str, need: Need, best: Sequence[Candidate]) -> WantedSeat:
        favoured = in_favour(best, need) if need.thread else frozenset()
        return WantedSeat(
            name,
            tuple(SeatPlace(one.deployment, one.slots, one.deployment in favoured) for one in best),
            thread=need.thread,
            prompt_tokens=need.prompt_tokens,
            ended=self.ended,
        )
