"""Wire the product: the only place that picks implementations."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import redis.asyncio
from pydantic import SecretStr
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from sqlalchemy.ext.asyncio import AsyncEngine

from assistant.access import Access
from assistant.answering.guarding import ConversationGuard
from assistant.answering.recovery import recover_turns
from assistant.audit.events import (
    FleetLoaded,
    FleetRefused,
    LogOpened,
    PolicyLoaded,
    PolicyRefused,
    QuotasLoaded,
    QuotasRefused,
)
from assistant.audit.exports.export import Exported, ExportRequest, OnProgress, create_export
from assistant.audit.parts import TextMarker
from assistant.audit.projections.project import Projector
from assistant.audit.reading.counts import FindingCounts
from assistant.audit.record import Origin
from assistant.audit.removal.eraser import Eraser
from assistant.audit.seals.log_key import LogKey
from assistant.audit.writing.append import Appender
from assistant.audit.writing.detour import SpoolLimits
from assistant.audit.writing.keeping import ContentKeys, ContentLog
from assistant.audit.writing.partitions import ensure_partitions
from assistant.audit.writing.spool import SPOOL_PURPOSE, SpoolFolder
from assistant.compliance.desk import Desk, build_desk
from assistant.conversation import Turn
from assistant.conversations import Conversations
from assistant.database import create_engine
from assistant.database_roles import AUDIT_ERASER_ROLE, AUDIT_PROJECTOR_ROLE, AUDIT_READER_ROLE, url_for_role
from assistant.documents import Documents, note_ended_jobs
from assistant.egress import allow_site
from assistant.erasure import Erasure
from assistant.errors import SettingsError, UnavailableError
from assistant.fleet.site_fleet import SiteFleet
from assistant.history.history import History
from assistant.identity.identity import Identity
from assistant.identity.tokens import ApiTokens
from assistant.jobs.broker import CeleryBroker
from assistant.jobs.queue import Jobs
from assistant.keys import Keys
from assistant.knowledge.guarding import DocumentGuard
from assistant.knowledge.knowledge import Knowledge
from assistant.personas.reader import Personas, read_personas
from assistant.policy.files import PolicyReader, ReadPolicy
from assistant.policy.names import FleetAsk, build_names, model_of_fleet
from assistant.policy.source import GuardSource
from assistant.policy.watch import PolicyWatch
from assistant.quotas.limits import QuotaRules
from assistant.quotas.quotas import Quotas
from assistant.quotas.site_quotas import SiteQuotas
from assistant.reports.reports import Reports
from assistant.review import Figures, Review
from assistant.settings import Settings
from assistant.tokens import Tokens
from assistant.turn import ModelHosts, TurnParts, run_turn
from assistant.turn_events import TurnEvent
from connectors.errors import FleetError
from connectors.model_hosts.catalogue import Fleet, read_fleet
from connectors.model_hosts.hosts import ModelHosts as NamesHosts
from connectors.model_hosts.quote import QuotedPassage
from policies.detectors.names import NamesDetector
from policies.errors import PolicyError
from policies.guard import Guard
from policies.policy import Policy
from policies.verdict import Direction

_log = logging.getLogger(__name__)

_MOST_NAMED = 64  # hosts, or limits; named in one event, which stays under its 16 KiB
_PROJECT_SECONDS = 20.0  # a chore; the next one goes on
_COUNT_SECONDS = 2.0  # for Redis to count something


@dataclass(frozen=True, slots=True)
class Application:
    """The product, wired; what a door or a task needs and nothing of how it was made."""

    settings: Settings
    engine: AsyncEngine
    guards: GuardSource
    policy_watch: PolicyWatch
    fleet: SiteFleet
    personas: Personas
    quotas: Quotas
    history: History
    access: Access
    tokens: Tokens
    conversations: Conversations
    review: Review
    desk: Desk
    log_key: LogKey
    reader_url: SecretStr
    erasure: Erasure
    documents: Documents
    knowledge: Knowledge
    jobs: Jobs
    audit: Appender
    content_log: ContentLog
    projector: Projector
    conversation_guard: ConversationGuard
    marker: TextMarker
    names: NamesDetector | None

    @property
    def guard(self) -> Guard:
        """Return the guard in force now."""
        return self.guards.current

    async def refresh_policy(self) -> None:
        """Put the site's policy in force as its files are now; for a process whose loop rests between its tasks."""
        await self.policy_watch.refresh()

    async def refresh_fleet(self) -> None:
        """Put the site's fleet in force as its files are now, if this process asks any of its hosts."""
        await self.fleet.refresh()

    def answer_with(self, hosts: ModelHosts) -> AnswerTurn:
        """Return `run_turn` bound to its parts."""
        return AnswerTurn(
            TurnParts(
                personas=self.personas,
                quotas=self.quotas,
                guard=self.conversation_guard,
                hosts=hosts,
                history=self.history,
                audit=self.content_log,
                marker=self.marker,
                max_prompt_chars=self.settings.max_prompt_chars,
            )
        )

    async def quotes(self, question: str, reader: str) -> Sequence[QuotedPassage]:
        """Return the passages that the quote host quotes: what fits the question and this reader may see.

        Passages were guarded when they were stored; the policy of today may be stricter, so they are once more.
        """
        passages = await self.knowledge.retrieve(question, reader=reader)
        guard_passage = DocumentGuard(self.guards, Direction.RETRIEVAL)
        guarded = [await asyncio.to_thread(guard_passage, passage.text) for passage in passages]
        return [
            QuotedPassage(passage.title, passage.source, text.text, passage.heading)
            for passage, text in zip(passages, guarded, strict=True)
            if not text.is_blocked
        ]

    async def recover_turns(self) -> int:
        """Mark the answers that a crash left in the making; return how many."""
        return await recover_turns(self.history, self.content_log)

    async def note_ended_jobs(self) -> int:
        """Write the ends of jobs to the audit log; return how many."""
        return await note_ended_jobs(self.jobs, self.audit)

    async def follow_hits(self) -> int:
        """Bring hits from the audit log to the queue of the desk; return how many."""
        return await self.desk.follower.follow()

    async def has_waiting_exports(self) -> bool:
        """Tell whether an export waits to be written."""
        return await self.desk.exports.has_waiting()

    async def write_next_export(self) -> bool:
        """Write one export that waits; tell whether there was one."""
        return await self.desk.exports.write_next(self._write_export)

    async def sweep_exports(self) -> int:
        """Delete the files of exports that are over; return how many."""
        return await self.desk.exports.sweep()

    async def _write_export(self, request: ExportRequest, target: Path, on_progress: OnProgress) -> Exported:
        key = self.log_key()
        if key is None:
            raise SettingsError("The log's public key is not known here. Set CLOISTER_LOG_KEY to what seal.pub holds.")
        return await create_export(self.reader_url, key, request, self.audit, target, on_progress=on_progress)

    async def expire_unmasking(self) -> int:
        """Note which unmaskings are over; return how many."""
        return await self.desk.unmasking.expire()

    async def ensure_audit_partitions(self) -> int:
        """Create the audit log's tables of the coming months; return how many were missing."""
        return await ensure_partitions(required(self.settings, "audit_database_url"))

    async def project_audit(self) -> int:
        """Bring search and tallies of the audit log up to what was sealed; return how many events that were."""
        try:
            return await self.projector.follow(seconds=_PROJECT_SECONDS)
        except UnavailableError as error:  # says what the operator has to do
            _log.warning("%s", error)
            return 0


class AnswerTurn:
    """`run_turn` with everything but the turn."""

    def __init__(self, parts: TurnParts) -> None:
        self._parts = parts

    def __call__(self, turn: Turn) -> AsyncGenerator[TurnEvent, None]:
        """Run one turn; one that brings its own context is kept nowhere."""
        return run_turn(turn, self._parts if turn.context is None else self._parts.unkept())


@asynccontextmanager
async def build_application(settings: Settings, *, process: str = "") -> AsyncIterator[Application]:
    """Open the product for one process, and close it again.

    Args:
        settings: as this process got them.
        process: its label in the audit log and on the turns it runs, such as `web`.

    Raises:
        SettingsError: a setting or the model for names is missing, or a file does not fit.
        AuditUnavailableError: the audit log cannot be opened.
    """
    keys = Keys.load_or_create(settings.master_key)
    marker = TextMarker(keys)
    async with AsyncExitStack() as stack:
        audit = await stack.enter_async_context(open_audit(settings))
        fleet = build_fleet(settings, audit)
        await stack.enter_async_context(fleet.running())
        names = await stack.enter_async_context(_open_names(settings, fleet))
        reader = PolicyReader.of(settings, names=names)
        opened = await asyncio.to_thread(_read_policy, reader)
        guards = GuardSource(opened.guard)
        engine = create_engine(required(settings, "database_url"))
        stack.push_async_callback(engine.dispose)
        reports = Reports(engine)
        await audit.append(LogOpened(process=process or "command"))
        policy_watch = PolicyWatch(reader, guards, opened.stamp, policy_reports := _PolicyReports(audit))
        await policy_reports.loaded(opened.guard.policy)
        await stack.enter_async_context(policy_watch.running())
        history = History(engine, process=process)
        conversation_guard = ConversationGuard(guards, history, keys.sealer("pseudonyms"))
        personas = read_personas(settings.personas)
        quotas = await stack.enter_async_context(_open_quotas(settings, personas, audit))
        broker = CeleryBroker(required(settings, "redis_url"))
        stack.callback(broker.close)
        jobs = Jobs(engine, broker)
        knowledge = Knowledge(engine, keys, DocumentGuard(guards), max_upload_bytes=settings.max_upload_bytes)
        yield Application(
            settings=settings,
            engine=engine,
            guards=guards,
            policy_watch=policy_watch,
            fleet=fleet,
            personas=personas,
            quotas=quotas,
            history=history,
            access=Access(Identity(engine, session_hours=settings.session_hours), audit, marker),
            tokens=_tokens(engine, keys, audit),
            conversations=Conversations(history, conversation_guard, audit),
            review=Review(
                history,
                conversation_guard,
                audit,
                reports=reports,
                figures=Figures(
                    audit, reports, _finding_counts(settings, keys), labels=lambda: guards.current.policy.labels
                ),
            ),
            erasure=_erasure(settings, keys, audit),
            log_key=LogKey(settings),
            reader_url=_reader_url(settings, keys),
            desk=build_desk(
                engine,
                _reader_url(settings, keys),
                audit=audit,
                guard=conversation_guard,
                sealer=keys.sealer("pseudonyms"),
                marker=marker,
                notice_days=settings.notice_days,
                exports=settings.exports,
            ),
            documents=Documents(knowledge, jobs, audit),
            knowledge=knowledge,
            jobs=jobs,
            audit=audit,
            content_log=_open_content_log(settings, keys, audit, stack),
            projector=Projector(url_for_role(required(settings, "database_url"), AUDIT_PROJECTOR_ROLE, keys), keys),
            conversation_guard=conversation_guard,
            marker=marker,
            names=names,
        )


def _open_content_log(settings: Settings, keys: Keys, audit: Appender, stack: AsyncExitStack) -> ContentLog:
    if settings.audit_content == "none":
        return ContentLog(audit, None)
    content_keys = ContentKeys(required(settings, "audit_database_url"), keys)
    stack.push_async_callback(content_keys.close)
    return ContentLog(audit, content_keys)


@asynccontextmanager
async def _open_quotas(settings: Settings, personas: Personas, audit: Appender) -> AsyncIterator[Quotas]:
    """Read the limits, follow their file, and count in Redis meanwhile."""
    names = [persona.name for persona in personas]
    site = SiteQuotas(settings.quotas, personas=names, reports=_QuotaReports(audit))
    async with open_counting(required(settings, "redis_url")) as client, site.running():
        yield Quotas(client, site.current)


@asynccontextmanager
async def open_counting(url: SecretStr) -> AsyncIterator[redis.asyncio.Redis]:
    """Open Redis as quotas need it: whoever waits for an answer learns soon that it is away."""
    client = redis.asyncio.Redis.from_url(
        url.get_secret_value(),
        socket_timeout=_COUNT_SECONDS,
        socket_connect_timeout=_COUNT_SECONDS,
        retry=Retry(NoBackoff(), 1),
    )
    try:
        yield client
    finally:
        await client.aclose()


@asynccontextmanager
async def _open_names(settings: Settings, fleet: SiteFleet) -> AsyncIterator[NamesDetector | None]:
    """Build and load the model for names, off the loop; what a model of the fleet needs is open meanwhile."""
    async with AsyncExitStack() as stack:
        ask: FleetAsk | None = None
        if model := model_of_fleet(settings):
            hosts = NamesHosts(
                await fleet.open(),
                retriever=_no_passages,
                first_token_timeout_seconds=settings.first_token_timeout_seconds,
                stall_timeout_seconds=settings.stall_timeout_seconds,
            )
            fleet.follow(hosts.take_fleet)
            stack.push_async_callback(hosts.close)
            await hosts.start()
            ask = FleetAsk(hosts, model, loop=asyncio.get_running_loop())
        names = build_names(settings, ask)
        if names is not None:
            await asyncio.to_thread(names.load)
            _log.info("names model %s: %s", settings.names.partition(":")[0], names.state)
        yield names


async def _no_passages(question: str, reader: str) -> Sequence[QuotedPassage]:
    del question, reader  # the model for names is asked for no passages
    return ()


@asynccontextmanager
async def _command(settings: Settings) -> AsyncIterator[tuple[Keys, AsyncEngine, Appender]]:
    """Open what every command rests on that needs not the whole product: keys, database and audit log."""
    keys = Keys.load_or_create(settings.master_key)
    async with AsyncExitStack() as stack:
        engine = create_engine(required(settings, "database_url"))
        stack.push_async_callback(engine.dispose)
        yield keys, engine, await stack.enter_async_context(open_audit(settings))


@asynccontextmanager
async def build_access(settings: Settings) -> AsyncIterator[Access]:
    """Open people and the audit log alone, for a command."""
    async with _command(settings) as (keys, engine, audit):
        yield Access(Identity(engine, session_hours=settings.session_hours), audit, TextMarker(keys))


@asynccontextmanager
async def build_tokens(settings: Settings) -> AsyncIterator[Tokens]:
    """Open API tokens and the audit log alone, for a command."""
    async with _command(settings) as (keys, engine, audit):
        yield _tokens(engine, keys, audit)


def _tokens(engine: AsyncEngine, keys: Keys, audit: Appender) -> Tokens:
    return Tokens(ApiTokens(engine, keys.derive("api-token")), audit)


@asynccontextmanager
async def build_figures(settings: Settings) -> AsyncIterator[Figures]:
    """Open the figures of the rules alone, for a command."""
    async with _command(settings) as (keys, engine, audit):
        yield Figures(audit, Reports(engine), _finding_counts(settings, keys))


@asynccontextmanager
async def build_erasure(settings: Settings) -> AsyncIterator[tuple[Access, Erasure]]:
    """Open people and erasures alone, for a command that somebody signs with their password."""
    async with _command(settings) as (keys, engine, audit):
        access = Access(Identity(engine, session_hours=settings.session_hours), audit, TextMarker(keys))
        yield access, _erasure(settings, keys, audit)


def _erasure(settings: Settings, keys: Keys, audit: Appender) -> Erasure:
    eraser_url = url_for_role(required(settings, "database_url"), AUDIT_ERASER_ROLE, keys)
    eraser = Eraser(eraser_url, _reader_url(settings, keys), Origin.here(version("cloister")))
    return Erasure(eraser, audit, TextMarker(keys))


def _finding_counts(settings: Settings, keys: Keys) -> FindingCounts:
    return FindingCounts(_reader_url(settings, keys))


def _reader_url(settings: Settings, keys: Keys) -> SecretStr:
    return url_for_role(required(settings, "database_url"), AUDIT_READER_ROLE, keys)


def open_audit(settings: Settings) -> Appender:
    """Return the audit log as this process writes it; open it with `async with`.

    Raises:
        SettingsError: its address is not set, or the folder of its spools cannot be used.
    """
    writer_url, origin = required(settings, "audit_database_url"), Origin.here(version("cloister"))
    if settings.audit_when_down == "deny" and not settings.audit_spool.is_dir():
        return Appender(writer_url, origin)
    spools = SpoolFolder(settings.audit_spool, Keys.load_or_create(settings.master_key).sealer(SPOOL_PURPOSE))
    if settings.audit_when_down == "deny":  # what waited when it said otherwise still belongs into the log
        return Appender(writer_url, origin, spools=spools)
    spools.prepare()
    limits = SpoolLimits(most_seconds=settings.audit_spool_minutes * 60, most_bytes=settings.audit_spool_bytes)
    return Appender(writer_url, origin, spools=spools, limits=limits)


def build_guard(settings: Settings) -> Guard:
    """Read the policy and compile its rules; CPU work of a second.

    Raises:
        SettingsError: the policy does not fit; names file and line.
    """
    return _read_policy(PolicyReader.of(settings)).guard


def _read_policy(reader: PolicyReader) -> ReadPolicy:
    try:
        return reader.read()
    except PolicyError as error:
        raise SettingsError(f"The policy cannot be used: {error}") from error


class _PolicyReports:
    """Changes of the policy, as the audit log notes them."""

    def __init__(self, audit: Appender) -> None:
        self._audit = audit

    async def loaded(self, policy: Policy) -> None:
        await self._audit.append(PolicyLoaded(policy_version=policy.version, rules=len(policy.rules)))

    async def refused(self, error: PolicyError, kept: Policy) -> None:
        await self._audit.append(PolicyRefused(policy_version=kept.version, place=error.where))


class _QuotaReports:
    """Changes of the limits, as the audit log notes them."""

    def __init__(self, audit: Appender) -> None:
        self._audit = audit

    async def loaded(self, rules: QuotaRules) -> None:
        names = tuple(limit.name for limit in rules.limits[:_MOST_NAMED])
        await self._audit.append(QuotasLoaded(quotas_version=rules.version, limits=names))

    async def refused(self, place: str, kept: QuotaRules) -> None:
        await self._audit.append(QuotasRefused(quotas_version=kept.version, place=place))


class _FleetReports:
    """Changes of the fleet, as the audit log notes them."""

    def __init__(self, audit: Appender) -> None:
        self._audit = audit

    async def loaded(self, fleet: Fleet) -> None:
        names = tuple(host.name for host in fleet.hosts[:_MOST_NAMED])
        await self._audit.append(FleetLoaded(fleet_version=fleet.version, hosts=names))

    async def refused(self, place: str, kept: Fleet) -> None:
        await self._audit.append(FleetRefused(fleet_version=kept.version, place=place))


def build_fleet(settings: Settings, audit: Appender) -> SiteFleet:
    """Return the site's fleet; nothing is read and no host may be reached before somebody opens it."""
    return SiteFleet(settings.fleet, allow=lambda fleet: _allow_fleet(settings, fleet), reports=_FleetReports(audit))


def _allow_fleet(settings: Settings, fleet: Fleet) -> None:
    allow_site(settings, fleet=[host.address for host in fleet.hosts])


def read_hosts(settings: Settings) -> Fleet | None:
    """Read the fleet's file, and let this process reach its hosts; None when hosts are looked for on loopback.

    Raises:
        SettingsError: the file does not fit; names file and line.
    """
    if settings.fleet is None:
        return None
    try:
        fleet = read_fleet(settings.fleet)
    except FleetError as error:
        raise SettingsError(str(error)) from error
    _allow_fleet(settings, fleet)
    return fleet


def required(settings: Settings, name: str) -> SecretStr:
    """Return an address that `cloister up` gives to its processes.

    Raises:
        SettingsError: it is not set.
    """
    value = getattr(settings, name)
    if not isinstance(value, SecretStr):
        raise SettingsError(
            f"CLOISTER_{name.upper()} is not set. `cloister up` sets it for its processes; set it to run one alone."
        )
    return value
