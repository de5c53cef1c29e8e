"""A turn as a timeline: its events in words, each with the time since the first and with what was found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from assistant.audit.reading.read import StoredEvent
from assistant.audit.reading.sealed import Sealed
from assistant.web.console.telling import Told, findings_of, tell
from policies.explanation import Detail


@dataclass(frozen=True, slots=True)
class Found:
    """One finding; `start` and `end` are character offsets into the original text, half-open.

    Attributes:
        masked: the value, unreadable; empty where nothing is kept of it.
        instead: what the other side saw in its place.
    """

    rule: str
    start: int
    end: int
    action: str
    masked: str
    instead: str


@dataclass(frozen=True, slots=True)
class Step:
    """An event of a turn.

    Attributes:
        milliseconds: since the first event.
    """

    event: StoredEvent
    milliseconds: int
    told: Told
    found: Sequence[Found]
    sealed: Sealed | None


def tell_turn(events: Sequence[StoredEvent], spots: Sequence[Detail], sealed: Mapping[UUID, Sealed]) -> list[Step]:
    """Return the steps of a turn, the earliest first."""
    left = list(spots)
    begin = events[0].occurred_at
    return [
        Step(event, _milliseconds(begin, event.occurred_at), tell(event), _found(event, left), sealed.get(event.id))
        for event in events
    ]


def _milliseconds(begin: datetime, end: datetime) -> int:
    return round((end - begin).total_seconds() * 1000)


def _found(event: StoredEvent, spots: list[Detail]) -> list[Found]:
    """Put to each finding of the log what is kept for people about it: both lists are in one order, rule by rule."""
    found = []
    for one in findings_of(event):
        spot = next((spot for spot in spots if spot.rule == one["rule"]), None)
        if spot is not None:
            spots.remove(spot)
        masked, instead = (spot.masked, spot.instead) if spot else ("", "")
        found.append(Found(one["rule"], one["start"], one["end"], one["action"], masked, instead))
    return found
