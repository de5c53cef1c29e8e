"""Samples that nobody picked, kept with what reviewers say of each event in them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol
from uuid import UUID, uuid4

from sqlalchemy import Row, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlmodel import col

from assistant.audit.events import ReviewSampled, SampleJudged
from assistant.audit.log import AuditLog
from assistant.audit.reading.sample import Population, Sample, Week
from assistant.compliance.rights import Gate
from assistant.compliance.standing import Disposition
from assistant.compliance.tables import SampledRow, SampleRow
from assistant.conversation import Person
from assistant.database import reading, transaction
from assistant.errors import BadInputError, NotFoundError
from assistant.rights import Right

_MOST_LISTED: Final = 100


class Drawing(Protocol):
    """The log, from which samples are drawn; `assistant.audit.reading.sample` does it."""

    async def __call__(self, week: Week, population: Population, wanted: int) -> Sample:
        """Draw the sample of a week."""


@dataclass(frozen=True, slots=True)
class SampleRun:
    """A sample that was drawn.

    Attributes:
        wanted: how many events were asked for.
        batch, seed, first_leaf, end_leaf: see `assistant.audit.reading.sample.Sample`.
    """

    id: UUID
    week: str
    population: Population
    wanted: int
    first_leaf: int
    end_leaf: int
    batch: int
    seed: bytes
    drawn_by: UUID
    drawn_at: datetime


@dataclass(frozen=True, slots=True)
class Sampled:
    """An event of a sample.

    Attributes:
        place: in the order in which it was drawn, from 0.
        disposition, judged_by: none as long as nobody judged it.
    """

    place: int
    leaf: int
    event_id: UUID
    turn_id: UUID | None
    subject: UUID | None
    disposition: Disposition | None
    judged_by: UUID | None


class SampleDesk:
    """Draw samples and judge what is in them.

    Args:
        engine: where they are kept.
        draw: draws from the log.
        audit: hears of each draw and each judgement.
        gate: who may.
    """

    def __init__(self, engine: AsyncEngine, draw: Drawing, *, audit: AuditLog, gate: Gate) -> None:
        self._engine = engine
        self._draw = draw
        self._audit = audit
        self._gate = gate

    async def draw(self, person: Person, week: str, population: Population, wanted: int) -> UUID:
        """Draw a sample, keep it, and return its id; one that was drawn before is that one.

        Raises:
            BadInputError: there is no such week, it is not over, or the size is none.
            NotAllowedError: this person is no reviewer.
            UnavailableError: the log cannot be read or written.
        """
        await self._gate.require(person, Right.WORK_AT_DESK)
        sample = await self._draw(Week.parse(week), population, wanted)
        async with transaction(self._engine) as connection:
            sample_id = uuid4()
            row = insert(SampleRow).values(
                id=sample_id,
                week=sample.week,
                population=sample.population.value,
                wanted=wanted,
                first_leaf=sample.first_leaf,
                end_leaf=sample.end_leaf,
                batch=sample.batch,
                seed=sample.seed,
                drawn_by=person.id,
            )
            if await connection.scalar(row.on_conflict_do_nothing().returning(col(SampleRow.id))) is None:
                return await self._drawn_before(week, population, wanted)
            await self._audit.append(_event(person, sample_id, sample, wanted))
            events = [
                {
                    "sample_id": sample_id,
                    "place": place,
                    "leaf": drawn.leaf,
                    "event_id": drawn.event_id,
                    "turn_id": drawn.turn_id,
                    "subject": drawn.subject,
                }
                for place, drawn in enumerate(sample.drawn)
            ]
            if events:
                await connection.execute(insert(SampledRow).values(events))
        return sample_id

    async def list_runs(self, person: Person) -> tuple[SampleRun, ...]:
        """Return the samples that were drawn, the latest first.

        Raises:
            NotAllowedError: this person may not read at the desk.
        """
        await self._gate.require(person, Right.READ_DESK)
        columns = SampleRow.__table__.columns  # type: ignore[attr-defined]  # SQLModel's own
        query = select(*columns).order_by(col(SampleRow.drawn_at).desc(), col(SampleRow.id)).limit(_MOST_LISTED)
        async with reading(self._engine) as connection:
            rows = (await connection.execute(query)).all()
        return tuple([_run(row) for row in rows])

    async def run(self, person: Person, sample_id: UUID) -> tuple[SampleRun, tuple[Sampled, ...]]:
        """Return a sample and its events, without those of the person's own.

        Raises:
            NotAllowedError: this person may not read at the desk.
            NotFoundError: there is none.
        """
        await self._gate.require(person, Right.READ_DESK)
        runs = SampleRow.__table__.columns  # type: ignore[attr-defined]  # SQLModel's own
        events = SampledRow.__table__.columns  # type: ignore[attr-defined]  # SQLModel's own
        async with reading(self._engine) as connection:
            row = (await connection.execute(select(*runs).where(col(SampleRow.id) == sample_id))).one_or_none()
            if row is None:
                raise _missing()
            others = col(SampledRow.subject).is_distinct_from(person.id)
            query = select(*events).where(col(SampledRow.sample_id) == sample_id, others)
            found = (await connection.execute(query.order_by(col(SampledRow.place)))).all()
        return _run(row), tuple([_sampled(event) for event in found])

    async def judge(self, person: Person, sample_id: UUID, place: int, disposition: Disposition) -> None:
        """Say once what an event of a sample is; what is grave becomes a case instead.

        Raises:
            BadInputError: somebody judged it before, or it is grave.
            NotAllowedError: this person is no reviewer.
            NotFoundError: there is none, or it is the person's own.
        """
        await self._gate.require(person, Right.WORK_AT_DESK)
        if disposition.is_grave:
            raise BadInputError("This needs a second person: open a case on the turn.")
        own = (col(SampledRow.sample_id) == sample_id, col(SampledRow.place) == place)
        events = SampledRow.__table__.columns  # type: ignore[attr-defined]  # SQLModel's own
        async with transaction(self._engine) as connection:
            row = (await connection.execute(select(*events).where(*own).with_for_update())).one_or_none()
            if row is None or row.subject == person.id:
                raise _missing()
            if row.disposition is not None:
                raise BadInputError("Somebody judged this before you did. Load the page again.")
            await self._audit.append(
                SampleJudged(
                    actor=person.id,
                    about=row.subject,
                    turn_id=row.turn_id,
                    sample_id=sample_id,
                    place=place,
                    disposition=disposition.value,
                )
            )
            judged = {"disposition": disposition.value, "judged_by": person.id}
            await connection.execute(update(SampledRow).where(*own).values(**judged))

    async def _drawn_before(self, week: str, population: Population, wanted: int) -> UUID:
        same = (
            col(SampleRow.week) == week,
            col(SampleRow.population) == population.value,
            col(SampleRow.wanted) == wanted,
        )
        async with transaction(self._engine) as connection:
            return (await connection.execute(select(col(SampleRow.id)).where(*same))).scalar_one()


def _event(person: Person, sample_id: UUID, sample: Sample, wanted: int) -> ReviewSampled:
    return ReviewSampled(
        actor=person.id,
        sample_id=sample_id,
        week=sample.week,
        population=sample.population.value,
        wanted=wanted,
        drawn=len(sample.drawn),
        batch=sample.batch,
        seed=sample.seed.hex(),
    )


def _missing() -> NotFoundError:
    return NotFoundError("There is no such sample.")


def _run(row: Row[Any]) -> SampleRun:
    return SampleRun(
        id=row.id,
        week=row.week,
        population=Population(row.population),
        wanted=row.wanted,
        first_leaf=row.first_leaf,
        end_leaf=row.end_leaf,
        batch=row.batch,
        seed=bytes(row.seed),
        drawn_by=row.drawn_by,
        drawn_at=row.drawn_at,
    )


def _sampled(row: Row[Any]) -> Sampled:
    return Sampled(
        place=row.place,
        leaf=row.leaf,
        event_id=row.event_id,
        turn_id=row.turn_id,
        subject=row.subject,
        disposition=Disposition(row.disposition) if row.disposition else None,
        judged_by=row.judged_by,
    )
