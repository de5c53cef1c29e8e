"""How soon committed events are sealed, how fast a sealer catches up, and how fast a log is verified.

    python tests/benchmarks/seal.py [EVENTS]

Budgets: seal lag p99 at most 150 ms, also while a transaction of somebody else stays open in another database; verify
at least 0.5 of plain SHA-256 over the same bytes by hashes, 0.15 with every column derived. All in one run; the exit
status is 1 when one is missed.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from hashlib import sha256
from multiprocessing import get_context
from pathlib import Path
from resource import RUSAGE_CHILDREN, RUSAGE_SELF, getrusage
from typing import Final

import psutil
import psycopg
from pydantic import SecretStr

sys.path.insert(0, str(Path(__file__).parents[2]))

from assistant.audit.record import Origin, Record, compose_record
from assistant.audit.seals.heads import Head
from assistant.audit.seals.seal import Sealer
from assistant.audit.seals.seal_key import SealKeyFile, read_public_key
from assistant.audit.verification.findings import Verdict
from assistant.audit.verification.verify import Verifier
from assistant.audit.writing.append import Appender
from assistant.database import libpq_dsn
from assistant.database_roles import AUDIT_READER_ROLE, AUDIT_SEALER_ROLE, AUDIT_WRITER_ROLE, url_for_role
from assistant.embedded.postgres import EmbeddedPostgres
from assistant.keys import Keys
from assistant.migrations import migrate
from tests.benchmarks.audit import answered

KEYS: Final = Keys(bytes(range(32)))
EVENTS: Final = 1_000_000
EVENTS_A_SECOND: Final = 100
LAG_SECONDS: Final = 6.0
MOST_LAG_MILLISECONDS: Final = 150.0
LEAST_BY_HASHES: Final = 0.5
LEAST_IN_FULL: Final = 0.15
ROWS_A_COPY: Final = 20_000


@dataclass(frozen=True, slots=True)
class Place:
    """A server with a log, and where its sealing key lies."""

    server: EmbeddedPostgres
    folder: Path

    def url(self, role: str) -> SecretStr:
        return url_for_role(self.server.owner_url, role, KEYS)

    @property
    def keys(self) -> SealKeyFile:
        return SealKeyFile(self.folder / "seal.key")


async def measure_lag(place: Place) -> list[float]:
    """Append at a steady pace; return for each event how long after its record it was sealed, in milliseconds."""
    stop = asyncio.Event()
    sealing = asyncio.create_task(Sealer(place.url(AUDIT_SEALER_ROLE), place.keys).run(stop))
    seen = await watch_heads(place, stop)
    begin = time.time()
    async with Appender(place.url(AUDIT_WRITER_ROLE), Origin.here("bench")) as appender:
        tasks = []
        for _ in range(int(LAG_SECONDS * EVENTS_A_SECOND)):
            tasks.append(asyncio.create_task(appender.append(answered())))
            await asyncio.sleep(1 / EVENTS_A_SECOND)
        await asyncio.gather(*tasks)
    await asyncio.sleep(0.5)
    stop.set()
    await sealing
    heads = await seen
    return lags(place, heads, begin)


async def watch_heads(place: Place, stop: asyncio.Event) -> asyncio.Task[list[tuple[int, float]]]:
    """Note when each head can first be read by somebody else."""
    connection = await psycopg.AsyncConnection.connect(
        libpq_dsn(place.url(AUDIT_READER_ROLE)), autocommit=True, prepare_threshold=1
    )

    async def watch() -> list[tuple[int, float]]:
        seen: list[tuple[int, float]] = []
        last = -1
        async with connection:
            while not stop.is_set():
                cursor = await connection.execute("SELECT batch, size FROM audit.head WHERE batch > %s", [last])
                for batch, size in await cursor.fetchall():
                    seen.append((size, time.time()))
                    last = max(last, batch)
                await asyncio.sleep(0.002)
        return sorted(seen)

    return asyncio.create_task(watch())


def lags(place: Place, heads: Sequence[tuple[int, float]], begin: float) -> list[float]:
    with psycopg.connect(libpq_dsn(place.server.owner_url)) as connection:
        rows = connection.execute("SELECT recorded_at FROM audit.event ORDER BY era, xid, id").fetchall()
    found: list[float] = []
    at = 0
    for number, (recorded_at,) in enumerate(rows):
        while at < len(heads) and heads[at][0] <= number:
            at += 1
        if at < len(heads) and recorded_at.timestamp() >= begin:
            found.append((heads[at][1] - recorded_at.timestamp()) * 1000)
    return sorted(found)


def fill(place: Place, events: int) -> float:
    """Put many different events into the log by COPY; return how many rows a second."""
    event, origin = answered(), Origin.here("bench")
    names = ", ".join(Record._fields)
    spent = 0.0
    with psycopg.connect(libpq_dsn(place.server.owner_url)) as connection:
        for begin in range(0, events, ROWS_A_COPY):
            rows = [compose_record(event, origin, time.time_ns()) for _ in range(min(ROWS_A_COPY, events - begin))]
            since = time.perf_counter()
            with connection.cursor().copy(f"COPY audit.event ({names}) FROM STDIN (FORMAT binary)") as copy:
                copy.set_types(
                    [
                        *("uuid", "timestamptz", "text", "uuid", "uuid", "uuid", "uuid"),
                        *("text", "int2", "text", "text", "text", "uuid", "bytea", "bytea"),
                    ]
                )
                for row in rows:
                    copy.write_row(row)
            connection.commit()
            spent += time.perf_counter() - since
    return events / spent


def hash_bodies(place: Place) -> tuple[float, int]:
    """Return how long plain SHA-256 of all bodies takes on one core, in memory, and how many bytes they are."""
    spent, size = 0.0, 0
    with (
        psycopg.connect(libpq_dsn(place.server.owner_url)) as connection,
        connection.cursor("bodies", binary=True) as cursor,
    ):
        cursor.execute("SELECT body FROM audit.event")
        while rows := cursor.fetchmany(20_000):
            since = time.perf_counter()
            for (body,) in rows:
                sha256(body).digest()
            spent += time.perf_counter() - since
            size += sum(len(body) for (body,) in rows)
    return spent, size


def read_bodies(place: Place) -> float:
    """Return how long it takes to only read every body from the database, in the verifier's order."""
    since = time.perf_counter()
    with (
        psycopg.connect(libpq_dsn(place.server.owner_url)) as connection,
        connection.cursor("bodies", binary=True) as cursor,
    ):
        cursor.execute("SELECT body FROM audit.event ORDER BY era, xid, id")
        while cursor.fetchmany(2_000):
            pass
    return time.perf_counter() - since


@dataclass(frozen=True, slots=True)
class Cost:
    """What a verification took: seconds of wall clock, then of processor in each part; megabytes at most."""

    wall: float
    tree: float
    reading: float
    server: float
    memory: float
    memory_reading: float

    def __str__(self) -> str:
        return (
            f"processor: tree {self.tree:.1f} s, readers {self.reading:.1f} s, Postgres {self.server:.1f} s; "
            f"memory {self.memory:.0f} MB, a reader {self.memory_reading:.0f} MB"
        )


def verify(place: Place, *, is_quick: bool, processes: int) -> Cost:
    """Verify in an interpreter of its own, whose memory and time are nobody else's."""
    server = server_seconds()
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        url = place.url(AUDIT_READER_ROLE).get_secret_value()
        spent = pool.submit(measure_verify, url, place.keys.public_file, is_quick, processes).result()
    wall, tree, reading, memory, memory_reading = spent
    return Cost(wall, tree, reading, server_seconds() - server, memory, memory_reading)


def measure_verify(url: str, public_key: Path, is_quick: bool, processes: int) -> tuple[float, ...]:  # noqa: FBT001 - sent to a process
    async def run() -> None:
        key = read_public_key(public_key)
        async with Verifier(SecretStr(url), key, is_quick=is_quick, processes=processes) as verifier:
            findings = await verifier.verify()
        assert findings.verdict is Verdict.SOUND, findings.problems[:3]

    begin, since = usage(RUSAGE_SELF), time.perf_counter()
    asyncio.run(run())
    wall, tree, reading = time.perf_counter() - since, usage(RUSAGE_SELF) - begin, usage(RUSAGE_CHILDREN)
    return wall, tree, reading, peak_megabytes(), getrusage(RUSAGE_CHILDREN).ru_maxrss / 1024


def peak_megabytes() -> float:
    """Return the most that this program held; `getrusage` counts the one that started it, too."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def usage(who: int) -> float:
    spent = getrusage(who)
    return spent.ru_utime + spent.ru_stime


def server_seconds() -> float:
    """Return what Postgres has spent so far, also in connections that are over."""
    spent = 0.0
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            if process.name() == "postgres":
                times = process.cpu_times()
                spent += times.user + times.system + times.children_user + times.children_system
    return spent


async def seal_all(place: Place) -> tuple[float, Head | None]:
    since = time.perf_counter()
    head = await Sealer(place.url(AUDIT_SEALER_ROLE), place.keys).seal()
    return time.perf_counter() - since, head


@contextlib.contextmanager
def foreign_transaction(place: Place):  # type: ignore[no-untyped-def]  # noqa: ANN201 - a benchmark's
    """A transaction that has written, in another database of the same server, and stays open."""
    with psycopg.connect(libpq_dsn(place.server.owner_url), autocommit=True) as connection:
        connection.execute("CREATE DATABASE foreign_database")
    url = libpq_dsn(place.server.owner_url).replace("/cloister?", "/foreign_database?")
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE t AS SELECT 1")
        yield
        connection.rollback()


def percentile(values: Sequence[float], share: float) -> float:
    return values[min(len(values) - 1, int(len(values) * share))]


def main() -> int:
    """Measure everything on one server, and say whether the budgets hold."""
    events = int(sys.argv[1]) if len(sys.argv) > 1 else EVENTS
    with tempfile.TemporaryDirectory() as folder, EmbeddedPostgres(Path(folder) / "p") as server:
        migrate(server.owner_url, KEYS)
        place = Place(server, Path(folder))
        alone = asyncio.run(measure_lag(place))
        with foreign_transaction(place):
            beside = asyncio.run(measure_lag(place))
        copied = fill(place, events)
        sealing, head = asyncio.run(seal_all(place))
        plain, size = hash_bodies(place)
        reading = read_bodies(place)
        costs = {
            (is_quick, processes): verify(place, is_quick=is_quick, processes=processes)
            for is_quick in (True, False)
            for processes in (0, os.cpu_count() or 1)
        }
    count = head.size if head else 0
    print(f"seal lag              p50 {percentile(alone, 0.5):6.1f} ms, p99 {percentile(alone, 0.99):6.1f} ms")
    print(f"  a foreign one open  p50 {percentile(beside, 0.5):6.1f} ms, p99 {percentile(beside, 0.99):6.1f} ms")
    print(f"catch-up              {events / sealing:>10,.0f} events/s; COPY with all indexes {copied:,.0f} rows/s")
    print(f"plain SHA-256         {plain:>10.2f} s for {count:,} bodies, {size / 1e6:,.0f} MB, in memory")
    print(f"reading alone         {reading:>10.2f} s from Postgres, ratio {plain / reading:.3f}")
    print(f"processors            {os.cpu_count()}, load {os.getloadavg()[0]:.1f}")
    is_met = percentile(alone, 0.99) <= MOST_LAG_MILLISECONDS and percentile(beside, 0.99) <= MOST_LAG_MILLISECONDS
    for (is_quick, processes), cost in costs.items():
        least = LEAST_BY_HASHES if is_quick else LEAST_IN_FULL
        what = "hashes" if is_quick else "every column"
        ways = f"{processes} readers" if processes else "one process"
        print(f"verify, {what:12} {cost.wall:>10.2f} s, ratio {plain / cost.wall:.3f} (at least {least}), {ways}")
        print(f"  {cost}")
        is_met = is_met and (not processes or plain / cost.wall >= least)
    return 0 if is_met else 1


if __name__ == "__main__":
    sys.exit(main())
