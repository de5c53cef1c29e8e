"""How long to wait before a process that died is started again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

FIRST_SECONDS: Final = 0.5
LONGEST_SECONDS: Final = 30.0
_STEADY_SECONDS: Final = 20.0  # who lived this long did not die of how it was started


@dataclass(slots=True)
class Backoff:
    """Double the wait with each death that follows quickly on a start.

    >>> backoff = Backoff()
    >>> [backoff.next_seconds(lived_seconds=1) for _ in range(8)]
    [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]
    >>> backoff.next_seconds(lived_seconds=60)
    0.5
    """

    deaths: int = 0

    def next_seconds(self, *, lived_seconds: float) -> float:
        """Return the wait after a death."""
        if lived_seconds >= _STEADY_SECONDS:
            self.deaths = 0
        wait = min(LONGEST_SECONDS, FIRST_SECONDS * 2.0 ** min(self.deaths, 16))
        self.deaths += 1
        return wait
