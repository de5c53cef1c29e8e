"""kill -9 of sealer, witness and a process that appends, at random moments, under load; of all of Postgres too.

    python tests/benchmarks/kill.py [ROUNDS]

The appending process spools while Postgres is away; what one leaves the next one adopts. Keys change meanwhile. What
the witness signed last must be a part of the log in the end.

No acknowledged event may be lost or doubled, and the log must be sound after every kill. Exit status 1 when it is not.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import multiprocessing
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid4

import psutil
import psycopg
from pydantic import SecretStr

from assistant.audit.anchors.witness import KnownLog, open_witness_key
from assistant.audit.events import JobEnqueued
from assistant.audit.record import Origin
from assistant.audit.seals.seal_key import SealKeyFile, read_public_key, rotate
from assistant.audit.verification.anchor import Anchor, read_anchors
from assistant.audit.verification.findings import Findings, Verdict
from assistant.audit.verification.verify import Verifier
from assistant.audit.writing.append import Appender
from assistant.audit.writing.detour import SpoolLimits
from assistant.audit.writing.spool import SPOOL_PURPOSE, SpoolFolder
from assistant.database import libpq_dsn
from assistant.database_roles import AUDIT_READER_ROLE, AUDIT_SEALER_ROLE, AUDIT_WRITER_ROLE, url_for_role
from assistant.embedded.postgres import EmbeddedPostgres
from assistant.keys import Keys
from assistant.migrations import migrate

ROOT: Final = Path(__file__).parents[2]
KEYS: Final = Keys(bytes(range(32)))
CALLERS: Final = 8
POSTGRES_EVERY: Final = 3  # rounds
LONGEST_AWAY_SECONDS: Final = 1.5
LONGEST_START_SECONDS: Final = 120  # of three processes, on a machine that others use, too
ROTATE_EVERY: Final = 7
TELL_EVERY: Final = 25
SPOOLS: Final = "audit-spool"
CHANCE: Final = random.Random(1)  # noqa: S311 - no secret


class Sealer:
    """The real process."""

    def __init__(self, owner_url: SecretStr, folder: Path, witness: str) -> None:
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("CLOISTER_")},
            "CLOISTER_DATA_DIR": str(folder),
            "CLOISTER_SEAL_KEY_FILE": str(folder / "seal.key"),
            "CLOISTER_DATABASE_URL": url_for_role(owner_url, AUDIT_SEALER_ROLE, KEYS).get_secret_value(),
            "CLOISTER_AUDIT_DATABASE_URL": url_for_role(owner_url, AUDIT_WRITER_ROLE, KEYS).get_secret_value(),
            "CLOISTER_AUDIT_WITNESSES": json.dumps([witness]),
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


class Witness:
    """The real process, on this machine instead of another one."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "witness"
        self._seal_key = folder / "seal.pub"
        self.address = f"127.0.0.1:{free_port()}"
        self.setting = f"{open_witness_key(self._folder).witness} http://{self.address}"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        if not self._seal_key.exists():  # before the first seal there is no log to witness
            return
        key = str(read_public_key(self._seal_key))
        command = [sys.executable, "-P", "-m", "assistant", "audit", "witness", "--log", key]
        command += ["--folder", str(self._folder), "--listen", self.address]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("CLOISTER_")}
        self.process = subprocess.Popen(
            command, env=environment | {"PYTHONPATH": str(ROOT)}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        self._wait_until_it_listens()

    def _wait_until_it_listens(self) -> None:
        host, _, port = self.address.partition(":")
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError), socket.create_connection((host, int(port)), timeout=1):
                return
            time.sleep(0.05)

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def anchors(self) -> list[Anchor]:
        """Return the newest checkpoint that it remembers."""
        note = KnownLog.parse(next(self._folder.glob("*.log")).read_text()).note
        file = self._folder / "anchor"
        file.write_text(note)
        return read_anchors(file)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class SpoolingProcess:
    """A process that appends and spools; what it acknowledged is in a file, where a kill cannot reach it."""

    def __init__(self, writer_url: SecretStr, folder: Path) -> None:
        self._arguments = (writer_url.get_secret_value(), str(folder / SPOOLS), str(folder / "acknowledged"))
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(["assistant.audit.writing.append"])
        self.process: Any = None

    def start(self) -> None:
        self.process = self._context.Process(target=append_for_ever, args=self._arguments)
        self.process.start()

    def kill(self) -> None:
        self.process.kill()
        self.process.join()

    def acknowledged(self) -> list[UUID]:
        file = Path(self._arguments[2])
        content = file.read_bytes() if file.exists() else b""
        return [UUID(bytes=content[at : at + 16]) for at in range(0, len(content), 16)]


def open_spooling(writer_url: str, spools: str) -> Appender:
    folder = SpoolFolder(Path(spools), KEYS.sealer(SPOOL_PURPOSE))
    limits = SpoolLimits(most_seconds=900, most_bytes=1 << 30, after_seconds=0.02)
    return Appender(SecretStr(writer_url), Origin.here("bench"), spools=folder, limits=limits, patience_seconds=60)


def append_for_ever(writer_url: str, spools: str, acknowledgements: str) -> None:
    logging.disable(logging.WARNING)

    async def run() -> None:
        file = os.open(acknowledgements, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

        async def call(appender: Appender) -> None:
            while True:
                job = uuid4()
                await appender.append(JobEnqueued(actor=None, job_id=job, task="index"))
                os.write(file, job.bytes)  # one call: whole, or not there
                await asyncio.sleep(0.03)

        async with open_spooling(writer_url, spools) as appender:
            await asyncio.gather(*(call(appender) for _ in range(CALLERS)))

    asyncio.run(run())


def waiting(spools: Path) -> list[Path]:
    return list(spools.glob("*.spool"))


async def adopt(writer_url: SecretStr, spools: Path) -> None:
    async with open_spooling(writer_url.get_secret_value(), str(spools)):
        while waiting(spools):  # noqa: ASYNC110 - a file's end can only be looked for
            await asyncio.sleep(0.01)


async def load(appender: Appender, acknowledged: list[UUID], is_on: asyncio.Event) -> None:
    while True:
        await is_on.wait()  # not while processes start: a log of idle hours takes most of a round to verify
        job = uuid4()
        await appender.append(JobEnqueued(actor=None, job_id=job, task="index"))
        acknowledged.append(job)
        await asyncio.sleep(0.01)


async def look(owner_url: SecretStr, folder: Path, anchors: Sequence[Anchor] = ()) -> Findings:
    key = read_public_key(folder / "seal.pub")
    async with Verifier(url_for_role(owner_url, AUDIT_READER_ROLE, KEYS), key, anchors=anchors) as verifier:
        return await verifier.verify()


def kill_postgres(server: EmbeddedPostgres, away_seconds: float) -> None:
    assert server._process is not None
    postmaster = psutil.Process(server._process.pid)
    processes = [postmaster, *postmaster.children(recursive=True)]
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    server._process.wait()
    psutil.wait_procs(processes, timeout=10)
    time.sleep(away_seconds)
    server.start()


def heads(owner_url: SecretStr) -> int:
    with psycopg.connect(libpq_dsn(owner_url)) as connection:
        row = connection.execute("SELECT count(*) FROM audit.head").fetchone()
    return int(row[0]) if row else 0


async def outage(server: EmbeddedPostgres, victim: SpoolingProcess | None) -> None:
    """Have Postgres away for a while, and kill somebody meanwhile; else it is killed while its spool is replayed."""
    away = asyncio.create_task(asyncio.to_thread(kill_postgres, server, CHANCE.random() * LONGEST_AWAY_SECONDS))
    if victim is not None:
        await asyncio.sleep(CHANCE.random())
        await asyncio.to_thread(victim.kill)
    await away
    await asyncio.sleep(CHANCE.random() * 0.3)


def count_lost_and_doubled(owner_url: SecretStr, acknowledged: Sequence[UUID]) -> tuple[int, int]:
    with psycopg.connect(libpq_dsn(owner_url)) as connection:
        rows = connection.execute(
            "SELECT convert_from(body, 'UTF8')::jsonb #>> '{data,job_id}' FROM audit.event WHERE type = 'job:enqueued'"
        ).fetchall()
    stored = [UUID(row[0]) for row in rows]
    return len(set(acknowledged) - set(stored)), len(stored) - len(set(stored))


async def start_all(
    number: int, owner_url: SecretStr, witness: Witness, sealer: Sealer, spooling: SpoolingProcess
) -> None:
    """Start the processes that will be killed, and wait until the log has a head from them."""
    before = await asyncio.to_thread(heads, owner_url)
    for each in (witness, sealer, spooling):
        await asyncio.to_thread(each.start)
    deadline = time.monotonic() + LONGEST_START_SECONDS
    # Another process's row can only be looked for.
    while await asyncio.to_thread(heads, owner_url) == before:
        if time.monotonic() > deadline:
            for each in (spooling, witness, sealer):
                each.kill()  # else they outlive this program, and it waits for one of them
            raise SystemExit(f"Round {number}: no head in {LONGEST_START_SECONDS} s, so nothing was tried.")
        await asyncio.sleep(0.01)


async def run(rounds: int, folder: Path, server: EmbeddedPostgres) -> int:
    """Kill again and again; return how many rounds went wrong."""
    owner_url = server.owner_url
    writer_url = url_for_role(owner_url, AUDIT_WRITER_ROLE, KEYS)
    acknowledged: list[UUID] = []
    spooling, spooled_rounds = SpoolingProcess(writer_url, folder), 0
    witness = Witness(folder)
    is_on, bad, keys = asyncio.Event(), 0, SealKeyFile(folder / "seal.key")
    async with Appender(writer_url, Origin.here("bench"), patience_seconds=60) as appender:
        callers = [asyncio.create_task(load(appender, acknowledged, is_on)) for _ in range(CALLERS)]
        for number in range(1, rounds + 1):
            sealer = Sealer(owner_url, folder, witness.setting)
            await start_all(number, owner_url, witness, sealer, spooling)
            is_on.set()
            if number % ROTATE_EVERY == 0:
                await rotate(keys, appender)
            await asyncio.sleep(CHANCE.random() * 0.3)
            if number % POSTGRES_EVERY == 0:
                await outage(server, spooling if number % 2 else None)
            await asyncio.to_thread(spooling.kill)
            spooled_rounds += bool(waiting(folder / SPOOLS))
            await asyncio.to_thread(witness.kill)
            await asyncio.to_thread(sealer.kill)
            is_on.clear()
            findings = await look(owner_url, folder)
            if findings.verdict is not Verdict.SOUND:
                bad += 1
                print(f"round {number}: {findings.problems[:3]}", flush=True)
            if number % TELL_EVERY == 0:
                print(f"{number:,} rounds, {bad} not sound", flush=True)
        for caller in callers:
            caller.cancel()
        await asyncio.wait(callers)
    await adopt(writer_url, folder / SPOOLS)
    acknowledged += spooling.acknowledged()
    lost, doubled = count_lost_and_doubled(owner_url, acknowledged)
    anchors = witness.anchors()
    findings = await look(owner_url, folder, anchors)
    bad += findings.verdict is not Verdict.SOUND
    aside = len(list((folder / SPOOLS / "unreadable").glob("*")))
    print(
        f"kills                {rounds:>10,} of sealer, witness and appender, {rounds // POSTGRES_EVERY:,} of Postgres"
    )
    print(f"spools left behind   {spooled_rounds:>10,}, torn ends set aside {aside}")
    print(f"acknowledged events  {len(acknowledged):>10,}, lost {lost}, doubled {doubled}")
    print(f"heads                {findings.heads:>10,}, {len(findings.keys):,} keys, rounds that were not sound: {bad}")
    print(f"witnessed            {anchors[0].checkpoint.size:>10,} events, of {findings.size:,} in the end")
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
