"""How long an export of the whole log takes, against plain COPY of the same bodies, and how much memory it holds.

    python tests/benchmarks/export.py [EVENTS]

Budget: at most 150 MB resident while it exports 1 M events. The exit status is 1 when it is missed. `verify.py` checks
the file afterwards, as an outsider does.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import psycopg

sys.path.insert(0, str(Path(__file__).parents[2]))

from assistant.audit.events import ExportCreated
from assistant.audit.exports.export import ExportRequest, create_export
from assistant.audit.exports.export_query import ExportQuery
from assistant.audit.exports.offline import verify as offline
from assistant.audit.seals.seal_key import read_public_key
from assistant.database import libpq_dsn
from assistant.database_roles import AUDIT_READER_ROLE
from assistant.embedded.postgres import EmbeddedPostgres
from assistant.migrations import migrate
from tests.benchmarks.seal import KEYS, Place, fill, seal_all

EVENTS: Final = 1_000_000
MOST_RESIDENT_MB: Final = 150.0


class Unrecorded:
    """Nobody is told: that is one event."""

    async def append(self, event: ExportCreated) -> None:
        del event


def export(reader_url: Any, public_file: Path, target: Path, answer: Any) -> None:
    """Export in a process of its own; tell how long it took and how much memory it had at most, in MB."""
    since = time.perf_counter()
    request = ExportRequest(query=ExportQuery(), reason="to measure it")
    asyncio.run(create_export(reader_url, read_public_key(public_file), request, Unrecorded(), target))
    seconds = time.perf_counter() - since
    answer.send((seconds, most_resident()))


def most_resident() -> float:
    """Return how many MB this program held at most; `getrusage` also counts what its parent held."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) / 1024  # type: ignore[index]


def copy(place: Place) -> float:
    """Return how long plain COPY of every body takes."""
    since = time.perf_counter()
    with (
        psycopg.connect(libpq_dsn(place.url(AUDIT_READER_ROLE))) as connection,
        connection.cursor().copy("COPY (SELECT body FROM audit.event) TO STDOUT (FORMAT binary)") as bodies,
    ):
        for _ in bodies:
            pass
    return time.perf_counter() - since


def check(file: Path) -> tuple[float, int]:
    """Return how long an outsider needs, and what it says."""
    since = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-I", "-S", offline.__file__, str(file)], check=False, stdout=subprocess.DEVNULL
    )
    return time.perf_counter() - since, done.returncode


def main() -> int:
    """Measure everything on one server, and say whether the budget holds."""
    events = int(sys.argv[1]) if len(sys.argv) > 1 else EVENTS
    with tempfile.TemporaryDirectory() as folder, EmbeddedPostgres(Path(folder) / "p") as server:
        migrate(server.owner_url, KEYS)
        place = Place(server, Path(folder))
        fill(place, events)
        asyncio.run(seal_all(place))
        copied = copy(place)
        here, there = multiprocessing.Pipe()
        target = Path(folder) / "export.zip"
        arguments = (place.url(AUDIT_READER_ROLE), place.keys.public_file, target, there)
        process = multiprocessing.get_context("spawn").Process(target=export, args=arguments)
        process.start()
        seconds, resident = here.recv()
        process.join()
        checked, status = check(target)
        megabytes = target.stat().st_size / 1e6
    print(f"COPY of the bodies  {copied:>8.2f} s for {events:,} events")
    print(f"export              {seconds:>8.2f} s, {seconds / copied:.1f} times COPY; {megabytes:,.0f} MB")
    print(f"  resident          {resident:>8.1f} MB (budget: at most {MOST_RESIDENT_MB:.0f} MB at 1,000,000 events)")
    print(f"verify.py           {checked:>8.2f} s, {checked / copied:.1f} times COPY; exit status {status}")
    return 0 if resident <= MOST_RESIDENT_MB and status == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
