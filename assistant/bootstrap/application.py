"""The whole product, wired for one process."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncEngine

from assistant.access import Access
from assistant.answering.attempts import LethalPrompts
from assistant.answering.beginnings import Beginnings
from assistant.answering.guarding import ConversationGuard
from assistant.answering.parts import ModelHosts, TurnParts
from assistant.answering.recovery import recover_turns
from assistant.audit.events import LogOpened
from assistant.audit.exports.export import Exported, ExportRequest, OnProgress, create_export
from assistant.audit.parts import TextMarker
from assistant.audit.projections.project import Projector
from assistant.audit.seals.log_key import LogKey
from assistant.audit.writing.append import Appender
from assistant.audit.writing.content_keys import ContentKeys
from assistant.audit.writing.keeping import ContentLog
from assistant.audit.writing.partitions import ensure_partitions
from assistant.bootstrap.compliance import build_figures, build_review, build_site_desk
from assistant.bootstrap.fleet import build_fleet, open_lethal
from assistant.bootstrap.log import build_erasure, open_audit, reader_url, required
from assistant.bootstrap.names import open_names
from assistant.bootstrap.people import build_access, build_tokens
from assistant.bootstrap.policy import PolicyReports, read_policy
from assistant.bootstrap.quotas import open_quotas
from assistant.compliance.desk import Desk
from assistant.conversation import Turn
from assistant.conversations import Conversations
from assistant.database import create_engine
from assistant.database_roles import AUDIT_PROJECTOR_ROLE, url_for_role
from assistant.documents import Documents, note_ended_jobs
from assistant.embedding import embed_texts
from assistant.erasure import Erasure
from assistant.errors import SettingsError, UnavailableError
from assistant.fleet.site_fleet import SiteFleet
from assistant.history.history import History
from assistant.jobs.broker import CeleryBroker
from assistant.jobs.queue import Jobs
from assistant.keys import Keys
from assistant.knowledge.guarding import DocumentGuard
from assistant.knowledge.knowledge import Knowledge
from assistant.personas.reader import Personas, read_personas
from assistant.policy.files import PolicyReader
from assistant.policy.source import GuardSource
from assistant.policy.watch import PolicyWatch
from assistant.quotas.quotas import Quotas
from assistant.review import Review
from assistant.settings import Settings
from assistant.tokens import Tokens
from assistant.turn import run_turn
from assistant.turn_events import TurnEvent
from connectors.model_hosts.quote import QuotedPassage
from policies.detectors.names import NamesDetector
from policies.guard import Guard
from policies.verdict import Direction

_log = logging.getLogger(__name__)

_PROJECT_SECONDS = 20.0  # a chore; the next one goes on


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
    lethal: LethalPrompts
    beginnings: Beginnings
    thread_key: bytes  # makes what stands for a conversation where all processes see it

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
                lethal=self.lethal,
                beginnings=self.beginnings,
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

    async def draw_second_looks(self) -> int:
        """Draw which decisions of past weeks are read a second time; return how many."""
        return await self.desk.drawing.draw_due(datetime.now(UTC))

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
        """Run one turn; one that brings its own context, a gap, or texts to be made vectors, is kept nowhere."""
        if turn.inputs is not None:
            return embed_texts(turn, self._parts.unkept())
        is_unkept = turn.context is not None or turn.gap is not None
        return run_turn(turn, self._parts.unkept() if is_unkept else self._parts)


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
        lethal = await stack.enter_async_context(open_lethal(required(settings, "redis_url"), keys))
        fleet = build_fleet(settings, audit)
        await stack.enter_async_context(fleet.running())

        def labels_for_unseen() -> tuple[frozenset[str], ...]:
            return guards.current.policy.labels_for_unseen()  # asked with the first text, when there is a guard

        names = await stack.enter_async_context(
            open_names(
                settings,
                fleet,
                redis_url=required(settings, "redis_url"),
                only=labels_for_unseen,
                lethal=lethal,
                marker=marker,
            )
        )
        reader = PolicyReader.of(settings, names=names)
        opened = await asyncio.to_thread(read_policy, reader)
        guards = GuardSource(opened.guard)
        engine = create_engine(required(settings, "database_url"))
        stack.push_async_callback(engine.dispose)
        await audit.append(LogOpened(process=process or "command"))
        policy_watch = PolicyWatch(reader, guards, opened.stamp, policy_reports := PolicyReports(audit))
        await policy_reports.loaded(opened.guard.policy)
        await stack.enter_async_context(policy_watch.running())
        history = History(engine, process=process)
        conversation_guard = ConversationGuard(guards, history, keys.sealer("pseudonyms"))
        figures = build_figures(settings, keys, engine, audit, labels=lambda: guards.current.policy.labels)
        personas = read_personas(settings.personas)
        quotas = await stack.enter_async_context(
            open_quotas(
                settings.quotas,
                personas=[persona.name for persona in personas],
                redis_url=required(settings, "redis_url"),
                audit=audit,
            )
        )
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
            access=build_access(settings, engine, audit, marker),
            tokens=build_tokens(engine, keys, audit),
            conversations=Conversations(history, conversation_guard, audit),
            review=build_review(engine, history, conversation_guard, audit, figures),
            erasure=build_erasure(settings, keys, audit),
            log_key=LogKey(settings),
            reader_url=reader_url(settings, keys),
            desk=build_site_desk(settings, keys, engine, audit, conversation_guard),
            documents=Documents(knowledge, jobs, audit),
            knowledge=knowledge,
            jobs=jobs,
            audit=audit,
            content_log=_open_content_log(settings, keys, audit, stack),
            projector=Projector(url_for_role(required(settings, "database_url"), AUDIT_PROJECTOR_ROLE, keys), keys),
            conversation_guard=conversation_guard,
            marker=marker,
            names=names,
            lethal=lethal,
            beginnings=Beginnings(),
            thread_key=keys.derive("fleet-thread"),
        )


def _open_content_log(settings: Settings, keys: Keys, audit: Appender, stack: AsyncExitStack) -> ContentLog:
    if settings.audit_content == "none":
        return ContentLog(audit, None)
    content_keys = ContentKeys(required(settings, "audit_database_url"), keys)
    stack.push_async_callback(content_keys.close)
    return ContentLog(audit, content_keys)
