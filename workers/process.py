"""One worker process: its event loop, its application, and the edge where a task's failure ends."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from uuid import UUID

from assistant.errors import where
from assistant.settings import Settings
from workers.application import Application, OpenApplication

_log = logging.getLogger(__name__)


class WorkerProcess:
    """Run async use cases from Celery's synchronous tasks, all on one loop, so that connections can be kept.

    Built before the pool forks, and opened by the first task of each child: no loop or connection crosses a fork.
    """

    def __init__(self, settings: Settings, open_application: OpenApplication) -> None:
        self._settings = settings
        self._open_application = open_application
        self._runner: asyncio.Runner | None = None
        self._opened = AsyncExitStack()
        self._application: Application | None = None

    def run_job(self, name: str, job_id: str) -> str:
        """Do a declared job; returns a receipt for the log."""
        from workers.tasks import JOBS  # noqa: PLC0415 - loaded in the child, see worker.py

        receipt = self._run(name, lambda application: JOBS[name](application, UUID(job_id)))
        _log.info("job %s %s: %s", name, job_id, receipt)
        return receipt

    def run_chore(self, name: str) -> str:
        """Do a chore; returns a receipt for the log."""
        from workers.tasks import CHORES  # noqa: PLC0415 - loaded in the child, see worker.py

        return self._run(name, CHORES[name])

    def close(self) -> None:
        """Close the application and the loop, if this process opened them."""
        if self._runner is not None:
            self._runner.run(self._opened.aclose())
            self._runner.close()
            self._runner = self._application = None

    def _run(self, name: str, use_case: Callable[[Application], Awaitable[str]]) -> str:
        """Run a use case to its receipt: a word, never a text.

        A failure is logged without its message, which may quote what a person wrote, and ends here: a job is brought
        back by its row, and a chore comes again by itself.
        """
        if self._runner is None:
            self._runner = asyncio.Runner()
        try:
            return self._runner.run(self._perform(use_case))
        except Exception as error:  # noqa: BLE001 - a task is a door
            _log.error("task %s failed: %s", name, where(error))
            return "failed"

    async def _perform(self, use_case: Callable[[Application], Awaitable[str]]) -> str:
        if self._application is None:  # also after a failure to open it: the next task tries again
            opening = self._open_application(self._settings)
            self._application = await self._opened.enter_async_context(opening)
        await self._application.refresh_policy()
        await self._application.refresh_fleet()
        return await use_case(self._application)
