"""Turns as rows, inside a transaction of the caller: which run, which ended, and whose process died.

Rows are locked in the order turn, thread, message everywhere, so that no two transactions wait for each other.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, literal, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import col

from assistant.conversation import MessageState, Turn
from assistant.errors import NotFoundError
from assistant.history.storable import storable
from assistant.history.tables import MessageRow, TurnRow
from assistant.history.values import InterruptedTurn

_RUNNING: Final = "running"
_INTERRUPTED: Final = "interrupted"
_ENDED_AS: Final = {
    MessageState.COMPLETE: "answered",
    MessageState.INTERRUPTED: _INTERRUPTED,
    MessageState.BLOCKED: "blocked",
}
_RECOVERED_AT_ONCE: Final = 100  # turns a call
_CLAIM: Final = timedelta(seconds=60)  # patience with a recoverer that writes to the audit log
_CUT_OFF: Final = (
    "Cloister restarted while this was being written. This is what had been shown; ask again for the rest."
)


async def insert_turn(connection: AsyncConnection, turn: Turn, process: str) -> bool:
    """Note that a turn runs; tell whether its id was free."""
    added = await connection.scalar(
        insert(TurnRow)
        .values(
            id=turn.id,
            thread_id=turn.thread_id,
            message_id=turn.message_id,
            answer_id=turn.answer_id,
            person_id=turn.person.id,
            persona=storable(turn.persona),
            door=storable(turn.door),
            process=process,
            state=_RUNNING,
        )
        .on_conflict_do_nothing(index_elements=[col(TurnRow.id)])
        .returning(col(TurnRow.id))
    )
    return added is not None


async def beat(connection: AsyncConnection, turn: Turn) -> None:
    """Give a sign of life; a turn that was taken for dead while its process stalled runs again.

    Raises:
        NotFoundError: the turn is not this person's, or has ended.
    """
    alive = await connection.execute(
        update(TurnRow)
        .where(_is_open(turn))
        .values(
            state=_RUNNING,
            heartbeat_at=func.clock_timestamp(),
            ended_at=None,
            recovered_at=None,
            claimed_until=None,
            audited_at=None,
        )
    )
    if alive.rowcount != 1:
        raise _no_turn()


async def end_turn(connection: AsyncConnection, turn: Turn, state: MessageState) -> None:
    """Note how a turn ended; its own process knows better than a recovery that took it for dead.

    Raises:
        NotFoundError: the turn is not this person's, or has ended already.
    """
    ended = await connection.execute(
        update(TurnRow)
        .where(_is_open(turn))
        .values(
            state=_ENDED_AS[state],
            ended_at=func.clock_timestamp(),
            recovered_at=None,
            claimed_until=None,
            audited_at=None,
        )
    )
    if ended.rowcount != 1:
        raise _no_turn()


async def interrupt_stale(connection: AsyncConnection, older_than_seconds: float) -> None:
    """Mark turns without a sign of life, and their answers, as interrupted; skip what another recoverer holds."""
    silent_since = func.clock_timestamp() - literal(timedelta(seconds=older_than_seconds))
    stale = (
        select(col(TurnRow.id))
        .where(col(TurnRow.state) == _RUNNING, col(TurnRow.heartbeat_at) <= silent_since)
        .order_by(col(TurnRow.heartbeat_at))
        .limit(_RECOVERED_AT_ONCE)
        .with_for_update(skip_locked=True)
    )
    turn_ids = (await connection.scalars(stale)).all()
    if not turn_ids:
        return
    await connection.execute(
        update(TurnRow)
        .where(col(TurnRow.id).in_(turn_ids))
        .values(state=_INTERRUPTED, ended_at=func.clock_timestamp(), recovered_at=func.clock_timestamp())
    )
    await connection.execute(
        update(MessageRow)
        .where(col(MessageRow.turn_id).in_(turn_ids), col(MessageRow.state) == MessageState.STREAMING.value)
        .values(state=MessageState.INTERRUPTED.value, note=_CUT_OFF)
    )


async def claim_unaudited(connection: AsyncConnection) -> list[InterruptedTurn]:
    """Return interruptions that nobody has written to the audit log, and reserve them for this caller for a while."""
    open_claims = (
        select(col(TurnRow.id))
        .where(
            col(TurnRow.recovered_at).is_not(None),
            col(TurnRow.audited_at).is_(None),
            or_(col(TurnRow.claimed_until).is_(None), col(TurnRow.claimed_until) < func.clock_timestamp()),
        )
        .order_by(col(TurnRow.recovered_at))
        .limit(_RECOVERED_AT_ONCE)
        .with_for_update(skip_locked=True)
    )
    turn_ids = (await connection.scalars(open_claims)).all()
    if not turn_ids:
        return []
    claimed = await connection.execute(
        update(TurnRow)
        .where(col(TurnRow.id).in_(turn_ids))
        .values(claimed_until=func.clock_timestamp() + literal(_CLAIM))
        .returning(
            col(TurnRow.id),
            col(TurnRow.thread_id),
            col(TurnRow.message_id),
            col(TurnRow.answer_id),
            col(TurnRow.person_id),
            col(TurnRow.persona),
            col(TurnRow.door),
            col(TurnRow.process),
            col(TurnRow.started_at),
        )
    )
    found = [InterruptedTurn(*row) for row in claimed]
    answers = select(col(MessageRow.id), col(MessageRow.text)).where(
        col(MessageRow.id).in_([turn.answer_id for turn in found])
    )
    texts = {row.id: row.text for row in await connection.execute(answers)}
    return [replace(turn, text=texts.get(turn.answer_id, "")) for turn in found]


async def confirm_audited(connection: AsyncConnection, turn_ids: Collection[UUID]) -> None:
    """Note that these interruptions are in the audit log."""
    await connection.execute(
        update(TurnRow)
        .where(col(TurnRow.id).in_(turn_ids), col(TurnRow.recovered_at).is_not(None))
        .values(audited_at=func.clock_timestamp())
    )


def _is_open(turn: Turn) -> ColumnElement[bool]:
    """Match the turn of this person while it runs, or after a recovery took it for dead."""
    return and_(
        col(TurnRow.id) == turn.id,
        col(TurnRow.person_id) == turn.person.id,
        col(TurnRow.thread_id) == turn.thread_id,
        col(TurnRow.answer_id) == turn.answer_id,
        or_(col(TurnRow.state) == _RUNNING, col(TurnRow.recovered_at).is_not(None)),
    )


def _no_turn() -> NotFoundError:
    return NotFoundError("This answer is not being written any more. Reload the page to see how it ended.")
