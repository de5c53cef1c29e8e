"""What every web process of ours answers alike: health, sign-in, files, and the shell around all of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Final

from fastapi import FastAPI, Request
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from assistant.settings import Settings
from assistant.web.api_errors import API_PATH
from assistant.web.doors import PartState, SignIn
from assistant.web.gateway.door import NotHere
from assistant.web.hardening import OUR_FAULT, Hardening, error_response
from assistant.web.health import health_routes
from assistant.web.origins import Origins
from assistant.web.pages import STATIC_FOLDER
from assistant.web.session_gate import SessionCookie, SessionGate
from assistant.web.sign_in import CloseWindows, sign_in_routes

_BYTES_PER_CHAR: Final = 6  # of JSON at its most wordy: \u00e9
_API_FRAME_BYTES: Final = 256 << 10  # what stands around the texts of a request

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]


def build_root(
    settings: Settings,
    identity: SignIn,
    *,
    check_parts: Callable[[], Awaitable[Mapping[str, PartState]]],
    close_windows: CloseWindows,
    signed_in: ASGIApp,
    nothing_here: str,
    gateway: Sequence[Route] = (),
    lifespan: Lifespan | None = None,
) -> ASGIApp:
    """Build what the server runs.

    Args:
        settings: as this process got them.
        identity: who is speaking.
        check_parts: looks at every part, for `/health/ready`.
        close_windows: shuts the open pages of a session that ended.
        signed_in: answers everything else, to people who are signed in.
        nothing_here: what is said of an address that there is not.
        gateway: routes of the API, for who comes with a token.
        lifespan: runs around the server's life.

    Raises:
        SettingsError: an origin in the settings is not one.
    """
    cookie = SessionCookie(is_secure=settings.is_behind_tls, hours=settings.session_hours)
    # No OpenAPI page: it would load its viewer from a foreign address, and strangers need no list of routes.
    root = FastAPI(lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)
    root.add_exception_handler(HTTPException, _say_http_error(nothing_here))
    root.add_exception_handler(Exception, _say_our_fault)
    root.include_router(health_routes(check_parts, identity=identity, cookie=cookie))
    root.include_router(sign_in_routes(identity, cookie, close_windows))
    root.router.routes += [*gateway, Route(API_PATH, NotHere())]
    root.mount(API_PATH, NotHere())
    root.mount("/static", StaticFiles(directory=STATIC_FOLDER))
    root.mount("/", SessionGate(signed_in, identity=identity, cookie=cookie))
    return Hardening(
        root,
        origins=Origins.of(settings),
        max_upload_bytes=settings.max_upload_bytes,
        max_api_bytes=settings.max_prompt_chars * _BYTES_PER_CHAR + _API_FRAME_BYTES,
        is_behind_tls=settings.is_behind_tls,
    )


def _say_http_error(nothing_here: str) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def say(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        words = nothing_here if status in {404, 405} else OUR_FAULT
        return error_response(request.scope, status, words, request.state.reference)

    return say


async def _say_our_fault(request: Request, _error: Exception) -> Response:
    """Answer in words; the shell around all logs the error itself."""
    return error_response(request.scope, 500, OUR_FAULT, request.state.reference)
