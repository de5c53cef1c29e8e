"""Do something again and again: while a context is open, or until an event is set."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

_LEAST_SECONDS = 0.001  # a round gives way to others


@asynccontextmanager
async def repeating(work: Callable[[], Awaitable[object]], *, every_seconds: float) -> AsyncIterator[None]:
    """Await the work every so many seconds, the first time after the first of them; it must not raise."""

    async def repeat() -> None:
        while True:
            await asyncio.sleep(every_seconds)
            await work()

    task = asyncio.create_task(repeat())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def is_set_within(event: asyncio.Event, seconds: float) -> bool:
    """Wait for an event between two rounds, and tell whether it came."""
    with suppress(TimeoutError):
        async with asyncio.timeout(max(seconds, _LEAST_SECONDS)):
            await event.wait()
    return event.is_set()
