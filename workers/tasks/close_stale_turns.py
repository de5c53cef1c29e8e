"""Mark the answers that a crash left in the making."""

from __future__ import annotations

from workers.application import Application


async def run(application: Application) -> str:
    """Recover them."""
    return f"{await application.recover_turns()} closed"
