"""Delete the rows of jobs that ended long ago."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from workers.application import Application

_KEPT: Final = timedelta(days=30)


async def run(application: Application) -> str:
    """Forget them."""
    return f"{await application.jobs.forget_finished(older_than=_KEPT)} forgotten"
