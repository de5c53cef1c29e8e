"""What the console needs from the rest of the product: ports that the wiring fills and tests fake."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol
from uuid import UUID

from assistant.audit.anchors.light import Integrity
from assistant.audit.events import Event
from assistant.audit.parts import TextMark
from assistant.audit.projections.tallies import Counts
from assistant.audit.projections.text_search import TextPage
from assistant.audit.reading.heads_shown import Growth
from assistant.audit.reading.lists import Cursor, EventPage
from assistant.audit.reading.read import Search, StoredEvent
from assistant.audit.reading.sealed import Sealed
from assistant.audit.seals.heads import Head
from assistant.audit.writing.content import Kept
from assistant.compliance.desk import Desk
from assistant.conversation import Person
from assistant.erasure import Erasure
from assistant.fleet.orders import Act
from assistant.maintenance.maintenance import FleetView, Span
from assistant.review import AllFigures
from assistant.web.chat_parts import Reviewing
from connectors.model_hosts.catalogue import Fleet
from policies.explanation import Detail


class AuditLog(Protocol):
    """The log, as the console writes it: each view and each search."""

    async def append(self, event: Event) -> object:
        """Return when the event is durable.

        Raises:
            AuditUnavailableError: it cannot be made durable now.
        """


class Lists(Protocol):
    """The log, as the console reads it; `assistant.audit.reading.lists` does it."""

    async def page(self, search: Search, cursor: Cursor, *, limit: int) -> EventPage:
        """Return one page.

        Raises:
            BadInputError: a reference that cannot be one.
            TooBroadError: no index serves this combination in time.
            UnavailableError: the database does not answer.
        """

    async def count(self, search: Search, *, most: int) -> int:
        """Return how many events there are, counting no further than `most`; raises as `page` does."""

    async def turn(self, turn: UUID | str) -> Sequence[StoredEvent]:
        """Return the events of a turn by its id or its short reference, the earliest first.

        Raises:
            BadInputError: the reference cannot be one.
            UnavailableError: the database does not answer.
        """

    async def hosts_of(self, events: Sequence[StoredEvent]) -> Mapping[UUID, str]:
        """Return which machine each turn of some events was sent to, by turn."""


class Seals(Protocol):
    """Proofs that events are sealed; `assistant.audit.reading.sealed` makes and checks them."""

    async def check(self, events: Sequence[StoredEvent]) -> Mapping[UUID, Sealed]:
        """Return where each event stands in the tree, by id; one that no head has yet is left out.

        Raises:
            UnavailableError: the database does not answer.
        """


class Heads(Protocol):
    """The log's heads, for people and for their browsers; `assistant.audit.reading.heads_shown` reads them."""

    async def newest(self) -> Sequence[Head]:
        """Return the newest heads, the newest first.

        Raises:
            UnavailableError: the database does not answer.
        """

    async def growth(self, earlier_size: int) -> Growth:
        """Return the newest head, and the proof that it grew from the log of an earlier size; 0 names none.

        Raises:
            BadInputError: the log never had this size, or has it no more.
            NotFoundError: nothing was sealed yet.
            UnavailableError: the database does not answer.
        """


class Texts(Protocol):
    """What people wrote and models answered, guarded; `assistant.audit.writing.content` opens it."""

    async def read(self, ids: Collection[UUID]) -> Mapping[UUID, Kept]:
        """Return what became of each text, by the `content_id` of its event.

        Raises:
            UnavailableError: the database does not answer.
        """


class WordSearch(Protocol):
    """Words in kept texts; `assistant.audit.projections.text_search` finds them."""

    async def search_text(
        self, words: str, *, before: UUID | None = None, limit: int = 50, search: Search | None = None
    ) -> TextPage:
        """Return the events whose text has all of these words, the newest first.

        Raises:
            BadInputError: there is no word.
            UnavailableError: the database does not answer.
        """


class TallyReader(Protocol):
    """Counts of the log; `assistant.audit.projections.tallies` reads them."""

    async def read(self, *, since_monday: date, models_since: date) -> Counts:
        """Return the counts from these days on.

        Raises:
            TooBroadError: it takes longer than a page waits.
            UnavailableError: the database does not answer.
        """


class FigureReader(Protocol):
    """How often each rule was wrong; `assistant.review` puts it together."""

    async def read(self, actor: UUID | None, *, door: str) -> AllFigures:
        """Return findings, reports and confirmed false positives of each rule in the last 30 days."""


class Spots(Protocol):
    """What the guard found in a turn, as it is kept for people: masked, with what stood in its place."""

    async def of_turns(self, turn_ids: Collection[UUID]) -> Mapping[UUID, Sequence[Detail]]:
        """Return the findings of some turns, those of the question first; a turn that is not kept is left out.

        Raises:
            UnavailableError: the database does not answer.
        """


class People(Protocol):
    """People behind pseudonyms; the console never asks for a name."""

    async def ids_of_pseudonym(self, pseudonym: str) -> Collection[UUID]:
        """Return who has these last eight hexadecimal digits in their id; mostly one, or nobody.

        Raises:
            UnavailableError: the database does not answer.
        """


class FleetKeeping(Protocol):
    """The model hosts; `assistant.maintenance` sees them and takes orders."""

    async def view(self, person: Person, span: Span) -> FleetView:
        """Return the hosts and their history.

        Raises:
            NotAllowedError: this person may not see them.
            UnavailableError: the database does not answer.
        """

    async def order(self, person: Person, act: Act, host: str, model: str = "") -> UUID:
        """Order something at a host, and return the order's id.

        Raises:
            NotAllowedError: this person may not order it.
            BadInputError: there is no such host or model, or the same is being done already.
            AuditUnavailableError: the log cannot be written: nothing was ordered.
            UnavailableError: the database does not answer.
        """


@dataclass(frozen=True, slots=True)
class ConsoleParts:
    """What the console is made of; wired once a process.

    Attributes:
        read_fleet: reads fleet.yaml for the planner; None where none was named. It may raise `FleetError`.
        integrity: reads the state of the log's proofs.
        mark: makes the mark of words that were searched for; the log keeps no others of them.
        labels: the words for each rule of the policy that is in force now.
    """

    audit: AuditLog
    lists: Lists
    seals: Seals
    heads: Heads
    integrity: Callable[[], Awaitable[Integrity]]
    spots: Spots
    texts: Texts
    words: WordSearch
    people: People
    tallies: TallyReader
    figures: FigureReader
    review: Reviewing
    desk: Desk
    erasure: Erasure
    fleet: FleetKeeping
    read_fleet: Callable[[], Fleet | None]
    mark: Callable[[str], TextMark]
    labels: Callable[[], Mapping[str, str]]
