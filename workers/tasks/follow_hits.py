"""Bring what the guard held back from the log to the queue of the desk."""

from __future__ import annotations

from workers.application import Application


async def run(application: Application) -> str:
    """Bring what was sealed since."""
    return f"{await application.follow_hits()} found"
