"""Seats of one process while the board that counts them is away."""

from __future__ import annotations

from connectors.model_hosts.choosing.choice import Candidate
from connectors.model_hosts.choosing.held import HeldThreads
from connectors.model_hosts.choosing.seats import Seats
from connectors.model_hosts.choosing.sharing import Exchange, GivenSeat, Told, WantedSeat, Word
from connectors.model_hosts.values import Capability, Need

ONE = Candidate("Dev1/m", "Dev1", "m", "m", 8192, frozenset({Capability.CHAT}), slots=4, is_loaded=True)


class AwayBoard:
    """A board that nobody reaches."""

    async def exchange(self, own: Word) -> Told:
        raise OSError

    async def claim_trial(self, deployment: str) -> bool:
        raise OSError

    async def take_seat(self, wanted: WantedSeat) -> GivenSeat:
        raise OSError


async def test_what_ended_while_the_board_is_away_does_not_pile_up() -> None:
    now = 0.0
    exchange = Exchange(AwayBoard(), own=Word, on_sent=lambda _: None, on_told=lambda _: None)
    seats = Seats(exchange, HeldThreads(), clock=lambda: now)
    for second in range(3600):
        now = float(second)
        seat = await seats.take(Need(), [ONE])
        assert seat is not None
        seats.end(seat)
    assert 5 <= len(seats.ended) <= 20  # those that the board may still count
    assert seats.ended[-1] == ("Dev1/m", "3600")
    assert seats.taken == {}
