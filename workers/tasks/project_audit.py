"""Bring what the audit log is searched by, and its tallies, up to what was sealed."""

from __future__ import annotations

from workers.application import Application


async def run(application: Application) -> str:
    """Follow the sealed batches."""
    return f"{await application.project_audit()} projected"
