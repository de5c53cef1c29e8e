"""When the chores come. Each may come twice, late, or from two schedulers: it finds out what is to be done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Chore:
    """A task without a row.

    Attributes:
        task: its name in `workers.tasks.CHORES`.
        every_seconds: the pause between two; at most an hour, because the scheduler keeps nothing on disk and a start
            begins the pause anew.
        is_due_at_start: it comes also whenever a worker starts.
    """

    task: str
    every_seconds: float
    is_due_at_start: bool = False


SCHEDULE: Final = (
    Chore("reap_jobs", every_seconds=5),
    Chore("note_ended_jobs", every_seconds=5),
    Chore("follow_hits", every_seconds=5, is_due_at_start=True),
    Chore("draw_second_looks", every_seconds=600, is_due_at_start=True),
    Chore("expire_unmasking", every_seconds=60),
    Chore("tend_exports", every_seconds=5),
    Chore("project_audit", every_seconds=5),
    Chore("close_stale_turns", every_seconds=10, is_due_at_start=True),
    Chore("sweep_uploads", every_seconds=60, is_due_at_start=True),
    Chore("refresh_documentation", every_seconds=3600, is_due_at_start=True),
    Chore("ensure_audit_partitions", every_seconds=3600, is_due_at_start=True),
    Chore("forget_old_jobs", every_seconds=3600),
)
