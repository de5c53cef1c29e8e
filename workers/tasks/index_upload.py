"""Guard a document that a person added, and make it findable."""

from __future__ import annotations

from uuid import UUID

from assistant.jobs.lease import Lease
from assistant.jobs.perform import perform
from workers.application import Application


async def run(application: Application, job_id: UUID) -> str:
    """Index the upload that the job names."""

    async def work(lease: Lease) -> str:
        document = await application.knowledge.index_upload(lease.job.payload["upload"], lease.progress)
        return f"Added: {document.chars} characters can be asked about."

    return await perform(application.jobs, job_id, work)
