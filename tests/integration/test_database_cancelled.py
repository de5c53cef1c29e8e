"""Whoever is cancelled while it connects leaves no connection open: the server would count it for a minute."""

from __future__ import annotations

import asyncio
import contextlib
from uuid import uuid4

import pytest
from pydantic import SecretStr

from assistant.audit.record import Origin
from assistant.audit.writing.append import Appender
from assistant.audit.writing.content_keys import ContentKeys
from assistant.database import connect
from assistant.errors import AuditUnavailableError
from assistant.keys import Keys

pytestmark = pytest.mark.integration


class SilentServer:
    """A server that takes connections and says nothing."""

    def __init__(self) -> None:
        self.came = asyncio.Event()
        self.went = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.came.set()
        with contextlib.suppress(ConnectionError):
            while await reader.read(1000):
                pass
        self.went.set()
        writer.close()


@pytest.mark.parametrize("who", ["connect", "appender", "keys"])
async def test_the_connection_is_closed_at_once(who: str) -> None:
    silent = SilentServer()
    server = await asyncio.start_server(silent.serve, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        url = SecretStr(f"postgresql://x:y@127.0.0.1:{port}/z?connect_timeout=60&sslmode=disable")
        work = {
            "connect": lambda: connect(url),
            "appender": lambda: Appender(url, Origin("h", 1, "b")).start(),
            "keys": lambda: ContentKeys(url, Keys(bytes(32))).key_of(*[uuid4()] * 2),
        }[who]
        task = asyncio.ensure_future(work())
        await silent.came.wait()
        task.cancel()
        failed = (await asyncio.gather(task, return_exceptions=True))[0]  # held, as a log line would
        assert isinstance(failed, asyncio.CancelledError | AuditUnavailableError)
        async with asyncio.timeout(180):
            await silent.went.wait()
