"""One run of a declared job, as everybody but its worker sees it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID


class JobState(StrEnum):
    """How far a job got. The first two are open: it still runs, or will."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_open(self) -> bool:
        """Tell whether the job may still do something."""
        return self in OPEN_STATES


OPEN_STATES = (JobState.QUEUED, JobState.RUNNING)


@dataclass(frozen=True, slots=True)
class Job:
    """A row of the job table.

    Attributes:
        person_id: who asked for it; None for the product's own.
        payload: ids of what it works on. Never text: the database refuses anything that is not a UUID.
        percent: progress, 0 to 100.
        detail: the present step or the reason of the end, in words for a person.
        attempts: how often a worker took it.
        reference: the short id that the page and the log share.
    """

    id: UUID
    task: str
    label: str
    person_id: UUID | None
    payload: Mapping[str, UUID]
    state: JobState
    percent: int
    detail: str
    attempts: int
    reference: str
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
