"""Ask for the product's documentation to be read; the job finds out whether anything changed."""

from __future__ import annotations

from assistant.jobs.declared import INDEX_DOCUMENTATION
from workers.application import Application


async def run(application: Application) -> str:
    """Enqueue the job, unless one is open."""
    return (await application.jobs.enqueue(INDEX_DOCUMENTATION, person=None)).reference
