"""The worker process: Celery's prefork pool around our tasks.

Its parent only reads messages and watches its children. It imports no task: with one child (the default) whatever both
had loaded would lie in memory twice as soon as somebody counts references in it. With several children, what all of
them need is loaded before they fork.
"""

from __future__ import annotations

import gc
import warnings
from collections.abc import Callable
from typing import Final

from celery import Celery, signals
from celery.exceptions import SecurityWarning

from assistant.jobs.declared import DECLARED
from assistant.settings import Settings
from workers.app import build_app
from workers.application import OpenApplication
from workers.process import WorkerProcess
from workers.schedule import SCHEDULE

_CHORE_LIMIT_SECONDS: Final = 60


def run_worker(settings: Settings, open_application: OpenApplication, *, processes: int = 1) -> int:
    """Work until SIGTERM, which lets the present task end; returns the exit status.

    Args:
        settings: name Redis and everything that the application needs.
        open_application: builds the application, once in each process of the pool.
        processes: how many tasks run at once. Prefork, not threads: only a process can be killed at its time limit.
    """
    app = build_app(settings)
    process = WorkerProcess(settings, open_application)
    register_tasks(app, process)

    def close(**_: object) -> None:
        process.close()

    def send_what_is_due_at_start(**_: object) -> None:
        for chore in SCHEDULE:
            if chore.is_due_at_start:
                app.send_task(chore.task, expires=chore.every_seconds)

    def leave_logging_alone(**_: object) -> None:
        """Be connected: Celery then sets up no logging of its own."""

    signals.worker_process_shutdown.connect(close, weak=False)
    signals.worker_ready.connect(send_what_is_due_at_start, weak=False)
    signals.setup_logging.connect(leave_logging_alone, weak=False)
    if processes > 1:
        import workers.tasks  # noqa: F401, PLC0415 - loaded once and shared, see the module's docstring
    # Celery warns whoever is root, for the sake of pickle, which these workers do not read.
    warnings.filterwarnings("ignore", category=SecurityWarning)
    gc.freeze()  # the collector does not write into what the children share
    worker = app.Worker(
        pool="prefork",
        concurrency=processes,
        loglevel=settings.log_level,
        quiet=True,
        without_gossip=True,
        without_mingle=True,
        without_heartbeat=True,
    )
    worker.start()
    return int(worker.exitcode or 0)


def register_tasks(app: Celery, process: WorkerProcess) -> None:
    """Give the application a task for each declared job and each chore."""
    for job in DECLARED:
        app.task(_job_task(process, job.name), name=job.name, time_limit=job.limit_seconds, shared=False)
    for chore in SCHEDULE:
        app.task(_chore_task(process, chore.task), name=chore.task, time_limit=_CHORE_LIMIT_SECONDS, shared=False)


def _job_task(process: WorkerProcess, name: str) -> Callable[[str], str]:
    def task(job_id: str) -> str:
        return process.run_job(name, job_id)

    return task


def _chore_task(process: WorkerProcess, name: str) -> Callable[[], str]:
    def task() -> str:
        return process.run_chore(name)

    return task
