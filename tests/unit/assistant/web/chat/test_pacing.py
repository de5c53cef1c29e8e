from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from assistant.web.chat.pacing import Pacer


async def test_the_first_piece_goes_out_at_once_and_the_next_wait_for_each_other() -> None:
    sent: list[str] = []

    async def send(text: str) -> None:
        sent.append(text)

    pacer = Pacer(send, pause_seconds=60)
    for piece in ("The ", "disk ", "is ", "full"):
        await pacer.add(piece)
    assert sent == ["The "]
    await pacer.close()
    assert sent == ["The ", "disk is full"]


async def test_what_waits_is_sent_when_nothing_more_comes() -> None:
    sent: list[str] = []
    done = asyncio.Event()

    async def send(text: str) -> None:
        sent.append(text)
        if len(sent) == 2:
            done.set()

    pacer = Pacer(send, pause_seconds=0.001)
    await pacer.add("a")
    await pacer.add("b")
    async with asyncio.timeout(60):
        await done.wait()
    assert sent == ["a", "b"]
    await pacer.close()


@given(st.lists(st.text()))
async def test_nothing_is_lost_or_changed(pieces: list[str]) -> None:
    sent: list[str] = []

    async def send(text: str) -> None:
        sent.append(text)

    pacer = Pacer(send, pause_seconds=60)
    for piece in pieces:
        await pacer.add(piece)
    await pacer.close()
    assert "".join(sent) == "".join(pieces)
