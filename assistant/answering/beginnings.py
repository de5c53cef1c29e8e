"""Let turns begin a few at a time, person after person, and those of one person in the order in which they came.

What a turn takes before its host is asked is mostly this process's own work. Where many come in one moment and all of
them are begun side by side, all of them are ready when the last one is; one after the other, each is ready when it is
its turn, half of them in half of that time.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Hashable
from typing import Final, Self

_AT_ONCE: Final = 4  # while some of them wait for a server, another one works
_LONGEST_SECONDS: Final = 0.05  # what takes longer waits for something else, such as a guard in another process


class _Way:
    """Places for turns of one kind; each that is given back goes to whoever waits, one turn a person in turn."""

    def __init__(self, places: int) -> None:
        self._free = places
        self._waiting: dict[Hashable, deque[asyncio.Future[None]]] = {}  # whose turn is next stands first

    async def take(self, asker: Hashable) -> None:
        if self._free:
            self._free -= 1
            return
        called = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(asker, deque()).append(called)
        try:
            await called
        except asyncio.CancelledError:
            if called.done() and not called.cancelled():  # in the moment in which a place was given to it
                self.give_back()
            raise

    def give_back(self) -> None:
        while self._waiting:
            asker = next(iter(self._waiting))
            calls = self._waiting.pop(asker)
            called = calls.popleft()
            if calls:
                self._waiting[asker] = calls  # behind everybody else
            if not called.done():  # who left meanwhile takes no place
                called.set_result(None)
                return
        self._free += 1


class Beginning:
    """The place of a turn among those that begin; given up when it waits for others, or takes too long."""

    def __init__(self, way: _Way, longest_seconds: float) -> None:
        self._way = way
        self._is_over = False
        self._timer = asyncio.get_running_loop().call_later(longest_seconds, self.end)

    def end(self) -> None:
        """Let the next one begin; a second call does nothing."""
        if not self._is_over:
            self._is_over = True
            self._timer.cancel()
            self._way.give_back()

    def __enter__(self) -> Self:
        """Return it, to be ended however the turn goes on."""
        return self

    def __exit__(self, *_: object) -> None:
        """End it."""
        self.end()


class Beginnings:
    """The turns of one process that begin; those of people who sit before the page never wait for those of programs.

    Nor does one program wait for all that another one's owner asked in the same moment.

    Args:
        at_once: how many of either do.
        longest_seconds: after which the next one may, whatever this one does.
    """

    def __init__(self, at_once: int = _AT_ONCE, *, longest_seconds: float = _LONGEST_SECONDS) -> None:
        self._ways = {is_interactive: _Way(at_once) for is_interactive in (True, False)}
        self._longest_seconds = longest_seconds

    async def next(self, asker: Hashable = None, *, is_interactive: bool = False) -> Beginning:
        """Wait until a turn of this person may begin."""
        way = self._ways[is_interactive]
        await way.take(asker)
        return Beginning(way, self._longest_seconds)
