"""End a background task whose owner goes away."""

from __future__ import annotations

import asyncio
import logging

_log = logging.getLogger(__name__)


async def end_task(task: asyncio.Task[None]) -> None:
    """Cancel a task and wait for its end; whoever cancels the caller meanwhile is heard.

    Awaiting the task itself would not tell the two apart: its own end raises `CancelledError` as well.
    """
    task.cancel()
    await asyncio.wait({task})
    if not task.cancelled() and (error := task.exception()) is not None:
        _log.error("The task %r failed: %s", task.get_name(), type(error).__name__)  # a message may hold a prompt
