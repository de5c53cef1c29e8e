"""How long a page of the console takes over a log of a million events: queue, search and my log, by filter.

    python tests/benchmarks/lists.py [EVENTS] [--requests N] [--keep FOLDER] [--only WORDS]

Budget: p99 at most 20 ms for each single filter, the page's drawing and the durable event of the view included;
combinations are shown and are bounded by the reader's patience instead. Beside it stands the processor time of page and
Postgres, which says more where the machine is busy with other work. The exit status is 1 when one is missed.
Rows are made by the server, four a turn over three months, with the columns and indexes of the product. Ten million
take a quarter of an hour, so `--keep` leaves them in a folder and finds them there again: what is measured next differs
by the code alone, and by migrations that came since. `--only` measures the lists whose name has these words.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack, nullcontext
from pathlib import Path
from typing import Final
from uuid import UUID

import httpx
import psutil
import psycopg
from starlette.routing import Router
from starlette.types import Receive, Scope, Send

from assistant.bootstrap.console import build_console
from assistant.conversation import Person, Role
from assistant.database import libpq_dsn
from assistant.database_roles import APP_ROLE, AUDIT_WRITER_ROLE, url_for_role
from assistant.embedded.postgres import EmbeddedPostgres
from assistant.keys import Keys
from assistant.migrations import migrate
from assistant.settings import Settings
from assistant.web.console.pages import console_routes
from assistant.web.console.wiring import parts_of

EVENTS: Final = 1_000_000
REQUESTS: Final = 150
WARM_UP: Final = 5
MOST_MILLISECONDS: Final = 20.0
PERSON: Final = "('00000000-0000-7000-8000-' || lpad(to_hex({}), 12, '0'))::uuid"
FILLING: Final = {"max_wal_size": "4GB"}  # fewer checkpoints; the server that is measured runs as the product's does
HEAVY: Final = UUID("00000000-0000-7000-8000-000000000001")  # a fifth of all turns
RARE: Final = UUID("00000000-0000-7000-8000-0000000000c8")

# Four events a turn; one turn in 100 with something redacted, one in 1,000 blocked; one rule, model and host are rare.
ROWS: Final = """
INSERT INTO audit.event (id, era, occurred_at, type, subject, actor, thread_id, turn_id, rule, severity, model, host,
                         persona, body, leaf)
SELECT id, 0, at, type, person, person, turn, turn, rule, severity, model, host, persona,
       convert_to(jsonb_build_object('v', 2, 'id', id, 'type', type, 'data', jsonb_build_object('chars', 40, 'door',
           'chat', 'total_milliseconds', 900, 'answer_tokens', 120, 'guard', jsonb_build_object('action', CASE severity
           WHEN 4 THEN 'block' WHEN 3 THEN 'redact' ELSE 'allow' END, 'policy_version', 'sha256:0', 'found', 1,
           'held_back', 1, 'findings', CASE WHEN rule IS NULL THEN '[]'::jsonb ELSE jsonb_build_array(
           jsonb_build_object('rule', rule, 'start', 7, 'end', 27, 'action', 'redact')) END),
           'padding', repeat('x', 300)))::text, 'UTF8'), sha256(uuid_send(id))
FROM (
    SELECT (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || '7' || lpad(to_hex(n % 4096), 3, '0')
            || '8' || substr(md5(n::text), 1, 15))::uuid AS id, at,
        CASE WHEN step = 0 THEN 'turn:accepted' WHEN step = 1 AND severity = 4 THEN 'prompt:blocked'
             WHEN step = 1 THEN 'turn:guarded' WHEN step = 2 THEN 'turn:routed' ELSE 'turn:answered' END AS type,
        person, turn,
        CASE WHEN step = 1 AND severity > 0 THEN CASE WHEN t % 20000 = 0 THEN 'secret/rule-59'
             ELSE 'secret/rule-' || (t / 100 % 59) END END AS rule,
        CASE WHEN step = 1 THEN severity WHEN step = 3 THEN 0 END AS severity,
        CASE WHEN step > 1 THEN CASE WHEN t % 10000 = 0 THEN 'rare' ELSE 'model-' || t % 4 END END AS model,
        CASE WHEN step > 1 THEN CASE WHEN t % 10000 = 0 THEN 'Rare1' ELSE 'Mini' || t % 4 END END AS host,
        CASE WHEN step = 0 THEN 'persona-' || t % 6 END AS persona
    FROM (
        SELECT n, n / 4 AS t, n % 4 AS step,
            date_trunc('month', now()) + n * (interval '90 days' / {events}) AS at,
            {person} AS person, ('00000000-0000-7000-9000-' || lpad(md5((n / 4)::text), 12))::uuid AS turn,
            CASE WHEN n / 4 % 1000 = 0 THEN 4 WHEN n / 4 % 100 = 0 THEN 3 ELSE 0 END AS severity
        FROM generate_series({begin}, {end}) n
    ) turns
) rows
"""
PEOPLE: Final = """
INSERT INTO person (id, name, display_name, password_hash, roles)
SELECT {person}, 'p' || n, 'P', 'x', '{{employee}}' FROM generate_series(1, 200) n
"""
SINGLE: Final = {
    "queue": "/console/queue",
    "queue, block": "/console/queue?severity=block",
    "queue, one rule": "/console/queue?rule=secret/rule-7",
    "queue, a rare rule": "/console/queue?rule=secret/rule-59",
    "queue, 7 days": "/console/queue?age=7d",
    "search, type": "/console/search?type=turn:routed",
    "search, rule": "/console/search?rule=secret/rule-7",
    "search, severity": "/console/search?severity=warn",
    "search, model": "/console/search?model=model-2",
    "search, a rare model": "/console/search?model=rare",
    "search, host": "/console/search?host=Mini3",
    "search, a rare host": "/console/search?host=Rare1",
    "search, persona": "/console/search?persona=persona-3",
    "search, time": "/console/search?from={day}&to={day}",
    "search, a busy person": "/console/search?person=00000001",
    "search, a rare person": "/console/search?person=000000c8",
    "my log": "/my-log",
    "my log, others": "/my-log?show=others",
}
TOGETHER: Final = {
    "rule and host": "/console/search?rule=secret/rule-7&host=Rare1",
    "person and rare model": "/console/search?person=00000001&model=rare",
    "persona and person": "/console/search?person=000000c8&persona=persona-3",
    "severity, model, time": "/console/search?severity=redact&model=model-1&from={day}",
}


def fill(server: EmbeddedPostgres, events: int) -> None:
    """Make the rows, and what the planner knows of them."""
    person = PERSON.format("CASE WHEN n / 4 % 5 = 0 THEN 1 WHEN n / 4 % 5000 = 1 THEN 200 ELSE 2 + n / 4 % 197 END")
    with psycopg.connect(libpq_dsn(server.owner_url), autocommit=True) as connection:
        connection.execute("SET ROLE cloister_audit_owner")
        connection.execute(
            "ALTER TABLE audit.event DROP CONSTRAINT event_says_so"
        )  # of their bodies no list reads much
        for begin in range(0, events, 200_000):
            end = min(begin + 200_000, events) - 1
            connection.execute(ROWS.format(events=events, person=person, begin=begin, end=end))  # type: ignore[arg-type]
        connection.execute("VACUUM (ANALYZE) audit.event")
        connection.execute("RESET ROLE")
        connection.execute(PEOPLE.format(person=PERSON.format("n")))  # type: ignore[arg-type]


class SignedIn:
    """The console for somebody who is signed in; the session's own look-up is not what is measured."""

    def __init__(self, app: Router, person: Person) -> None:
        self._app = app
        self._person = person

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["state"] = {"person": self._person, "reference": "0000000"}
        await self._app(scope, receive, send)


async def measure(server: EmbeddedPostgres, folder: Path, requests: int, only: str) -> list[str]:
    """Print p50 and p99 of each list whose name has these words; return those that missed the budget."""
    keys = Keys.load_or_create(folder / "master.key")
    urls = {role: url_for_role(server.owner_url, role, keys) for role in (APP_ROLE, AUDIT_WRITER_ROLE)}
    settings = Settings(
        data_dir=folder,
        master_key_file=folder / "master.key",
        database_url=urls[APP_ROLE],
        audit_database_url=urls[AUDIT_WRITER_ROLE],
    )
    missed = []
    async with AsyncExitStack() as stack:
        _, backend = await stack.enter_async_context(build_console(settings))
        person = Person(HEAVY, "p1", frozenset({Role.REVIEWER}))
        app = SignedIn(Router(console_routes(parts_of(backend))), person)
        transport = httpx.ASGITransport(app=app)
        http = await stack.enter_async_context(httpx.AsyncClient(transport=transport, base_url="http://bench"))
        for name, path in (SINGLE | TOGETHER).items():
            if only not in name:
                continue
            before = cpu_milliseconds(folder)
            times = await time_list(http, path, requests)
            work = (cpu_milliseconds(folder) - before) / (requests + WARM_UP)
            p50, p99 = times[len(times) // 2], times[int(len(times) * 0.99)]
            is_missed = name in SINGLE and p99 > MOST_MILLISECONDS
            told = f"{name:<26} p50 {p50:6.1f} ms   p99 {p99:6.1f} ms   processor {work:5.1f} ms"
            print(f"{told}{'   MISSED' if is_missed else ''}", flush=True)
            missed += [name] if is_missed else []
    return missed


def cpu_milliseconds(folder: Path) -> float:
    """Return the processor time of this process and of Postgres: what a page costs, however busy the machine is."""
    postmaster = psutil.Process(int(next(folder.rglob("postmaster.pid")).read_text().split()[0]))
    seconds = 0.0
    for process in (psutil.Process(), postmaster, *postmaster.children()):
        with contextlib.suppress(psutil.NoSuchProcess):
            spent = process.cpu_times()
            seconds += spent.user + spent.system
    return seconds * 1000


async def time_list(http: httpx.AsyncClient, path: str, requests: int) -> list[float]:
    """Open the newest page, then go down and up at random; return the times in milliseconds, the shortest first."""
    day = time.strftime("%Y-%m-%d", time.gmtime(time.time() + 86_400 * 20))
    path = path.format(day=day)
    joint = "&" if "?" in path else "?"
    choose = random.Random(7)  # noqa: S311 - which page comes next
    times, edges = [], [""]
    for number in range(requests + WARM_UP):
        address = path + (f"{joint}{edge}" if (edge := choose.choice(edges)) else "")
        begin = time.perf_counter()
        answer = await http.get(address)
        if number >= WARM_UP:  # connections and templates are there
            times.append((time.perf_counter() - begin) * 1000)
        if answer.status_code != 200:
            raise SystemExit(f"{address}: {answer.status_code} {answer.text[:300]}")
        edges = [*edges[-40:], *edges_in(answer.text)]
    return sorted(times)


def edges_in(page: str) -> Sequence[str]:
    """Return where the pages above and below this one begin."""
    found = []
    for word in ("before", "after"):
        _, _, rest = page.partition(f"{word}=")
        if rest:
            found.append(f"{word}={rest[:36]}")
    return found


def make_log(folder: Path, events: int) -> None:
    """Make the log in a folder, or find it there; what is half made is made anew."""
    told = folder / "events"
    if told.exists() and told.read_text() != str(events):
        raise SystemExit(f"{str(folder)!r} keeps {told.read_text()} events, not {events}. Name another folder.")
    is_there = told.exists()
    if not is_there:
        shutil.rmtree(folder / "p", ignore_errors=True)
    with EmbeddedPostgres(folder / "p", options=FILLING) as server:
        migrate(server.owner_url, Keys.load_or_create(folder / "master.key"))
        begin = time.monotonic()
        if not is_there:
            fill(server, events)
    told.write_text(str(events))
    print(f"{events:,} events {'kept' if is_there else f'in {time.monotonic() - begin:.0f} s'}", flush=True)


def main() -> int:
    """Make the log, measure, and tell."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("events", nargs="?", type=int, default=EVENTS)
    asked.add_argument("--requests", type=int, default=REQUESTS)
    asked.add_argument("--keep", type=Path)
    asked.add_argument("--only", default="")
    wanted = asked.parse_args()
    logging.getLogger("httpx").setLevel(logging.WARNING)
    with nullcontext(wanted.keep) if wanted.keep else tempfile.TemporaryDirectory(prefix="cloister-lists-") as name:
        folder = Path(name)
        folder.mkdir(parents=True, exist_ok=True)
        make_log(folder, wanted.events)
        with EmbeddedPostgres(folder / "p") as server:
            missed = asyncio.run(measure(server, folder, wanted.requests, wanted.only))
    print(
        f"budget: p99 of each single filter at most {MOST_MILLISECONDS:.0f} ms; missed: {', '.join(missed) or 'none'}"
    )
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
