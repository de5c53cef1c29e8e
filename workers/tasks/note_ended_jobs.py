"""Write the ends of jobs to the audit log, whoever ended them."""

from __future__ import annotations

from workers.application import Application


async def run(application: Application) -> str:
    """Note them."""
    return f"{await application.note_ended_jobs()} noted"
