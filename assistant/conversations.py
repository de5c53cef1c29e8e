"""A person's own conversations as a door shows them: read, restored for their owner, renamed, judged, deleted.

Messages are written by `run_turn` alone; what else a person can change here is guarded and audited.
"""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from assistant.answering.guarding import ConversationGuard
from assistant.answering.words import title_of
from assistant.audit.events import FeedbackGiven, ThreadDeleted
from assistant.audit.log import AuditLog
from assistant.conversation import Person, Thread
from assistant.errors import BadInputError
from assistant.history.history import History
from assistant.history.values import StoredMessage, ThreadPage


class Conversations:
    """The conversations of whoever asks; what is foreign looks missing (NotFoundError)."""

    def __init__(self, history: History, guard: ConversationGuard, audit: AuditLog) -> None:
        self._history = history
        self._guard = guard
        self._audit = audit

    async def threads(self, person: Person, *, limit: int, before: str, search: str) -> ThreadPage:
        """Return one page of the person's threads, the latest first; `search` looks into titles and messages.

        Raises:
            BadInputError: `before` is not the cursor of a page.
        """
        return await self._history.threads(person, limit=limit, before=before, search=search)

    async def thread(self, person: Person, thread_id: UUID) -> Thread:
        """Return one thread.

        Raises:
            NotFoundError: it is foreign or does not exist.
        """
        return await self._history.thread(person, thread_id)

    async def messages(self, person: Person, thread_id: UUID) -> list[StoredMessage]:
        """Return the messages of a thread in order, with the person's own values in place of their pseudonyms.

        Raises:
            NotFoundError: the thread is foreign or does not exist.
        """
        stored = await self._history.messages(person, thread_id)
        texts = await self._guard.restore(thread_id, person, [entry.message.text for entry in stored])
        return [
            replace(entry, message=replace(entry.message, text=text)) for entry, text in zip(stored, texts, strict=True)
        ]

    async def message(self, person: Person, message_id: UUID) -> StoredMessage:
        """Return one message, with the person's own values in place of their pseudonyms.

        Raises:
            NotFoundError: the message is foreign or does not exist.
        """
        stored = await self._history.stored_message(person, message_id)
        message = stored.message
        (text,) = await self._guard.restore(message.thread_id, person, [message.text])
        return replace(stored, message=replace(message, text=text))

    async def rename_thread(self, person: Person, thread_id: UUID, title: str) -> None:
        """Give a thread another title, guarded first.

        Raises:
            BadInputError: the guard does not let the title pass, or it is empty.
            NotFoundError: the thread is foreign or does not exist.
        """
        guarded = title_of(await self._guard.pass_apart(title, person))
        if not guarded:
            raise BadInputError("The title is empty. Write at least one word.")
        await self._history.rename_thread(person, thread_id, guarded)

    async def delete_thread(self, person: Person, thread_id: UUID) -> None:
        """Delete a thread with its messages and its sealed values; the audit log keeps that it was there.

        Raises:
            NotFoundError: the thread is foreign or does not exist.
        """
        await self._history.thread(person, thread_id)
        await self._audit.append(ThreadDeleted(actor=person.id, thread_id=thread_id))
        await self._history.delete_thread(person, thread_id)

    async def give_feedback(self, person: Person, message_id: UUID, *, is_helpful: bool, comment: str = "") -> UUID:
        """Store or replace what the person thinks of an answer and return the feedback's id; the comment is guarded.

        Raises:
            BadInputError: the guard does not let the comment pass.
            NotFoundError: the message is foreign or does not exist.
        """
        message = await self._history.message(person, message_id)
        guarded = await self._guard.pass_apart(comment, person) if comment else ""
        await self._audit.append(
            FeedbackGiven(
                actor=person.id,
                thread_id=message.thread_id,
                turn_id=message.turn_id,
                message_id=message_id,
                is_helpful=is_helpful,
                comment_chars=len(guarded),
            )
        )
        return await self._history.give_feedback(person, message_id, int(is_helpful), guarded)

    async def withdraw_feedback(self, person: Person, feedback_id: UUID) -> None:
        """Take feedback back.

        Raises:
            NotFoundError: it is foreign or does not exist.
        """
        await self._history.delete_feedback(person, feedback_id)
