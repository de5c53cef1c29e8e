"""Hits as rows: listed by keys, locked while somebody takes a step with them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, literal_column, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlmodel import col

from assistant.compliance.entries import Entry, add_entry, columns_of, list_entries, standing_of
from assistant.compliance.standing import Standing, Step
from assistant.compliance.tables import AWAITS_SECOND, IS_OPEN, HitRow
from assistant.cursors import format_cursor, parse_cursor
from assistant.database import reading, transaction
from assistant.errors import NotFoundError

_MOST_A_PAGE: Final = 100


@dataclass(frozen=True, slots=True)
class Hit:
    """An event in which the guard held something back; whose it was only by id.

    Attributes:
        event_id: the event in the log.
        severity: rank of the guard's action, 0 to 4.
        due_at: when somebody should have decided.
    """

    event_id: UUID
    turn_id: UUID
    thread_id: UUID
    subject: UUID
    type: str
    rule: str
    severity: int
    occurred_at: datetime
    due_at: datetime
    standing: Standing


@dataclass(frozen=True, slots=True)
class HitFilter:
    """Which open hits are wanted; what is not named does not matter.

    Attributes:
        awaits_second: those alone that wait for a second reviewer.
    """

    severity: int | None = None
    rule: str = ""
    assignee: UUID | None = None
    awaits_second: bool = False


@dataclass(frozen=True, slots=True)
class HitPage:
    """A page of open hits, what is due first at its top.

    Attributes:
        cursor: pass it as `after` for the next page; empty when this is the last.
    """

    hits: tuple[Hit, ...]
    cursor: str


class Hits:
    """Keep hits in Postgres. Who may see and decide is checked above."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def page(self, wanted: HitFilter, *, hidden_from: UUID, after: str, limit: int) -> HitPage:
        """Return a page of open hits.

        Args:
            wanted: which ones.
            hidden_from: whose own hits are left out.
            after: the `cursor` of the page before this one; empty for the first.
            limit: hits a page, at most 100.

        Raises:
            BadInputError: `after` is not a cursor.
        """
        limit = max(1, min(limit, _MOST_A_PAGE))
        key = (col(HitRow.due_at), col(HitRow.event_id))
        query = _hits().where(*_conditions(wanted), col(HitRow.subject) != hidden_from).order_by(*key).limit(limit + 1)
        if after:
            query = query.where(tuple_(*key) > tuple_(*parse_cursor(after)))
        async with reading(self._engine) as connection:
            rows = (await connection.execute(query)).all()
        found = tuple(_hit(row) for row in rows[:limit])
        return HitPage(found, format_cursor(found[-1].due_at, found[-1].event_id) if len(rows) > limit else "")

    async def hit(self, hit_id: UUID) -> tuple[Hit, tuple[Entry, ...]]:
        """Return one hit and its history.

        Raises:
            NotFoundError: there is none.
        """
        async with reading(self._engine) as connection:
            row = (await connection.execute(_hits().where(col(HitRow.event_id) == hit_id))).one_or_none()
            if row is None:
                raise missing_hit()
            return _hit(row), await list_entries(connection, hit_id=hit_id)

    async def of_turns(self, turn_ids: Collection[UUID]) -> tuple[Hit, ...]:
        """Return the hits of some turns, open or not, in the order in which they happened."""
        query = _hits().where(col(HitRow.turn_id).in_(list(turn_ids))).order_by(col(HitRow.event_id))
        async with reading(self._engine) as connection:
            return tuple(_hit(row) for row in await connection.execute(query))

    @asynccontextmanager
    async def locked(self, hit_ids: Collection[UUID]) -> AsyncIterator[LockedHits]:
        """Give hits that nobody else changes until the block ends; what it wrote is undone when it raises.

        Raises:
            NotFoundError: one of them does not exist.
        """
        async with transaction(self._engine) as connection:
            # In one order for everybody: two people with the same hits wait for each other, and never both.
            query = _hits().where(col(HitRow.event_id).in_(list(hit_ids))).order_by(col(HitRow.event_id))
            rows = (await connection.execute(query.with_for_update())).all()
            if len(rows) != len(set(hit_ids)):
                raise missing_hit()
            yield LockedHits(connection, tuple(_hit(row) for row in rows))


class LockedHits:
    """Hits in the hands of one transaction."""

    def __init__(self, connection: AsyncConnection, hits: Sequence[Hit]) -> None:
        self._connection = connection
        self.hits = hits

    async def stand(self, hit: Hit, standing: Standing, step: Step, *, actor: UUID, note: str) -> None:
        """Write where a hit stands now, and the step that led there."""
        await self._connection.execute(
            update(HitRow).where(col(HitRow.event_id) == hit.event_id).values(**columns_of(standing))
        )
        await add_entry(self._connection, actor, step, standing, note, hit_id=hit.event_id)


def missing_hit() -> NotFoundError:
    """Return the error for a hit that is not there, or not for this person."""
    return NotFoundError("There is no such hit.")


def _hits() -> Select[Any]:
    return select(*HitRow.__table__.columns)  # type: ignore[attr-defined]  # SQLModel's own


def _conditions(wanted: HitFilter) -> list[ColumnElement[bool]]:
    # In the words of the partial indexes, without a parameter: a plan that is kept could not use them otherwise.
    conditions: list[ColumnElement[bool]] = [literal_column(AWAITS_SECOND if wanted.awaits_second else IS_OPEN)]
    if wanted.severity is not None:
        conditions.append(col(HitRow.severity) == wanted.severity)
    if wanted.rule:
        conditions.append(col(HitRow.rule) == wanted.rule)
    if wanted.assignee is not None:
        conditions.append(col(HitRow.assignee) == wanted.assignee)
    return conditions


def _hit(row: Row[Any]) -> Hit:
    return Hit(
        event_id=row.event_id,
        turn_id=row.turn_id,
        thread_id=row.thread_id,
        subject=row.subject,
        type=row.type,
        rule=row.rule,
        severity=row.severity,
        occurred_at=row.occurred_at,
        due_at=row.due_at,
        standing=standing_of(row),
    )
