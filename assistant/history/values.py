"""What the history gives out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from assistant.conversation import Message, Thread


@dataclass(frozen=True, slots=True)
class Feedback:
    """What a person thinks of an answer.

    Attributes:
        value: 1 for good, 0 for bad, as the page sends it.
        comment: redacted by the caller.
    """

    id: UUID
    value: int
    comment: str


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """A message as the page shows it.

    Attributes:
        detail: what stands behind 'why?', such as the lines of the guard; JSON values only.
    """

    message: Message
    detail: Mapping[str, object]
    feedback: Feedback | None


@dataclass(frozen=True, slots=True)
class Remembered:
    """What a model is told of a thread.

    Attributes:
        messages: the latest turns that were answered in full, in order.
        left_out: how many messages came before them.
    """

    messages: tuple[Message, ...] = ()
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class ThreadPage:
    """A page of threads, the latest first.

    Attributes:
        cursor: pass it as `before` for the next page; empty when this is the last.
    """

    threads: tuple[Thread, ...]
    cursor: str


@dataclass(frozen=True, slots=True)
class SealedPseudonyms:
    """The sealed placeholders of a thread.

    Attributes:
        sealed: none as long as nothing was saved.
        version: repeat it when saving: another turn of the thread may save in between.
    """

    sealed: bytes | None
    version: int


@dataclass(frozen=True, slots=True)
class InterruptedTurn:
    """A turn whose process ended before the turn did; not yet in the audit log."""

    id: UUID
    thread_id: UUID
    message_id: UUID
    answer_id: UUID
    person_id: UUID
    persona: str
    door: str
    process: str
    started_at: datetime
    text: str = ""  # of the answer as far as it was kept; empty where its thread is gone
