"""Messages as rows, inside a transaction of the caller: writing, editing and reading them in order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row, and_, exists, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import aliased
from sqlmodel import col

from assistant.conversation import Author, Message, MessageState, Person
from assistant.errors import NotFoundError
from assistant.history.storable import storable, storable_json
from assistant.history.tables import FeedbackRow, MessageRow, MessageVersionRow, ThreadRow
from assistant.history.values import Feedback, Remembered, StoredMessage

_PAGE_MOST: Final = 1000


def missing_message() -> NotFoundError:
    """Return the one answer for a message that is foreign or does not exist."""
    return NotFoundError("There is no such message, or it is not yours.")


async def insert_message(
    connection: AsyncConnection, person: Person, message: Message, detail: Mapping[str, object]
) -> bool:
    """Add a message at its position in a thread of this person; tell whether its id was free."""
    added = await connection.scalar(
        insert(MessageRow)
        .values(
            id=message.id,
            thread_id=message.thread_id,
            owner_id=person.id,
            turn_id=message.turn_id,
            author=message.author.value,
            text=storable(message.text),
            state=message.state.value,
            note=storable(message.note),
            detail=storable_json(detail),
            position=message.position,
        )
        .on_conflict_do_nothing(index_elements=[col(MessageRow.id)])
        .returning(col(MessageRow.id))
    )
    return added is not None


async def edit_message(connection: AsyncConnection, message: Message, detail: Mapping[str, object]) -> None:
    """Replace what the person wrote before, keep the old version, and set aside everything behind it.

    The caller holds the lock on the thread, which is the person's own.

    Raises:
        NotFoundError: the id belongs to another thread, to an answer, or to a message that was set aside.
    """
    old = (
        await connection.execute(
            select(col(MessageRow.position)).where(
                col(MessageRow.id) == message.id,
                col(MessageRow.thread_id) == message.thread_id,
                col(MessageRow.author) == Author.USER.value,
                col(MessageRow.superseded_by).is_(None),
            )
        )
    ).one_or_none()
    if old is None or message.author is not Author.USER:
        raise missing_message()
    await _keep_version(connection, message.id)
    await connection.execute(
        update(MessageRow)
        .where(col(MessageRow.id) == message.id)
        .values(
            turn_id=message.turn_id,
            text=storable(message.text),
            state=message.state.value,
            note=storable(message.note),
            detail=storable_json(detail),
        )
    )
    await connection.execute(
        update(MessageRow)
        .where(
            col(MessageRow.thread_id) == message.thread_id,
            col(MessageRow.position) > old.position,
            col(MessageRow.superseded_by).is_(None),
        )
        .values(superseded_by=message.turn_id)
    )


async def write_answer(connection: AsyncConnection, answer: Message, detail: Mapping[str, object]) -> bool:
    """Set text, state, note and detail of the answer of its own turn; tell whether it still exists."""
    written = await connection.execute(
        update(MessageRow)
        .where(col(MessageRow.id) == answer.id, col(MessageRow.turn_id) == answer.turn_id)
        .values(
            text=storable(answer.text),
            state=answer.state.value,
            note=storable(answer.note),
            detail=storable_json(detail),
        )
    )
    return written.rowcount == 1


async def checkpoint_answer(connection: AsyncConnection, answer_id: UUID, turn_id: UUID, text: str) -> bool:
    """Store how far an answer got; tell whether it still exists."""
    written = await connection.execute(
        update(MessageRow)
        .where(col(MessageRow.id) == answer_id, col(MessageRow.turn_id) == turn_id)
        .values(text=storable(text), state=MessageState.STREAMING.value, note="")
    )
    return written.rowcount == 1


async def list_messages(
    connection: AsyncConnection, person: Person, thread_id: UUID, *, limit: int, before: int | None
) -> list[StoredMessage]:
    """Return the last messages of a thread in order, with the person's feedback; the caller checked the owner."""
    feedback_is_own = and_(col(FeedbackRow.message_id) == col(MessageRow.id), col(FeedbackRow.person_id) == person.id)
    wanted = (
        select(
            *_MESSAGE_COLUMNS,
            col(MessageRow.detail),
            col(FeedbackRow.id).label("feedback_id"),
            col(FeedbackRow.value).label("feedback_value"),
            col(FeedbackRow.comment).label("feedback_comment"),
        )
        .outerjoin(FeedbackRow, feedback_is_own)
        .where(col(MessageRow.thread_id) == thread_id, col(MessageRow.superseded_by).is_(None))
        .order_by(col(MessageRow.position).desc())
        .limit(max(1, min(limit, _PAGE_MOST)))
    )
    if before is not None:
        wanted = wanted.where(col(MessageRow.position) < before)
    rows = (await connection.execute(wanted)).all()
    return [_to_stored(row) for row in reversed(rows)]


async def list_remembered(
    connection: AsyncConnection, thread_id: UUID, *, excluding_turn: UUID | None, max_messages: int, max_chars: int
) -> Remembered:
    """Return the latest questions that were answered in full, with their answers, in order, and how many came before.

    Whole turns only: many chat templates refuse two messages of the same author in a row.
    """
    answer = aliased(MessageRow)
    is_answered = exists().where(
        col(answer.turn_id) == col(MessageRow.turn_id),
        col(answer.thread_id) == thread_id,
        col(answer.author) == Author.ASSISTANT.value,
        col(answer.state) == MessageState.COMPLETE.value,
    )
    chars_from_here_on = func.sum(func.char_length(col(MessageRow.text))).over(order_by=col(MessageRow.position).desc())
    latest = (
        select(*_MESSAGE_COLUMNS, chars_from_here_on.label("chars"), func.count().over().label("total"))
        .where(
            col(MessageRow.thread_id) == thread_id,
            col(MessageRow.superseded_by).is_(None),
            col(MessageRow.state) == MessageState.COMPLETE.value,
            is_answered,
        )
        .order_by(col(MessageRow.position).desc())
        .limit(max_messages)
    )
    if excluding_turn is not None:
        latest = latest.where(col(MessageRow.turn_id) != excluding_turn)
    bounded = latest.subquery()
    kept = await connection.execute(select(bounded).where(bounded.c.chars <= max_chars).order_by(bounded.c.position))
    rows = kept.all()
    total = rows[0].total if rows else await connection.scalar(select(func.max(bounded.c.total))) or 0
    messages = [_to_message(row) for row in rows]
    first_question = next((i for i, message in enumerate(messages) if message.author is Author.USER), len(messages))
    remembered = tuple(messages[first_question:])
    return Remembered(remembered, left_out=total - len(remembered))


async def find_message(connection: AsyncConnection, person: Person, message_id: UUID) -> Message:
    """Return a message that lies in a thread of this person.

    Raises:
        NotFoundError: the message is foreign or does not exist.
    """
    own = (
        select(*_MESSAGE_COLUMNS)
        .join(ThreadRow, col(ThreadRow.id) == col(MessageRow.thread_id))
        .where(col(MessageRow.id) == message_id, col(ThreadRow.owner_id) == person.id)
    )
    row = (await connection.execute(own)).one_or_none()
    if row is None:
        raise missing_message()
    return _to_message(row)


async def find_stored_message(connection: AsyncConnection, person: Person, message_id: UUID) -> StoredMessage:
    """Return a message of this person's own with what stands behind its note, without feedback.

    Raises:
        NotFoundError: the message is foreign or does not exist.
    """
    message = await find_message(connection, person, message_id)
    wanted = select(col(MessageRow.detail)).where(col(MessageRow.id) == message_id)
    return StoredMessage(message, (await connection.execute(wanted)).scalar_one(), None)


async def _keep_version(connection: AsyncConnection, message_id: UUID) -> None:
    kept_before = (
        select(func.count())
        .select_from(MessageVersionRow)
        .where(col(MessageVersionRow.message_id) == message_id)
        .scalar_subquery()
    )
    columns = ("message_id", "version", "turn_id", "text", "note", "detail")
    now = select(
        col(MessageRow.id),
        kept_before + 1,
        col(MessageRow.turn_id),
        col(MessageRow.text),
        col(MessageRow.note),
        col(MessageRow.detail),
    ).where(col(MessageRow.id) == message_id)
    await connection.execute(insert(MessageVersionRow).from_select(columns, now))


_MESSAGE_COLUMNS: Final = (
    col(MessageRow.id),
    col(MessageRow.thread_id),
    col(MessageRow.turn_id),
    col(MessageRow.author),
    col(MessageRow.text),
    col(MessageRow.state),
    col(MessageRow.note),
    col(MessageRow.position),
    col(MessageRow.created_at),
)


def _to_message(row: Row[*tuple[Any, ...]]) -> Message:
    return Message(
        id=row.id,
        thread_id=row.thread_id,
        turn_id=row.turn_id,
        author=Author(row.author),
        text=row.text,
        state=MessageState(row.state),
        note=row.note,
        position=row.position,
        created_at=row.created_at,
    )


def _to_stored(row: Row[*tuple[Any, ...]]) -> StoredMessage:
    feedback = (
        Feedback(id=row.feedback_id, value=row.feedback_value, comment=row.feedback_comment)
        if row.feedback_id is not None
        else None
    )
    return StoredMessage(message=_to_message(row), detail=row.detail, feedback=feedback)
