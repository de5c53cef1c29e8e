"""What the console reads, wired: the log, masked findings, pseudonyms, reports. Loads no model host, chat or job.

The web process has most of it already and adds `open_backend`; the console's own process begins with `build_console`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from importlib.metadata import version
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine

from assistant.access import Access
from assistant.answering.guarding import ConversationGuard
from assistant.answering.words import held_back_of_detail
from assistant.audit.anchors.feed import WitnessAddress
from assistant.audit.anchors.integrity import read_integrity
from assistant.audit.anchors.light import Integrity
from assistant.audit.events import LogOpened
from assistant.audit.parts import TextMark, TextMarker
from assistant.audit.projections.tallies import Tallies
from assistant.audit.projections.text_search import TextSearch
from assistant.audit.reader_pool import ReaderPool
from assistant.audit.reading.heads_shown import HeadsReader
from assistant.audit.reading.lists import EventLists
from assistant.audit.reading.sealed import SealChecks
from assistant.audit.record import Origin
from assistant.audit.seals.log_key import LogKey
from assistant.audit.writing.append import Appender
from assistant.audit.writing.content import ContentReader
from assistant.bootstrap.compliance import build_figures, build_review, build_site_desk
from assistant.bootstrap.log import build_erasure, reader_url, required
from assistant.bootstrap.people import build_access
from assistant.bootstrap.policy import PolicyReports, read_policy
from assistant.compliance.desk import Desk
from assistant.database import create_engine
from assistant.erasure import Erasure
from assistant.fleet.orders import Orders
from assistant.fleet.records import FleetRecords
from assistant.history.history import History
from assistant.history.turn_details import TurnDetails
from assistant.identity.pseudonyms import Pseudonyms
from assistant.keys import Keys
from assistant.maintenance.maintenance import Maintenance
from assistant.policy.files import PolicyReader
from assistant.policy.source import GuardSource
from assistant.policy.watch import PolicyWatch
from assistant.review import Figures, Review
from assistant.settings import Settings
from connectors.model_hosts.catalogue import Fleet, read_fleet
from policies.explanation import Detail


@dataclass(frozen=True, slots=True)
class ConsoleBackend:
    """What the pages of the console ask.

    Attributes:
        read_fleet: reads fleet.yaml for the planner; None where none was named.
        mark: makes the mark of words that were searched for.
        labels: the words for each rule of the policy that is in force now.
    """

    audit: Appender
    lists: EventLists
    seals: SealChecks
    heads: HeadsReader
    integrity: Callable[[], Awaitable[Integrity]]
    spots: KeptSpots
    people: Pseudonyms
    tallies: Tallies
    figures: Figures
    texts: ContentReader
    words: TextSearch
    review: Review
    desk: Desk
    erasure: Erasure
    fleet: Maintenance
    read_fleet: Callable[[], Fleet | None]
    mark: Callable[[str], TextMark]
    labels: Callable[[], Mapping[str, str]]


class KeptSpots:
    """The guard's findings as the history keeps them: masked."""

    def __init__(self, details: TurnDetails) -> None:
        self._details = details

    async def of_turns(self, turn_ids: Collection[UUID]) -> Mapping[UUID, Sequence[Detail]]:
        """Return the findings of some turns, those of the question first; a turn that is not kept is left out.

        Raises:
            UnavailableError: the database does not answer.
        """
        spots: dict[UUID, list[Detail]] = {}
        for turn_id, detail in await self._details.of_turns(turn_ids):
            spots.setdefault(turn_id, []).extend(held_back_of_detail(detail))
        return spots


@asynccontextmanager
async def open_backend(
    settings: Settings,
    engine: AsyncEngine,
    *,
    audit: Appender,
    review: Review,
    desk: Desk,
    labels: Callable[[], Mapping[str, str]],
) -> AsyncIterator[ConsoleBackend]:
    """Open what the console reads, beside what the process has already.

    Raises:
        SettingsError: an address is not set.
    """
    keys = Keys.load_or_create(settings.master_key)
    log_url = reader_url(settings, keys)
    log_key = LogKey(settings)
    async with ReaderPool(log_url) as pool:
        yield ConsoleBackend(
            audit=audit,
            lists=EventLists(pool),
            seals=SealChecks(pool, log_key),
            heads=HeadsReader(pool, log_key),
            integrity=lambda: read_integrity(
                log_url,
                first_key=log_key(),
                witnesses=[WitnessAddress.parse(each).key for each in settings.audit_witnesses],
                anchor_file=settings.audit_anchor_file,
            ),
            spots=KeptSpots(TurnDetails(engine)),
            people=Pseudonyms(engine),
            tallies=Tallies(pool),
            figures=build_figures(settings, keys, engine, audit, labels=labels),
            texts=ContentReader(pool, keys),
            words=TextSearch(pool, keys),
            review=review,
            desk=desk,
            erasure=build_erasure(settings, keys, audit),
            fleet=Maintenance(
                FleetRecords(engine, keep_days=settings.fleet_history_days),
                Orders(engine, keep_days=settings.fleet_history_days),
                audit,
            ),
            read_fleet=lambda: read_fleet(settings.fleet) if settings.fleet is not None else None,
            mark=TextMarker(keys).mark,
            labels=labels,
        )


@asynccontextmanager
async def build_console(settings: Settings) -> AsyncIterator[tuple[Access, ConsoleBackend]]:
    """Open the console for a process of its own, and close it again; return who may sign in, and what it asks.

    Raises:
        SettingsError: a setting is missing, or the policy does not fit.
        AuditUnavailableError: the audit log cannot be opened.
    """
    keys = Keys.load_or_create(settings.master_key)
    audit_url = required(settings, "audit_database_url")
    # Without a model for names: notes of reviewers are all that this process guards.
    reader = PolicyReader.of(settings.model_copy(update={"names": "none"}))
    opened = await asyncio.to_thread(read_policy, reader)
    guards = GuardSource(opened.guard)
    async with AsyncExitStack() as stack:
        engine = create_engine(required(settings, "database_url"))
        stack.push_async_callback(engine.dispose)
        audit = await stack.enter_async_context(Appender(audit_url, Origin.here(version("cloister"))))
        await audit.append(LogOpened(process="console"))
        policy_reports = PolicyReports(audit)
        await policy_reports.loaded(opened.guard.policy)
        await stack.enter_async_context(PolicyWatch(reader, guards, opened.stamp, policy_reports).running())
        history = History(engine, process="console")

        def labels() -> Mapping[str, str]:
            return guards.current.policy.labels

        guard = ConversationGuard(guards, history, keys.sealer("pseudonyms"))
        desk = build_site_desk(settings, keys, engine, audit, guard)
        figures = build_figures(settings, keys, engine, audit, labels=labels)
        review = build_review(engine, history, guard, audit, figures)
        backend = await stack.enter_async_context(
            open_backend(settings, engine, audit=audit, review=review, desk=desk, labels=labels)
        )
        yield build_access(settings, engine, audit, TextMarker(keys)), backend
