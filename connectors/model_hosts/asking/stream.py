"""Pace a stream from a host: patience with limits, pieces that came together joined, the source always closed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from connectors.model_hosts.wire import Chunk

MERGE_SECONDS = 0.04  # 25 pieces a second look like a stream; each one costs the guard, the page and the network
_HASTY_SECONDS = 0.025  # where somebody waits for the whole, and types on meanwhile
_LONGEST_SECONDS = 0.1  # a stream still, where a process has its hands full
_FEW = 5  # answers at once, for which all of that is paid gladly
_SHARE = 1 / 4  # of what was waited for so far: a short answer does not end noticeably later for a pause


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


class Tempo:
    """How long the pieces of an answer are gathered: the longer, the more answers stream in this process.

    What each of them costs stays, so that many at once cost little more than a few do.

    Args:
        seconds: between two pieces of one answer, while there are few.
        longest_seconds: however many there are.
    """

    def __init__(self, seconds: float = MERGE_SECONDS, *, longest_seconds: float = _LONGEST_SECONDS) -> None:
        self.running = 0
        self._least_seconds = seconds
        self._longest_seconds = longest_seconds
        self._waiting: dict[float, list[asyncio.Future[None]]] = {}

    @property
    def seconds(self) -> float:
        """Return the time between two pieces of one answer."""
        return min(self._longest_seconds, self._least_seconds * max(1.0, self.running / _FEW))

    async def until(self, moment: float) -> None:
        """Wait until a moment by the loop's clock; all who wait for the same one share a timer."""
        loop = asyncio.get_running_loop()
        waiting = self._waiting.get(moment)
        if waiting is None:
            waiting = self._waiting[moment] = []
            loop.call_at(moment, self._wake, moment)
        woken = loop.create_future()
        waiting.append(woken)
        await woken

    def _wake(self, moment: float) -> None:
        for woken in self._waiting.pop(moment):
            if not woken.done():  # nobody left meanwhile
                woken.set_result(None)


async def paced(
    source: AsyncGenerator[Chunk, None],
    *,
    first_timeout_seconds: float,
    stall_timeout_seconds: float,
    tempo: Tempo | None = None,
) -> AsyncGenerator[Chunk, None]:
    """Yield what the source yields, one piece in a while: the source gives all that came meanwhile as one.

    Early pieces of an answer that comes quickly follow each other sooner.

    The source is closed, and with it the request to the host, however this ends: at the end, on an error, when this
    generator is closed, when its task is cancelled.

    Args:
        source: what the host says.
        first_timeout_seconds: how long it may say nothing at first.
        stall_timeout_seconds: how long then.
        tempo: of the answers that stream beside it; None: somebody waits for the whole, and types on meanwhile.

    Raises:
        SilenceError: nothing came for longer than allowed.
    """
    loop = asyncio.get_running_loop()
    asked_at = loop.time()
    timeout, is_first = first_timeout_seconds, True
    tempo = tempo or Tempo(_HASTY_SECONDS, longest_seconds=_HASTY_SECONDS)
    tempo.running += 1
    try:
        async with aclosing(source):
            while True:
                try:
                    async with asyncio.timeout(timeout):
                        chunk = await anext(source)
                except TimeoutError:
                    raise SilenceError(timeout, is_first=is_first) from None
                except StopAsyncIteration:
                    return
                timeout, is_first = stall_timeout_seconds, False
                yielded_at = loop.time()
                yield chunk
                if not chunk.finish_reason:  # nobody is woken for what arrives while we wait
                    await tempo.until(_next(yielded_at, asked_at, tempo.seconds))
    finally:
        tempo.running -= 1


def _next(now: float, asked_at: float, merge_seconds: float) -> float:
    """Return when the next piece is looked for: the same moments for all streams, so that one wake serves all."""
    return min((now // merge_seconds + 1) * merge_seconds, now + (now - asked_at) * _SHARE)
