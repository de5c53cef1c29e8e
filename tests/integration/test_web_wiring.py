"""The wired web process: what it opened is closed again, however far its start had come."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from pathlib import Path

import pytest
from pydantic import SecretStr

from assistant.settings import Settings
from assistant.web.wiring import _serve
from tests.integration.conftest import Database

pytestmark = pytest.mark.integration

_WATCH = "watch over the model hosts"


async def test_the_watch_over_the_hosts_ends_with_a_process_that_is_told_to_end_while_the_chat_loads(
    tmp_path: Path, database: Database, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    settings = Settings(
        data_dir=tmp_path,
        port=port,
        database_url=database.app_url,
        audit_database_url=database.audit_writer_url,
        redis_url=SecretStr(redis_url),
    )
    serving = asyncio.create_task(_serve(settings))
    async with asyncio.timeout(180):
        while not _watches():
            assert not serving.done()
            await asyncio.sleep(0)
        os.kill(os.getpid(), signal.SIGTERM)
        assert await serving == 0
    assert _watches() == []


def _watches() -> list[asyncio.Task[object]]:
    return [task for task in asyncio.all_tasks() if task.get_name() == _WATCH]
