from __future__ import annotations

from celery import Celery
from pydantic import SecretStr

from assistant.jobs.declared import DECLARED
from assistant.settings import Settings
from workers.app import build_app
from workers.process import WorkerProcess
from workers.schedule import SCHEDULE
from workers.tasks import CHORES, JOBS
from workers.worker import register_tasks

HOUR = 3600


def small_app() -> Celery:
    settings = Settings(redis_url=SecretStr("unix:///run/none.sock"))
    app = build_app(settings)
    register_tasks(app, WorkerProcess(settings, open_application=lambda _: None))
    return app


def test_each_declared_job_has_a_task_and_each_task_a_declaration() -> None:
    assert set(JOBS) == {job.name for job in DECLARED}


def test_each_chore_of_the_schedule_has_a_task_and_each_chore_a_place_in_it() -> None:
    assert set(CHORES) == {chore.task for chore in SCHEDULE}


def test_the_worker_knows_every_name_that_may_be_sent_and_no_other() -> None:
    ours = {name for name in small_app().tasks if not name.startswith("celery.")}
    assert ours == set(JOBS) | set(CHORES)


def test_every_task_can_be_killed_at_a_limit() -> None:
    app = small_app()
    assert all(app.tasks[name].time_limit > 0 for name in (*JOBS, *CHORES))


def test_no_chore_is_rarer_than_an_hour_because_the_schedule_lives_in_memory() -> None:
    assert all(0 < chore.every_seconds <= HOUR for chore in SCHEDULE)


def test_a_job_is_lost_later_than_two_reaps_and_long_before_its_limit() -> None:
    (reap,) = [chore for chore in SCHEDULE if chore.task == "reap_jobs"]
    assert all(2 * reap.every_seconds < job.lease_seconds < job.limit_seconds for job in DECLARED)
