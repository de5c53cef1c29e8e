"""The witness as a process: C2SP's witness protocol over HTTP, until it is told to stop."""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import uvicorn
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from assistant.audit.anchors.witness import MOST_BODY_BYTES, Answer, Witness
from assistant.errors import SettingsError

_log = logging.getLogger(__name__)

_MOST_CONNECTIONS: Final = 64
_GOODBYE_SECONDS: Final = 3
_LOCK_FILE: Final = "witness.lock"


class _Server(uvicorn.Server):
    """End in good order: uvicorn's own way raises the signal again once it has served."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to the loop."""
        yield


def witness_app(witness: Witness) -> Starlette:
    """Return the web application: `add-checkpoint` as the standard says, `add-key`, and what it is at `/`."""

    async def add_checkpoint(request: Request) -> Response:
        return await _answer(request, witness.add_checkpoint)

    async def add_key(request: Request) -> Response:
        return await _answer(request, witness.add_key)

    async def describe(request: Request) -> Response:
        del request
        return PlainTextResponse(witness.describe())

    return Starlette(
        routes=[
            Route("/add-checkpoint", add_checkpoint, methods=["POST"]),
            Route("/add-key", add_key, methods=["POST"]),
            Route("/", describe, methods=["GET"]),
        ]
    )


async def serve_witness(witness: Witness, folder: Path, host: str, port: int) -> int:
    """Serve until SIGTERM or SIGINT, and return an exit status.

    Raises:
        SettingsError: another witness has the folder.
    """
    lock = _lock_folder(folder)
    try:
        config = uvicorn.Config(
            witness_app(witness),
            host=host,
            port=port,
            loop="asyncio",
            ws="none",
            access_log=False,
            log_config=None,
            server_header=False,
            limit_concurrency=_MOST_CONNECTIONS,
            timeout_graceful_shutdown=_GOODBYE_SECONDS,
        )
        server = _Server(config)
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, server.handle_exit, number, None)
        await server.serve()
        return 0 if server.started else 1
    finally:
        os.close(lock)


async def _answer(request: Request, ask: Callable[[bytes], Answer]) -> Response:
    body = b""
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > MOST_BODY_BYTES:
                return Response(status_code=413)
    except ClientDisconnect:
        return Response(status_code=400)
    try:
        answer = await asyncio.to_thread(ask, body)  # it waits for the disk
    except OSError as error:
        _log.error("Nothing was signed, because it could not be remembered (%s).", type(error).__name__)
        return Response(status_code=503)
    # Not as `media_type`: Starlette would add a charset, and the standard has none.
    return Response(answer.body, answer.status, headers={"content-type": answer.media_type})


def _lock_folder(folder: Path) -> int:
    """Keep a second witness out: each would not know what the other signed."""
    try:
        descriptor = os.open(folder / _LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise SettingsError(
            f"The folder {str(folder)!r} belongs to a witness that runs, or cannot be written to "
            f"({type(error).__name__}). Give each witness a folder of its own."
        ) from error
    return descriptor
