"""Acknowledged durable events a second, against what the same server takes by raw COPY in the same run.

Budget: at least 0.15 of raw COPY, with four processes, every index, every caller acknowledged after its own commit.
Raw COPY is the fastest way to make the same rows durable: binary, made beforehand, no index, two connections.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from uuid import uuid4

import psycopg
from pydantic import SecretStr

from assistant.audit.append import Appender
from assistant.audit.events import TurnAnswered
from assistant.audit.parts import FoundSpan, GuardReport, TextMarker, TurnPlace
from assistant.audit.record import Origin
from assistant.database import libpq_dsn
from assistant.database_roles import AUDIT_WRITER_ROLE, url_for_role
from assistant.embedded.postgres import EmbeddedPostgres
from assistant.keys import Keys
from assistant.migrations import migrate
from policies.verdict import Action

BUDGET = 0.15
SECONDS = 5.0
PROCESSES = 4
CALLERS = 64  # in each process
COPY_CONNECTIONS = 2
ROWS_A_COPY = 5_000
KEYS = Keys(bytes(range(32)))


def answered() -> TurnAnswered:
    """Return an event as a turn with one finding writes it."""
    guard = GuardReport(
        Action.REDACT,
        "sha256:0123456789ab",
        (FoundSpan("secret/aws-access-key", "AWS_ACCESS_KEY", 10, 30, Action.REDACT),),
        1,
        1,
    )
    return TurnAnswered(
        turn=TurnPlace(uuid4(), uuid4(), uuid4()),
        guard=guard,
        host="mini2",
        model="llama3.1:70b",
        chars=1000,
        text_mark=TextMarker(KEYS).mark("text"),
        prompt_tokens=500,
        answer_tokens=250,
        first_token_milliseconds=300,
        total_milliseconds=9000,
        finish_reason="stop",
    )


def append_for_a_while(writer_url: str) -> int:
    """Append with many callers, and return how many were acknowledged within the time."""

    async def run() -> int:
        acknowledged = 0
        end = time.perf_counter() + SECONDS
        event = answered()

        async def call(appender: Appender) -> None:
            nonlocal acknowledged
            while time.perf_counter() < end:
                await appender.append(event)
                acknowledged += 1

        async with Appender(SecretStr(writer_url), Origin.here("bench")) as appender:
            await asyncio.gather(*(call(appender) for _ in range(CALLERS)))
        return acknowledged

    return asyncio.run(run())


def copy_for_a_while(dsn: str, block: bytes) -> int:
    """COPY prepared rows, and return how many were committed within the time."""
    copied = 0
    end = time.perf_counter() + SECONDS
    with psycopg.connect(dsn, autocommit=True) as connection, connection.cursor() as cursor:
        while time.perf_counter() < end:
            with cursor.copy("COPY bench_raw FROM STDIN (FORMAT binary)") as copy:
                copy.write(block)
            copied += ROWS_A_COPY
    return copied


def prepare_block(dsn: str) -> bytes:
    """Return rows of the log, as appended, in the bytes that COPY takes them in, and make the table for them."""
    with psycopg.connect(dsn, autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE bench_raw AS SELECT * FROM audit.event LIMIT 0")
        cursor.execute("CREATE TABLE bench_rows AS SELECT * FROM audit.event LIMIT %s", [ROWS_A_COPY])
        with cursor.copy("COPY bench_rows TO STDOUT (FORMAT binary)") as copy:
            return b"".join(bytes(piece) for piece in copy)


async def measure_latency(writer_url: SecretStr) -> list[float]:
    """Append 100 events a second for a while, and return how long each took, in milliseconds, in order of length."""
    event = answered()
    times: list[float] = []

    async def one(appender: Appender) -> None:
        begin = time.perf_counter()
        await appender.append(event)
        times.append((time.perf_counter() - begin) * 1000)

    async with Appender(writer_url, Origin.here("bench")) as appender:
        tasks = []
        for _ in range(300):
            tasks.append(asyncio.create_task(one(appender)))
            await asyncio.sleep(0.01)
        await asyncio.gather(*tasks)
    return sorted(times)


def measure_sync(folder: Path) -> float:
    """Return the median milliseconds of writing 8 kB and fdatasync: the price of one commit."""
    times = []
    with (folder / "sync").open("wb") as file:
        for _ in range(100):
            begin = time.perf_counter()
            file.seek(0)
            file.write(bytes(8192))
            file.flush()
            os.fdatasync(file.fileno())
            times.append((time.perf_counter() - begin) * 1000)
    return sorted(times)[50]


def main() -> int:
    """Measure both on one server, and say whether the budget holds."""
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as folder, EmbeddedPostgres(Path(folder)) as server:
        migrate(server.owner_url, KEYS)
        writer_url = url_for_role(server.owner_url, AUDIT_WRITER_ROLE, KEYS)
        dsn = libpq_dsn(server.owner_url)
        with ProcessPoolExecutor(PROCESSES, mp_context=context) as pool:
            list(pool.map(len, [[]] * PROCESSES))  # the processes are there before the clock runs
            secret = writer_url.get_secret_value()
            acknowledged = sum(pool.map(append_for_a_while, [secret] * PROCESSES)) / SECONDS
            block = prepare_block(dsn)
            copied = sum(pool.map(copy_for_a_while, [dsn] * COPY_CONNECTIONS, [block] * COPY_CONNECTIONS)) / SECONDS
        sync = measure_sync(Path(folder))
        latencies = asyncio.run(measure_latency(writer_url))
    ratio = acknowledged / copied
    median, slow = latencies[len(latencies) // 2], latencies[len(latencies) * 99 // 100]
    print(f"raw COPY                {copied:>10,.0f} rows/s of {len(block) // ROWS_A_COPY} bytes, the same rows")
    print(f"acknowledged events     {acknowledged:>10,.0f} /s, {PROCESSES} processes of {CALLERS} callers")
    print(f"ratio                   {ratio:>10.3f} (budget: at least {BUDGET})")
    print(f"at 100 events a second  {median:>10.2f} ms median, {slow:.2f} ms p99; one fdatasync {sync:.2f} ms")
    return 0 if ratio >= BUDGET else 1


if __name__ == "__main__":
    sys.exit(main())
