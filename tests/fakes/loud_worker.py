"""A worker of the product's own making with one task more, which fails with what it was given in its mouth.

python -m tests.fakes.loud_worker REDIS_URL
"""

from __future__ import annotations

import logging
import sys
from contextlib import AbstractAsyncContextManager, nullcontext
from pathlib import Path
from typing import Any
from unittest.mock import patch

from celery import Celery
from pydantic import SecretStr

from assistant import logging_guard
from assistant.settings import Settings
from workers import worker
from workers.process import WorkerProcess

TASK = "loud"


def register_with_loud_task(app: Celery, process: WorkerProcess, register: Any = worker.register_tasks) -> None:
    register(app, process)

    def fail(secret: str) -> str:
        logging.getLogger("a.library").warning("asked with %s", secret, extra={"prompt": secret})
        print(f"printed {secret}")
        try:
            {}[secret]
        except KeyError as error:
            raise ValueError(f"it failed with {secret}") from error

    app.task(fail, name=TASK, shared=False)


def open_nothing(_: Settings) -> AbstractAsyncContextManager[Any]:
    return nullcontext()


if __name__ == "__main__":
    logging_guard.install_in_service("INFO")
    logging_guard.guard_line.load()
    settings = Settings(redis_url=SecretStr(sys.argv[1]), data_dir=Path(sys.argv[2]))
    with patch.object(worker, "register_tasks", register_with_loud_task):
        sys.exit(worker.run_worker(settings, open_nothing))
