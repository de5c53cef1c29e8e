"""What the chat page needs from the rest of the product. Imports no Chainlit, so that `wiring` can fill it at once."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from assistant.conversation import Person, Thread, Turn
from assistant.history.values import StoredMessage, ThreadPage
from assistant.jobs.job import Job
from assistant.knowledge.document import Document
from assistant.personas.reader import Personas
from assistant.reports.report import Decision, Report, Reported, ReportPage
from assistant.review import AllFigures
from assistant.turn_events import TurnEvent
from assistant.web.own_tokens import TokenPageParts
from connectors.model_hosts.values import HostStatus


class OwnConversations(Protocol):
    """The conversations of whoever asks; what is not theirs is refused as if it were not there (NotFoundError)."""

    async def thread(self, person: Person, thread_id: UUID) -> Thread:
        """Return one thread.

        Raises:
            NotFoundError: it is foreign or does not exist.
        """

    async def threads(self, person: Person, *, limit: int, before: str, search: str) -> ThreadPage:
        """Return one page of threads, the latest first; `search` looks into titles and messages.

        Raises:
            BadInputError: `before` is not the cursor of a page.
        """

    async def messages(self, person: Person, thread_id: UUID) -> list[StoredMessage]:
        """Return the messages of a thread in order, the person's own values restored, with their feedback.

        Raises:
            NotFoundError: the thread is foreign or does not exist.
        """

    async def message(self, person: Person, message_id: UUID) -> StoredMessage:
        """Return one message, the person's own values restored.

        Raises:
            NotFoundError: the message is foreign or does not exist.
        """

    async def rename_thread(self, person: Person, thread_id: UUID, title: str) -> None:
        """Give a thread another title, guarded first.

        Raises:
            BadInputError: the title is empty, or the guard does not let it pass.
            NotFoundError: the thread is foreign or does not exist.
        """

    async def delete_thread(self, person: Person, thread_id: UUID) -> None:
        """Delete a thread with its messages; the audit log says so.

        Raises:
            NotFoundError: the thread is foreign or does not exist.
        """

    async def give_feedback(self, person: Person, message_id: UUID, *, is_helpful: bool, comment: str = "") -> UUID:
        """Store what the person thinks of an answer, the comment guarded, and return the feedback's id.

        Raises:
            BadInputError: the comment is too long, or the guard does not let it pass.
            NotFoundError: the message is foreign or does not exist.
        """

    async def withdraw_feedback(self, person: Person, feedback_id: UUID) -> None:
        """Take feedback back.

        Raises:
            NotFoundError: it is foreign or does not exist.
        """


class OwnDocuments(Protocol):
    """The documents that answers can quote, as far as they concern whoever asks."""

    async def add(self, person: Person, name: str, data: bytes) -> Job:
        """Seal a file and queue its indexing.

        Raises:
            BadInputError: it is too large, empty, or not a text, or the person has too many open jobs.
        """

    def watch(self, person: Person, job_id: UUID) -> AsyncGenerator[Job, None]:
        """Yield the job now, whenever it changed, and a last time when it ended; leaving early leaves it running."""

    async def list_own(self, person: Person) -> list[Document]:
        """List what the person may read, their own and the shared ones, the newest first."""

    async def remove(self, person: Person, document_id: UUID) -> None:
        """Remove a document of this person's own, and for an administrator also one that is shared with everybody.

        Raises:
            NotFoundError: there is none, or it is not this person's to remove.
        """


class Reviewing(Protocol):
    """“This is wrong”: people report findings in their own messages, reviewers decide; `assistant.review` does it."""

    async def finding(self, person: Person, message_id: UUID, number: int) -> tuple[Reported, Report | None]:
        """Return one finding in a message of the person's own, and its report if there is one.

        Raises:
            NotFoundError: the message is foreign or does not exist, or nothing was held back at this place.
        """

    async def file(self, person: Person, message_id: UUID, number: int, comment: str = "") -> None:
        """Report that a finding is wrong; a second time files nothing.

        Raises:
            BadInputError: the comment is too long, or the guard does not let it pass.
            NotFoundError: the message is foreign or does not exist, or nothing was held back at this place.
            TooManyReportsError: the person filed as many in the last hour as fit.
        """

    async def reported(self, person: Person, thread_id: UUID) -> frozenset[tuple[UUID, int]]:
        """Return which findings of a thread the person reported: message and number of each."""

    async def queue(
        self, reviewer: Person, *, is_decided: bool = False, rule: str = "", before: str = ""
    ) -> ReportPage:
        """Return a page of reports, the latest first.

        Raises:
            BadInputError: `before` is not the cursor of a page.
            NotAllowedError: this person is no reviewer.
        """

    async def decide(self, reviewer: Person, report_id: UUID, decision: Decision, note: str = "") -> None:
        """Say whether the rule of a report is wrong.

        Raises:
            BadInputError: it is decided already, or the note cannot be kept.
            NotAllowedError: this person is no reviewer.
            NotFoundError: there is no such report.
        """

    async def figures(self, reviewer: Person) -> AllFigures:
        """Return findings, reports and confirmed false positives of each rule in the last 30 days.

        Raises:
            NotAllowedError: this person is no reviewer.
        """


@dataclass(frozen=True, slots=True)
class ChatParts:
    """What the chat page is made of; wired once a process.

    Attributes:
        answer: `run_turn`, bound to its parts. May raise NotAllowedError or BadInputError before its first event.
        hosts: the model hosts as they are now; must not wait.
    """

    answer: Callable[[Turn], AsyncGenerator[TurnEvent, None]]
    personas: Personas
    conversations: OwnConversations
    documents: OwnDocuments
    review: Reviewing
    hosts: Callable[[], Sequence[HostStatus]]
    own_tokens: TokenPageParts
