"""Requests to unmask, as rows; each is locked while it is answered or used."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, and_, func, literal, literal_column, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlmodel import col

from assistant.compliance.tables import IS_OPEN, CaseRow, CaseTurnRow, NoticeRow, UnmaskRow
from assistant.database import reading, transaction
from assistant.errors import NotAllowedError, NotFoundError

ANSWER_WITHIN: Final = timedelta(days=7)  # a request that nobody answered is over then
_MOST_A_PAGE: Final = 100


class GrantState(StrEnum):
    """How far a request got."""

    REQUESTED = "requested"
    GRANTED = "granted"
    DENIED = "denied"
    EXPIRED = "expired"  # its time is over, or nobody answered


@dataclass(frozen=True, slots=True)
class Grant:
    """Somebody's request to see who people are, or what stands behind placeholders; and what became of it.

    Attributes:
        turns: which ones, at most 50.
        subjects: whose they are.
        reason, answer_note, review_note: after the guard.
        minutes: how long it is to be open.
        is_emergency: it was taken by one person alone.
        views: how often it was looked at.
        reviewed_by: who looked at the emergency afterwards.
        is_over: its time is over by the database's clock, whether or not that was noted.
        case_people: whose turns its case holds now.
        is_case_open: its case waits for a decision; nothing is shown of one that is decided.
    """

    id: UUID
    case_id: UUID
    turns: tuple[UUID, ...]
    subjects: tuple[UUID, ...]
    shows_names: bool
    shows_values: bool
    reason: str
    minutes: int
    requested_by: UUID
    requested_at: datetime
    is_emergency: bool
    state: GrantState
    answered_by: UUID | None
    answer_note: str
    granted_at: datetime | None
    expires_at: datetime | None
    views: int
    reviewed_by: UUID | None
    review_note: str
    is_justified: bool | None
    is_over: bool
    case_people: frozenset[UUID]
    is_case_open: bool

    @property
    def is_open(self) -> bool:
        """Tell whether it can be looked at."""
        return self.state is GrantState.GRANTED and not self.is_over

    def is_about(self, person_id: UUID) -> bool:
        """Tell whether it does not exist for this person: one of its turns is theirs, or one in its case.

        An emergency hides from those alone whom it shows: whoever took it could put every approver into the case.
        """
        return person_id in self.subjects or (person_id in self.case_people and not self.is_emergency)


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody asks to see, judged already."""

    case_id: UUID
    turns: tuple[UUID, ...]
    subjects: tuple[UUID, ...]
    shows_names: bool
    shows_values: bool
    reason: str
    minutes: int


@dataclass(frozen=True, slots=True)
class Notice:
    """What an employee is told: who looked, why, on what grounds.

    Attributes:
        delayed_by: who put it off; it can be put off once.
    """

    grant: Grant
    subject: UUID
    due_at: datetime
    delayed_by: UUID | None


class Grants:
    """Keep requests and notices in Postgres. Who may ask and answer is checked above."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def add(self, grant_id: UUID, wish: Wish, *, actor: UUID) -> None:
        """Add a request."""
        async with transaction(self._engine) as connection:
            await connection.execute(insert(UnmaskRow).values(**_columns(grant_id, wish, actor)))

    @asynccontextmanager
    async def forced(self, grant_id: UUID, wish: Wish, *, actor: UUID, notice_days: int) -> AsyncIterator[None]:
        """Add a request that is granted at once, with the notices that follow, unless the block raises.

        Raises:
            NotAllowedError: an earlier one of this person was not looked at yet.
        """
        async with transaction(self._engine) as connection:
            row = {**_columns(grant_id, wish, actor), "is_emergency": True, **_granted(wish.minutes)}
            # The index of emergencies that nobody looked at has one for each person.
            forced = insert(UnmaskRow).values(**row).on_conflict_do_nothing().returning(col(UnmaskRow.id))
            if await connection.scalar(forced) is None:
                raise NotAllowedError(
                    "An approver has not looked at your last emergency yet. Ask for this one, or call an approver."
                )
            await _add_notices(connection, grant_id, wish.subjects, notice_days)
            yield

    async def grant(self, grant_id: UUID) -> Grant:
        """Return a request.

        Raises:
            NotFoundError: there is none.
        """
        async with transaction(self._engine) as connection:
            return await _find(connection, grant_id)

    async def list_open(self) -> tuple[Grant, ...]:
        """Return what waits for an answer or can be looked at, the earliest first."""
        return await self._select(
            col(UnmaskRow.state).in_([GrantState.REQUESTED.value, GrantState.GRANTED.value]), ~_IS_OVER
        )

    async def list_emergencies(self) -> tuple[Grant, ...]:
        """Return the emergencies that nobody looked at afterwards, the earliest first."""
        return await self._select(col(UnmaskRow.is_emergency).is_(True), col(UnmaskRow.reviewed_by).is_(None))

    async def of_case(self, case_id: UUID) -> tuple[Grant, ...]:
        """Return the requests of a case, the earliest first."""
        return await self._select(col(UnmaskRow.case_id) == case_id)

    async def overdue(self) -> tuple[Grant, ...]:
        """Return what is over and was not noted as such."""
        return await self._select(
            col(UnmaskRow.state).in_([GrantState.REQUESTED.value, GrantState.GRANTED.value]), _IS_OVER
        )

    async def notices(self, subject: UUID) -> tuple[Notice, ...]:
        """Return the notices that are due to a person, the latest first."""
        now = func.clock_timestamp()
        return await self._notices(col(NoticeRow.subject) == subject, col(NoticeRow.due_at) <= now)

    async def notices_of(self, grant_id: UUID) -> tuple[Notice, ...]:
        """Return the notices of a request, due or not."""
        return await self._notices(col(NoticeRow.unmask_id) == grant_id)

    @asynccontextmanager
    async def locked(self, grant_id: UUID) -> AsyncIterator[LockedGrant]:
        """Give a request that nobody else changes until the block ends; what it wrote is undone when it raises.

        Raises:
            NotFoundError: there is none.
        """
        async with transaction(self._engine) as connection:
            await connection.execute(select(col(UnmaskRow.id)).where(col(UnmaskRow.id) == grant_id).with_for_update())
            yield LockedGrant(connection, await _find(connection, grant_id))

    async def _select(self, *conditions: ColumnElement[bool]) -> tuple[Grant, ...]:
        query = _grants().where(*conditions).order_by(col(UnmaskRow.requested_at), col(UnmaskRow.id))
        async with reading(self._engine) as connection:
            return tuple([_grant(row) for row in await connection.execute(query.limit(_MOST_A_PAGE))])

    async def _notices(self, *conditions: ColumnElement[bool]) -> tuple[Notice, ...]:
        query = (
            _grants()
            .add_columns(col(NoticeRow.subject), col(NoticeRow.due_at), col(NoticeRow.delayed_by))
            .join(NoticeRow, col(NoticeRow.unmask_id) == col(UnmaskRow.id))
            .where(*conditions)
            .order_by(col(NoticeRow.due_at).desc(), col(UnmaskRow.id))
            .limit(_MOST_A_PAGE)
        )
        async with reading(self._engine) as connection:
            rows = (await connection.execute(query)).all()
        return tuple(Notice(_grant(row), row.subject, row.due_at, row.delayed_by) for row in rows)


class LockedGrant:
    """A request in the hands of one transaction."""

    def __init__(self, connection: AsyncConnection, grant: Grant) -> None:
        self._connection = connection
        self.grant = grant

    async def approve(self, *, actor: UUID, note: str, notice_days: int) -> None:
        """Grant it from now on, and set the notices."""
        await self._write(answered_by=actor, answer_note=note, **_granted(self.grant.minutes))
        await _add_notices(self._connection, self.grant.id, self.grant.subjects, notice_days)

    async def deny(self, *, actor: UUID, note: str) -> None:
        """Refuse it."""
        await self._write(state=GrantState.DENIED.value, answered_by=actor, answer_note=note)

    async def count_view(self) -> None:
        """Count one more look."""
        await self._write(views=self.grant.views + 1)

    async def expire(self) -> None:
        """Write that it is over."""
        await self._write(state=GrantState.EXPIRED.value)

    async def review(self, *, actor: UUID, is_justified: bool, note: str) -> None:
        """Write what somebody said of an emergency afterwards."""
        await self._write(reviewed_by=actor, is_justified=is_justified, review_note=note)

    async def delay_notice(self, subject: UUID, *, actor: UUID, days: int, reason: str) -> bool:
        """Put a notice off that was never put off and is not due yet; tell whether there was one."""
        delayed = await self._connection.execute(
            update(NoticeRow)
            .where(
                col(NoticeRow.unmask_id) == self.grant.id,
                col(NoticeRow.subject) == subject,
                col(NoticeRow.delayed_by).is_(None),
                col(NoticeRow.due_at) > func.clock_timestamp(),
            )
            .values(due_at=col(NoticeRow.due_at) + timedelta(days=days), delayed_by=actor, delay_reason=reason)
        )
        return delayed.rowcount == 1

    async def _write(self, **values: object) -> None:
        await self._connection.execute(update(UnmaskRow).where(col(UnmaskRow.id) == self.grant.id).values(**values))


def missing_grant() -> NotFoundError:
    """Return the error for a request that is not there, or not for this person."""
    return NotFoundError("There is no such request.")


_IS_OVER: Final = or_(
    and_(col(UnmaskRow.expires_at).is_not(None), col(UnmaskRow.expires_at) <= func.clock_timestamp()),
    and_(
        col(UnmaskRow.state) == GrantState.REQUESTED.value,
        col(UnmaskRow.requested_at) <= func.clock_timestamp() - literal(ANSWER_WITHIN),
    ),
)


def _grants() -> Select[Any]:
    people = select(col(CaseTurnRow.subject)).where(col(CaseTurnRow.case_id) == col(UnmaskRow.case_id))
    in_case = func.array(people.correlate(UnmaskRow).scalar_subquery()).label("case_people")
    case: Select[Any] = (
        select(literal_column(IS_OPEN)).select_from(CaseRow).where(col(CaseRow.id) == col(UnmaskRow.case_id))
    )
    is_open = case.correlate(UnmaskRow).scalar_subquery().label("is_case_open")
    columns = UnmaskRow.__table__.columns  # type: ignore[attr-defined]  # SQLModel's own
    return select(*columns, _IS_OVER.label("is_over"), in_case, is_open)


def _columns(grant_id: UUID, wish: Wish, actor: UUID) -> dict[str, object]:
    asked = {field.name: getattr(wish, field.name) for field in fields(Wish)}
    return {
        **asked,
        "id": grant_id,
        "turns": list(wish.turns),
        "subjects": list(wish.subjects),
        "requested_by": actor,
    }


def _granted(minutes: int) -> dict[str, object]:
    now = func.transaction_timestamp()
    return {
        "state": GrantState.GRANTED.value,
        "granted_at": now,
        "expires_at": now + literal(timedelta(minutes=minutes)),
    }


async def _add_notices(
    connection: AsyncConnection, grant_id: UUID, subjects: tuple[UUID, ...], notice_days: int
) -> None:
    due_at = func.transaction_timestamp() + literal(timedelta(days=notice_days))
    await connection.execute(
        insert(NoticeRow).values([{"unmask_id": grant_id, "subject": one, "due_at": due_at} for one in set(subjects)])
    )


async def _find(connection: AsyncConnection, grant_id: UUID) -> Grant:
    row = (await connection.execute(_grants().where(col(UnmaskRow.id) == grant_id))).one_or_none()
    if row is None:
        raise missing_grant()
    return _grant(row)


def _grant(row: Row[Any]) -> Grant:
    values = {field.name: getattr(row, field.name) for field in fields(Grant)}
    return Grant(
        **{
            **values,
            "turns": tuple(row.turns),
            "subjects": tuple(row.subjects),
            "case_people": frozenset(row.case_people),
            "state": GrantState(row.state),
            "is_over": bool(row.is_over),
        }
    )
