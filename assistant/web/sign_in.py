"""The sign-in page: one form that works without JavaScript."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from assistant.errors import CloisterError, UnavailableError
from assistant.identity.attempts import TooManyAttemptsError
from assistant.web.doors import SignIn
from assistant.web.forms import read_form
from assistant.web.hardening import http_status
from assistant.web.pages import render, render_message
from assistant.web.session_gate import SessionCookie

_log = logging.getLogger(__name__)

_NAME_CHARS: Final = 200
_PASSWORD_CHARS: Final = 1024

CloseWindows = Callable[[str], Awaitable[None]]


def sign_in_routes(identity: SignIn, cookie: SessionCookie, close_windows: CloseWindows) -> APIRouter:
    """Return the addresses of signing in and out; `close_windows` shuts the open pages of a session that ended."""
    router = APIRouter()

    @router.get("/sign-in")
    async def show_form(request: Request) -> Response:
        wanted = own_path(request.query_params.get("next", ""))
        token = cookie.read(request.scope)
        try:
            if token and await identity.person_for_session(token) is not None:
                return RedirectResponse(wanted, 303)
        except UnavailableError as error:
            return _form(wanted, said=str(error), status=503)
        if "out" in request.query_params:
            return _form(wanted, said="You are signed out.", is_calm=True)
        return _form(wanted)

    @router.post("/sign-in")
    async def sign_in(request: Request) -> Response:
        fields = await read_form(request)
        wanted = own_path(fields.get("next", ""))
        name, password = fields.get("name", "").strip(), fields.get("password", "")
        if not name or not password or len(name) > _NAME_CHARS or len(password) > _PASSWORD_CHARS:
            return _form(wanted, said="Enter your name and your password.", name=name[:_NAME_CHARS], status=400)
        client = request.client.host if request.client else "unknown"
        try:
            signed_in = await identity.sign_in(name, password, client)
        except CloisterError as error:
            _log.info("sign-in refused: %s (ref %s)", type(error).__name__, request.state.reference)
            return _refusal(error, wanted, name)
        replaced = cookie.read(request.scope)
        try:
            await identity.sign_out(replaced)
            await close_windows(replaced)
        except CloisterError as error:  # the new session has begun, and the old one's token is about to be overwritten
            _log.warning("an old session was not ended: %s (ref %s)", type(error).__name__, request.state.reference)
        response = RedirectResponse(wanted, 303)
        cookie.write(response, signed_in.token)
        return response

    @router.post("/sign-out")
    async def sign_out(request: Request) -> Response:
        return await _end_session(request, identity, cookie, close_windows)

    return router


async def _end_session(
    request: Request, identity: SignIn, cookie: SessionCookie, close_windows: CloseWindows
) -> Response:
    token = cookie.read(request.scope)
    try:
        await identity.sign_out(token)
        await close_windows(token)
    except CloisterError as error:  # the cookie stays: without it, trying again would end nothing
        reference: str = request.state.reference
        _log.warning("sign-out failed: %s (ref %s)", type(error).__name__, reference)
        words = f"Signing out was not completed. {error} Try again in a minute."
        status = http_status(error)
        return render_message("Not signed out", words, status=status, reference=reference, is_signed_in=True)
    response = RedirectResponse("/sign-in?out", 303)
    cookie.clear(response)
    return response


def own_path(wanted: str) -> str:
    """Return where to go after signing in: only a plain path of this page, else the chat.

    >>> own_path("/thread/1"), own_path("//evil.example"), own_path("https://evil.example")
    ('/thread/1', '/', '/')
    """
    is_own = wanted.startswith("/") and not wanted.startswith("//") and "\\" not in wanted
    is_plain = all(" " < letter < "\x7f" for letter in wanted)
    return wanted if is_own and is_plain and not wanted.startswith("/sign-") else "/"


def _refusal(error: CloisterError, wanted: str, name: str) -> Response:
    """Return the form with the reason; a door that waits says for how long."""
    if isinstance(error, TooManyAttemptsError):
        response = _form(wanted, said=str(error), name=name, status=429)
        response.headers["retry-after"] = str(error.retry_after_seconds)
        return response
    return _form(wanted, said=str(error), name=name, status=503 if isinstance(error, UnavailableError) else 401)


def _form(wanted: str, *, said: str = "", is_calm: bool = False, name: str = "", status: int = 200) -> Response:
    return render("sign_in.html", status=status, title="Sign in", said=said, is_calm=is_calm, name=name, next=wanted)
