"""Who may try a deployment that failed."""

from __future__ import annotations

import asyncio
from collections import defaultdict

import pytest

from connectors.model_hosts.choosing.breaker import Breaker
from connectors.model_hosts.choosing.load import Load
from connectors.model_hosts.choosing.sharing import Exchange, GivenSeat, Told, WantedSeat, Word


class SlowBoard:
    """A board whose answer comes when somebody says so."""

    def __init__(self) -> None:
        self.is_asked, self.answers = asyncio.Event(), asyncio.Event()

    async def exchange(self, own: Word) -> Told:
        return Told()

    async def claim_trial(self, deployment: str) -> bool:
        self.is_asked.set()
        await self.answers.wait()
        return True

    async def take_seat(self, wanted: WantedSeat) -> GivenSeat:
        return GivenSeat("")


async def test_who_stops_while_a_trial_is_claimed_keeps_nobody_from_trying() -> None:
    board = SlowBoard()
    exchange = Exchange(board, own=Word, on_sent=lambda _: None, on_told=lambda _: None)
    breaker = Breaker(defaultdict(Load), exchange)
    claim = asyncio.create_task(breaker.claim_trial("Dev1/m"))
    await board.is_asked.wait()
    assert breaker.is_tried("Dev1/m")
    claim.cancel()
    with pytest.raises(asyncio.CancelledError):
        await claim
    assert not breaker.is_tried("Dev1/m")
    assert breaker.trials == frozenset()
    board.answers.set()
    assert await breaker.claim_trial("Dev1/m")
