"""The history of a hit or a case: who took which step, when, and the note with it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import col

from assistant.compliance.standing import Disposition, Standing, State, Step
from assistant.compliance.tables import EntryRow

_MOST_ENTRIES: Final = 500  # of one case on one page; the later ones are those that count


@dataclass(frozen=True, slots=True)
class Entry:
    """One step.

    Attributes:
        state: the one after it.
        note: after the guard.
    """

    person_id: UUID
    step: Step
    state: State
    disposition: Disposition | None
    note: str
    at: datetime


async def add_entry(
    connection: AsyncConnection,
    actor: UUID,
    step: Step,
    standing: Standing,
    note: str,
    *,
    hit_id: UUID | None = None,
    case_id: UUID | None = None,
) -> None:
    """Write down a step of a hit or of a case, in the transaction that takes it."""
    await connection.execute(
        insert(EntryRow).values(
            hit_id=hit_id,
            case_id=case_id,
            person_id=actor,
            step=step.value,
            state=standing.state.value,
            disposition=standing.disposition.value if standing.disposition else None,
            note=note,
        )
    )


async def list_entries(
    connection: AsyncConnection, *, hit_id: UUID | None = None, case_id: UUID | None = None
) -> tuple[Entry, ...]:
    """Return the steps in order, the last 500 of them."""
    of_one = col(EntryRow.hit_id) == hit_id if hit_id else col(EntryRow.case_id) == case_id
    wanted = (
        select(*EntryRow.__table__.columns)  # type: ignore[attr-defined]  # SQLModel's own
        .where(of_one)
        .order_by(col(EntryRow.number).desc())
        .limit(_MOST_ENTRIES)
    )
    rows = (await connection.execute(wanted)).all()
    return tuple(_entry(row) for row in reversed(rows))


def standing_of(row: Row[Any]) -> Standing:
    """Return where the hit or case of a row stands."""
    return Standing(
        state=State(row.state),
        disposition=Disposition(row.disposition) if row.disposition else None,
        assignee=row.assignee,
        proposed_by=row.proposed_by,
        decided_by=row.decided_by,
        needs_second=row.needs_second,
    )


def columns_of(standing: Standing) -> dict[str, object]:
    """Return the columns of a hit or a case that stands so."""
    return {
        "state": standing.state.value,
        "disposition": standing.disposition.value if standing.disposition else None,
        "assignee": standing.assignee,
        "proposed_by": standing.proposed_by,
        "decided_by": standing.decided_by,
        "needs_second": standing.needs_second,
    }


def _entry(row: Row[Any]) -> Entry:
    return Entry(
        person_id=row.person_id,
        step=Step(row.step),
        state=State(row.state),
        disposition=Disposition(row.disposition) if row.disposition else None,
        note=row.note,
        at=row.at,
    )
