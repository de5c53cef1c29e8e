"""Threads as rows, inside a transaction of the caller: whose they are, which there are, what they are called."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from sqlalchemy import delete, func, or_, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import col

from assistant.conversation import Person, Thread
from assistant.cursors import format_cursor, parse_cursor
from assistant.errors import BadInputError, NotFoundError
from assistant.history.search import build_owner_query, build_query
from assistant.history.storable import storable, storable_title
from assistant.history.tables import MessageRow, ThreadRow
from assistant.history.values import ThreadPage

_PAGE_MOST: Final = 200
_COLUMNS: Final = (
    col(ThreadRow.id),
    col(ThreadRow.owner_id),
    col(ThreadRow.title),
    col(ThreadRow.persona),
    col(ThreadRow.created_at),
    col(ThreadRow.updated_at),
)


def missing_thread() -> NotFoundError:
    """Return the one answer for a thread that is foreign or does not exist."""
    return NotFoundError("There is no such conversation, or it is not yours.")


async def insert_thread(connection: AsyncConnection, person: Person, thread_id: UUID, persona: str, title: str) -> None:
    """Create the thread unless the id is taken, by whomever: the caller then looks whose it is."""
    await connection.execute(
        insert(ThreadRow)
        .values(id=thread_id, owner_id=person.id, persona=storable(persona), title=storable_title(title))
        .on_conflict_do_nothing()
    )


async def find_thread(connection: AsyncConnection, person: Person, thread_id: UUID) -> Thread:
    """Return the person's own thread.

    Raises:
        NotFoundError: it is foreign or does not exist.
    """
    own = select(*_COLUMNS).where(col(ThreadRow.id) == thread_id, col(ThreadRow.owner_id) == person.id)
    row = (await connection.execute(own)).one_or_none()
    if row is None:
        raise missing_thread()
    return Thread(*row)


async def rename_thread(connection: AsyncConnection, person: Person, thread_id: UUID, title: str) -> None:
    """Give the person's own thread another title.

    Raises:
        BadInputError: the title is empty.
        NotFoundError: it is foreign or does not exist.
    """
    named = storable_title(title)
    if not named:
        raise BadInputError("The title is empty. Type a few words.")
    renamed = await connection.execute(
        update(ThreadRow)
        .where(col(ThreadRow.id) == thread_id, col(ThreadRow.owner_id) == person.id)
        .values(title=named)
    )
    if renamed.rowcount != 1:
        raise missing_thread()


async def delete_thread(connection: AsyncConnection, person: Person, thread_id: UUID) -> None:
    """Delete the person's own thread with everything in it.

    Raises:
        NotFoundError: it is foreign or does not exist.
    """
    deleted = await connection.execute(
        delete(ThreadRow).where(col(ThreadRow.id) == thread_id, col(ThreadRow.owner_id) == person.id)
    )
    if deleted.rowcount != 1:
        raise missing_thread()


async def list_threads(
    connection: AsyncConnection, person: Person, *, limit: int, before: str, search: str
) -> ThreadPage:
    """Return a page of the person's threads that hold at least one message, the latest first.

    Raises:
        BadInputError: `before` is not a cursor.
    """
    wanted = select(*_COLUMNS).where(col(ThreadRow.owner_id) == person.id, col(ThreadRow.last_position) > 0)
    if before:
        wanted = wanted.where(tuple_(col(ThreadRow.updated_at), col(ThreadRow.id)) < tuple_(*parse_cursor(before)))
    query = build_query(search)
    if query is not None:
        said_in = select(col(MessageRow.thread_id)).where(
            col(MessageRow.words).op("@@")(build_owner_query(person.id)),
            col(MessageRow.words).op("@@")(query),
            col(MessageRow.superseded_by).is_(None),
        )
        wanted = wanted.where(or_(col(ThreadRow.words).op("@@")(query), col(ThreadRow.id).in_(said_in)))
    size = max(1, min(limit, _PAGE_MOST))
    ordered = wanted.order_by(col(ThreadRow.updated_at).desc(), col(ThreadRow.id).desc()).limit(size + 1)
    threads = tuple(Thread(*row) for row in await connection.execute(ordered))
    page = threads[:size]
    return ThreadPage(
        threads=page, cursor=format_cursor(page[-1].updated_at, page[-1].id) if len(threads) > size else ""
    )


async def reserve_positions(
    connection: AsyncConnection, person: Person, thread_id: UUID, *, count: int, persona: str, title: str
) -> int:
    """Take the next positions of the person's own thread and lock it until the transaction ends.

    Returns:
        The first of the positions.

    Raises:
        NotFoundError: the thread is foreign or does not exist.
    """
    taken: int | None = await connection.scalar(
        update(ThreadRow)
        .where(col(ThreadRow.id) == thread_id, col(ThreadRow.owner_id) == person.id)
        .values(
            last_position=col(ThreadRow.last_position) + count,
            updated_at=func.clock_timestamp(),
            persona=storable(persona),
            title=func.coalesce(func.nullif(col(ThreadRow.title), ""), storable_title(title)),
        )
        .returning(col(ThreadRow.last_position))
    )
    if taken is None:
        raise missing_thread()
    return taken - count + 1


async def touch_thread(connection: AsyncConnection, person: Person, thread_id: UUID) -> bool:
    """Move the person's own thread to the top and lock it; tell whether it still exists."""
    touched = await connection.execute(
        update(ThreadRow)
        .where(col(ThreadRow.id) == thread_id, col(ThreadRow.owner_id) == person.id)
        .values(updated_at=func.clock_timestamp())
    )
    return touched.rowcount == 1
