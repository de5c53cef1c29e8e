"""Wire the product: the only place that picks implementations."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from importlib.metadata import version
from importlib.resources import files

from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncEngine

from assistant.access import Access
from assistant.answering.guarding import ConversationGuard
from assistant.answering.recovery import recover_turns
from assistant.audit.append import Appender
from assistant.audit.events import LogOpened, PolicyLoaded
from assistant.audit.partitions import ensure_partitions
from assistant.audit.parts import TextMarker
from assistant.audit.record import Origin
from assistant.conversation import Turn
from assistant.conversations import Conversations
from assistant.database import create_engine
from assistant.documents import Documents, note_ended_jobs
from assistant.errors import SettingsError
from assistant.history.history import History
from assistant.identity.identity import Identity
from assistant.jobs.broker import CeleryBroker
from assistant.jobs.queue import Jobs
from assistant.keys import Keys
from assistant.knowledge.guarding import DocumentGuard
from assistant.knowledge.knowledge import Knowledge
from assistant.personas.reader import Personas, read_personas
from assistant.settings import Settings
from assistant.turn import ModelHosts, TurnParts, run_turn
from assistant.turn_events import TurnEvent
from connectors.errors import FleetError
from connectors.model_hosts.catalogue import Fleet, read_fleet
from connectors.model_hosts.quote import QuotedPassage
from policies.detectors.presidio_ids import RULES, PresidioIds
from policies.errors import PolicyError
from policies.guard import Guard, check_examples
from policies.policy import parse_policy
from policies.rules import SHIPPED

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Application:
    """The product, wired; what a door or a task needs and nothing of how it was made."""

    settings: Settings
    engine: AsyncEngine
    guard: Guard
    personas: Personas
    history: History
    access: Access
    conversations: Conversations
    documents: Documents
    knowledge: Knowledge
    jobs: Jobs
    audit: Appender
    conversation_guard: ConversationGuard
    marker: TextMarker

    def answer_with(self, hosts: ModelHosts) -> AnswerTurn:
        """Return `run_turn` bound to its parts."""
        return AnswerTurn(
            TurnParts(
                personas=self.personas,
                guard=self.conversation_guard,
                hosts=hosts,
                history=self.history,
                audit=self.audit,
                marker=self.marker,
                max_prompt_chars=self.settings.max_prompt_chars,
            )
        )

    async def quotes(self, question: str, reader: str) -> Sequence[QuotedPassage]:
        """Return the passages that the quote host quotes: what fits the question and this reader may see."""
        passages = await self.knowledge.retrieve(question, reader=reader)
        return [QuotedPassage(passage.title, passage.source, passage.text, passage.heading) for passage in passages]

    async def recover_turns(self) -> int:
        """Mark the answers that a crash left in the making; return how many."""
        return await recover_turns(self.history, self.audit)

    async def note_ended_jobs(self) -> int:
        """Write the ends of jobs to the audit log; return how many."""
        return await note_ended_jobs(self.jobs, self.audit)

    async def ensure_audit_partitions(self) -> int:
        """Create the audit log's tables of the coming months; return how many were missing."""
        return await ensure_partitions(required(self.settings, "audit_database_url"))


class AnswerTurn:
    """`run_turn` with everything but the turn."""

    def __init__(self, parts: TurnParts) -> None:
        self._parts = parts

    def __call__(self, turn: Turn) -> AsyncGenerator[TurnEvent, None]:
        """Run one turn."""
        return run_turn(turn, self._parts)


@asynccontextmanager
async def build_application(settings: Settings, *, process: str = "") -> AsyncIterator[Application]:
    """Open the product for one process, and close it again.

    Args:
        settings: as this process got them.
        process: its label in the audit log and on the turns it runs, such as `web`.

    Raises:
        SettingsError: a setting is missing, or a file of the policy or the personas does not fit.
        AuditUnavailableError: the audit log cannot be opened.
    """
    keys = Keys.load_or_create(settings.master_key)
    guard = await asyncio.to_thread(build_guard, settings)
    marker = TextMarker(keys)
    async with AsyncExitStack() as stack:
        engine = create_engine(required(settings, "database_url"))
        stack.push_async_callback(engine.dispose)
        audit = await stack.enter_async_context(open_audit(settings))
        await audit.append(LogOpened(process=process or "command"))
        await audit.append(PolicyLoaded(policy_version=guard.policy.version, rules=len(guard.policy.rules)))
        history = History(engine, process=process)
        conversation_guard = ConversationGuard(guard, history, keys.sealer("pseudonyms"))
        broker = CeleryBroker(required(settings, "redis_url"))
        stack.callback(broker.close)
        jobs = Jobs(engine, broker)
        knowledge = Knowledge(engine, keys, DocumentGuard(guard), max_upload_bytes=settings.max_upload_bytes)
        yield Application(
            settings=settings,
            engine=engine,
            guard=guard,
            personas=read_personas(settings.personas),
            history=history,
            access=Access(Identity(engine, session_hours=settings.session_hours), audit, marker),
            conversations=Conversations(history, conversation_guard, audit),
            documents=Documents(knowledge, jobs, audit),
            knowledge=knowledge,
            jobs=jobs,
            audit=audit,
            conversation_guard=conversation_guard,
            marker=marker,
        )


@asynccontextmanager
async def build_access(settings: Settings) -> AsyncIterator[Access]:
    """Open people and the audit log alone, for a command."""
    keys = Keys.load_or_create(settings.master_key)
    async with AsyncExitStack() as stack:
        engine = create_engine(required(settings, "database_url"))
        stack.push_async_callback(engine.dispose)
        audit = await stack.enter_async_context(open_audit(settings))
        yield Access(Identity(engine, session_hours=settings.session_hours), audit, TextMarker(keys))


def open_audit(settings: Settings) -> Appender:
    """Return the audit log as this process writes it; open it with `async with`.

    Raises:
        SettingsError: its address is not set.
    """
    return Appender(required(settings, "audit_database_url"), Origin.here(version("cloister")))


def build_guard(settings: Settings) -> Guard:
    """Read the policy and compile its rules; CPU work of some hundred milliseconds.

    Raises:
        SettingsError: the policy does not fit; names file and line.
    """
    try:
        texts = {name: (files("policies.rules") / name).read_text(encoding="utf-8") for name in SHIPPED}
        if settings.policy is not None:
            texts["default.yaml"] = settings.policy.read_text(encoding="utf-8")
        guard = Guard(parse_policy(texts, detected=RULES), detectors=(PresidioIds(),))
        if settings.policy is not None:
            check_examples(guard)
    except (PolicyError, OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"The policy cannot be used: {error}") from error
    return guard


def read_hosts(settings: Settings) -> Fleet | None:
    """Read the fleet's file; None when there is none and hosts are looked for on loopback.

    Raises:
        SettingsError: the file does not fit; names file and line.
    """
    if settings.fleet is None:
        return None
    try:
        return read_fleet(settings.fleet)
    except FleetError as error:
        raise SettingsError(str(error)) from error


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
