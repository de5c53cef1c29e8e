"""The two processes that work behind the page, and how a command line chooses between them."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from assistant import logging_guard
from assistant.audit.writing.refusals import report_refusals
from assistant.database_roles import as_own_roles
from assistant.egress import allow_site
from assistant.errors import CloisterError
from assistant.settings import read_settings


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one of the processes until it is told to stop; returns the exit status."""
    logging_guard.install()
    parser = argparse.ArgumentParser(prog="python -m workers", description="Run a process that works behind the page.")
    parser.add_argument("process", choices=("worker", "scheduler"), help="worker: does jobs; scheduler: sends chores")
    parser.add_argument("--processes", type=int, default=1, metavar="N", help="tasks that a worker runs at once")
    chosen = parser.parse_args(arguments)
    try:
        settings = read_settings()
        if chosen.process == "worker":
            settings = as_own_roles(settings)
        allow_site(settings)
        report_refusals(settings, chosen.process)
        logging_guard.install_in_service(settings.log_level)
        # Each imports what it needs and no more: the scheduler knows neither tables nor guard.
        if chosen.process == "scheduler":
            from workers.scheduler import run_scheduler  # noqa: PLC0415 - see above

            return run_scheduler(settings)
        from workers.application import open_application  # noqa: PLC0415 - see above
        from workers.worker import run_worker  # noqa: PLC0415 - see above

        # Before the pool forks: its children share it, and no first line of the parent holds up the end of a task.
        logging_guard.guard_line.load()
        return run_worker(settings, open_application, processes=chosen.processes)
    except CloisterError as error:
        sys.stderr.write(f"{error}\n")
        return 1
