import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import pytest

from connectors.model_hosts.asking.stream import MERGE_SECONDS, SilenceError, Tempo, _next, paced
from connectors.model_hosts.wire import CallError, Chunk, joined


class Source:
    """Yields what waits as one, as the router does; the test decides what happens between."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[Chunk | Exception | None] = asyncio.Queue()
        self.is_closed = False

    def put(self, *texts: str) -> None:
        for text in texts:
            self.queue.put_nowait(Chunk(text))

    async def chunks(self) -> AsyncGenerator[Chunk, None]:
        try:
            while (item := await self.queue.get()) is not None:
                if isinstance(item, Exception):
                    raise item
                waiting = [item]
                while not self.queue.empty() and isinstance(self.queue._queue[0], Chunk):  # type: ignore[attr-defined]
                    waiting.append(self.queue.get_nowait())  # type: ignore[arg-type]
                yield joined(waiting) or item
        finally:
            self.is_closed = True


def pace(source: Source, *, first: float = 5.0, stall: float = 5.0) -> AsyncGenerator[Chunk, None]:
    return paced(source.chunks(), first_timeout_seconds=first, stall_timeout_seconds=stall, tempo=Tempo())


async def note(stream: AsyncGenerator[Chunk, None], texts: list[str]) -> None:
    async for chunk in stream:
        texts.append(chunk.text)  # noqa: PERF401  # a comprehension would lose what came before an error


async def test_first_piece_comes_at_once_and_the_crowd_behind_it_as_one() -> None:
    source = Source()
    stream = pace(source)
    source.put("a")
    assert (await anext(stream)).text == "a"
    source.put("b", "c", "d")
    assert (await anext(stream)).text == "bcd"
    source.queue.put_nowait(None)
    with pytest.raises(StopAsyncIteration):
        await anext(stream)
    assert source.is_closed


async def test_a_short_answer_is_not_made_long_by_pauses() -> None:
    """Ours may take a quarter more than the host took, and no more than a pause."""
    loop = asyncio.get_running_loop()

    async def source() -> AsyncGenerator[Chunk, None]:
        for text in ("a", "b"):
            yield Chunk(text)

    began = loop.time()
    slept: list[float] = []
    call_at = loop.call_at
    loop.call_at = lambda when, *rest, **more: slept.append(when - began) or call_at(when, *rest, **more)  # type: ignore[method-assign,assignment,func-returns-value]
    try:
        async for _ in paced(source(), first_timeout_seconds=3600.0, stall_timeout_seconds=3600.0):
            said = loop.time() - began
    finally:
        loop.call_at = call_at  # type: ignore[method-assign]
    pauses = [when for when in slept if when < 3000.0]
    assert all(when <= 1.3 * said for when in pauses)


def test_streams_that_run_for_a_while_are_looked_at_in_the_same_moments() -> None:
    moments = {_next(now, asked_at=0.0, merge_seconds=0.04) for now in (10.001, 10.013, 10.039)}
    assert len(moments) == 1
    assert moments.pop() == pytest.approx(10.04)
    assert 10.04 < _next(10.0401, asked_at=0.0, merge_seconds=0.04) <= 10.0801
    assert _next(0.01, asked_at=0.0, merge_seconds=0.04) == pytest.approx(0.0125), "soon, for it began just now"


async def test_many_answers_at_once_have_fewer_pieces_each() -> None:
    tempo = Tempo()
    sources = [Source() for _ in range(60)]
    streams = [
        paced(one.chunks(), first_timeout_seconds=60.0, stall_timeout_seconds=60.0, tempo=tempo) for one in sources
    ]
    assert tempo.seconds == MERGE_SECONDS
    for number, (source, stream) in enumerate(zip(sources, streams, strict=True), 1):
        source.put("a")
        await anext(stream)
        assert MERGE_SECONDS <= tempo.seconds <= 0.1
        assert number > 5 or tempo.seconds == MERGE_SECONDS
    assert tempo.seconds == 0.1
    for stream in streams:
        await stream.aclose()
    assert tempo.running == 0


async def test_who_waits_for_the_same_moment_shares_a_timer_and_may_leave_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    loop = asyncio.get_running_loop()
    timers: list[float] = []
    call_at = loop.call_at

    def noted(when: float, *args: Any, **named: Any) -> asyncio.TimerHandle:
        timers.append(when)
        return call_at(when, *args, **named)

    monkeypatch.setattr(loop, "call_at", noted)
    tempo = Tempo()
    moment = loop.time() + 0.05
    waiting = [asyncio.create_task(tempo.until(moment)) for _ in range(3)]
    await asyncio.sleep(0)
    waiting[1].cancel()
    done = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(one) for one in done] == [type(None), asyncio.CancelledError, type(None)]
    assert timers.count(moment) == 1
    await tempo.until(moment)  # which is over


async def test_the_end_of_an_answer_is_not_waited_for() -> None:
    source = Source()
    source.queue.put_nowait(Chunk("a", finish_reason="stop"))
    source.queue.put_nowait(None)
    loop = asyncio.get_running_loop()
    slept: list[float] = []
    call_at = loop.call_at
    loop.call_at = lambda when, *rest, **more: slept.append(when - loop.time()) or call_at(when, *rest, **more)  # type: ignore[method-assign,assignment,func-returns-value]
    try:
        assert [chunk.text async for chunk in pace(source)] == ["a"]
    finally:
        loop.call_at = call_at  # type: ignore[method-assign]
    assert not [seconds for seconds in slept if seconds <= MERGE_SECONDS]


async def test_end_of_answer_keeps_its_counts_when_joined() -> None:
    source = Source()
    source.put("a")
    source.queue.put_nowait(Chunk("b", finish_reason="stop"))
    source.queue.put_nowait(Chunk(prompt_tokens=7, answer_tokens=2))
    source.queue.put_nowait(None)
    async with aclosing(pace(source)) as stream:
        chunks = [chunk async for chunk in stream]
    assert "".join(chunk.text for chunk in chunks) == "ab"
    assert {chunk.finish_reason for chunk in chunks} >= {"stop"}
    assert max(chunk.prompt_tokens for chunk in chunks) == 7


async def test_text_before_an_error_is_not_lost() -> None:
    source = Source()
    source.put("a", "b")
    source.queue.put_nowait(CallError(500))
    texts: list[str] = []
    with pytest.raises(CallError):
        await note(pace(source), texts)
    assert "".join(texts) == "ab"
    assert source.is_closed


@pytest.mark.parametrize("said", [[], ["a"]])
async def test_silence_ends_it_and_closes_the_source(said: list[str]) -> None:
    source = Source()
    source.put(*said)
    with pytest.raises(SilenceError) as caught:
        async for _ in pace(source, first=0.01, stall=0.01):
            pass
    assert caught.value.is_first is not bool(said)
    assert source.is_closed


async def test_closing_closes_the_source() -> None:
    source = Source()
    source.put("a")
    stream = pace(source)
    await anext(stream)
    await stream.aclose()
    assert source.is_closed


async def test_cancelling_closes_the_source() -> None:
    source = Source()
    seen = asyncio.Event()

    async def read() -> None:
        async for _ in pace(source):
            seen.set()

    task = asyncio.create_task(read())
    source.put("a")
    await seen.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert source.is_closed


async def test_cancelling_while_the_source_is_being_closed_is_not_lost() -> None:
    is_closing, may_close = asyncio.Event(), asyncio.Event()

    async def slow_to_close() -> AsyncGenerator[Chunk, None]:
        try:
            yield Chunk("a")
            await asyncio.sleep(3600)
        finally:
            is_closing.set()
            await may_close.wait()

    stream = paced(slow_to_close(), first_timeout_seconds=5.0, stall_timeout_seconds=5.0)
    await anext(stream)
    closing = asyncio.create_task(stream.aclose())
    await is_closing.wait()
    closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing
    may_close.set()
