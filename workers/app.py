"""The Celery application: how messages travel and how a worker treats them. It holds no task and no schedule."""

from __future__ import annotations

import logging
from typing import Final

from celery import Celery
from kombu.entity import Exchange, Queue

from assistant.errors import SettingsError
from assistant.jobs.broker import QUEUE, configure
from assistant.settings import Settings

_MEMORY_KILOBYTES: Final = 600 << 10  # a child that grew beyond it on a large file makes room after its task
_CHATTY: Final = ("celery.beat", "celery.worker.strategy", "celery.app.trace")  # three lines for every chore


def build_app(settings: Settings) -> Celery:
    """Return the application for these settings.

    Raises:
        SettingsError: no Redis is named.
    """
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)
    if settings.redis_url is None:
        raise SettingsError("Workers need CLOISTER_REDIS_URL; `cloister up` sets it for the ones it starts.")
    app = Celery("cloister", set_as_current=True, fixups=[])
    configure(app, settings.redis_url)
    app.conf.update(
        # The lease is what brings a lost job back, in seconds, so no message is acknowledged: late, that starts a job
        # twice which takes longer than Redis's visibility timeout; early, one that fails because Redis went away at
        # that moment counts as outstanding for ever, and with a prefetch of one the worker never reads again.
        task_queues=[Queue(QUEUE, Exchange(QUEUE), routing_key=QUEUE, no_ack=True)],
        worker_disable_prefetch=True,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        worker_cancel_long_running_tasks_on_connection_loss=False,
        worker_max_memory_per_child=_MEMORY_KILOBYTES,
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
        # Nobody asks workers questions through Redis; without that they write less into it.
        worker_enable_remote_control=False,
        worker_send_task_events=False,
        beat_max_loop_interval=5,
    )
    return app
