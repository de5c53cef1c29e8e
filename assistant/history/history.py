"""The history of every person's threads: one object, one transaction a method, ownership checked in each.

Text that comes here is redacted: the turn guarantees it, and nothing here logs any. Whatever takes an id takes the
acting person; what is foreign and what does not exist give the same `NotFoundError`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine

from assistant.conversation import Author, Message, MessageState, Person, Thread, Turn
from assistant.database import reading, transaction
from assistant.errors import NotFoundError
from assistant.history import belongings, messages, threads, turns
from assistant.history.values import InterruptedTurn, Remembered, SealedPseudonyms, StoredMessage, ThreadPage

_NOTHING: Final[Mapping[str, object]] = MappingProxyType({})


class History:
    """Store threads, messages, feedback, sealed pseudonyms and the state of turns in Postgres.

    Args:
        process: label of this process, such as `web-1`; an interrupted turn tells which one it ran in.
    """

    def __init__(self, engine: AsyncEngine, *, process: str = "") -> None:
        self._engine = engine
        self._process = process

    async def open_thread(self, person: Person, thread_id: UUID, persona: str, title: str) -> Thread:
        """Return the person's own thread, created if the id is free; lists show it from its first message on.

        Raises:
            NotFoundError: the thread is foreign.
        """
        async with transaction(self._engine) as connection:
            await threads.insert_thread(connection, person, thread_id, persona, title)
            return await threads.find_thread(connection, person, thread_id)

    async def thread(self, person: Person, thread_id: UUID) -> Thread:
        """Return the person's own thread.

        Raises:
            NotFoundError: the thread is foreign or does not exist.
        """
        async with reading(self._engine) as connection:
            return await threads.find_thread(connection, person, thread_id)

    async def threads(self, person: Person, *, limit: int = 20, before: str = "", search: str = "") -> ThreadPage:
        """Return a page of the person's threads, the latest first.

        Args:
            person: whose threads.
            limit: threads a page, at most 200.
            before: the `cursor` of the page before this one; empty for the first.
            search: words in titles and messages; each may be the beginning of a word. Quotes, `-` and `or` work too.

        Raises:
            BadInputError: `before` is not a cursor.
        """
        async with reading(self._engine) as connection:
            return await threads.list_threads(connection, person, limit=limit, before=before, search=search)

    async def rename_thread(self, person: Person, thread_id: UUID, title: str) -> None:
        """Give the person's own thread another title.

        Raises:
            BadInputError: the title is empty.
            NotFoundError: the thread is foreign or does not exist.
        """
        async with transaction(self._engine) as connection:
            await threads.rename_thread(connection, person, thread_id, title)

    async def delete_thread(self, person: Person, thread_id: UUID) -> None:
        """Delete the person's own thread with its messages, feedback and pseudonyms; the audit log keeps its events.

        Raises:
            NotFoundError: the thread is foreign or does not exist.
        """
        async with transaction(self._engine) as connection:
            await threads.delete_thread(connection, person, thread_id)

    async def messages(
        self, person: Person, thread_id: UUID, *, limit: int = 1000, before: int | None = None
    ) -> list[StoredMessage]:
        """Return the last messages of a thread in order, each with the person's own feedback.

        Args:
            person: the owner.
            thread_id: their thread.
            limit: messages, at most 1000.
            before: only messages of a lower position; the first one's position leads to the page before.

        Raises:
            NotFoundError: the thread is foreign or does not exist.
        """
        async with reading(self._engine) as connection:
            await threads.find_thread(connection, person, thread_id)
            return await messages.list_messages(connection, person, thread_id, limit=limit, before=before)

    async def message(self, person: Person, message_id: UUID) -> Message:
        """Return one message of the person's own.

        Raises:
            NotFoundError: the message is foreign or does not exist.
        """
        async with reading(self._engine) as connection:
            return await messages.find_message(connection, person, message_id)

    async def stored_message(self, person: Person, message_id: UUID) -> StoredMessage:
        """Return one message of the person's own with what stands behind its note, without feedback.

        Raises:
            NotFoundError: the message is foreign or does not exist.
        """
        async with reading(self._engine) as connection:
            return await messages.find_stored_message(connection, person, message_id)

    async def conversation(
        self,
        person: Person,
        thread_id: UUID,
        *,
        excluding_turn: UUID | None = None,
        max_messages: int = 40,
        max_chars: int = 100_000,
    ) -> Remembered:
        """Return what a model is told of the thread so far: the latest turns that were answered in full, in order.

        Args:
            person: the owner.
            thread_id: their thread.
            excluding_turn: the running turn, whose question the caller adds itself.
            max_messages: the most messages.
            max_chars: the most characters of all texts together; earlier messages are left out whole, and counted.

        Raises:
            NotFoundError: the thread is foreign or does not exist.
        """
        async with reading(self._engine) as connection:
            await threads.find_thread(connection, person, thread_id)
            return await messages.list_remembered(
                connection, thread_id, excluding_turn=excluding_turn, max_messages=max_messages, max_chars=max_chars
            )

    async def start_turn(
        self,
        turn: Turn,
        guarded_text: str,
        *,
        note: str = "",
        detail: Mapping[str, object] = _NOTHING,
        title: str = "",
        state: MessageState = MessageState.COMPLETE,
    ) -> None:
        """Store the person's message, an empty answer and the running turn, all or nothing.

        A message id that the thread already has edits that message: the old text becomes a version, and all behind
        it is set aside.

        Args:
            turn: the request; of its texts only the guarded one is stored.
            guarded_text: the person's text after the guard, or the explanation if it was blocked.
            note: what the guard did, in words.
            detail: what stands behind the note; JSON values, already redacted.
            title: the thread's title if it has none yet; redacted.
            state: BLOCKED if the guard held the whole text back.

        Raises:
            NotFoundError: the thread or one of the ids is not this person's, or the turn was started before.
        """
        question = Message(
            id=turn.message_id,
            thread_id=turn.thread_id,
            turn_id=turn.id,
            author=Author.USER,
            text=guarded_text,
            state=state,
            note=note,
        )
        async with transaction(self._engine) as connection:
            await threads.insert_thread(connection, turn.person, turn.thread_id, turn.persona, title)
            first = await threads.reserve_positions(
                connection, turn.person, turn.thread_id, count=2, persona=turn.persona, title=title
            )
            if not await messages.insert_message(connection, turn.person, replace(question, position=first), detail):
                await messages.edit_message(connection, question, detail)
            answer = _answer(turn, "", MessageState.STREAMING, position=first + 1)
            if not await messages.insert_message(connection, turn.person, answer, _NOTHING):
                raise messages.missing_message()
            if not await turns.insert_turn(connection, turn, self._process):
                raise NotFoundError("This request was taken already. Send it again as a new one.")

    async def save_partial(self, turn: Turn, text: str) -> None:
        """Store the guarded answer so far, and a sign of life.

        Raises:
            NotFoundError: the turn has ended or is not this person's, or its thread was deleted.
        """
        async with transaction(self._engine) as connection:
            await turns.beat(connection, turn)
            if not await messages.checkpoint_answer(connection, turn.answer_id, turn.id, text):
                raise threads.missing_thread()

    async def keep_alive(self, turn: Turn) -> None:
        """Give a sign of life while there is nothing to store, such as before the first token.

        Raises:
            NotFoundError: the turn has ended or is not this person's.
        """
        async with transaction(self._engine) as connection:
            await turns.beat(connection, turn)

    async def finish_turn(
        self,
        turn: Turn,
        text: str,
        state: MessageState,
        *,
        note: str = "",
        detail: Mapping[str, object] = _NOTHING,
    ) -> None:
        """Store the whole guarded answer and how the turn ended, all or nothing.

        A thread that was deleted meanwhile stays deleted: the turn ends, and the answer is stored nowhere.

        Args:
            turn: as it was started.
            text: everything that was shown, or the explanation if the answer was blocked.
            state: COMPLETE, INTERRUPTED or BLOCKED.
            note: the muted line below the answer.
            detail: what stands behind it; JSON values, already redacted.

        Raises:
            NotFoundError: the turn has ended already or is not this person's.
        """
        async with transaction(self._engine) as connection:
            await turns.end_turn(connection, turn, state)
            if await threads.touch_thread(connection, turn.person, turn.thread_id):
                await messages.write_answer(connection, _answer(turn, text, state, note=note), detail)

    async def interrupt_stale_turns(self, older_than_seconds: float) -> list[InterruptedTurn]:
        """Mark turns whose process gave no sign of life, and return interruptions for the caller to audit.

        1. Stale turns and their answers become `interrupted`, each by one recoverer however many run at once.
        2. Interruptions that are not yet in the audit log are claimed for 60 seconds and returned, also those that
           an earlier caller claimed and never confirmed.
        3. The caller appends each to the audit log and calls `confirm_interrupted`. If it dies in between, a later
           call returns them again: the log may then hold an interruption twice, and never lacks one.

        Args:
            older_than_seconds: how long a turn must have been silent.

        Returns:
            At most 100 turns; a full list means there may be more.
        """
        async with transaction(self._engine) as connection:
            await turns.interrupt_stale(connection, older_than_seconds)  # 1
        async with transaction(self._engine) as connection:
            return await turns.claim_unaudited(connection)  # 2

    async def confirm_interrupted(self, turn_ids: Collection[UUID]) -> None:
        """Note that these interruptions are in the audit log."""
        async with transaction(self._engine) as connection:
            await turns.confirm_audited(connection, turn_ids)

    async def give_feedback(self, person: Person, message_id: UUID, value: int, comment: str = "") -> UUID:
        """Store what the person thinks of a message and return the feedback's id; a second one replaces the first.

        Raises:
            BadInputError: the value is neither 0 nor 1, or the comment is too long.
            NotFoundError: the message is foreign or does not exist.
        """
        async with transaction(self._engine) as connection:
            await messages.find_message(connection, person, message_id)
            return await belongings.upsert_feedback(connection, person, message_id, value, comment)

    async def delete_feedback(self, person: Person, feedback_id: UUID) -> None:
        """Take feedback back.

        Raises:
            NotFoundError: it is foreign or does not exist.
        """
        async with transaction(self._engine) as connection:
            await belongings.delete_feedback(connection, person, feedback_id)

    async def load_pseudonyms(self, person: Person, thread_id: UUID) -> SealedPseudonyms:
        """Return the sealed placeholders of a thread and their version.

        Raises:
            NotFoundError: the thread is foreign or does not exist; `open_thread` comes first.
        """
        async with reading(self._engine) as connection:
            await threads.find_thread(connection, person, thread_id)
            return await belongings.load_pseudonyms(connection, thread_id)

    async def save_pseudonyms(self, person: Person, thread_id: UUID, sealed: bytes, version: int) -> bool:
        """Save the sealed placeholders if nobody did since they were loaded, and tell whether that was so.

        Two turns of one thread may both add placeholders. The second to save gets False, loads again and guards its
        texts again, before anything goes to a model: so one placeholder never stands for two values.

        Args:
            person: the owner.
            thread_id: their thread.
            sealed: what `load_pseudonyms` will return.
            version: the version that was loaded; 0 if there was none.

        Raises:
            NotFoundError: the thread is foreign or does not exist.
        """
        async with transaction(self._engine) as connection:
            await threads.find_thread(connection, person, thread_id)
            return await belongings.save_pseudonyms(connection, thread_id, sealed, version)


def _answer(turn: Turn, text: str, state: MessageState, *, note: str = "", position: int = 0) -> Message:
    return Message(
        id=turn.answer_id,
        thread_id=turn.thread_id,
        turn_id=turn.id,
        author=Author.ASSISTANT,
        text=text,
        state=state,
        note=note,
        position=position,
    )
