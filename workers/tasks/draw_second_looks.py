"""Draw which decided hits of past weeks somebody reads a second time."""

from __future__ import annotations

from workers.application import Application


async def run(application: Application) -> str:
    """Draw from each week that is over and was not drawn from."""
    return f"{await application.draw_second_looks()} drawn"
