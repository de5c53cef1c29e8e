"""Create the audit log's tables of the coming months."""

from __future__ import annotations

from workers.application import Application


async def run(application: Application) -> str:
    """Create what is missing."""
    return f"{await application.ensure_audit_partitions()} created"
