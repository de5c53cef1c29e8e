"""Fakes behind the console: a log in memory that pages as the real one does, seals, masked findings, pseudonyms."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from uuid import UUID

from assistant.audit.events import Event
from assistant.audit.lists import Cursor, EventPage
from assistant.audit.read import Search, StoredEvent
from assistant.audit.record import Origin, compose_record, first_id
from assistant.audit.sealed import Sealed
from assistant.conversation import short_reference
from assistant.errors import CloisterError
from assistant.web.console_parts import ConsoleParts
from policies.explanation import Detail
from tests.fakes.turn_parts import FakeAudit

ORIGIN = Origin("test", 1, "0.1.0")


def stored(event: Event, now_nanoseconds: int | None = None) -> StoredEvent:
    """Return an event as the log gives it out."""
    record = compose_record(event, ORIGIN, now_nanoseconds or time.time_ns())
    values = record._asdict() | {"recorded_at": datetime.now(UTC)}
    return StoredEvent(**{one.name: values[one.name] for one in fields(StoredEvent)})


@dataclass
class FakeLists:
    """The log in memory, with the rules of the real lists."""

    events: list[StoredEvent] = field(default_factory=list)
    trouble: CloisterError | None = None  # of every page

    def add(self, *events: Event) -> list[StoredEvent]:
        added = [stored(event) for event in events]
        self.events += added
        return added

    async def page(self, wanted: Search, cursor: Cursor, *, limit: int) -> EventPage:
        fitting = self._fitting(wanted)
        if cursor.after and not cursor.before:
            above = [event for event in fitting if event.id > cursor.after]
            return EventPage(above[-limit:], has_newer=len(above) > limit, has_older=True)
        below = [event for event in fitting if cursor.before is None or event.id < cursor.before]
        return EventPage(below[:limit], has_newer=cursor.before is not None, has_older=len(below) > limit)

    async def count(self, wanted: Search, *, most: int) -> int:
        return min(most, len(self._fitting(wanted)))

    async def turn(self, turn: UUID | str) -> Sequence[StoredEvent]:
        return [
            event
            for event in sorted(self.events, key=lambda event: event.id)
            if event.turn_id and turn in (event.turn_id, short_reference(event.turn_id))
        ]

    async def hosts_of(self, events: Sequence[StoredEvent]) -> Mapping[UUID, str]:
        turns = {event.turn_id for event in events}
        return {
            event.turn_id: event.host or ""
            for event in self.events
            if event.type == "turn:routed" and event.turn_id in turns
        }

    def _fitting(self, wanted: Search) -> list[StoredEvent]:
        if self.trouble is not None:
            raise self.trouble
        newest_first = sorted(self.events, key=lambda event: event.id, reverse=True)
        return [event for event in newest_first if _fits(event, wanted)]


def _fits(event: StoredEvent, wanted: Search) -> bool:
    return (
        (not wanted.types or event.type in wanted.types)
        and (not wanted.severity or wanted.severity <= (event.severity or 0) <= wanted.severest)
        and (wanted.person_id is None or wanted.person_id in (event.subject, event.actor))
        and (wanted.done_to is None or (event.subject == wanted.done_to and event.actor != wanted.done_to))
        and (not wanted.rule or event.rule == wanted.rule)
        and (not wanted.model or event.model == wanted.model)
        and (wanted.since is None or event.id >= first_id(wanted.since))
        and (wanted.until is None or event.id < first_id(wanted.until))
    )


@dataclass
class FakeSeals:
    """Says of every event that it is proven, until a test says otherwise."""

    is_proven: bool = True
    missing: set[UUID] = field(default_factory=set)

    async def check(self, events: Sequence[StoredEvent]) -> Mapping[UUID, Sealed]:
        return {
            event.id: Sealed(1203, place, 48_213, self.is_proven, is_signed=True)
            for place, event in enumerate(events)
            if event.id not in self.missing
        }


@dataclass
class FakeSpots:
    found: dict[UUID, list[Detail]] = field(default_factory=dict)

    async def of_turns(self, turn_ids: Collection[UUID]) -> Mapping[UUID, Sequence[Detail]]:
        return {turn_id: self.found[turn_id] for turn_id in turn_ids if turn_id in self.found}


@dataclass
class FakePeople:
    ids: set[UUID] = field(default_factory=set)

    async def ids_of_pseudonym(self, pseudonym: str) -> Collection[UUID]:
        return [one for one in self.ids if one.hex[-8:] == pseudonym]


@dataclass
class FakeConsole:
    """Everything behind the console that is not behind the chat, too."""

    lists: FakeLists = field(default_factory=FakeLists)
    seals: FakeSeals = field(default_factory=FakeSeals)
    spots: FakeSpots = field(default_factory=FakeSpots)
    people: FakePeople = field(default_factory=FakePeople)

    def parts(self, audit: FakeAudit, review: object, labels: Mapping[str, str]) -> ConsoleParts:
        return ConsoleParts(
            audit=audit,
            lists=self.lists,
            seals=self.seals,
            spots=self.spots,
            people=self.people,
            review=review,  # type: ignore[arg-type]  # the caller's, of the use case's own type
            labels=lambda: labels,
        )
