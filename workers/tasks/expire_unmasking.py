"""Note in the audit log which unmaskings are over; they are shut by the clock, whenever this comes."""

from __future__ import annotations

from workers.application import Application


async def run(application: Application) -> str:
    """Note them."""
    return f"{await application.expire_unmasking()} over"
