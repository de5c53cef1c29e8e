"""What the sealer says of its anchors: in its own log at once, in the audit log every ten minutes at most."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Final, Protocol

from assistant.audit.events import AnchorContradicted, AnchorFailed, AnchorKept
from assistant.errors import AuditUnavailableError

_log = logging.getLogger(__name__)

QUIET_SECONDS: Final = 600.0
_ALARM: Final = (
    "THE LOG IS NOT WHAT IT WAS: the %s %s saw %d events, and that is not how this log of %d events goes. It was set "
    "back or sealed anew. Keep the database as it is and run `cloister audit verify` with an anchor."
)

AnchorEvent = AnchorKept | AnchorFailed | AnchorContradicted


class AnchorLog(Protocol):
    """Where the events go."""

    async def append(self, event: AnchorEvent) -> None:
        """Return once it is durable."""


class Notices:
    """Tell of one anchor.

    Args:
        kind: `witness`, `file` or `syslog`.
        anchor: its name.
        log: where the events go.
        clock: seconds.
    """

    def __init__(self, kind: str, anchor: str, log: AnchorLog, clock: Callable[[], float] = time.monotonic) -> None:
        self._kind = kind
        self._anchor = anchor
        self._log = log
        self._clock = clock
        self._told: dict[type[AnchorEvent], float] = {}

    async def kept(self, size: int) -> None:
        """Tell that it has a checkpoint; a failure after this is told at once."""
        self._told.pop(AnchorFailed, None)
        await self._tell(AnchorKept(kind=self._kind, anchor=self._anchor, size=size))

    async def failed(self, error: str) -> None:
        """Tell that it does not take checkpoints."""
        self._told.pop(AnchorKept, None)
        words = "The %s %s did not take the checkpoint (%s); trying again."
        await self._say(logging.WARNING, words, self._kind, self._anchor, error)
        await self._tell(AnchorFailed(kind=self._kind, anchor=self._anchor, error=error))

    async def contradicted(self, size: int, seen: int) -> None:
        """Tell that it saw another history."""
        await self._say(logging.ERROR, _ALARM, self._kind, self._anchor, seen, size)
        await self._tell(AnchorContradicted(kind=self._kind, anchor=self._anchor, size=size, seen=seen))

    @staticmethod
    async def _say(level: int, words: str, *details: object) -> None:
        # In a thread: the first line of a process loads the guard of its log, seconds in which nothing would be sealed.
        await asyncio.to_thread(_log.log, level, words, *details)

    async def _tell(self, event: AnchorEvent) -> None:
        now = self._clock()
        if now - self._told.get(type(event), -QUIET_SECONDS) < QUIET_SECONDS:
            return
        try:
            await self._log.append(event)
        except AuditUnavailableError:
            return  # told again the next time
        self._told[type(event)] = now
