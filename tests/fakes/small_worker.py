"""A worker process whose guard waits for a file to go away: `python -m tests.fakes.small_worker FOLDER`.

FOLDER holds `worker.json` with the addresses; while it holds `hold`, the guard does not come back from a text with the
planted secret. Everything else is the product's own: Celery, Redis, Postgres, leases, the knowledge base.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import SecretStr

from assistant.database import create_engine
from assistant.jobs.broker import CeleryBroker
from assistant.jobs.declared import DECLARED
from assistant.jobs.queue import Jobs
from assistant.keys import Keys
from assistant.knowledge.document import GuardedText
from assistant.knowledge.knowledge import Knowledge
from assistant.settings import Settings
from workers.worker import run_worker

LEASE_SECONDS = 3.0
SECRET = "AKIAQWERTYUIOPASDFGH"


@dataclass
class SmallApplication:
    jobs: Jobs
    knowledge: Knowledge

    async def refresh_policy(self) -> None:
        """There is no policy here."""

    async def refresh_fleet(self) -> None:
        """There is no fleet here."""

    async def recover_turns(self) -> int:
        return 0

    async def note_ended_jobs(self) -> int:
        return 0

    async def follow_hits(self) -> int:
        return 0

    async def has_waiting_exports(self) -> bool:
        return False

    async def write_next_export(self) -> bool:
        return False

    async def sweep_exports(self) -> int:
        return 0

    async def draw_second_looks(self) -> int:
        return 0

    async def expire_unmasking(self) -> int:
        return 0

    async def ensure_audit_partitions(self) -> int:
        raise RuntimeError("a chore that always fails, to see that nothing else does")


def main(folder: Path) -> int:
    addresses = json.loads((folder / "worker.json").read_text())
    settings = Settings(
        redis_url=SecretStr(addresses["redis"]), database_url=SecretStr(addresses["database"]), data_dir=folder
    )
    logging.basicConfig(level="INFO")

    def guard(text: str) -> GuardedText:
        while SECRET in text and (folder / "hold").exists():
            time.sleep(0.02)
        return GuardedText(text.replace(SECRET, "[AWS_ACCESS_KEY_1]"))

    @asynccontextmanager
    async def open_small(_: Settings) -> AsyncGenerator[SmallApplication]:
        engine, broker = create_engine(SecretStr(addresses["database"])), CeleryBroker(SecretStr(addresses["redis"]))
        declared = tuple(replace(job, lease_seconds=LEASE_SECONDS) for job in DECLARED)
        try:
            yield SmallApplication(
                Jobs(engine, broker, declared=declared), Knowledge(engine, Keys(bytes(range(32))), guard)
            )
        finally:
            broker.close()
            await engine.dispose()

    return run_worker(settings, open_small)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
