"""Second looks as rows: drawn from the log once a week, read blindly, settled where the two differ.

What a second reader gets is a `SecondLook`, which has no field for what was decided: it cannot be shown by mistake.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final, Generic, Protocol, TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, and_, func, literal, not_, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlmodel import col

from assistant.audit.events import SecondLooksDrawn
from assistant.audit.log import AuditLog
from assistant.audit.reading.decisions import Decision, DecisionDraw
from assistant.audit.reading.sample import Week
from assistant.compliance.standing import Disposition
from assistant.compliance.tables import SecondLookDrawRow, SecondLookRow
from assistant.cursors import format_cursor, parse_cursor
from assistant.database import reading, transaction
from assistant.errors import BadInputError, NotFoundError

_WEEKS_BACK: Final = 4  # that a worker makes up for; older ones were not anybody's work to read again
_MOST_OF_A_TURN: Final = 100
_PLACE_DIGITS: Final = 9
T = TypeVar("T")


class DrawDecisions(Protocol):
    """The log, from which decisions are drawn; `assistant.audit.reading.decisions` does it."""

    async def __call__(self, week: Week, percent: int) -> DecisionDraw:
        """Draw the decisions of a week."""


@dataclass(frozen=True, slots=True)
class SecondLook:
    """A decided hit that somebody is to read again, without what was decided and by whom."""

    decision_id: UUID
    week: str
    hit_id: UUID
    turn_id: UUID
    subject: UUID
    rule: str


@dataclass(frozen=True, slots=True)
class ReadTwice:
    """A hit that two read.

    Attributes:
        first, second: what each of them said.
        first_by, confirmed_by, second_by: who they are; the second of them where the first decision needed two.
        settled_as, settled_by: what an approver said of it; none as long as nobody did.
    """

    look: SecondLook
    first: Disposition
    second: Disposition
    first_by: UUID
    confirmed_by: UUID | None
    second_by: UUID
    second_at: datetime
    settled_as: Disposition | None
    settled_by: UUID | None

    @property
    def differs(self) -> bool:
        """Tell whether the two said different things."""
        return self.first is not self.second

    @property
    def people(self) -> frozenset[UUID]:
        """Return who must not settle it: whose it is, and who said something already."""
        return frozenset(filter(None, (self.look.subject, self.first_by, self.confirmed_by, self.second_by)))


@dataclass(frozen=True, slots=True)
class Candidate:
    """An open look, and who must not take it; for the desk alone, which tells nobody."""

    look: SecondLook
    deciders: frozenset[UUID]

    def is_for(self, person_id: UUID) -> bool:
        """Tell whether somebody neither decided it nor is concerned."""
        return person_id not in self.deciders and person_id != self.look.subject


@dataclass(frozen=True, slots=True)
class Pairs:
    """How often two said what of the hits of one family of rules, drawn in one week."""

    monday: date
    family: str
    counts: Mapping[tuple[Disposition, Disposition], int]


@dataclass(frozen=True, slots=True)
class Listed(Generic[T]):
    """A page of a list.

    Attributes:
        cursor: where the page after it begins; empty when this is the last.
    """

    rows: Sequence[T]
    cursor: str


class SecondLooks:
    """Keep second looks in Postgres. Who may see and judge is checked above."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def of_turn(self, turn_id: UUID) -> Sequence[Candidate]:
        """Return what nobody judged yet of one turn."""
        this = col(SecondLookRow.turn_id) == turn_id
        rows = await self._select(_IS_OPEN, this, order=_BY_PLACE, limit=_MOST_OF_A_TURN)
        return [_candidate(row) for row in rows]

    async def open_to(self, person_id: UUID, *, after: str, limit: int) -> Listed[Candidate]:
        """Return a page of what nobody judged yet, without what this person decided or is concerned by.

        Args:
            person_id: who reads.
            after: the `cursor` of the page before this one; empty for the first, which has the oldest week.
            limit: how many at most.

        Raises:
            BadInputError: `after` is no cursor.
        """
        conditions = [_IS_OPEN, _is_for(person_id)]
        if after:
            conditions.append(tuple_(*_BY_PLACE) > tuple_(*map(literal, _parse_place(after))))
        rows = await self._select(*conditions, order=_BY_PLACE, limit=limit + 1)
        cursor = f"{rows[limit - 1].week}~{rows[limit - 1].place}" if len(rows) > limit else ""
        return Listed([_candidate(row) for row in rows[:limit]], cursor)

    async def count_closed_to(self, person_id: UUID) -> int:
        """Return how many looks nobody took yet that this person decided or is concerned by."""
        query = select(func.count()).select_from(SecondLookRow).where(_IS_OPEN, not_(_is_for(person_id)))
        async with transaction(self._engine) as connection:
            return int(await connection.scalar(query) or 0)

    async def judged_by(self, person_id: UUID, *, limit: int) -> tuple[ReadTwice, ...]:
        """Return what somebody judged, the latest first."""
        latest = col(SecondLookRow.judged_at).desc()
        rows = await self._select(col(SecondLookRow.judged_by) == person_id, order=(latest,), limit=limit)
        return tuple([_read_twice(row) for row in rows])

    async def differing(self, person_id: UUID, *, after: str, limit: int) -> Listed[ReadTwice]:
        """Return a page of where two differ and nobody settled it, the longest waiting first.

        Args:
            person_id: who reads; what they said something of, or are concerned by, is left out.
            after: the `cursor` of the page before this one; empty for the first.
            limit: how many at most.

        Raises:
            BadInputError: `after` is no cursor.
        """
        moment, identifier = col(SecondLookRow.judged_at), col(SecondLookRow.decision_id)
        differs = col(SecondLookRow.disposition) != col(SecondLookRow.first_disposition)
        conditions = [
            col(SecondLookRow.settled_by).is_(None),
            differs,
            _is_for(person_id),
            col(SecondLookRow.judged_by) != person_id,
        ]
        if after:
            conditions.append(tuple_(moment, identifier) > tuple_(*map(literal, parse_cursor(after))))
        rows = await self._select(*conditions, order=(moment,), limit=limit + 1)
        last = rows[limit - 1] if len(rows) > limit else None
        cursor = format_cursor(last.judged_at, last.decision_id) if last else ""
        return Listed([_read_twice(row) for row in rows[:limit]], cursor)

    async def pairs(self, since: date) -> tuple[Pairs, ...]:
        """Return what was read twice since a Monday, by week and family."""
        family = func.split_part(col(SecondLookRow.rule), "/", 1)
        told = (col(SecondLookRow.week), family, col(SecondLookRow.first_disposition), col(SecondLookRow.disposition))
        first = f"{since:%G-W%V}"  # weeks are spelled so that their order is that of their names
        query = select(*told, func.count()).where(col(SecondLookRow.judged_by).is_not(None), told[0] >= first)
        async with reading(self._engine) as connection:
            rows = (await connection.execute(query.group_by(*told))).all()
        counts: dict[tuple[str, str], Counter[tuple[Disposition, Disposition]]] = defaultdict(Counter)
        for week, rules, one, other, count in rows:
            counts[week, rules][Disposition(one), Disposition(other)] += count
        return tuple(
            Pairs(Week.parse(week).start.date(), rules, found) for (week, rules), found in sorted(counts.items())
        )

    async def waiting(self) -> int:
        """Return how many looks nobody took yet."""
        query = select(func.count()).where(col(SecondLookRow.judged_by).is_(None))
        async with transaction(self._engine) as connection:
            return int(await connection.scalar(query) or 0)

    @asynccontextmanager
    async def locked(self, decision_id: UUID) -> AsyncIterator[LockedLook]:
        """Give a look that nobody else changes until the block ends; what it wrote is undone when it raises.

        Raises:
            NotFoundError: there is none.
        """
        query = _looks().where(col(SecondLookRow.decision_id) == decision_id).with_for_update()
        async with transaction(self._engine) as connection:
            row = (await connection.execute(query)).one_or_none()
            if row is None:
                raise missing_look()
            yield LockedLook(connection, row)

    async def _select(self, *conditions: ColumnElement[bool], order: Sequence[Any], limit: int) -> Sequence[Row[Any]]:
        query = _looks().where(*conditions).order_by(*order, col(SecondLookRow.decision_id)).limit(limit)
        async with reading(self._engine) as connection:
            rows: Sequence[Row[Any]] = (await connection.execute(query)).all()
        return rows


class LockedLook:
    """A look in the hands of one transaction."""

    def __init__(self, connection: AsyncConnection, row: Row[Any]) -> None:
        self._connection = connection
        self.candidate = _candidate(row)
        self.read_twice = _read_twice(row) if row.judged_by else None

    async def judge(self, disposition: Disposition, *, actor: UUID) -> None:
        """Write what the second reader said."""
        await self._write(disposition=disposition.value, judged_by=actor, judged_at=func.clock_timestamp())

    async def settle(self, disposition: Disposition, *, actor: UUID, note: str) -> None:
        """Write what an approver said."""
        await self._write(settled_as=disposition.value, settled_by=actor, settle_note=note)

    async def _write(self, **values: object) -> None:
        this = col(SecondLookRow.decision_id) == self.candidate.look.decision_id
        await self._connection.execute(update(SecondLookRow).where(this).values(**values))


class SecondLookDrawing:
    """Draw what is due; a chore.

    Args:
        engine: where looks are kept.
        draw: draws from the log.
        audit: hears of each draw.
        percent: how many of a hundred decisions are drawn; 0 draws nothing.
    """

    def __init__(self, engine: AsyncEngine, draw: DrawDecisions, *, audit: AuditLog, percent: int) -> None:
        self._engine = engine
        self._draw = draw
        self._audit = audit
        self._percent = percent

    async def draw_due(self, now: datetime) -> int:
        """Draw from every week that is over and was not drawn from, and return how many decisions that gave.

        Raises:
            UnavailableError: the log cannot be read or written.
        """
        if not self._percent:
            return 0
        weeks = [f"{now - timedelta(weeks=back):%G-W%V}" for back in range(_WEEKS_BACK, 0, -1)]
        async with transaction(self._engine) as connection:
            drawn = set(
                await connection.scalars(
                    select(col(SecondLookDrawRow.week)).where(col(SecondLookDrawRow.week).in_(weeks))
                )
            )
        count = 0
        for week in weeks:
            if week not in drawn:
                try:
                    count += await self._keep(await self._draw(Week.parse(week), self._percent))
                except BadInputError:  # nothing was sealed since its end: it has no seed yet
                    break
        return count

    async def _keep(self, drawn: DecisionDraw) -> int:
        looks = [row for place, one in enumerate(drawn.drawn) if (row := _row(drawn.week, place, one))]
        week = insert(SecondLookDrawRow).values(
            week=drawn.week, percent=drawn.percent, decisions=drawn.decisions, batch=drawn.batch, seed=drawn.seed
        )
        async with transaction(self._engine) as connection:
            if await connection.scalar(week.on_conflict_do_nothing().returning(col(SecondLookDrawRow.week))) is None:
                return 0  # another worker was faster
            if looks:
                await connection.execute(insert(SecondLookRow).values(looks))
            await self._audit.append(
                SecondLooksDrawn(
                    week=drawn.week,
                    percent=drawn.percent,
                    decisions=drawn.decisions,
                    drawn=len(looks),
                    batch=drawn.batch,
                    seed=drawn.seed.hex(),
                )
            )
        return len(looks)


def missing_look() -> NotFoundError:
    """Return the error for a look that is not there, or not for this person."""
    return NotFoundError("There is no such second look.")


_IS_OPEN: Final = col(SecondLookRow.judged_by).is_(None)
_BY_PLACE: Final = (col(SecondLookRow.week), col(SecondLookRow.place))


def _is_for(person_id: UUID) -> ColumnElement[bool]:
    """As `Candidate.is_for` says it."""
    return and_(
        col(SecondLookRow.subject) != person_id,
        col(SecondLookRow.first_by) != person_id,
        col(SecondLookRow.confirmed_by).is_distinct_from(person_id),
    )


def _parse_place(cursor: str) -> tuple[str, int]:
    """Return week and place of the look that a page ended with.

    Raises:
        BadInputError: it is no cursor.
    """
    week, _, place = cursor.partition("~")
    if not (place.isascii() and place.isdecimal()) or len(place) > _PLACE_DIGITS:
        raise BadInputError("This page of the list does not exist. Start from the first one.")
    return Week.parse(week).name, int(place)


def _row(week: str, place: int, decision: Decision) -> dict[str, object] | None:
    """Return the row of a decision; none for a word that nothing of the product says."""
    if decision.disposition not in set(Disposition):
        return None
    return {
        "decision_id": decision.event_id,
        "week": week,
        "place": place,
        "hit_id": decision.hit_id,
        "turn_id": decision.turn_id,
        "subject": decision.subject,
        "rule": decision.rule,
        "first_disposition": decision.disposition,
        "first_by": decision.proposed_by,
        "confirmed_by": decision.decided_by if decision.decided_by != decision.proposed_by else None,
    }


def _looks() -> Select[Any]:
    return select(*SecondLookRow.__table__.columns)  # type: ignore[attr-defined]  # SQLModel's own


def _look(row: Row[Any]) -> SecondLook:
    return SecondLook(row.decision_id, row.week, row.hit_id, row.turn_id, row.subject, row.rule)


def _candidate(row: Row[Any]) -> Candidate:
    return Candidate(_look(row), frozenset(filter(None, (row.first_by, row.confirmed_by))))


def _read_twice(row: Row[Any]) -> ReadTwice:
    return ReadTwice(
        look=_look(row),
        first=Disposition(row.first_disposition),
        second=Disposition(row.disposition),
        first_by=row.first_by,
        confirmed_by=row.confirmed_by,
        second_by=row.judged_by,
        second_at=row.judged_at,
        settled_as=Disposition(row.settled_as) if row.settled_as else None,
        settled_by=row.settled_by,
    )
