"""The pages that the console's head names, in this order; a new one is one line here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from assistant.conversation import Person
from assistant.rights import Right, has_right


@dataclass(frozen=True, slots=True)
class Entry:
    """A link in the head, shown to whoever has the right that its page takes.

    Attributes:
        unless: whoever has this right reaches the page from another one.
    """

    name: str
    path: str
    right: Right
    unless: Right | None = None


ENTRIES: Final = (
    Entry("Queue", "/console/queue", Right.READ_HITS),
    Entry("To decide", "/console/hits", Right.READ_DESK, unless=Right.READ_HITS),
    Entry("Search", "/console/search", Right.SEARCH_LOG),
    Entry("Cases", "/console/cases", Right.READ_DESK),
    Entry("Samples", "/console/samples", Right.READ_DESK),
    Entry("Unmask", "/console/unmask", Right.READ_DESK),
    Entry("Exports", "/console/exports", Right.EXPORT_LOG),
    Entry("Erasure", "/console/erasure", Right.ASK_ERASURE),
    Entry("Reports", "/review", Right.DECIDE_REPORTS),
    Entry("Charts", "/console/charts", Right.READ_CHARTS),
    Entry("Integrity", "/console/integrity", Right.READ_INTEGRITY),
    Entry("Fleet", "/console/fleet", Right.READ_FLEET),
    Entry("My log", "/my-log", Right.READ_OWN_LOG),
)


def entries_for(person: Person) -> Sequence[Entry]:
    """Return what somebody may open."""
    return [
        entry
        for entry in ENTRIES
        if has_right(person, entry.right) and not (entry.unless and has_right(person, entry.unless))
    ]
