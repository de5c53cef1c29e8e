"""Reports as rows: filed once a finding, read in pages, decided once."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row, Select, column, func, literal, select, table, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlmodel import col

from assistant.conversation import Person
from assistant.database import transaction
from assistant.errors import BadInputError, NotFoundError
from assistant.reports.report import (
    Decision,
    Report,
    Reported,
    ReportPage,
    RuleReports,
    TooManyReportsError,
)
from assistant.reports.tables import ReportRow
from policies.verdict import Direction

_MOST_AN_HOUR: Final = 60  # of one person; more than anybody judges with care, less than what drowns a reviewer
_MOST_A_PAGE: Final = 100
_HOUR: Final = timedelta(hours=1)

# Names of people, without the room that owns them: this one stands beside it.
_PEOPLE: Final = table("person", column("id"), column("name"))


class Reports:
    """Keep reports in Postgres. Who may file or decide is checked above; here each thing happens once."""

    def __init__(self, engine: AsyncEngine, *, most_an_hour: int = _MOST_AN_HOUR) -> None:
        self._engine = engine
        self._most_an_hour = most_an_hour

    async def require_room(self, person: Person) -> None:
        """Let a person go on who may file one more report now.

        Raises:
            TooManyReportsError: they filed as many in the last hour as fit.
        """
        async with transaction(self._engine) as connection:
            await self._require_room(connection, person)

    async def file(self, person: Person, about: Reported, comment: str, *, report_id: UUID) -> UUID:
        """File a report and return its id, which is another one when somebody filed it before.

        Raises:
            TooManyReportsError: the person filed as many in the last hour as fit.
        """
        async with transaction(self._engine) as connection:
            await self._require_room(connection, person)
            filed = (
                insert(ReportRow)
                .values(
                    id=report_id,
                    person_id=person.id,
                    turn_id=about.turn_id,
                    thread_id=about.thread_id,
                    message_id=about.message_id,
                    direction=about.direction.value,
                    number=about.number,
                    rule=about.rule,
                    label=about.label,
                    masked=about.masked,
                    action=about.action,
                    policy_version=about.policy_version,
                    comment=comment,
                    found_at=about.found_at,
                )
                .on_conflict_do_nothing(constraint="uq_report_message_id_turn_id_number")
            )
            if (await connection.execute(filed)).rowcount == 1:
                return report_id
            earlier = await connection.execute(
                select(col(ReportRow.id)).where(
                    col(ReportRow.message_id) == about.message_id,
                    col(ReportRow.turn_id) == about.turn_id,
                    col(ReportRow.number) == about.number,
                )
            )
            return earlier.scalar_one()

    async def comment(self, person: Person, report_id: UUID, comment: str) -> bool:
        """Put a comment to the person's own open report that has none; tell whether that was so."""
        async with transaction(self._engine) as connection:
            changed = await connection.execute(
                update(ReportRow)
                .where(
                    col(ReportRow.id) == report_id,
                    col(ReportRow.person_id) == person.id,
                    col(ReportRow.comment) == "",
                    col(ReportRow.decision).is_(None),
                )
                .values(comment=comment)
            )
            return changed.rowcount == 1

    async def find(self, message_id: UUID, turn_id: UUID, number: int) -> Report | None:
        """Return the report of a finding; none if nobody filed one."""
        wanted = _reports().where(
            col(ReportRow.message_id) == message_id,
            col(ReportRow.turn_id) == turn_id,
            col(ReportRow.number) == number,
        )
        async with transaction(self._engine) as connection:
            row = (await connection.execute(wanted)).one_or_none()
        return _report(row) if row else None

    async def of_thread(self, person: Person, thread_id: UUID) -> frozenset[tuple[UUID, int]]:
        """Return which findings of a thread this person reported: message and number of each."""
        wanted = select(col(ReportRow.message_id), col(ReportRow.number)).where(
            col(ReportRow.thread_id) == thread_id, col(ReportRow.person_id) == person.id
        )
        async with transaction(self._engine) as connection:
            return frozenset((row.message_id, row.number) for row in await connection.execute(wanted))

    async def page(self, *, is_decided: bool, rule: str, before: str, limit: int) -> ReportPage:
        """Return a page of reports, the latest first.

        Args:
            is_decided: those that were decided, instead of those that wait.
            rule: only reports about this rule; empty for all.
            before: the `cursor` of the page before this one; empty for the first.
            limit: reports a page, at most 100.

        Raises:
            BadInputError: `before` is not a cursor.
        """
        limit = max(1, min(limit, _MOST_A_PAGE))
        decision = col(ReportRow.decision)
        wanted = (
            _reports()
            .where(decision.is_not(None) if is_decided else decision.is_(None))
            .order_by(col(ReportRow.filed_at).desc(), col(ReportRow.id).desc())
            .limit(limit + 1)
        )
        if rule:
            wanted = wanted.where(col(ReportRow.rule) == rule)
        async with transaction(self._engine) as connection:
            if before:
                key = tuple_(col(ReportRow.filed_at), col(ReportRow.id))
                wanted = wanted.where(key < await _key_of(connection, before))
            rows = (await connection.execute(wanted)).all()
        cursor = str(rows[limit - 1].id) if len(rows) > limit else ""
        return ReportPage(tuple(_report(row) for row in rows[:limit]), cursor)

    async def report(self, report_id: UUID) -> Report:
        """Return one report.

        Raises:
            NotFoundError: there is none.
        """
        async with transaction(self._engine) as connection:
            row = (await connection.execute(_reports().where(col(ReportRow.id) == report_id))).one_or_none()
        if row is None:
            raise NotFoundError("There is no such report.")
        return _report(row)

    async def decide(self, reviewer: Person, report_id: UUID, decision: Decision, note: str) -> None:
        """Decide an open report.

        Raises:
            BadInputError: somebody decided it before.
        """
        async with transaction(self._engine) as connection:
            decided = await connection.execute(
                update(ReportRow)
                .where(col(ReportRow.id) == report_id, col(ReportRow.decision).is_(None))
                .values(decision=decision.value, note=note, decided_by=reviewer.id, decided_at=func.clock_timestamp())
            )
            if decided.rowcount != 1:
                raise BadInputError("Somebody decided this report before you did. Look under Decided.")

    async def counts(self, since: datetime) -> dict[str, RuleReports]:
        """Return for each rule how many findings since then were reported, and how many confirmed as wrong."""
        rule, decision = col(ReportRow.rule), col(ReportRow.decision)
        wanted: Select[Any, int, int] = (
            select(
                rule.label("rule"),
                func.count().label("reported"),
                func.count().filter(decision == Decision.RULE_IS_WRONG.value).label("confirmed"),
            )
            .where(col(ReportRow.found_at) >= since)
            .group_by(rule)
        )
        async with transaction(self._engine) as connection:
            return {row.rule: RuleReports(row.reported, row.confirmed) for row in await connection.execute(wanted)}

    async def _require_room(self, connection: AsyncConnection, person: Person) -> None:
        # One at a time for a person: two requests at once must not both be the last one that fits.
        await connection.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(f"report:{person.id}", 0))))
        latest = (
            select(col(ReportRow.id))
            .where(
                col(ReportRow.person_id) == person.id,
                col(ReportRow.filed_at) > func.clock_timestamp() - literal(_HOUR),
            )
            .limit(self._most_an_hour)
        )
        if len((await connection.execute(latest)).all()) >= self._most_an_hour:
            raise TooManyReportsError(
                f"You reported {self._most_an_hour} values in the last hour. "
                "Tell your reviewer which rule it is; the next report is taken later."
            )


def _reports() -> Select[Any]:
    reviewers = _PEOPLE.alias("reviewer")
    return (
        select(
            *ReportRow.__table__.columns,  # type: ignore[attr-defined]  # SQLModel's own
            _PEOPLE.c.name.label("person"),
            reviewers.c.name.label("reviewer"),
        )
        .join(_PEOPLE, _PEOPLE.c.id == col(ReportRow.person_id))
        .outerjoin(reviewers, reviewers.c.id == col(ReportRow.decided_by))
    )


async def _key_of(connection: AsyncConnection, cursor: str) -> tuple[datetime, UUID]:
    try:
        last = UUID(cursor)
    except ValueError:
        raise _no_such_page() from None
    found = await connection.execute(
        select(col(ReportRow.filed_at), col(ReportRow.id)).where(col(ReportRow.id) == last)
    )
    row = found.one_or_none()
    if row is None:
        raise _no_such_page()
    return row.filed_at, row.id


def _no_such_page() -> BadInputError:
    return BadInputError("This page of the list is not there any more. Go back to the newest.")


def _report(row: Row[Any]) -> Report:
    return Report(
        id=row.id,
        person_id=row.person_id,
        person=row.person,
        about=Reported(
            turn_id=row.turn_id,
            thread_id=row.thread_id,
            message_id=row.message_id,
            direction=Direction(row.direction),
            number=row.number,
            rule=row.rule,
            label=row.label,
            masked=row.masked,
            action=row.action,
            policy_version=row.policy_version,
            found_at=row.found_at,
        ),
        comment=row.comment,
        filed_at=row.filed_at,
        decision=Decision(row.decision) if row.decision else None,
        note=row.note,
        decided_by=row.reviewer or "",
        decided_at=row.decided_at,
    )
