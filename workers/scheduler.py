"""The scheduler process: Celery's beat, sending chores by name. It imports no task, no table and no guard."""

from __future__ import annotations

from collections.abc import Sequence

from assistant.settings import Settings
from workers.app import build_app
from workers.schedule import SCHEDULE, Chore


def run_scheduler(settings: Settings, *, schedule: Sequence[Chore] = SCHEDULE) -> int:
    """Send chores until SIGTERM or SIGINT; returns the exit status.

    The schedule is kept in memory: Celery's file of last runs breaks on a full disk and after kill -9, and no chore
    here is rarer than an hour.
    """
    app = build_app(settings)
    app.conf.beat_schedule = {
        chore.task: {
            "task": chore.task,
            "schedule": chore.every_seconds,
            # While every worker is busy, chores must not pile up: the next one makes up for it.
            "options": {"expires": max(chore.every_seconds, 5)},
        }
        for chore in schedule
    }
    app.Beat(scheduler_cls="celery.beat:Scheduler", quiet=True, loglevel=settings.log_level).run()
    return 0
