"""Delete the uploads that nobody read within their hour."""

from __future__ import annotations

from workers.application import Application


async def run(application: Application) -> str:
    """Sweep them."""
    return f"{await application.knowledge.sweep_uploads()} swept"
