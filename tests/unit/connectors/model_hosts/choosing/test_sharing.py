"""What the processes tell each other goes on, whatever becomes of one word."""

from __future__ import annotations

import asyncio

import pytest

from connectors.model_hosts.choosing.sharing import Exchange, GivenSeat, SeatPlace, Told, WantedSeat, Word


class Board:
    """A board on which the test writes."""

    def __init__(self) -> None:
        self.told = Told()
        self.is_away = False
        self.claims = 0

    async def exchange(self, _own: Word) -> Told:
        self.refuse_if_away()
        return self.told

    async def claim_trial(self, _deployment: str) -> bool:
        self.claims += 1
        self.refuse_if_away()
        return False

    async def take_seat(self, wanted: WantedSeat) -> GivenSeat:
        self.refuse_if_away()
        return GivenSeat(wanted.places[0].deployment)

    def refuse_if_away(self) -> None:
        if self.is_away:
            raise ConnectionError


async def test_a_word_that_cannot_be_put_in_force_ends_nothing_and_is_told_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Without that, one error of whoever hears it would leave a process deaf: drained hosts would be asked for ever."""
    board, heard = Board(), list[Told]()
    is_in_force = asyncio.Event()

    def hear(told: Told) -> None:
        heard.append(told)
        if len(heard) == 1:
            raise RuntimeError("a secret")
        is_in_force.set()

    exchange = Exchange(board, own=Word, on_sent=lambda _: None, on_told=hear)
    await exchange.start()
    board.told = Told({"Host1": "today"})
    exchange.soon()
    try:
        async with asyncio.timeout(180):
            await is_in_force.wait()
    finally:
        await exchange.close()
    assert heard == [board.told, board.told]
    assert "RuntimeError" in caplog.text
    assert "a secret" not in caplog.text


async def test_a_trial_waits_for_no_board_that_is_known_to_be_away() -> None:
    board = Board()
    exchange = Exchange(board, own=Word, on_sent=lambda _: None, on_told=lambda _: None)
    assert not await exchange.claim_trial("Host1/m")
    board.is_away = True
    assert await exchange.take_seat(WantedSeat("1", (SeatPlace("Host1/m", 1),))) is None
    assert await exchange.claim_trial("Host1/m")
    assert board.claims == 1
    board.is_away = False
    await exchange.once()
    assert not await exchange.claim_trial("Host1/m")
