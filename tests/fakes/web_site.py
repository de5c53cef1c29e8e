"""The real web application on a free port of this machine, with fakes behind its doors."""

from __future__ import annotations

import asyncio
import importlib
import socket
import threading
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from assistant.settings import Settings
from assistant.web.app import create_app
from assistant.web.chat.configuration import prepare
from assistant.web.chat_parts import ChatParts
from assistant.web.doors import Doors, PartState
from assistant.web.server import create_server
from tests.fakes.web_parts import FakeSite


@dataclass
class RunningSite:
    """A served site: `url` is its origin."""

    url: str
    fakes: FakeSite
    settings: Settings


@contextmanager
def serve_site(data_dir: Path, *, fakes: FakeSite | None = None) -> Iterator[RunningSite]:
    """Serve until the block ends; returns when the chat is ready."""
    fakes = fakes or FakeSite()
    listener = socket.create_server(("127.0.0.1", 0))
    settings = Settings(data_dir=data_dir, port=listener.getsockname()[1], max_upload_bytes=1 << 20)

    async def check_parts() -> Mapping[str, PartState]:
        return {"database": PartState(is_ready=True, words="Answers.")}

    async def open_chat() -> ChatParts:
        return fakes.parts()

    import_chat(settings)
    doors = Doors(
        settings=settings,
        identity=fakes.identity,
        check_parts=check_parts,
        open_chat=open_chat,
        console=fakes.console_parts(),
    )
    application = create_app(doors)
    server = create_server(application, settings)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[listener])), name="site", daemon=True)
    thread.start()
    try:
        deadline = time.monotonic() + 120
        while not application.is_chat_ready:
            if time.monotonic() > deadline:
                raise TimeoutError("the chat did not start")
            time.sleep(0.05)
        yield RunningSite(f"http://127.0.0.1:{settings.port}", fakes, settings)
    finally:
        server.should_exit = True
        thread.join(timeout=60)
        listener.close()


def import_chat(settings: Settings) -> None:
    """Import Chainlit as the product does, but not in a thread: what it warns of at import is not ours to mend."""
    prepare(settings.data_dir / "run" / "chainlit", settings)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        importlib.import_module("assistant.web.chat.mount")
