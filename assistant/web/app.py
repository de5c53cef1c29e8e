"""The web application: sign-in and health at once, the chat as soon as it is loaded, one hard shell around all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Final

from fastapi import FastAPI, Request
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

from assistant.web.api_errors import API_PATH
from assistant.web.chat_door import ChatDoor
from assistant.web.doors import Doors, PartState
from assistant.web.gateway.door import Gateway, NotHere
from assistant.web.hardening import OUR_FAULT, Hardening, error_response
from assistant.web.health import health_routes
from assistant.web.origins import Origins
from assistant.web.pages import STATIC_FOLDER
from assistant.web.session_gate import SessionCookie, SessionGate
from assistant.web.sign_in import sign_in_routes

_BYTES_PER_CHAR: Final = 6  # of JSON at its most wordy: \u00e9
_API_FRAME_BYTES: Final = 256 << 10  # what stands around the texts of a request
_NOT_HERE: Final = "There is nothing at this address. Open the chat and go on from there."


class WebApplication:
    """What the server runs: an ASGI application that can be told to end its answers before it stops."""

    def __init__(self, doors: Doors) -> None:
        settings = doors.settings
        self._doors = doors
        self._chat = ChatDoor(doors)
        cookie = SessionCookie(is_secure=settings.is_behind_tls, hours=settings.session_hours)
        # No OpenAPI page: it would load its viewer from a foreign address, and strangers need no list of routes.
        root = FastAPI(lifespan=self._live, docs_url=None, redoc_url=None, openapi_url=None)
        root.add_exception_handler(HTTPException, _say_http_error)
        root.add_exception_handler(Exception, _say_our_fault)
        root.include_router(health_routes(self._check_parts, identity=doors.identity, cookie=cookie))
        root.include_router(sign_in_routes(doors.identity, cookie, self._chat.close_windows))
        self._gateway = _gateway_of(doors)
        if self._gateway is not None:
            root.include_router(self._gateway.routes())
        root.router.routes.append(Route(API_PATH, NotHere()))
        root.mount(API_PATH, NotHere())
        root.mount("/static", StaticFiles(directory=STATIC_FOLDER))
        root.mount("/", SessionGate(self._chat, identity=doors.identity, cookie=cookie))
        self._app: ASGIApp = Hardening(
            root,
            origins=Origins.of(settings),
            max_upload_bytes=settings.max_upload_bytes,
            max_api_bytes=settings.max_prompt_chars * _BYTES_PER_CHAR + _API_FRAME_BYTES,
            is_behind_tls=settings.is_behind_tls,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one connection."""
        await self._app(scope, receive, send)

    @property
    def is_chat_ready(self) -> bool:
        """Tell whether the chat is loaded."""
        return self._chat.state.is_ready

    async def stop_answers(self) -> None:
        """End running answers as interrupted; new ones are refused from now on."""
        await asyncio.gather(self._chat.stop(), *([self._gateway.stop()] if self._gateway else []))

    async def _check_parts(self) -> Mapping[str, PartState]:
        gateway = {"gateway": self._gateway.state} if self._gateway else {}
        return {**await self._doors.check_parts(), "chat": self._chat.state, **gateway}

    @asynccontextmanager
    async def _live(self, _app: FastAPI) -> AsyncIterator[None]:
        self._chat.start()
        if self._gateway is not None:
            self._gateway.start()
        try:
            yield
        finally:
            await self.stop_answers()


def create_app(doors: Doors) -> WebApplication:
    """Build the application. Quick: nothing heavy is imported before the first request can be answered.

    Raises:
        SettingsError: an origin in the settings is not one.
    """
    return WebApplication(doors)


def _gateway_of(doors: Doors) -> Gateway | None:
    if doors.tokens is None or doors.open_gateway is None:
        return None
    return Gateway(doors.tokens, doors.open_gateway)


async def _say_http_error(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    words = _NOT_HERE if status in {404, 405} else OUR_FAULT
    return error_response(request.scope, status, words, request.state.reference)


async def _say_our_fault(request: Request, _error: Exception) -> Response:
    """Answer in words; the shell around all logs the error itself."""
    return error_response(request.scope, 500, OUR_FAULT, request.state.reference)
