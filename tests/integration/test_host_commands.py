"""`cloister fleet list | probe | drain | undrain | load | unload | pull | bench` as an operator runs them."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from assistant.audit.events import Tag
from assistant.audit.reading.read import LogReader, Search
from assistant.database import libpq_dsn
from tests.fakes.model_host import FakeModel, FakeModelHost, Fault
from tests.fakes.open_hosts import eventually
from tests.integration.conftest import Database

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]


class Site:
    """An installation with a fleet of two hosts, one of which is down."""

    def __init__(self, folder: Path, database: Database, redis_url: str, host: FakeModelHost) -> None:
        key_file = folder / "master.key"
        key_file.write_bytes(bytes(range(32)))
        fleet = folder / "fleet.yaml"
        fleet.write_text(
            "hosts:\n"
            f"  - {{name: Dev1, kind: {host.kind}, address: '{host.address}', accelerator: rtx-4090}}\n"
            "  - name: Dev2\n    kind: vllm\n    address: http://127.0.0.1:9\n"
            "    models: [{name: m, context_tokens: 4096}]\n"
        )
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("CLOISTER_")},
            "CLOISTER_DATA_DIR": str(folder),
            "CLOISTER_MASTER_KEY_FILE": str(key_file),
            "CLOISTER_DATABASE_URL": database.owner_url.get_secret_value(),
            "CLOISTER_REDIS_URL": redis_url,
            "CLOISTER_FLEET": str(fleet),
            "PYTHONPATH": str(ROOT),
        }

    def begin(self, *words: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-P", "-m", "assistant", "fleet", *words]
        # Whoever runs the tests by `nohup` ignores the end of the terminal, and so would the command.
        before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
        try:
            return subprocess.Popen(command, env=self.environment, stderr=subprocess.PIPE, text=True)
        finally:
            signal.signal(signal.SIGHUP, before)

    def run(self, *words: str, status: int = 0, **settings: str) -> str:
        command = [sys.executable, "-P", "-m", "assistant", "fleet", *words]
        environment = self.environment | settings
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout + done.stderr


@pytest.fixture
def host() -> Iterator[FakeModelHost]:
    with FakeModelHost("ollama", models=[FakeModel("qwen2.5:7b"), FakeModel("big:cloud")]) as fake:
        yield fake


@pytest.fixture
def site(tmp_path: Path, database: Database, redis_url: str, host: FakeModelHost) -> Site:
    return Site(tmp_path, database, redis_url, host)


async def test_a_host_is_drained_and_put_back_and_the_log_says_so(site: Site, database: Database) -> None:
    assert site.run("drain", "dev1") == "Dev1 is drained: it gets no new prompts.\n"
    assert site.run("drain", "Dev1").endswith("already; nothing was changed.\n")
    (row, _) = (json.loads(line) for line in site.run("list", "--json").splitlines())
    assert row["state"].startswith("drained since 20")
    assert row["models"][0]["is_available"] is False
    assert site.run("undrain", "Dev1") == "Dev1 is in service.\n"
    assert site.run("undrain", "Dev1").endswith("already; nothing was changed.\n")
    assert "did you mean 'Dev1'" in site.run("drain", "Dev11", status=2).replace("│", " ")
    async with LogReader(database.audit_reader_url) as log:
        events = await log.read_newest(10, Search(types=frozenset({Tag.HOST_DRAINED, Tag.HOST_UNDRAINED})))
    assert [(event.document["type"], event.document["host"]) for event in events] == [
        ("host:drained", "Dev1"),
        ("host:undrained", "Dev1"),
    ]


def test_list_shows_file_look_and_board_side_by_side(site: Site) -> None:
    lines = site.run("list").splitlines()
    assert lines[0].split() == ["Dev1", "ollama", "up"]
    assert lines[1].endswith("0.13.0 · 22.8 GiB · RTX 4090")
    assert lines[2].split(maxsplit=1) == [
        "qwen2.5:7b",
        "loaded, window 32,768, 5 GiB, 1.0 GiB of it on the processor",
    ]
    assert lines[3].strip() == "refused: big:cloud, it runs on somebody else's machines, not on this host"
    assert lines[4].startswith("Dev2           vllm      cannot be reached at http://127.0.0.1:9")
    assert lines[6].split() == ["m", "window", "4,096"]


def test_list_without_redis_says_what_it_does_not_know(site: Site) -> None:
    told = site.run("list", CLOISTER_REDIS_URL="redis://127.0.0.1:9/0")
    assert "Redis does not answer: what is drained and in flight is not known." in told
    assert "Dev1           ollama    up" in told
    refused = site.run("drain", "Dev1", status=1, CLOISTER_REDIS_URL="redis://127.0.0.1:9/0")
    assert "Redis does not answer; nothing was changed." in refused


def test_probe_shows_every_request_with_its_time(site: Site) -> None:
    lines = site.run("probe", "Dev1").splitlines()
    assert lines[0].startswith("Dev1 (ollama) answers, looked at in ")
    called = [line.split()[:3] for line in lines if line.endswith(" ms") and line.startswith("    ")]
    assert called == [
        ["GET", "/api/version", "200"],
        ["GET", "/api/tags", "200"],
        ["GET", "/api/ps", "200"],
        ["POST", "/api/show", "200"],
        ["GET", "/api/status", "200"],
    ]
    read = json.loads(site.run("probe", "Dev1", "--json"))
    assert read["report"]["models"][0]["memory_bytes"] == 5 << 30
    assert len(read["calls"]) == 5
    assert "cannot be reached" in site.run("probe", "Dev2", status=1)


async def test_a_model_is_loaded_and_unloaded_and_the_log_says_so(
    site: Site, host: FakeModelHost, database: Database
) -> None:
    assert site.run("unload", "Dev1", "qwen2.5:7b") == "qwen2.5:7b: is out of memory.\nunloads qwen2.5:7b\n"
    assert not host.models[0].is_loaded
    refused = site.run("pull", "dev1", "qwen2.5:14b", status=1)
    assert "Dev1 has no 'registry' in fleet.yaml" in refused
    async with LogReader(database.audit_reader_url) as log:
        tags = frozenset({Tag.FLEET_ORDERED, Tag.FLEET_ORDER_DONE, Tag.FLEET_ORDER_FAILED})
        events = await log.read_newest(10, Search(types=tags))
    assert [(event.type, event.host, event.document["data"]["act"]) for event in events] == [
        ("fleet:ordered", "Dev1", "unload"),
        ("fleet:order-done", "Dev1", "unload"),
        ("fleet:ordered", "Dev1", "pull"),
        ("fleet:order-failed", "Dev1", "pull"),
    ]


ORDERS = frozenset({Tag.FLEET_ORDERED, Tag.FLEET_ORDER_DONE, Tag.FLEET_ORDER_FAILED})


async def orders_in_the_log(database: Database) -> list[tuple[str, object, object]]:
    async with LogReader(database.audit_reader_url) as log:
        events = await log.read_newest(10, Search(types=ORDERS))
    return [(event.type, event.document["data"]["act"], event.document["data"].get("reason")) for event in events]


async def test_a_bench_has_its_end_in_the_log(site: Site, host: FakeModelHost, database: Database) -> None:
    host.reply = "word " * 40
    site.run("bench", "Dev1", "--prompt", "64", "--answer", "8")
    host.fault = Fault("status")
    assert "Dev1 cannot be measured with qwen2.5:7b: " in site.run("bench", "Dev1", status=1)
    assert await orders_in_the_log(database) == [
        ("fleet:ordered", "bench", None),
        ("fleet:order-done", "bench", None),
        ("fleet:ordered", "bench", None),
        ("fleet:order-failed", "bench", "refused"),
    ]


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGKILL])
async def test_a_bench_that_is_ended_has_its_end_in_the_log(
    site: Site, host: FakeModelHost, database: Database, stop: signal.Signals
) -> None:
    host.reply, host.token_seconds = "word " * 10_000, 0.05
    with site.begin("bench", "dev1") as command:
        await eventually(lambda: any(request.path == "/api/chat" for request in host.requests))
        command.send_signal(stop)
        _, told = await asyncio.to_thread(command.communicate, timeout=60)
    if stop is signal.SIGTERM:
        assert command.returncode == 130
        assert "Withdrawn. What was measured before is kept." in told
    else:
        with psycopg.connect(libpq_dsn(database.owner_url), autocommit=True) as connection:
            connection.execute("UPDATE fleet_order SET seen_at = now() - interval '2 minutes'")
        site.run("pull", "dev1", "qwen2.5:14b", status=1)
    first, last, *_ = await orders_in_the_log(database)
    assert first == ("fleet:ordered", "bench", None)
    assert last == ("fleet:order-failed", "bench", "withdrawn" if stop is signal.SIGTERM else "lost")


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_what_is_stopped_is_withdrawn_at_the_host_and_in_the_log(
    site: Site, host: FakeModelHost, database: Database, stop: signal.Signals
) -> None:
    host.holds_orders = True
    with site.begin("load", "dev1", "qwen2.5:7b") as command:
        await eventually(lambda: any(request.path == "/api/generate" for request in host.requests))
        command.send_signal(stop)
        _, told = await asyncio.to_thread(command.communicate, timeout=60)
    assert command.returncode == 130
    assert "Withdrawn. dev1 may still finish what it began to load: see `cloister fleet list`." in told
    assert "Traceback" not in told
    await eventually(lambda: host.client_aborts == 1)
    async with LogReader(database.audit_reader_url) as log:
        tags = frozenset({Tag.FLEET_ORDERED, Tag.FLEET_ORDER_DONE, Tag.FLEET_ORDER_FAILED})
        events = await log.read_newest(10, Search(types=tags))
    assert [(event.type, event.document["data"].get("reason")) for event in events] == [
        ("fleet:ordered", None),
        ("fleet:order-failed", "withdrawn"),
    ]


async def test_an_order_whose_command_is_killed_has_its_end_in_the_log(
    site: Site, host: FakeModelHost, database: Database
) -> None:
    host.holds_orders = True
    with site.begin("load", "dev1", "qwen2.5:7b") as command:
        await eventually(lambda: any(request.path == "/api/generate" for request in host.requests))
        command.kill()
    host.holds_orders = False
    with psycopg.connect(libpq_dsn(database.owner_url), autocommit=True) as connection:
        states = "SELECT act, state, requested_by FROM fleet_order ORDER BY requested_at"
        assert connection.execute(states).fetchall() == [("load", "running", None)]
        connection.execute("UPDATE fleet_order SET seen_at = now() - interval '2 minutes'")
        site.run("unload", "dev1", "qwen2.5:7b")
        assert connection.execute(states).fetchall() == [("load", "failed", None), ("unload", "done", None)]
    async with LogReader(database.audit_reader_url) as log:
        tags = frozenset({Tag.FLEET_ORDERED, Tag.FLEET_ORDER_DONE, Tag.FLEET_ORDER_FAILED})
        events = await log.read_newest(10, Search(types=tags))
    assert [(event.type, event.document["data"].get("reason")) for event in events] == [
        ("fleet:ordered", None),
        ("fleet:order-failed", "lost"),
        ("fleet:ordered", None),
        ("fleet:order-done", None),
    ]


async def test_an_order_that_nobody_reads_along_has_its_end_in_the_log(site: Site, database: Database) -> None:
    with site.begin("unload", "Dev1", "qwen2.5:7b") as command:
        assert command.stderr is not None
        command.stderr.close()
        assert await asyncio.to_thread(command.wait, 120) != 0
    async with LogReader(database.audit_reader_url) as log:
        events = await log.read_newest(10, Search(types=frozenset({Tag.FLEET_ORDERED, Tag.FLEET_ORDER_FAILED})))
    assert [(event.type, event.document["data"].get("reason")) for event in events] == [
        ("fleet:ordered", None),
        ("fleet:order-failed", "stopped"),
    ]


def test_a_bench_is_kept_and_held_against_the_bound(site: Site, host: FakeModelHost, database: Database) -> None:
    host.reply, host.token_seconds, host.first_token_seconds = "word " * 40, 0.01, 0.05
    fleet = Path(site.environment["CLOISTER_FLEET"])
    declared = "models: [{name: 'qwen2.5:7b', context_tokens: 8192, release: qwen2.5-7b, quantisation: Q4_K_M}]"
    fleet.write_text(fleet.read_text().replace("accelerator: rtx-4090", f"accelerator: rtx-4090, {declared}"))
    told = site.run("bench", "qwen2.5:7b", "--prompt", "256", "--answer", "32")
    assert "Dev1 qwen2.5:7b: measuring" in told
    writing = re.search(r"writing: ([0-9.]+) tokens/s, ([0-9]+)% of at most 21", told)
    assert writing is not None, told
    assert 20 < float(writing[1]) < 101  # 10 ms a token, and never faster
    with psycopg.connect(libpq_dsn(database.owner_url)) as connection:
        rows = connection.execute("SELECT host, model, answer_tokens, writing_bound > 200 FROM fleet_bench").fetchall()
    assert rows == [("Dev1", "qwen2.5:7b", 32, True)]
    assert "is no host and no model of the fleet" in site.run("bench", "nothing", status=2)
