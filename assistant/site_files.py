"""The files that a site may change while the processes run: how a change is seen, and how often is looked."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from assistant.repeating import repeating

POLL_SECONDS: Final = 2.0
"""A stat of a few files costs some 50 µs; nobody waits longer than this for a change to be in force."""

Stamp = tuple[tuple[str, int, int, int], ...]
"""Name, time of change in nanoseconds, size and inode of each file: another stamp means that something changed."""

_GONE: Final = (0, 0, 0)


def stamp_of(files: Iterable[Path]) -> Stamp:
    """Return the state of the files; cheap. One that is just going away counts as gone."""
    return tuple((file.name, *_state(file)) for file in files)


@asynccontextmanager
async def looking(refresh: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    """Look every two seconds while this context is open; `refresh` must not raise."""
    async with repeating(refresh, every_seconds=POLL_SECONDS):
        yield


def _state(file: Path) -> tuple[int, int, int]:
    try:
        state = file.stat()
    except OSError:
        return _GONE
    return state.st_mtime_ns, state.st_size, state.st_ino
