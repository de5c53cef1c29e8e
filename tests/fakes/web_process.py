"""The web application as a process of its own, with fakes behind its doors: for what only a process can show.

Usage: python -m tests.fakes.web_process DATA_DIR TOKENS PAUSE_SECONDS
Prints the origin and a session token; at its end, how many answers were recorded in which state.
"""

from __future__ import annotations

import asyncio
import socket
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from assistant.conversation import Role
from assistant.settings import Settings
from assistant.web.chat_parts import ChatParts
from assistant.web.doors import Doors, PartState
from assistant.web.serve import serve_until_stopped
from tests.fakes.web_parts import PASSWORD, FakeSite


async def serve(data_dir: Path, tokens: int, pause_seconds: float) -> int:
    fakes = FakeSite()
    fakes.identity.add("maria", Role.EMPLOYEE)
    fakes.turns.pause_seconds, fakes.turns.repeat = pause_seconds, tokens
    token = (await fakes.identity.sign_in("maria", PASSWORD, "here")).token
    listener = socket.create_server(("127.0.0.1", 0))
    settings = Settings(data_dir=data_dir, port=listener.getsockname()[1])

    async def check_parts() -> Mapping[str, PartState]:
        return {}

    async def open_chat() -> ChatParts:
        return fakes.parts()

    print(f"http://127.0.0.1:{settings.port} {token}", flush=True)
    status = await serve_until_stopped(
        Doors(settings, fakes.identity, check_parts, open_chat, fakes.console_parts()), listener=listener
    )
    states = Counter(entries[-1].message.state.value for entries in fakes.history.stored.values())
    print(dict(states), flush=True)
    return status


if __name__ == "__main__":
    raise SystemExit(asyncio.run(serve(Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]))))
