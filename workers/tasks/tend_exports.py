"""Have exports written that wait, and delete the files of those that are over."""

from __future__ import annotations

from assistant.jobs.declared import WRITE_EXPORTS
from workers.application import Application


async def run(application: Application) -> str:
    """Enqueue the job if something waits; sweep."""
    if await application.has_waiting_exports():
        await application.jobs.enqueue(WRITE_EXPORTS, person=None)
    return f"{await application.sweep_exports()} swept"
