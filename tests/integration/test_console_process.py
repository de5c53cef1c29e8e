"""The console as a process of its own: real Postgres, no chat and no model in it, the page's session opens it."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil
import pytest

from assistant.access import Access
from assistant.audit.parts import TextMarker
from assistant.audit.writing.append import Appender
from assistant.conversation import Role
from assistant.database import create_engine
from assistant.identity.identity import Identity
from assistant.keys import Keys
from tests.e2e.product import free_port
from tests.integration.conftest import Database
from tests.integration.seal_scene import ORIGIN, SealedLog

pytestmark = pytest.mark.integration

PASSWORD = "correct horse battery"
_MOST_MEMORY_BYTES = 200 << 20
LOADED = (
    "import sys; import assistant.web.console.wiring; "
    "print([name for name in ('chainlit', 'litellm', 'celery', 'presidio_analyzer', 'spacy', 'assistant.turn', "
    "'connectors.model_hosts.hosts', 'connectors.model_hosts.router') if name in sys.modules])"
)


def test_it_loads_no_chat_no_model_and_no_jobs() -> None:
    done = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def add_reviewer(database: Database) -> None:
    async def add() -> None:
        engine = create_engine(database.app_url)
        async with Appender(database.audit_writer_url, ORIGIN) as log:
            access = Access(Identity(engine, session_hours=8), log, TextMarker(database.keys))
            await access.add_person("lena", [Role.REVIEWER], PASSWORD)
        await engine.dispose()

    asyncio.run(add())


@contextmanager
def running_console(database: Database, folder: Path) -> Iterator[tuple[str, psutil.Process]]:
    port = free_port()
    key = folder / "master.key"
    key.write_bytes(bytes(range(32)))
    key.chmod(0o600)
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("CLOISTER_")}
    settings = {
        "CLOISTER_DATA_DIR": str(folder),
        "CLOISTER_CONSOLE_PORT": str(port),
        "CLOISTER_MASTER_KEY_FILE": str(key),
        "CLOISTER_SEAL_KEY_FILE": str(folder / "seal.key"),
        "CLOISTER_DATABASE_URL": database.app_url.get_secret_value(),
        "CLOISTER_AUDIT_DATABASE_URL": database.audit_writer_url.get_secret_value(),
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "assistant", "console"], env=inherited | settings, stderr=subprocess.PIPE
    )
    url = f"http://127.0.0.1:{port}"
    try:
        wait_until_live(url, process)
        yield url, psutil.Process(process.pid)
    finally:
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 0, said.decode()


def wait_until_live(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 180
    while True:
        try:
            if httpx.get(f"{url}/health/live", trust_env=False).status_code == 200:
                return
        except httpx.HTTPError:
            assert process.poll() is None, process.stderr and process.stderr.read().decode()
            assert time.monotonic() < deadline
            time.sleep(0.1)


def test_a_reviewer_signs_in_and_reads_a_sealed_turn(database: Database, tmp_path: Path) -> None:
    Keys.load_or_create(tmp_path / "unused.key")
    add_reviewer(database)
    log = SealedLog.at(database, tmp_path)
    log.keys.create()
    log.seal()
    with (
        running_console(database, tmp_path) as (url, process),
        httpx.Client(base_url=url, headers={"origin": url}, trust_env=False) as http,
    ):
        assert http.get("/console/queue", headers={"accept": "text/html"}).headers["location"].startswith("/sign-in")
        assert http.post("/sign-in", data={"name": "lena", "password": PASSWORD}).status_code == 303
        assert http.get("/").headers["location"] == "/console"
        for page in ("/console/queue", "/console/search?type=person:signed-in", "/my-log", "/review"):
            answer = http.get(page)
            assert answer.status_code == 200, (page, answer.text)
        assert "You signed in." in http.get("/my-log").text
        assert http.get("/project/threads").status_code == 404
        assert http.get("/health/ready").json()["parts"].keys() == {"audit"}
        used = process.memory_info().rss
        assert used < _MOST_MEMORY_BYTES, used
        print(f"resident {used >> 20} MB")
