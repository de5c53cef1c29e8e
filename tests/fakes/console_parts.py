"""Fakes behind the console: a log in memory that pages as the real one does, seals, masked findings, pseudonyms."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

from assistant.audit.anchors.light import AnchorState, Integrity, Verification
from assistant.audit.events import Event
from assistant.audit.parts import TextMarker
from assistant.audit.projections.tallies import Counts
from assistant.audit.projections.text_search import TextPage
from assistant.audit.reading.heads_shown import Growth
from assistant.audit.reading.lists import Cursor, EventPage
from assistant.audit.reading.read import Search, StoredEvent
from assistant.audit.reading.sealed import Sealed
from assistant.audit.record import Origin, compose_record, first_id
from assistant.audit.seals.checkpoint import Checkpoint, SecretNoteKey
from assistant.audit.seals.heads import Head, Snapshot
from assistant.audit.seals.tree import consistency_proof, perfect_root, root_of
from assistant.audit.writing.content import ContentText, Erased, Kept
from assistant.compliance.desk import Desk
from assistant.compliance.grants import Grant, Notice
from assistant.compliance.hits import Hit
from assistant.compliance.second_looks import Pairs, SecondLook
from assistant.conversation import short_reference
from assistant.errors import BadInputError, CloisterError, NotFoundError
from assistant.review import Figures
from assistant.web.console_parts import ConsoleParts
from policies.explanation import Detail
from tests.fakes.fleet_parts import FakeFleet
from tests.fakes.turn_parts import KEYS, FakeAudit

ORIGIN = Origin("test", 1, "0.1.0")


def stored(event: Event, now_nanoseconds: int | None = None) -> StoredEvent:
    """Return an event as the log gives it out."""
    record = compose_record(event, ORIGIN, now_nanoseconds or time.time_ns())
    return StoredEvent(*record, recorded_at=datetime.now(UTC))


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


class FakeHeads:
    """A log whose heads are made and signed here; a test may rewrite or cut it, as whoever is at the database can."""

    def __init__(self, leaves: int = 300) -> None:
        self.key = SecretNoteKey.make("cloister/fake")
        self.leaves = [sha256(bytes([number & 255, number >> 8])).digest() for number in range(leaves)]
        self.anchors: list[AnchorState] = []
        self.verified: Verification | None = None

    def grow(self, count: int) -> None:
        self.leaves += [sha256(f"{len(self.leaves)}.{number}".encode()).digest() for number in range(count)]

    def rewrite(self, place: int) -> None:
        self.leaves[place] = sha256(b"something else").digest()

    def cut(self, count: int) -> None:
        del self.leaves[-count:]

    async def newest(self) -> Sequence[Head]:
        return [self._head()]

    async def integrity(self) -> Integrity:
        now = datetime.now(UTC)
        return Integrity(
            now=now,
            size=len(self.leaves),
            sealed_at=now,
            is_signed=True,
            anchors=self.anchors,
            verified=self.verified,
        )

    async def growth(self, earlier_size: int) -> Growth:
        if earlier_size > len(self.leaves):
            raise BadInputError(f"The log has {len(self.leaves)} sealed events, and not {earlier_size}.")
        size = len(self.leaves)
        proof = consistency_proof(earlier_size, size, self._node) if 0 < earlier_size < size else []
        return Growth(self._head(), proof, self.key.public, [])

    def _node(self, level: int, index: int) -> bytes:
        return perfect_root(self.leaves[index << level : (index + 1) << level])

    def _head(self) -> Head:
        size = len(self.leaves)
        text = Checkpoint(self.key.name, size, root_of(size, self._node)).text
        note = self.key.sign_note(text)
        return Head(1203, 0, 1, Snapshot.parse("1:1:"), size, b"", b"", datetime.now(UTC), note, b"")


@dataclass
class FakeSpots:
    found: dict[UUID, list[Detail]] = field(default_factory=dict)

    async def of_turns(self, turn_ids: Collection[UUID]) -> Mapping[UUID, Sequence[Detail]]:
        return {turn_id: self.found[turn_id] for turn_id in turn_ids if turn_id in self.found}


@dataclass
class FakeTexts:
    """Kept texts, and a search in them."""

    kept: dict[UUID, Kept] = field(default_factory=dict)
    lists: FakeLists | None = None

    async def read(self, ids: Collection[UUID]) -> Mapping[UUID, Kept]:
        return {one: self.kept.get(one, Erased()) for one in ids}

    async def search_text(
        self, words: str, *, before: UUID | None = None, limit: int = 50, search: Search | None = None
    ) -> TextPage:
        events = self.lists.events if self.lists else []
        wanted = set(words.lower().split())
        found = [
            event
            for event in sorted(events, key=lambda event: event.id, reverse=True)
            if event.content_id in self.kept
            and isinstance(text := self.kept[event.content_id], ContentText)
            and wanted <= set(text.text.lower().split())
            and (before is None or event.id < before)
            and _fits(event, search or Search())
        ]
        return TextPage(tuple(found[:limit]), datetime.now(UTC))


@dataclass
class FakeTallies:
    counts: Counts = field(default_factory=lambda: Counts((), (), None))

    async def read(self, *, since_monday: date, models_since: date) -> Counts:
        return self.counts


@dataclass
class FakePeople:
    ids: set[UUID] = field(default_factory=set)

    async def ids_of_pseudonym(self, pseudonym: str) -> Collection[UUID]:
        return [one for one in self.ids if one.hex[-8:] == pseudonym]


class EmptyDesk:
    """A desk on which nothing lies: what is asked for by id is not there, and lists are empty."""

    def __getattr__(self, _name: str) -> object:
        return EmptyDesk()

    async def __call__(self, *_arguments: object, **_named: object) -> object:
        raise NotFoundError("There is nothing on this desk.")


class EmptyHits:
    async def of_turn(self, _person: object, _turn_id: UUID) -> tuple[Hit, ...]:
        return ()


class NoLooks(EmptyDesk):
    async def of_turn(self, _person: object, _turn_id: UUID) -> tuple[SecondLook, ...]:
        return ()

    async def pairs(self, _since: object) -> tuple[Pairs, ...]:
        return ()


class EmptyCases(EmptyDesk):
    async def hidden_from(self, _person: object, _case_ids: object) -> frozenset[UUID]:
        return frozenset()


class NoEmergencies(EmptyDesk):
    async def emergencies(self, _person: object) -> tuple[Grant, ...]:
        return ()

    async def notices(self, _person: object) -> tuple[Notice, ...]:
        return ()


class Nobody:
    async def names(self, _people: object) -> Mapping[UUID, str]:
        return {}


def empty_desk() -> Desk:
    nothing: Any = EmptyDesk()
    hits: Any = EmptyHits()
    unmasking: Any = NoEmergencies()
    people: Any = Nobody()
    cases: Any = EmptyCases()
    looks: Any = NoLooks()
    return Desk(hits, cases, nothing, looks, unmasking, nothing, nothing, nothing, people, nothing, nothing)


class CurrentHeads:
    """The heads that the console has now: a test may put another log in their place."""

    def __init__(self, console: FakeConsole) -> None:
        self._console = console

    async def newest(self) -> Sequence[Head]:
        return await self._console.heads.newest()

    async def integrity(self) -> Integrity:
        return await self._console.heads.integrity()

    async def growth(self, earlier_size: int) -> Growth:
        return await self._console.heads.growth(earlier_size)


@dataclass
class FakeConsole:
    """Everything behind the console that is not behind the chat, too."""

    lists: FakeLists = field(default_factory=FakeLists)
    seals: FakeSeals = field(default_factory=FakeSeals)
    heads: FakeHeads = field(default_factory=FakeHeads)
    spots: FakeSpots = field(default_factory=FakeSpots)
    people: FakePeople = field(default_factory=FakePeople)
    tallies: FakeTallies = field(default_factory=FakeTallies)
    texts: FakeTexts = field(default_factory=FakeTexts)
    fleet: FakeFleet = field(default_factory=FakeFleet)

    def __post_init__(self) -> None:
        self.texts.lists = self.lists

    def parts(self, audit: FakeAudit, review: object, figures: Figures, labels: Mapping[str, str]) -> ConsoleParts:
        nothing: Any = EmptyDesk()
        return ConsoleParts(
            audit=audit,
            lists=self.lists,
            seals=self.seals,
            heads=CurrentHeads(self),
            integrity=CurrentHeads(self).integrity,
            spots=self.spots,
            people=self.people,
            tallies=self.tallies,
            figures=figures,
            desk=empty_desk(),
            erasure=nothing,
            fleet=self.fleet,
            read_fleet=self.fleet.read,
            texts=self.texts,
            words=self.texts,
            mark=TextMarker(KEYS).mark,
            review=review,  # type: ignore[arg-type]  # the caller's, of the use case's own type
            labels=lambda: labels,
        )
