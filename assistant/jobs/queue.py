"""The queue: rows in Postgres that say what is to be done, and messages that wake somebody to do it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, RowMapping, and_, case, delete, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlalchemy.sql.dml import ReturningUpdate
from sqlmodel import col

from assistant.conversation import Person, short_reference
from assistant.database import reading, transaction
from assistant.errors import BadInputError, NotFoundError, UnavailableError
from assistant.jobs.broker import Broker
from assistant.jobs.declared import DECLARED, DeclaredJob
from assistant.jobs.job import OPEN_STATES, Job, JobState
from assistant.jobs.lease import Lease
from assistant.jobs.tables import JobRow

_log = logging.getLogger(__name__)

MAX_OPEN_PER_PERSON: Final = 50  # nobody fills the queue alone
_KICK_AFTER: Final = timedelta(seconds=10)  # a message that nobody answered for so long is sent again …
_KICK_AT_LEAST_EVERY: Final = timedelta(seconds=60)  # … then after twice the time, but at least so often
_REAPED_AT_ONCE: Final = 500
_NOTED_AT_ONCE: Final = 100
_WATCH_SECONDS: Final = 0.5  # a person does not see faster, and one primary-key look-up costs 0.2 ms

_COLUMNS: Final = (
    col(JobRow.id),
    col(JobRow.task),
    col(JobRow.person_id),
    col(JobRow.payload),
    col(JobRow.state),
    col(JobRow.percent),
    col(JobRow.detail),
    col(JobRow.attempts),
    col(JobRow.reference),
    col(JobRow.created_at),
    col(JobRow.started_at),
    col(JobRow.finished_at),
)
_IS_OPEN: Final = col(JobRow.state).in_(OPEN_STATES)
_IS_LOST: Final = and_(col(JobRow.state) == JobState.RUNNING, col(JobRow.lease_until) < func.now())
_IS_FREE: Final = or_(col(JobRow.lease_until).is_(None), col(JobRow.lease_until) < func.now())
_IS_WAITING: Final = and_(col(JobRow.state) == JobState.QUEUED, _IS_FREE)


class Jobs:
    """Ask for jobs, watch them, cancel them, take them, and bring back those that got lost.

    Args:
        declared: the jobs there are; another list only in tests.
        kick_after: how long a message may stay unanswered before it is sent again.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        broker: Broker,
        *,
        declared: Sequence[DeclaredJob] = DECLARED,
        kick_after: timedelta = _KICK_AFTER,
    ) -> None:
        self._engine = engine
        self._broker = broker
        self._declared = {job.name: job for job in declared}
        self._kick_after = kick_after

    async def enqueue(
        self, wanted: DeclaredJob, *, person: Person | None, payload: Mapping[str, UUID] | None = None
    ) -> Job:
        """Store a job, then wake a worker; if Redis is down the reaper wakes one later.

        The product's own jobs (`person` None) exist once: while one of a kind is open, that one is returned.

        Raises:
            BadInputError: this person has too many open jobs.
        """
        job_id = uuid4()
        row = insert(JobRow).values(
            id=job_id,
            task=self._declared[wanted.name].name,
            person_id=person.id if person else None,
            payload={name: str(value) for name, value in (payload or {}).items()},
            state=JobState.QUEUED,
            detail="Waiting for a worker.",
            reference=short_reference(job_id),
            kicked_at=func.now(),
        )
        async with transaction(self._engine) as connection:
            if person:
                await _refuse_flood(connection, person)
            stored = (await connection.execute(row.on_conflict_do_nothing().returning(*_COLUMNS))).mappings().first()
            if stored is None:
                return await self._open_job_of_the_product(connection, wanted)
        await self._wake(wanted.name, job_id)
        return self._job(stored)

    async def refuse_flood(self, person: Person) -> None:
        """Refuse what `enqueue` would refuse, before anything is made ready for it.

        Raises:
            BadInputError: this person has too many open jobs.
        """
        async with transaction(self._engine) as connection:
            await _refuse_flood(connection, person)

    async def job(self, person: Person, job_id: UUID) -> Job:
        """Return one of this person's jobs.

        Raises:
            NotFoundError: there is none with this id, or it is somebody else's.
        """
        async with reading(self._engine) as connection:
            row = (await connection.execute(select(*_COLUMNS).where(*_owned(person, job_id)))).mappings().first()
        if row is None:
            raise _not_found(job_id)
        return self._job(row)

    async def watch(self, person: Person, job_id: UUID) -> AsyncGenerator[Job, None]:
        """Yield a job now, whenever it changed, and a last time when it ended.

        The row is polled. Redis could push, but a message is lost when nobody listens, and each web process would
        need a subscriber of its own; the row is right after a restart, on any replica, and with Redis down.

        Raises:
            NotFoundError: there is none with this id, or it is somebody else's.
        """
        shown: Job | None = None
        while shown is None or shown.state.is_open:
            if shown is not None:
                await asyncio.sleep(_WATCH_SECONDS)
            now = await self.job(person, job_id)
            if now != shown:
                yield now
            shown = now

    async def cancel(self, person: Person, job_id: UUID) -> Job:
        """Stop a job; its worker notices at the next heartbeat. A job that already ended stays as it is.

        What the job would have worked on goes with the next sweep; see `abandoned`.

        Raises:
            NotFoundError: there is none with this id, or it is somebody else's.
        """
        statement = (
            update(JobRow)
            .where(*_owned(person, job_id), _IS_OPEN)
            .values(state=JobState.CANCELLED, detail="Cancelled.", token=None, lease_until=None, finished_at=func.now())
        )
        async with transaction(self._engine) as connection:
            await connection.execute(statement)
        return await self.job(person, job_id)

    async def abandoned(self, task: DeclaredJob, name: str, *, within: timedelta) -> list[UUID]:
        """Return what jobs were to work on that were cancelled or failed: nobody reads it any more.

        Args:
            task: the kind of job.
            name: the id in its payload.
            within: how long ago they ended at most.
        """
        payload_id = col(JobRow.payload)[name].as_string()
        statement = select(payload_id).where(
            col(JobRow.task) == task.name,
            col(JobRow.state).in_((JobState.CANCELLED, JobState.FAILED)),
            col(JobRow.finished_at) > func.now() - within,
            payload_id.is_not(None),
        )
        async with transaction(self._engine) as connection:
            return [UUID(value) for value in (await connection.execute(statement)).scalars()]

    async def take(self, job_id: UUID) -> Lease | None:
        """Take the lease of a job; None if it is held, ended, unknown or not due: a message too many does nothing."""
        token = uuid4()
        statement = (
            update(JobRow)
            .where(
                col(JobRow.id) == job_id,
                col(JobRow.task).in_(self._declared),
                _IS_OPEN,
                _IS_FREE,
                col(JobRow.attempts) < self._per_task(lambda declared: declared.max_attempts),
            )
            .values(
                state=JobState.RUNNING,
                token=token,
                attempts=col(JobRow.attempts) + 1,
                lease_until=func.now() + self._per_task(lambda declared: timedelta(seconds=declared.lease_seconds)),
                started_at=func.coalesce(col(JobRow.started_at), func.now()),
                percent=0,
                detail="Started.",
            )
            .returning(*_COLUMNS)
        )
        async with transaction(self._engine) as connection:
            row = (await connection.execute(statement)).mappings().first()
        if row is None:
            return None
        job = self._job(row)
        return Lease(self._engine, job, token, self._declared[job.task].lease_seconds)

    def may_try_again(self, job: Job) -> bool:
        """Tell whether a job that just failed has an attempt left."""
        return job.attempts < self._declared[job.task].max_attempts

    async def reap(self) -> int:
        """Bring back lost jobs: wake a worker for each, and give up those without an attempt left.

        Several reapers may run at once; each row is kicked by one of them. Returns how many were kicked.
        """
        async with transaction(self._engine) as connection:
            await connection.execute(self._give_up())
            kicked = (await connection.execute(self._kick())).all()
        for task, job_id in kicked:
            if not await self._wake(task, job_id):
                break
        return len(kicked)

    async def ended_unnoted(self) -> list[Job]:
        """Return jobs that ended and whose end is not yet in the audit log, the earliest first, at most 100."""
        statement = (
            select(*_COLUMNS)
            .where(col(JobRow.finished_at).is_not(None), col(JobRow.noted_at).is_(None))
            .order_by(col(JobRow.finished_at))
            .limit(_NOTED_AT_ONCE)
        )
        async with transaction(self._engine) as connection:
            return [self._job(row) for row in (await connection.execute(statement)).mappings()]

    async def confirm_noted(self, job_id: UUID) -> None:
        """Note that the end of this job is in the audit log."""
        statement = update(JobRow).where(col(JobRow.id) == job_id).values(noted_at=func.now())
        async with transaction(self._engine) as connection:
            await connection.execute(statement)

    async def forget_finished(self, *, older_than: timedelta) -> int:
        """Delete the rows of jobs that ended long ago and whose end is in the audit log; returns how many."""
        statement = (
            delete(JobRow)
            .where(col(JobRow.finished_at) < func.now() - older_than, col(JobRow.noted_at).is_not(None))
            .returning(col(JobRow.id))
        )
        async with transaction(self._engine) as connection:
            return len((await connection.execute(statement)).all())

    def _give_up(self) -> ReturningUpdate[UUID]:
        """End the lost jobs that have no attempt left."""
        return (
            update(JobRow)
            .where(_IS_LOST, col(JobRow.attempts) >= self._per_task(lambda declared: declared.max_attempts))
            .values(
                state=JobState.FAILED,
                detail="Given up: its worker stopped without a word each time. Ask your administrator.",
                token=None,
                lease_until=None,
                finished_at=func.now(),
            )
            .returning(col(JobRow.id))
        )

    def _kick(self) -> ReturningUpdate[str, UUID]:
        """Choose the jobs that nobody works on though somebody could, and note that they are told again now."""
        age_at_kick = col(JobRow.kicked_at) - col(JobRow.created_at)
        pause = func.greatest(self._kick_after, func.least(_KICK_AT_LEAST_EVERY, age_at_kick))
        has_become_due_since = and_(
            col(JobRow.lease_until).is_not(None), col(JobRow.kicked_at) <= col(JobRow.lease_until)
        )
        due = (
            select(col(JobRow.id))
            .where(
                or_(_IS_LOST, _IS_WAITING),
                or_(has_become_due_since, col(JobRow.kicked_at) < func.now() - pause),
            )
            .order_by(col(JobRow.created_at))
            .limit(_REAPED_AT_ONCE)
            .with_for_update(skip_locked=True)
        )
        return (
            update(JobRow)
            .where(col(JobRow.id).in_(due.scalar_subquery()))
            .values(kicked_at=func.now())
            .returning(col(JobRow.task), col(JobRow.id))
        )

    async def _wake(self, task: str, job_id: UUID) -> bool:
        try:
            await self._broker.send(task, job_id)
        except UnavailableError as error:
            _log.warning("job %s stays in the queue: %s", short_reference(job_id), error)
            return False
        return True

    async def _open_job_of_the_product(self, connection: AsyncConnection, wanted: DeclaredJob) -> Job:
        statement = (
            select(*_COLUMNS)
            .where(col(JobRow.task) == wanted.name, col(JobRow.person_id).is_(None))
            .order_by(_IS_OPEN.desc(), col(JobRow.created_at).desc())
            .limit(1)
        )
        return self._job((await connection.execute(statement)).mappings().one())

    def _per_task(self, value: Callable[[DeclaredJob], object]) -> ColumnElement[Any]:
        return case({name: value(job) for name, job in self._declared.items()}, value=col(JobRow.task))

    def _job(self, row: RowMapping) -> Job:
        fields = dict(row)
        declared = self._declared.get(fields["task"])
        fields["state"] = JobState(fields["state"])
        fields["payload"] = {name: UUID(value) for name, value in fields["payload"].items()}
        return Job(label=declared.label if declared else fields["task"], **fields)


async def _refuse_flood(connection: AsyncConnection, person: Person) -> None:
    statement = select(func.count()).where(col(JobRow.person_id) == person.id, _IS_OPEN)
    if (await connection.execute(statement)).scalar_one() >= MAX_OPEN_PER_PERSON:
        raise BadInputError(f"{MAX_OPEN_PER_PERSON} of your jobs are still open. Try again when some are done.")


def _owned(person: Person, job_id: UUID) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return col(JobRow.id) == job_id, col(JobRow.person_id) == person.id


def _not_found(job_id: UUID) -> NotFoundError:
    return NotFoundError(f"There is no job {short_reference(job_id)!r} of yours.")
