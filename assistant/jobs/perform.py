"""Do one job from its message to its end: take it, work under the lease, say how it went."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Final
from uuid import UUID

from assistant.errors import BadInputError, NotAllowedError, NotFoundError, where
from assistant.jobs.lease import Lease, LeaseLostError
from assistant.jobs.queue import Jobs

_log = logging.getLogger(__name__)

Work = Callable[[Lease], Awaitable[str]]

_FINAL: Final = (BadInputError, NotAllowedError, NotFoundError)  # trying again cannot help
_FIRST_PAUSE_SECONDS: Final = 2.0


async def perform(jobs: Jobs, job_id: UUID, work: Work) -> str:
    """Do a job if it can be taken, and return what became of it in one word, for the log.

    `work` returns closing words for the person. It must be idempotent: after a crash it runs again from its start,
    perhaps beside a worker that was thought dead.
    """
    lease = await jobs.take(job_id)
    if lease is None:
        return "skipped"
    try:
        words = await lease.run(work)
    except LeaseLostError:
        return "lost"
    except _FINAL as error:
        _log.warning("job %s (%s) was refused: %s", lease.job.reference, lease.job.task, type(error).__name__)
        return "failed" if await lease.fail(str(error)) else "lost"
    except Exception as error:  # noqa: BLE001 - a task is a door: whatever happened, the person is told
        return await _after_a_defect(jobs, lease, error)
    return "done" if await lease.finish(words) else "lost"


async def _after_a_defect(jobs: Jobs, lease: Lease, error: Exception) -> str:
    """Log where it happened, never the message (it may quote a document), and try again if attempts are left."""
    reference = lease.job.reference
    _log.error("job %s (%s) failed: %s", reference, lease.job.task, where(error))
    if jobs.may_try_again(lease.job):
        pause = _FIRST_PAUSE_SECONDS * 2**lease.job.attempts
        is_ours = await lease.give_back("It did not work; it will be tried again.", wait_seconds=pause)
        return "again" if is_ours else "lost"
    is_ours = await lease.fail(f"It failed {lease.job.attempts} times. Tell your administrator: reference {reference}.")
    return "failed" if is_ours else "lost"
