"""Do something again and again while a context is open."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress


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
