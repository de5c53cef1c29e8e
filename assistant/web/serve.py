"""Run the web application: the doors put together and served."""

from __future__ import annotations

import socket

from assistant.web.app import create_app
from assistant.web.doors import Doors
from assistant.web.server import serve


async def serve_until_stopped(doors: Doors, *, listener: socket.socket | None = None) -> int:
    """Serve until SIGTERM or SIGINT, and return an exit status.

    Args:
        doors: what is served.
        listener: a socket that already listens, for tests; unset binds the address of the settings.
    """
    return await serve(create_app(doors), doors.settings, listener=listener)
