"""Run an application of ours under uvicorn, and end it without losing an answer."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, Protocol

import uvicorn
from starlette.types import Receive, Scope, Send

from assistant.errors import where
from assistant.settings import Settings
from assistant.web.hardening import SOCKET_MESSAGE_BYTES

_log = logging.getLogger(__name__)

_LONGEST_GOODBYE_SECONDS: Final = 5  # for connections; answers were ended before
_ANSWERS_GOODBYE_SECONDS: Final = 4


class Served(Protocol):
    """An ASGI application that can be told to end its answers before it stops."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one connection."""

    async def stop_answers(self) -> None:
        """End what still runs; new work is refused from now on."""


class _Server(uvicorn.Server):
    """Stop answers before connections: a person then reads that theirs was interrupted, and the record says so."""

    def __init__(self, config: uvicorn.Config, application: Served) -> None:
        super().__init__(config)
        self._application = application

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take SIGTERM and SIGINT as the wish to end.

        Uvicorn's own version raises the signal again once it has served, which kills the process before the audit log
        and the database are closed.
        """
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        try:
            yield
        finally:
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(number)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End the answers, then everything else."""
        try:
            async with asyncio.timeout(_ANSWERS_GOODBYE_SECONDS):
                await self._application.stop_answers()
        except TimeoutError:
            _log.warning("some answers did not end in time; recovery marks them at the next start")
        await super().shutdown(sockets)


async def serve(application: Served, settings: Settings, *, listener: socket.socket | None = None) -> int:
    """Serve until SIGTERM or SIGINT, and return an exit status.

    Args:
        application: what is served.
        settings: where.
        listener: a socket that already listens, for tests; unset binds the address of the settings.
    """
    asyncio.get_running_loop().set_exception_handler(_note_stray_error)
    server = create_server(application, settings)
    await server.serve(sockets=[listener] if listener else None)
    return 0 if server.started else 1


def _note_stray_error(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Log an error that nobody awaited without its message, which asyncio's own handler would write."""
    error = context.get("exception")
    _log.error("an error was left behind in the event loop: %s", where(error) if error else context.get("message"))


def create_server(application: Served, settings: Settings) -> uvicorn.Server:
    """Return a server that is not yet running."""
    config = uvicorn.Config(
        application,
        host=settings.host,
        port=settings.port,
        # Never uvloop: libuv connects without raising Python's audit events (PEP 578), so that nothing in the process,
        # and no test that listens to them, would see where it connects to.
        loop="asyncio",
        ws="websockets-sansio",
        ws_max_size=SOCKET_MESSAGE_BYTES,
        access_log=False,  # addresses of threads and people's doings are the audit log's business
        log_config=None,
        server_header=False,
        date_header=True,
        proxy_headers=settings.is_behind_tls,
        timeout_graceful_shutdown=_LONGEST_GOODBYE_SECONDS,
    )
    return _Server(config, application)
