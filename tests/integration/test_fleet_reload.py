"""A changed fleet.yaml reaches a running process, its hosts and its lock on the network, and the audit log."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from pydantic import SecretStr

from assistant.audit.events import Tag
from assistant.audit.reading.read import LogReader, Search
from assistant.bootstrap.application import build_application
from assistant.settings import Settings
from connectors.model_hosts.hosts import ModelHosts
from connectors.model_hosts.values import Need
from tests.fakes.model_host import FakeModelHost
from tests.fakes.open_hosts import ask, eventually, shelf
from tests.integration.conftest import Database

pytestmark = pytest.mark.integration

EVENTS = frozenset({Tag.FLEET_LOADED, Tag.FLEET_REFUSED})


async def test_a_running_process_takes_a_new_fleet_and_refuses_a_broken_one(
    tmp_path: Path, database: Database, redis_url: str
) -> None:
    file = tmp_path / "fleet.yaml"
    settings = Settings(
        data_dir=tmp_path,
        fleet=file,
        database_url=database.app_url,
        audit_database_url=database.audit_writer_url,
        redis_url=SecretStr(redis_url),
    )
    with FakeModelHost("ollama", reply="old") as old, FakeModelHost("vllm", reply="new") as new:
        write(file, old)
        async with (
            LogReader(database.audit_reader_url) as log,
            build_application(settings, process="web") as application,
        ):
            hosts = ModelHosts(await application.fleet.open(), retriever=shelf, look_every_seconds=0.1)
            application.fleet.follow(hosts.take_fleet)
            try:
                await hosts.start()
                before = await ask(hosts)
                write(file, new)
                await application.refresh_fleet()
                await eventually(lambda: hosts.statuses()[0].is_up)
                after = await ask(hosts)
                write(file, new, kind="vlm")
                await application.refresh_fleet()
                assert hosts.choose(Need()).host == "vllm"
            finally:
                await hosts.close()
            events = await log.read_newest(10, Search(types=EVENTS))
    assert (before[0], after[0]) == ("old", "new")
    told = [(event.document["type"], event.document["data"]) for event in events]
    assert [kind for kind, _ in told] == ["fleet:loaded", "fleet:loaded", "fleet:refused"]
    assert [data.get("hosts") for _, data in told] == [["ollama"], ["vllm"], None]
    assert told[2][1] == {"fleet_version": told[1][1]["fleet_version"], "place": "fleet.yaml:2"}


def write(file: Path, host: FakeModelHost, *, kind: str = "") -> None:
    before = file.stat().st_mtime_ns if file.exists() else 0
    file.write_text(f"hosts:\n  - {{name: {host.kind}, kind: {kind or host.kind}, address: '{host.address}'}}\n")
    os.utime(file, ns=(before + 1, max(before + 1, file.stat().st_mtime_ns)))
