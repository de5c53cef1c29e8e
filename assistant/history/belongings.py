"""What belongs to a thread besides its messages: feedback and sealed pseudonyms, as rows."""

from __future__ import annotations

from typing import Final
from uuid import UUID, uuid4

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import col

from assistant.conversation import Person
from assistant.errors import BadInputError, NotFoundError
from assistant.history.storable import storable
from assistant.history.tables import FeedbackRow, PseudonymsRow
from assistant.history.values import SealedPseudonyms

_COMMENT_CHARS: Final = 2000


async def upsert_feedback(
    connection: AsyncConnection, person: Person, message_id: UUID, value: int, comment: str
) -> UUID:
    """Store what the person thinks of a message, once a message; the caller checked the owner.

    Raises:
        BadInputError: the value is neither 0 nor 1, or the comment is too long.
    """
    if value not in {0, 1}:
        raise BadInputError(f"Feedback is 1 for good or 0 for bad, not {value!r}.")
    if len(comment) > _COMMENT_CHARS:
        raise BadInputError(f"The comment is too long: {_COMMENT_CHARS} characters are the most.")
    given = (
        insert(FeedbackRow)
        .values(id=uuid4(), message_id=message_id, person_id=person.id, value=value, comment=storable(comment))
        .on_conflict_do_update(
            index_elements=[col(FeedbackRow.message_id), col(FeedbackRow.person_id)],
            set_={"value": value, "comment": storable(comment), "updated_at": func.clock_timestamp()},
        )
        .returning(col(FeedbackRow.id))
    )
    return (await connection.execute(given)).scalar_one()


async def delete_feedback(connection: AsyncConnection, person: Person, feedback_id: UUID) -> None:
    """Take the person's own feedback back.

    Raises:
        NotFoundError: it is foreign or does not exist.
    """
    deleted = await connection.execute(
        delete(FeedbackRow).where(col(FeedbackRow.id) == feedback_id, col(FeedbackRow.person_id) == person.id)
    )
    if deleted.rowcount != 1:
        raise NotFoundError("There is no such feedback, or it is not yours.")


async def load_pseudonyms(connection: AsyncConnection, thread_id: UUID) -> SealedPseudonyms:
    """Return what was saved last; the caller checked the owner."""
    saved = select(col(PseudonymsRow.sealed), col(PseudonymsRow.version)).where(
        col(PseudonymsRow.thread_id) == thread_id
    )
    row = (await connection.execute(saved)).one_or_none()
    return SealedPseudonyms(sealed=row.sealed if row else None, version=row.version if row else 0)


async def save_pseudonyms(connection: AsyncConnection, thread_id: UUID, sealed: bytes, version: int) -> bool:
    """Save over this version and tell whether it was still the latest; the caller checked the owner."""
    if version == 0:
        first = insert(PseudonymsRow).values(thread_id=thread_id, sealed=sealed, version=1)
        saved_first = first.on_conflict_do_nothing().returning(col(PseudonymsRow.version))
        return await connection.scalar(saved_first) is not None
    saved = await connection.execute(
        update(PseudonymsRow)
        .where(col(PseudonymsRow.thread_id) == thread_id, col(PseudonymsRow.version) == version)
        .values(sealed=sealed, version=version + 1, updated_at=func.clock_timestamp())
    )
    return saved.rowcount == 1
