"""Delete the uploads that nobody read within their hour, and at once those that nobody is going to read."""

from __future__ import annotations

from assistant.jobs.declared import INDEX_UPLOAD
from assistant.knowledge.knowledge import UPLOAD_LIFETIME
from workers.application import Application


async def run(application: Application) -> str:
    """Sweep them."""
    abandoned = await application.jobs.abandoned(INDEX_UPLOAD, "upload", within=UPLOAD_LIFETIME)
    return f"{await application.knowledge.sweep_uploads(abandoned)} swept"
