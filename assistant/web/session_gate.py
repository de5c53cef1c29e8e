"""Our session cookie, the only credential of the pages: read here, checked at each request, never passed on."""

from __future__ import annotations

from http.cookies import CookieError, SimpleCookie
from typing import Final
from urllib.parse import quote

from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from assistant.conversation import Person
from assistant.errors import UnavailableError
from assistant.web.doors import SignIn
from assistant.web.hardening import error_response, refuse

_NAME: Final = "cloister_session"
_SECURE_NAME: Final = "__Host-cloister_session"  # the prefix makes browsers refuse it from other hosts and without TLS

_SIGNED_OUT: Final = "You are not signed in any more. Sign in again."


class SessionCookie:
    """Read and write the cookie of a session."""

    def __init__(self, *, is_secure: bool, hours: int) -> None:
        self.name = _SECURE_NAME if is_secure else _NAME
        self._is_secure = is_secure
        self._seconds = hours * 3600

    def read(self, scope: Scope) -> str:
        """Return the token that came with a request; empty without one."""
        return parse_cookies(scope).get(self.name, "")

    def write(self, response: Response, token: str) -> None:
        """Give the token to the browser. Lax: a link from a mail opens the chat, a foreign form does nothing."""
        response.set_cookie(
            self.name, token, max_age=self._seconds, path="/", httponly=True, secure=self._is_secure, samesite="lax"
        )

    def write_plain(self, response: Response, name: str, value: str) -> None:
        """Write another cookie under the same rules; it is no credential and ends with the browser."""
        response.set_cookie(name, value, path="/", httponly=True, secure=self._is_secure, samesite="lax")

    def clear(self, response: Response) -> None:
        """Take the token back."""
        response.delete_cookie(self.name, path="/", httponly=True, secure=self._is_secure, samesite="lax")


class SessionGate:
    """Let through only who is signed in; puts `person` and `session` (the token) into the request's state."""

    def __init__(self, app: ASGIApp, *, identity: SignIn, cookie: SessionCookie) -> None:
        self._app = app
        self._identity = identity
        self._cookie = cookie

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check the session, then pass the request on without the cookie."""
        token = self._cookie.read(scope)
        try:
            person = await self._identity.person_for_session(token) if token else None
        except UnavailableError as error:
            await refuse(scope, receive, send, error_response(scope, 503, str(error), scope["state"]["reference"]))
            return
        if person is None:
            await refuse(scope, receive, send, _ask_to_sign_in(scope))
            return
        await self._app(_with_person(scope, person, token, self._cookie.name), receive, send)


def parse_cookies(scope: Scope) -> dict[str, str]:
    """Return the cookies of a request; a header that cannot be read counts as none."""
    cookies: SimpleCookie = SimpleCookie()
    for name, value in scope["headers"]:
        if name == b"cookie":
            try:
                cookies.load(value.decode("latin-1"))
            except CookieError:
                return {}
    return {name: morsel.value for name, morsel in cookies.items()}


def _with_person(scope: Scope, person: Person, token: str, cookie_name: str) -> Scope:
    kept = {name: value for name, value in parse_cookies(scope).items() if name != cookie_name}
    headers = [(name, value) for name, value in scope["headers"] if name != b"cookie"]
    if kept:
        headers.append((b"cookie", "; ".join(f"{name}={value}" for name, value in kept.items()).encode("latin-1")))
    return {**scope, "headers": headers, "state": {**scope["state"], "person": person, "session": token}}


def _ask_to_sign_in(scope: Scope) -> Response:
    is_page = scope["path"] == "/" or b"text/html" in dict(scope["headers"]).get(b"accept", b"")
    if scope["type"] == "http" and scope["method"] in {"GET", "HEAD"} and is_page:
        wanted = quote(scope["path"], safe="/")
        return RedirectResponse("/sign-in" if wanted == "/" else f"/sign-in?next={wanted}", 303)
    return error_response(scope, 401, _SIGNED_OUT, scope["state"]["reference"])
