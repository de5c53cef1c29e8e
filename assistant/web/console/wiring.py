"""Put the console together: its parts from what is open, and its own process."""

from __future__ import annotations

from assistant.bootstrap_console import ConsoleBackend
from assistant.web.console.parts import ConsoleParts


def parts_of(backend: ConsoleBackend) -> ConsoleParts:
    """Return what the pages are made of."""
    return ConsoleParts(
        audit=backend.audit,
        lists=backend.lists,
        seals=backend.seals,
        spots=backend.spots,
        people=backend.people,
        review=backend.review,
        labels=backend.labels,
    )
