"""Write the exports that people asked for, one after the other."""

from __future__ import annotations

from uuid import UUID

from assistant.jobs.lease import Lease
from assistant.jobs.perform import perform
from workers.application import Application


async def run(application: Application, job_id: UUID) -> str:
    """Write what waits."""

    async def work(_: Lease) -> str:
        written = 0
        while await application.write_next_export():
            written += 1
        return f"{written} exports were written."

    return await perform(application.jobs, job_id, work)
