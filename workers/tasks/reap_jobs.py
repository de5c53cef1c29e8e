"""Bring back jobs whose worker went silent or whose message got lost."""

from __future__ import annotations

from workers.application import Application


async def run(application: Application) -> str:
    """Wake a worker for each."""
    return f"{await application.jobs.reap()} kicked"
