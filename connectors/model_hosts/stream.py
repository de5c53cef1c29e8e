"""Pace a stream from a host: patience with limits, pieces that came together joined, the source always closed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from connectors.model_hosts.chunks import Chunk
from connectors.model_hosts.ending import end_task
from connectors.model_hosts.values import ToolCallPiece

_MOST_WAITING = 256  # chunks; a host that is faster than its reader waits
MERGE_SECONDS = 0.025  # 40 pieces a second look like a stream; each one costs the guard, the page and the network


class SilenceError(Exception):
    """The host said nothing for too long.

    Attributes:
        seconds: how long it was waited for.
        is_first: it had not said anything at all.
    """

    def __init__(self, seconds: float, *, is_first: bool) -> None:
        super().__init__("the host fell silent")
        self.seconds = seconds
        self.is_first = is_first


class _End:
    """The source is exhausted, or failed with `error`."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error


async def paced(
    source: AsyncGenerator[Chunk, None], *, first_timeout_seconds: float, stall_timeout_seconds: float
) -> AsyncGenerator[Chunk, None]:
    """Yield what the source yields, pieces that came within 25 ms as one.

    The source is closed, and with it the request to the host, however this ends: at the end, on an error, when this
    generator is closed, when its task is cancelled.

    Raises:
        SilenceError: nothing came for longer than allowed.
    """
    queue: asyncio.Queue[Chunk | _End] = asyncio.Queue(_MOST_WAITING)
    pump = asyncio.create_task(_pump(source, queue), name="answer of a model host")
    loop = asyncio.get_running_loop()
    timeout = first_timeout_seconds
    is_first = True
    try:
        while True:
            try:
                async with asyncio.timeout(timeout):
                    item = await queue.get()
            except TimeoutError:
                raise SilenceError(timeout, is_first=is_first) from None
            timeout, is_first = stall_timeout_seconds, False
            yielded_at = loop.time()
            chunk, end = _join(item, queue)
            if chunk is not None:
                yield chunk
            if end is not None:
                if end.error is not None:
                    raise end.error
                return
            await asyncio.sleep(max(0.0, yielded_at + MERGE_SECONDS - loop.time()))
    finally:
        await end_task(pump)


async def _pump(source: AsyncGenerator[Chunk, None], queue: asyncio.Queue[Chunk | _End]) -> None:
    try:
        async with aclosing(source):
            async for chunk in source:
                await queue.put(chunk)
                await asyncio.sleep(0)  # a burst is read without a pause otherwise, and nobody else gets a turn
    except Exception as error:  # noqa: BLE001  # raised again where the stream is read
        await queue.put(_End(error))
    else:
        await queue.put(_End())


def _join(item: Chunk | _End, queue: asyncio.Queue[Chunk | _End]) -> tuple[Chunk | None, _End | None]:
    """Join an item with all that waits behind it."""
    chunk: Chunk | None = None
    while True:
        if isinstance(item, _End):
            return chunk, item
        chunk = item if chunk is None else _added(chunk, item)
        if queue.empty():
            return chunk, None
        item = queue.get_nowait()


def _added(first: Chunk, second: Chunk) -> Chunk:
    return Chunk(
        text=first.text + second.text,
        reasoning=first.reasoning + second.reasoning,
        calls=_joined_calls(first.calls, second.calls),
        model=second.model or first.model,
        finish_reason=second.finish_reason or first.finish_reason,
        prompt_tokens=second.prompt_tokens or first.prompt_tokens,
        answer_tokens=second.answer_tokens or first.answer_tokens,
    )


def _joined_calls(first: tuple[ToolCallPiece, ...], second: tuple[ToolCallPiece, ...]) -> tuple[ToolCallPiece, ...]:
    """Join pieces that follow each other in one call, so that a burst costs its readers one piece a call."""
    joined = list(first)
    for piece in second:
        if joined and joined[-1].number == piece.number:
            last = joined.pop()
            joined.append(ToolCallPiece(piece.number, last.name or piece.name, last.arguments + piece.arguments))
        else:
            joined.append(piece)
    return tuple(joined)
