"""Which deployment has a conversation in its cache: where its last prompt was answered, a moment ago.

Where the processes share a board it knows of all of them (`seats.py`); this is what one of them knows.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

from connectors.model_hosts.choosing.choice import Held

FORGET_SECONDS = 600.0  # others have been answered there since; Ollama unloads a model after five minutes
_MOST = 10_000  # conversations


class HeldThreads:
    """What this process knows of it, by itself or from the board."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._held: OrderedDict[str, tuple[Held, float]] = OrderedDict()

    def find(self, thread: str) -> Held | None:
        """Return who has a conversation, None if nobody is known to."""
        known = self._held.get(thread)
        if known is None or self._clock() - known[1] > FORGET_SECONDS:
            return None
        return known[0]

    def note(self, thread: str, held: Held) -> None:
        """Note who answers the latest prompt of a conversation."""
        if thread:
            self._held[thread] = (held, self._clock())
            self._held.move_to_end(thread)
            if len(self._held) > _MOST:
                self._held.popitem(last=False)
