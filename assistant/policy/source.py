"""The guard in force: one place that everybody asks, so that a new policy reaches all of them at once."""

from __future__ import annotations

from policies.guard import Guard


class GuardSource:
    """Hold the guard in force.

    Whoever begins a turn, a document or a stream asks for `current` once and keeps what it got to the end, so that one
    text is never judged by two policies.
    """

    def __init__(self, guard: Guard) -> None:
        self._current = guard

    @property
    def current(self) -> Guard:
        """Return the guard in force now."""
        return self._current

    def replace(self, guard: Guard) -> None:
        """Put another guard in force for every text that begins from now on."""
        self._current = guard  # one reference: threads see the old or the new, never half of it
