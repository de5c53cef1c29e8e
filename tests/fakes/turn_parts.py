"""Fakes for the ports of a turn: they remember in order what a turn did, and can be told to fail."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID, uuid4

from assistant.answering.guarding import ConversationGuard
from assistant.answering.parts import TurnParts
from assistant.audit.events import ContentEvent, Event
from assistant.audit.parts import TextMarker
from assistant.bootstrap.policy import read_policy
from assistant.conversation import Message, MessageState, Person, Role, Thread, Turn
from assistant.errors import AuditUnavailableError, NotFoundError, UnavailableError
from assistant.history.values import Remembered, SealedPseudonyms
from assistant.keys import Keys
from assistant.personas.reader import read_personas
from assistant.policy.files import PolicyReader
from assistant.policy.source import GuardSource
from assistant.settings import Settings
from assistant.turn import run_turn
from assistant.turn_events import TurnEvent
from connectors.errors import HostError, NoRouteError
from connectors.model_hosts.values import (
    AnswerItem,
    ChatMessage,
    Gap,
    Inputs,
    Need,
    Place,
    Route,
    Token,
    Usage,
    Vectors,
    Wishes,
)
from policies.guard import Guard
from tests.fakes.limits import FakeLimits

KEYS = Keys(bytes(range(32)))
MARIA = Person(id=UUID(int=7), name="maria", roles=frozenset({Role.EMPLOYEE}))


Piece = str | Exception | float | AnswerItem
"""What a scripted host does next: says a text or an item, fails, or waits for some seconds."""


class FakeAudit:
    """Keeps events in memory."""

    def __init__(self, journal: list[str]) -> None:
        self.events: list[Event] = []
        self.texts: dict[str, str] = {}
        self.journal = journal
        self.fails_at: str | None = None
        self.seconds = 0.0
        self.began = asyncio.Event()
        self.expected: list[tuple[UUID, UUID]] = []
        self._coming: list[asyncio.Future[None]] = []

    async def append(self, event: Event) -> None:
        """Like the real log: a cancelled caller does not cancel its event."""
        if self.fails_at == event.tag:
            raise AuditUnavailableError("Cannot answer now: the audit log is unavailable.")
        self.events.append(event)
        self.began.set()
        self.journal.append(f"audit {event.tag}")
        if self.seconds:
            await asyncio.sleep(self.seconds)

    async def append_with(self, event: ContentEvent, text: str) -> None:
        await self.append(event)
        self.texts[event.tag] = text

    def begin(self, event: Event, *, linger_seconds: float = 0.0) -> asyncio.Future[None]:
        """Like the real log: the place in it is given at once."""
        del linger_seconds
        stored = asyncio.get_running_loop().create_future()
        if self.fails_at == event.tag:
            stored.set_exception(AuditUnavailableError("Cannot answer now: the audit log is unavailable."))
            return stored
        self.events.append(event)
        self.began.set()
        self.journal.append(f"audit {event.tag}")
        self._coming.append(stored)
        if not self.seconds:
            self.settle()
        else:
            asyncio.get_running_loop().call_later(self.seconds, self.settle)
        return stored

    async def begin_with(self, event: ContentEvent, text: str, *, linger_seconds: float = 0.0) -> asyncio.Future[None]:
        self.texts[event.tag] = text
        return self.begin(event, linger_seconds=linger_seconds)

    def expect(self, thread_id: UUID, person_id: UUID) -> None:
        """Note it: the real log makes a key for the person."""
        self.expected.append((thread_id, person_id))

    def settle(self) -> None:
        """Make durable what is on its way."""
        coming, self._coming = self._coming, []
        for stored in coming:
            if not stored.done():
                stored.set_result(None)

    @property
    def tags(self) -> list[str]:
        return [str(event.tag) for event in self.events]


class FakeHistory:
    """Keeps what a turn stored."""

    def __init__(self, journal: list[str]) -> None:
        self.journal = journal
        self.earlier: list[Message] = []
        self.forgotten = 0
        self.message: dict[str, object] = {}
        self.answer: dict[str, object] = {}
        self.partials: list[str] = []
        self.sealed: bytes | None = None
        self.version = 0
        self.lost_races = 0
        self.finish_failures = 0
        self.owner: UUID | None = None

    async def open_thread(self, person: Person, thread_id: UUID, persona: str, title: str) -> Thread:
        if self.owner not in (None, person.id):
            raise NotFoundError("There is no such conversation.")
        now = datetime.now(UTC)
        return Thread(thread_id, person.id, title, persona, now, now)

    async def conversation(self, person: Person, thread_id: UUID, *, excluding_turn: UUID | None = None) -> Remembered:
        return Remembered(tuple(self.earlier), self.forgotten)

    async def start_turn(
        self,
        turn: Turn,
        guarded_text: str,
        *,
        note: str = "",
        detail: Mapping[str, object] | None = None,
        title: str = "",
        state: MessageState = MessageState.COMPLETE,
    ) -> None:
        self.message = {"text": guarded_text, "note": note, "detail": detail, "title": title, "state": state}
        self.journal.append("history start")

    async def save_partial(self, turn: Turn, text: str) -> None:
        self.partials.append(text)

    async def keep_alive(self, turn: Turn) -> None:
        self.journal.append("history alive")

    async def finish_turn(
        self,
        turn: Turn,
        text: str,
        state: MessageState,
        *,
        note: str = "",
        detail: Mapping[str, object] | None = None,
    ) -> None:
        if self.finish_failures:
            self.finish_failures -= 1
            raise UnavailableError("The database does not answer.")
        self.answer = {"text": text, "state": state, "note": note, "detail": detail}
        self.journal.append(f"history finish {state}")

    async def load_pseudonyms(self, person: Person, thread_id: UUID) -> SealedPseudonyms:
        return SealedPseudonyms(self.sealed, self.version)

    async def save_pseudonyms(self, person: Person, thread_id: UUID, sealed: bytes, version: int) -> bool:
        if self.lost_races:
            self.lost_races -= 1
            return False
        if version != self.version:
            return False
        self.sealed, self.version = sealed, version + 1
        return True


@dataclass
class FakeHosts:
    """Answers from a script: one list of pieces per deployment; an exception in it is raised there."""

    journal: list[str]
    scripts: dict[str, Sequence[Piece]]
    room_tokens: int = 100_000
    asked: list[list[ChatMessage]] = field(default_factory=list)
    needs: list[Need] = field(default_factory=list)
    wished: list[tuple[int, float, Wishes]] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    embedded: list[Inputs] = field(default_factory=list)
    usage: Usage = field(default=Usage(prompt_tokens=10, answer_tokens=5))
    closed: int = 0
    places: Sequence[Place] = ()
    left: int = 0
    begun: list[str] = field(default_factory=list)
    refuses_begun: bool = False
    goes_on: frozenset[str] = frozenset()  # deployments that go on from what another one said
    busy: NoRouteError | None = None
    is_waiting: asyncio.Event = field(default_factory=asyncio.Event)  # one of them, in mid-answer

    def choose(self, need: Need, *, excluding: frozenset[str] = frozenset()) -> Route:
        self.needs.append(need)
        left = [name for name in self.scripts if name not in excluding]
        if not left:
            raise NoRouteError("No model host answers now.")
        if need.tokens > self.room_tokens:
            raise NoRouteError(
                f"This needs room for {need.tokens} tokens, and the largest window there is has {self.room_tokens}.",
                is_overlong=True,
            )
        host, _, model = left[0].partition("/")
        return Route(left[0], host, model, self.room_tokens, f"{left[0]}: warm", can_continue=left[0] in self.goes_on)

    async def line_up(
        self, need: Need, *, excluding: frozenset[str] = frozenset()
    ) -> AsyncGenerator[Place | Route, None]:
        if self.busy is not None:
            raise self.busy
        for place in self.places:
            yield place
        try:
            yield self.choose(need, excluding=excluding)
        finally:
            self.left += 1

    async def ask(
        self,
        route: Route,
        messages: Sequence[ChatMessage],
        *,
        max_tokens: int,
        temperature: float,
        reader: str,
        wishes: Wishes,
        begun: str,
    ) -> AsyncGenerator[AnswerItem, None]:
        self.asked.append(list(messages))
        self.begun.append(begun)
        async with aclosing(self._say(route, max_tokens, temperature, wishes, begun=begun)) as items:
            async for item in items:
                yield item

    async def fill(
        self, route: Route, gap: Gap, *, max_tokens: int, temperature: float, wishes: Wishes
    ) -> AsyncGenerator[AnswerItem, None]:
        self.gaps.append(gap)
        async with aclosing(self._say(route, max_tokens, temperature, wishes)) as items:
            async for item in items:
                yield item

    async def embed(self, route: Route, inputs: Inputs) -> Vectors:
        """Do what the script says, then give each text its length as its vector."""
        self.embedded.append(inputs)
        self.journal.append(f"asked {route.deployment}")
        for piece in self.scripts[route.deployment]:
            if isinstance(piece, Exception):
                raise piece
            if isinstance(piece, float):
                await asyncio.sleep(piece)
        return Vectors(tuple((float(len(text)), 0.5) for text in inputs.texts), self.usage.prompt_tokens)

    async def _say(
        self, route: Route, max_tokens: int, temperature: float, wishes: Wishes, *, begun: str = ""
    ) -> AsyncGenerator[AnswerItem, None]:
        self.wished.append((max_tokens, temperature, wishes))
        self.journal.append(f"asked {route.deployment}")
        if begun and self.refuses_begun:
            raise host_error("Dev1 failed (status 400).")
        try:
            for piece in self.scripts[route.deployment]:
                if isinstance(piece, Exception):
                    raise piece
                if isinstance(piece, float):
                    self.is_waiting.set()
                    await asyncio.sleep(piece)
                    continue
                yield Token(piece) if isinstance(piece, str) else piece
            yield self.usage
        finally:
            self.closed += 1


def host_error(
    words: str = "Mini2 closed the connection.",
    *,
    can_retry: bool = True,
    is_unfit: bool = False,
    has_gone_down: bool = False,
    host: str = "Mini2",
) -> HostError:
    return HostError(
        words, can_retry=can_retry, host=host, model="llama3.1:70b", is_unfit=is_unfit, has_gone_down=has_gone_down
    )


class World:
    """Everything a turn touches, with a journal of what happened in which order."""

    def __init__(self, guard: Guard, **scripts: Sequence[Piece]) -> None:
        self.journal: list[str] = []
        self.audit = FakeAudit(self.journal)
        self.history = FakeHistory(self.journal)
        self.limits = FakeLimits()
        named = {name.replace("_", "/", 1): script for name, script in scripts.items()}
        self.hosts = FakeHosts(self.journal, named or {"Dev1/qwen": ["Hello ", "there."]})
        self.parts = TurnParts(
            personas=read_personas(),
            quotas=self.limits,
            guard=ConversationGuard(GuardSource(guard), self.history, KEYS.sealer("pseudonyms")),
            hosts=self.hosts,
            history=self.history,
            audit=self.audit,
            marker=TextMarker(KEYS),
            max_prompt_chars=200_000,
        )


def make_guard() -> Guard:
    return read_policy(PolicyReader.of(Settings())).guard


def make_turn(text: str, *, person: Person = MARIA, persona: str = "general", thread: UUID | None = None) -> Turn:
    return Turn(
        id=uuid4(),
        thread_id=thread or uuid4(),
        message_id=uuid4(),
        answer_id=uuid4(),
        person=person,
        persona=persona,
        text=text,
    )


async def run_all(world: World, turn: Turn, *, stop_after: type[TurnEvent] | None = None) -> list[TurnEvent]:
    """Run a turn to its end, or until an event of this type came, and return what a door saw."""
    seen: list[TurnEvent] = []
    async with aclosing(run_turn(turn, world.parts)) as events:
        async for event in events:
            seen.append(event)
            if stop_after is not None and isinstance(event, stop_after):
                break
    return seen
