"""A changed policy reaches a running process, and the audit log says which one was in force when."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest
from pydantic import SecretStr

from assistant import site_files
from assistant.audit.events import Tag
from assistant.audit.reading.read import LogReader, Search
from assistant.bootstrap.application import build_application
from assistant.bootstrap.console import build_console
from assistant.policy import files
from assistant.settings import Settings
from tests.fakes.open_hosts import eventually
from tests.integration.conftest import Database

pytestmark = pytest.mark.integration

RULE = """
rules:
  - {name: site/badge, label: badge number, entity_type: BADGE, patterns: ['ZB-[0-9]{6}']}
actions:
  - {rules: site/badge, action: redact}
"""
EVENTS = frozenset({Tag.POLICY_LOADED, Tag.POLICY_REFUSED})


async def test_a_running_process_takes_a_new_policy_and_refuses_a_broken_one(
    tmp_path: Path, database: Database, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "SHIPPED", ())
    monkeypatch.setattr(site_files, "POLL_SECONDS", 0.02)
    folder = tmp_path / "policy"
    folder.mkdir()
    write(folder, RULE)
    settings = Settings(
        data_dir=tmp_path,
        policy=folder,
        database_url=database.app_url,
        audit_database_url=database.audit_writer_url,
        redis_url=SecretStr(redis_url),
    )
    async with (
        LogReader(database.audit_reader_url) as log,
        build_application(settings, process="web") as application,
    ):
        first = application.guard.policy.version
        write(folder, RULE.replace("redact", "warn"))
        await until_events(log, 2)
        # The event is durable first; whoever asks after that gets the new guard as soon as the look ends.
        await application.refresh_policy()
        second = application.guard.policy.version
        assert second != first
        write(folder, RULE.replace("label", "lable"))
        await until_events(log, 3)
        await application.refresh_policy()
        assert application.guard.policy.version == second
        events = await log.read_newest(10, Search(types=EVENTS))
    told = [(event.document["type"], event.document["data"]["policy_version"]) for event in events]
    assert sorted(told) == sorted([("policy:loaded", first), ("policy:loaded", second), ("policy:refused", second)])
    (refused,) = (event for event in events if event.document["type"] == "policy:refused")
    assert refused.document["data"]["place"] == "site.yaml:3"
    assert refused.document["outcome"] == "refused"


def write(folder: Path, text: str) -> None:
    path = folder / "site.yaml"
    before = path.stat().st_mtime_ns if path.exists() else 0
    path.write_text(text)
    os.utime(path, ns=(before + 1, max(before + 1, path.stat().st_mtime_ns)))


async def until_events(log: LogReader, count: int) -> None:
    """Wait until as many events about the policy stand in the log."""
    async with asyncio.timeout(180):
        while len(await log.read_newest(10, Search(types=EVENTS))) < count:  # noqa: ASYNC110 - the log does not ring
            await asyncio.sleep(0.02)


async def test_the_consoles_own_process_takes_a_new_policy(
    tmp_path: Path, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "SHIPPED", ())
    monkeypatch.setattr(site_files, "POLL_SECONDS", 0.02)
    folder = tmp_path / "policy"
    folder.mkdir()
    write(folder, RULE)
    settings = Settings(
        data_dir=tmp_path,
        policy=folder,
        database_url=database.app_url,
        audit_database_url=database.audit_writer_url,
    )
    async with LogReader(database.audit_reader_url) as log, build_console(settings) as (_, backend):
        assert backend.labels()["site/badge"] == "badge number"
        write(folder, RULE.replace("badge number", "number of a badge"))
        await until_events(log, 2)
        await eventually(lambda: backend.labels()["site/badge"] == "number of a badge")  # the event is durable first
