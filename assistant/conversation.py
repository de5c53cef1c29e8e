"""The words of a conversation: frozen values that every room shares."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from uuid import UUID

from connectors.model_hosts.values import NO_WISHES, Gap, Inputs, ToolCall, Wishes


class Role(StrEnum):
    """What a person may do. A person may hold several; each right is checked on the server."""

    EMPLOYEE = "employee"
    DEVELOPER = "developer"
    REVIEWER = "reviewer"
    APPROVER = "approver"
    MODEL_ENGINEER = "model-engineer"
    ADMINISTRATOR = "administrator"


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who signed in, with the roles in force now."""

    id: UUID
    name: str
    roles: frozenset[Role]

    def has_any(self, roles: frozenset[Role]) -> bool:
        """Tell whether one of these roles is held."""
        return bool(self.roles & roles)


class Author(StrEnum):
    """Who wrote a message, in the spelling of the chat APIs."""

    USER = "user"
    ASSISTANT = "assistant"


class MessageState(StrEnum):
    """How far a message got."""

    STREAMING = "streaming"  # an answer in the making; a crash leaves it so until recovery marks it
    COMPLETE = "complete"
    INTERRUPTED = "interrupted"  # stopped, cut or crashed; the text is what had been shown
    BLOCKED = "blocked"  # the guard held the whole text back; the stored text is the explanation


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a thread as it is stored: redacted text only.

    Attributes:
        note: what the guard and the route did, in words for the person; empty when nothing is worth saying.
        position: order inside the thread, from 1, given by the history.
    """

    id: UUID
    thread_id: UUID
    turn_id: UUID
    author: Author
    text: str
    state: MessageState = MessageState.COMPLETE
    note: str = ""
    position: int = 0
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Thread:
    """A conversation of one person with one persona."""

    id: UUID
    owner_id: UUID
    title: str
    persona: str
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Attachment:
    """The readable text of a file that came with a message; raw, in memory only."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Said:
    """One message of a conversation that the caller keeps; raw, in memory only.

    Attributes:
        calls: of tools, that the assistant wished for in this message.
        call_id: the text is what this call of a tool gave.
    """

    author: Author
    text: str
    calls: tuple[ToolCall, ...] = ()
    call_id: str = ""

    @property
    def chars(self) -> int:
        """Return the length of all its texts in characters."""
        return len(self.text) + sum(len(call.name) + len(call.arguments) for call in self.calls)


@dataclass(frozen=True, slots=True)
class Context:
    """What a caller sends along who keeps the conversation itself, such as an editor; raw, in memory only.

    Attributes:
        system: the caller's own instructions; they follow those of the persona.
        earlier: what was said before the turn's own text, oldest first.
        call_id: the turn's own text is what this call of a tool gave, not what a person wrote.
    """

    system: str = ""
    earlier: tuple[Said, ...] = ()
    call_id: str = ""

    @property
    def chars(self) -> int:
        """Return the length of all texts together in characters."""
        return len(self.system) + sum(said.chars for said in self.earlier)


@dataclass(frozen=True, slots=True)
class Turn:
    """One request of a person: raw text, in memory only, on its way into `run_turn`.

    Attributes:
        message_id, answer_id: the ids under which the two messages are stored (Chainlit's own, in the page).
        command: one of the persona's commands, whose task goes before the text; empty: the text says what is wanted.
        model: a model named by the caller; empty leaves the choice to the persona.
        context: of a turn without a thread: nothing of it is kept. None: the history has what was said before.
        temperature, max_answer_tokens: the caller's, at most the persona's longest answer; None leaves both to it.
        wishes: how the caller wants words chosen otherwise.
        is_whole: nobody is shown anything of the answer before its end.
        token_id: the API token that the caller came with.
        gap: of a turn that completes code: what stands around the cursor; such a turn has no text and no thread.
        inputs: of a request that wants no words but vectors; such a turn has no text and no thread.
        is_interactive: somebody sits before it; where hosts are busy, it goes before what programs ask.
        weight: how many answers its person gets there while another one gets one; from the limits of the site.
    """

    id: UUID
    thread_id: UUID
    message_id: UUID
    answer_id: UUID
    person: Person
    persona: str
    text: str
    attachments: tuple[Attachment, ...] = field(default=())
    command: str = ""
    door: str = "chat"
    model: str = ""
    context: Context | None = None
    temperature: float | None = None
    max_answer_tokens: int | None = None
    wishes: Wishes = NO_WISHES
    is_whole: bool = False
    token_id: UUID | None = None
    gap: Gap | None = None
    inputs: Inputs | None = None
    is_interactive: bool = True
    weight: float = 1.0

    @property
    def chars(self) -> int:
        """Return the length of the typed text, all files and all that came along, in characters."""
        files = sum(len(attachment.text) for attachment in self.attachments)
        return (
            len(self.text)
            + files
            + (self.context.chars if self.context else 0)
            + (self.gap.chars if self.gap else 0)
            + self.wishes.chars
            + (self.inputs.chars if self.inputs else 0)
        )

    @property
    def conversation(self) -> str:
        """Return what stays the same from turn to turn of one conversation, also where the caller keeps it."""
        if self.context is None:
            return str(self.thread_id)
        beginning = self.context.earlier[0].text if self.context.earlier else self.text
        texts = (str(self.person.id), self.persona, self.context.system, beginning)
        return sha256("\0".join(texts).encode("utf-8", "surrogatepass")).hexdigest()

    @property
    def reference(self) -> str:
        """Return the short id that the page, the log and the audit row share."""
        return short_reference(self.id)


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of an indexed document, already guarded, with its source."""

    document_id: UUID
    title: str
    source: str
    heading: str
    text: str
    start: int  # character offsets into the guarded document, half-open
    end: int
    score: float = 0.0


_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford base 32: no I, L, O, U to misread
_MISREAD = str.maketrans("OIL", "011")
_REFERENCE_CHARS = 7  # 35 bits of the id's random tail: a collision inside one day's log is unlikely


def short_reference(identifier: UUID) -> str:
    """Shorten an id to seven letters and digits that can be read over the telephone."""
    bits = identifier.int
    letters = []
    for _ in range(_REFERENCE_CHARS):
        letters.append(_ALPHABET[bits & 31])
        bits >>= 5
    return "".join(reversed(letters))


def parse_reference(reference: str) -> int:
    """Return the last 35 bits of the id that a short reference stands for; case, `-` and misread letters are forgiven.

    >>> parse_reference(short_reference(UUID(int=123))), parse_reference("oooo-o3v")
    (123, 123)

    Raises:
        ValueError: it cannot be a reference.
    """
    letters = reference.strip().upper().replace("-", "").translate(_MISREAD)
    if len(letters) != _REFERENCE_CHARS:
        raise ValueError("a reference has seven letters and digits")
    bits = 0
    for letter in letters:
        bits = bits << 5 | _ALPHABET.index(letter)
    return bits
