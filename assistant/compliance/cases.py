"""Cases as rows. A case that holds a turn of the person who asks does not exist for them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, exists, func, literal_column, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlmodel import col

from assistant.audit.parts import TurnPlace
from assistant.compliance.entries import Entry, add_entry, columns_of, list_entries, standing_of
from assistant.compliance.standing import Standing, Step
from assistant.compliance.tables import IS_OPEN, CaseRow, CaseTurnRow
from assistant.database import reading, transaction
from assistant.errors import BadInputError, NotFoundError

MOST_TURNS: Final = 200  # in one case; an investigation of more is several cases
_MOST_A_PAGE: Final = 100
_CURSOR_DIGITS: Final = 18  # what the database counts with has one more


@dataclass(frozen=True, slots=True)
class Case:
    """Turns that belong together.

    Attributes:
        number: what people call it.
        title: after the guard.
        turns: how many it holds.
    """

    id: UUID
    number: int
    title: str
    opened_by: UUID
    opened_at: datetime
    due_at: datetime
    standing: Standing
    turns: int


@dataclass(frozen=True, slots=True)
class CaseTurn:
    """A turn in a case; whose it was only by id."""

    turn_id: UUID
    thread_id: UUID
    subject: UUID
    added_by: UUID
    added_at: datetime


@dataclass(frozen=True, slots=True)
class CaseFile:
    """A case with everything in it."""

    case: Case
    turns: tuple[CaseTurn, ...]
    entries: tuple[Entry, ...]


Leave = Callable[[AsyncConnection], Awaitable[None]]
"""Leaves something in a transaction of somebody else's."""


@dataclass(frozen=True, slots=True)
class CasePage:
    """A page of cases, the latest first.

    Attributes:
        cursor: pass it as `before` for the next page; empty when this is the last.
    """

    cases: tuple[Case, ...]
    cursor: str


class Cases:
    """Keep cases in Postgres. Who may work on them is checked above; whose turns they hold is checked here."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def open(
        self, case_id: UUID, title: str, turns: Sequence[TurnPlace], *, actor: UUID, due_at: datetime, note: str
    ) -> None:
        """Add a case on these turns."""
        async with transaction(self._engine) as connection:
            row = insert(CaseRow).values(id=case_id, title=title, opened_by=actor, due_at=due_at)
            await connection.execute(row)
            await _add_turns(connection, case_id, turns, actor)
            await add_entry(connection, actor, Step.OPEN, Standing(), note, case_id=case_id)

    async def page(
        self, *, hidden_from: UUID, is_open: bool, assignee: UUID | None, before: str, limit: int
    ) -> CasePage:
        """Return a page of cases, the latest first.

        Args:
            hidden_from: cases that hold a turn of this person are left out.
            is_open: those that are open, instead of those that were decided.
            assignee: only what this person has; none for all.
            before: the `cursor` of the page before this one; empty for the first.
            limit: cases a page, at most 100.

        Raises:
            BadInputError: `before` is not a cursor.
        """
        limit = max(1, min(limit, _MOST_A_PAGE))
        is_wanted: ColumnElement[bool] = literal_column(IS_OPEN if is_open else f"NOT ({IS_OPEN})")
        query = _cases(hidden_from).where(is_wanted).order_by(col(CaseRow.number).desc()).limit(limit + 1)
        if assignee is not None:
            query = query.where(col(CaseRow.assignee) == assignee)
        if before:
            if not before.isdecimal() or len(before) > _CURSOR_DIGITS:
                raise BadInputError("This page of the list is not there any more. Go back to the newest.")
            query = query.where(col(CaseRow.number) < int(before))
        async with reading(self._engine) as connection:
            rows = (await connection.execute(query)).all()
        return CasePage(tuple(map(_case, rows[:limit])), str(rows[limit - 1].number) if len(rows) > limit else "")

    async def case(self, case_id: UUID, *, hidden_from: UUID) -> CaseFile:
        """Return a case with its turns and its history.

        Raises:
            NotFoundError: there is none, or it holds a turn of this person.
        """
        async with transaction(self._engine) as connection:
            case = await _find(connection, case_id, hidden_from)
            turns = await connection.execute(_turns_of(case_id))
            entries = await list_entries(connection, case_id=case_id)
            return CaseFile(case, tuple([_turn(turn) for turn in turns]), entries)

    async def holding_turns_of(self, person_id: UUID, case_ids: Collection[UUID]) -> frozenset[UUID]:
        """Return which of these cases hold a turn of a person."""
        wanted = select(col(CaseTurnRow.case_id)).where(
            col(CaseTurnRow.case_id).in_(list(case_ids)), col(CaseTurnRow.subject) == person_id
        )
        async with reading(self._engine) as connection:
            return frozenset((await connection.scalars(wanted)).all())

    async def turns_of(self, case: UUID | int) -> tuple[UUID, frozenset[UUID]]:
        """Return a case's id and its turns, by its id or its number; for the operator, who reads the log anyhow.

        Raises:
            NotFoundError: there is none.
        """
        is_wanted = col(CaseRow.id) == case if isinstance(case, UUID) else col(CaseRow.number) == case
        async with transaction(self._engine) as connection:
            case_id: UUID | None = await connection.scalar(select(col(CaseRow.id)).where(is_wanted))
            if case_id is None:
                raise missing_case()
            held = select(col(CaseTurnRow.turn_id)).where(col(CaseTurnRow.case_id) == case_id)
            return case_id, frozenset((await connection.scalars(held)).all())

    @asynccontextmanager
    async def locked(self, case_id: UUID, *, hidden_from: UUID) -> AsyncIterator[LockedCase]:
        """Give a case that nobody else changes until the block ends; what it wrote is undone when it raises.

        Raises:
            NotFoundError: there is none, or it holds a turn of this person.
        """
        async with transaction(self._engine) as connection:
            await connection.execute(select(col(CaseRow.id)).where(col(CaseRow.id) == case_id).with_for_update())
            yield LockedCase(connection, await _find(connection, case_id, hidden_from))


class LockedCase:
    """A case in the hands of one transaction."""

    def __init__(self, connection: AsyncConnection, case: Case) -> None:
        self._connection = connection
        self.case = case

    async def do(self, work: Leave) -> None:
        """Do something else in the same transaction."""
        await work(self._connection)

    async def holds_turn_of(self, person_id: UUID) -> bool:
        """Tell whether one of its turns is this person's."""
        held = exists().where(col(CaseTurnRow.case_id) == self.case.id, col(CaseTurnRow.subject) == person_id)
        return bool(await self._connection.scalar(select(held)))

    async def turn_ids(self) -> frozenset[UUID]:
        """Return the turns that it holds."""
        held = select(col(CaseTurnRow.turn_id)).where(col(CaseTurnRow.case_id) == self.case.id)
        return frozenset((await self._connection.scalars(held)).all())

    async def stand(self, standing: Standing, step: Step, *, actor: UUID, note: str) -> None:
        """Write where the case stands now, and the step that led there."""
        await self._connection.execute(
            update(CaseRow).where(col(CaseRow.id) == self.case.id).values(**columns_of(standing))
        )
        await add_entry(self._connection, actor, step, standing, note, case_id=self.case.id)

    async def add_turns(self, turns: Sequence[TurnPlace], *, actor: UUID) -> None:
        """Put turns into it; those that it holds already stay as they are.

        Raises:
            BadInputError: these are too many for one case.
        """
        await _add_turns(self._connection, self.case.id, turns, actor)
        held = select(func.count()).where(col(CaseTurnRow.case_id) == self.case.id)
        if (await self._connection.scalar(held) or 0) > MOST_TURNS:
            raise BadInputError(f"A case holds {MOST_TURNS} turns at most. Open another one.")


def missing_case() -> NotFoundError:
    """Return the error for a case that is not there, or not for this person."""
    return NotFoundError("There is no such case.")


async def _add_turns(connection: AsyncConnection, case_id: UUID, turns: Sequence[TurnPlace], actor: UUID) -> None:
    rows = [
        {
            "case_id": case_id,
            "turn_id": turn.turn_id,
            "thread_id": turn.thread_id,
            "subject": turn.person_id,
            "added_by": actor,
        }
        for turn in turns
    ]
    await connection.execute(insert(CaseTurnRow).values(rows).on_conflict_do_nothing())


async def _find(connection: AsyncConnection, case_id: UUID, hidden_from: UUID) -> Case:
    row = (await connection.execute(_cases(hidden_from).where(col(CaseRow.id) == case_id))).one_or_none()
    if row is None:
        raise missing_case()
    return _case(row)


def _cases(hidden_from: UUID) -> Select[Any]:
    of_case = col(CaseTurnRow.case_id) == col(CaseRow.id)
    is_own = exists().where(of_case, col(CaseTurnRow.subject) == hidden_from).correlate(CaseRow)
    count = select(func.count()).where(of_case).correlate(CaseRow).scalar_subquery()
    return select(*CaseRow.__table__.columns, count.label("turns")).where(~is_own)  # type: ignore[attr-defined]


def _turns_of(case_id: UUID) -> Select[Any]:
    columns = CaseTurnRow.__table__.columns  # type: ignore[attr-defined]  # SQLModel's own
    of_case = select(*columns).where(col(CaseTurnRow.case_id) == case_id)
    return of_case.order_by(col(CaseTurnRow.added_at), col(CaseTurnRow.turn_id))


def _case(row: Row[Any]) -> Case:
    return Case(
        id=row.id,
        number=row.number,
        title=row.title,
        opened_by=row.opened_by,
        opened_at=row.opened_at,
        due_at=row.due_at,
        standing=standing_of(row),
        turns=row.turns,
    )


def _turn(row: Row[Any]) -> CaseTurn:
    return CaseTurn(
        turn_id=row.turn_id,
        thread_id=row.thread_id,
        subject=row.subject,
        added_by=row.added_by,
        added_at=row.added_at,
    )
