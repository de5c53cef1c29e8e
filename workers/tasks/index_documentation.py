"""Read the product's own documentation, from which questions about it are answered."""

from __future__ import annotations

import asyncio
from uuid import UUID

from assistant.jobs.lease import Lease
from assistant.jobs.perform import perform
from assistant.knowledge.product_docs import read_documentation
from workers.application import Application


async def run(application: Application, job_id: UUID) -> str:
    """Index the files that are new or changed."""

    async def work(lease: Lease) -> str:
        files = await asyncio.to_thread(read_documentation)
        changed = await application.knowledge.index_documentation(files, lease.progress)
        return f"{changed} of {len(files)} files were new or changed."

    return await perform(application.jobs, job_id, work)
