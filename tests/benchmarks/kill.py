"""kill -9 of the sealer at random moments, under load; of all of Postgres too, and while keys change.

    python tests/benchmarks/kill.py [ROUNDS]

No acknowledged event may be lost or doubled, and the log must be sound after every kill. Exit status 1 when it is not.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final
from uuid import UUID, uuid4

import psutil
import psycopg
from pydantic import SecretStr

from assistant.audit.append import Appender
from assistant.audit.events import JobEnqueued
from assistant.audit.findings import Findings, Verdict
from assistant.audit.record import Origin
from assistant.audit.seal_key import SealKeyFile, read_public_key, rotate
from assistant.audit.verify import Verifier
from assistant.database import libpq_dsn
from assistant.database_roles import AUDIT_READER_ROLE, AUDIT_SEALER_ROLE, AUDIT_WRITER_ROLE, url_for_role
from assistant.embedded.postgres import EmbeddedPostgres
from assistant.keys import Keys
from assistant.migrations import migrate

ROOT: Final = Path(__file__).parents[2]
KEYS: Final = Keys(bytes(range(32)))
CALLERS: Final = 8
POSTGRES_EVERY: Final = 10  # rounds
ROTATE_EVERY: Final = 7
CHANCE: Final = random.Random(1)  # noqa: S311 - no secret


class Sealer:
    """The real process."""

    def __init__(self, owner_url: SecretStr, folder: Path) -> None:
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("CLOISTER_")},
            "CLOISTER_DATA_DIR": str(folder),
            "CLOISTER_SEAL_KEY_FILE": str(folder / "seal.key"),
            "CLOISTER_DATABASE_URL": url_for_role(owner_url, AUDIT_SEALER_ROLE, KEYS).get_secret_value(),
            "CLOISTER_AUDIT_DATABASE_URL": url_for_role(owner_url, AUDIT_WRITER_ROLE, KEYS).get_secret_value(),
            "PYTHONPATH": str(ROOT),
        }
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [sys.executable, "-P", "-m", "assistant", "audit", "seal"]
        self.process = subprocess.Popen(command, env=self._environment, stderr=subprocess.DEVNULL)

    def kill(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


async def load(appender: Appender, acknowledged: list[UUID], is_over: asyncio.Event) -> None:
    while not is_over.is_set():
        job = uuid4()
        await appender.append(JobEnqueued(actor=None, job_id=job, task="index"))
        acknowledged.append(job)
        await asyncio.sleep(0.01)


async def look(owner_url: SecretStr, folder: Path) -> Findings:
    key = read_public_key(folder / "seal.pub")
    async with Verifier(url_for_role(owner_url, AUDIT_READER_ROLE, KEYS), key) as verifier:
        return await verifier.verify()


def kill_postgres(server: EmbeddedPostgres) -> None:
    assert server._process is not None
    postmaster = psutil.Process(server._process.pid)
    processes = [postmaster, *postmaster.children(recursive=True)]
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    server._process.wait()
    psutil.wait_procs(processes, timeout=10)
    server.start()


def heads(owner_url: SecretStr) -> int:
    with psycopg.connect(libpq_dsn(owner_url)) as connection:
        row = connection.execute("SELECT count(*) FROM audit.head").fetchone()
    return int(row[0]) if row else 0


async def run(rounds: int, folder: Path, server: EmbeddedPostgres) -> int:
    """Kill again and again; return how many rounds went wrong."""
    owner_url = server.owner_url
    writer_url = url_for_role(owner_url, AUDIT_WRITER_ROLE, KEYS)
    acknowledged: list[UUID] = []
    is_over, bad, keys = asyncio.Event(), 0, SealKeyFile(folder / "seal.key")
    async with Appender(writer_url, Origin.here("bench"), patience_seconds=60) as appender:
        callers = [asyncio.create_task(load(appender, acknowledged, is_over)) for _ in range(CALLERS)]
        for number in range(1, rounds + 1):
            sealer = Sealer(owner_url, folder)
            before = await asyncio.to_thread(heads, owner_url)
            await asyncio.to_thread(sealer.start)
            deadline = time.monotonic() + 30
            # Another process's row can only be looked for.
            while await asyncio.to_thread(heads, owner_url) == before and time.monotonic() < deadline:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            if number % ROTATE_EVERY == 0:
                await rotate(keys, appender)
            await asyncio.sleep(CHANCE.random() * 0.3)
            if number % POSTGRES_EVERY == 0:
                await asyncio.to_thread(kill_postgres, server)
                await asyncio.sleep(CHANCE.random())
            await asyncio.to_thread(sealer.kill)
            findings = await look(owner_url, folder)
            if findings.verdict is not Verdict.SOUND:
                bad += 1
                print(f"round {number}: {findings.problems[:3]}", flush=True)
        is_over.set()
        await asyncio.gather(*callers)
    with psycopg.connect(libpq_dsn(owner_url)) as connection:
        rows = connection.execute(
            "SELECT convert_from(body, 'UTF8')::jsonb #>> '{data,job_id}' FROM audit.event WHERE type = 'job:enqueued'"
        ).fetchall()
    stored = [UUID(row[0]) for row in rows]
    lost, doubled = len(set(acknowledged) - set(stored)), len(stored) - len(set(stored))
    findings = await look(owner_url, folder)
    print(f"kills                {rounds:>10,} of the sealer, {rounds // POSTGRES_EVERY:,} of Postgres")
    print(f"acknowledged events  {len(acknowledged):>10,}, lost {lost}, doubled {doubled}")
    print(f"heads                {findings.heads:>10,}, {len(findings.keys):,} keys, rounds that were not sound: {bad}")
    return bad + lost + doubled


def main() -> int:
    """Run as many rounds as the command line says."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    logging.disable(logging.WARNING)  # a database that is killed is missed at once
    with tempfile.TemporaryDirectory() as folder, EmbeddedPostgres(Path(folder) / "p") as server:
        migrate(server.owner_url, KEYS)
        return 1 if asyncio.run(run(rounds, Path(folder), server)) else 0


if __name__ == "__main__":
    sys.exit(main())
