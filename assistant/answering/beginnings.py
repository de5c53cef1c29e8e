"""Let turns begin a few at a time, in the order in which they came.

What a turn takes before its host is asked is mostly this process's own work. Where many come in one moment and all of
them are begun side by side, all of them are ready when the last one is; one after the other, each is ready when it is
its turn, half of them in half of that time.
"""

from __future__ import annotations

import asyncio
from typing import Final, Self

_AT_ONCE: Final = 4  # while some of them wait for a server, another one works
_LONGEST_SECONDS: Final = 0.05  # what takes longer waits for something else, such as a guard in another process


class Beginning:
    """The place of a turn among those that begin; given up when it waits for others, or takes too long."""

    def __init__(self, way: asyncio.Semaphore, longest_seconds: float) -> None:
        self._way = way
        self._is_over = False
        self._timer = asyncio.get_running_loop().call_later(longest_seconds, self.end)

    def end(self) -> None:
        """Let the next one begin; a second call does nothing."""
        if not self._is_over:
            self._is_over = True
            self._timer.cancel()
            self._way.release()

    def __enter__(self) -> Self:
        """Return it, to be ended however the turn goes on."""
        return self

    def __exit__(self, *_: object) -> None:
        """End it."""
        self.end()


class Beginnings:
    """The turns of one process that begin; those of people who sit before the page never wait for those of programs.

    Args:
        at_once: how many of either do.
        longest_seconds: after which the next one may, whatever this one does.
    """

    def __init__(self, at_once: int = _AT_ONCE, *, longest_seconds: float = _LONGEST_SECONDS) -> None:
        self._ways = {is_interactive: asyncio.Semaphore(at_once) for is_interactive in (True, False)}
        self._longest_seconds = longest_seconds

    async def next(self, *, is_interactive: bool = False) -> Beginning:
        """Wait until this turn may begin."""
        way = self._ways[is_interactive]
        await way.acquire()
        return Beginning(way, self._longest_seconds)
