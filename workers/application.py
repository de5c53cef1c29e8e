"""What a worker needs of the product, and the one place where it gets it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Protocol

from assistant.settings import Settings

if TYPE_CHECKING:  # the parent of the pool imports this module, and has no use for the database or the guard
    from assistant.jobs.queue import Jobs
    from assistant.knowledge.knowledge import Knowledge


class Application(Protocol):
    """The use cases that tasks run."""

    @property
    def jobs(self) -> Jobs:
        """Return the queue."""

    @property
    def knowledge(self) -> Knowledge:
        """Return the knowledge base."""

    async def refresh_policy(self) -> None:
        """Put a changed policy in force; the loop rests between two tasks, and nobody looks meanwhile."""

    async def refresh_fleet(self) -> None:
        """Put a changed fleet in force, likewise."""

    async def recover_turns(self) -> int:
        """Mark the answers that a crash left in the making; returns how many."""

    async def note_ended_jobs(self) -> int:
        """Write the ends of jobs to the audit log; returns how many."""

    async def ensure_audit_partitions(self) -> int:
        """Create the audit log's tables of the coming months; returns how many."""

    async def follow_hits(self) -> int:
        """Bring hits from the log to the queue of the desk; returns how many."""

    async def has_waiting_exports(self) -> bool:
        """Tell whether an export waits to be written."""

    async def write_next_export(self) -> bool:
        """Write one export; tells whether there was one."""

    async def sweep_exports(self) -> int:
        """Delete files of exports that are over; returns how many."""

    async def expire_unmasking(self) -> int:
        """Note which unmaskings are over; returns how many."""

    async def draw_second_looks(self) -> int:
        """Draw which decisions of past weeks are read a second time; returns how many."""

    async def project_audit(self) -> int:
        """Bring search and tallies of the audit log up to what was sealed; returns how many events that were."""


OpenApplication = Callable[[Settings], AbstractAsyncContextManager[Application]]


def open_application(settings: Settings) -> AbstractAsyncContextManager[Application]:
    """Open the product for the tasks of one process."""
    from assistant.bootstrap.application import build_application  # noqa: PLC0415 - loaded in the child that uses it, see worker.py

    return build_application(settings, process="worker")
