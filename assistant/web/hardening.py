"""One wrapper around every door: who may ask, how much may come in, what a browser may do with the answer.

Source: docs/decisions/0008-chat-page.md lists what Chainlit leaves open and why each line here stands.
"""

from __future__ import annotations

import logging
from collections.abc import MutableMapping
from typing import Any, Final
from uuid import uuid4

from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocketDisconnect

from assistant.balance import QuotaError
from assistant.conversation import short_reference
from assistant.errors import (
    BadInputError,
    CloisterError,
    HeldError,
    NotAllowedError,
    NotFoundError,
    UnavailableError,
    where,
)
from assistant.reports.report import TooManyReportsError
from assistant.web.api_errors import api_error, is_api
from assistant.web.origins import Origins
from assistant.web.pages import render_message

_log = logging.getLogger(__name__)

UPLOAD_PATH: Final = "/project/file"
SOCKET_MESSAGE_BYTES: Final = 16 << 20  # a pasted 10 MB text must arrive whole to be refused in words
_SMALL_BODY_BYTES: Final = 256 << 10  # forms and JSON of the page; the longest is a comment
_MULTIPART_BYTES: Final = 64 << 10  # boundaries and headers around an uploaded file
_SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_OPEN_TO_ANY_HOST: Final = ("/health/",)  # probes ask by address; nothing there depends on who asks
_FORBIDDEN_COOKIES: Final = (b"access_token", b"oauth_state")  # Chainlit's: our own session is the only credential
_TWO_LENGTHS: Final = (
    "The request tells its length in two ways. Send `Content-Length` or `Transfer-Encoding`, not both."
)
_TOO_LONG: Final = "That is more than is accepted here. Send less at once."
OUR_FAULT: Final = "Something failed on our side. Try again; if it stays, tell your administrator the reference."
_STATUS: Final = (
    (QuotaError, 429),
    (TooManyReportsError, 429),
    (NotAllowedError, 403),
    (NotFoundError, 404),
    (HeldError, 409),
    (BadInputError, 400),
    (UnavailableError, 503),
)
_POLICY_CLOSE: Final = 1008  # RFC 6455 section 7.4.1: the message violates policy

CONTENT_POLICY: Final = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data: blob:",
    "font-src": "'self'",
    "connect-src": "'self'",
    "media-src": "'self'",
    "worker-src": "'self' blob:",
    "frame-src": "'none'",
    "frame-ancestors": "'none'",
    "object-src": "'none'",
    "base-uri": "'none'",
    "form-action": "'self'",
    "manifest-src": "'self'",
}
_HEADERS: Final = {
    "x-content-type-options": "nosniff",
    # Not no-referrer: with it a browser sends `Origin: null` with a form (Fetch, "append a request Origin header").
    "referrer-policy": "same-origin",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "geolocation=(), camera=(), microphone=(), payment=(), usb=()",
}


def content_policy(**changes: str) -> str:
    """Return the Content-Security-Policy, some directives replaced (`script_src="…"`)."""
    policy = CONTENT_POLICY | {name.replace("_", "-"): value for name, value in changes.items()}
    return "; ".join(f"{name} {value}" for name, value in policy.items())


class BodyTooLargeError(Exception):
    """More came than the address takes; raised into the app while it reads."""


class Hardening:
    """Wrap an application.

    1. The Host header names this page (against DNS rebinding).
    2. What can change something, and every WebSocket, comes from this page (against CSRF and cross-site WebSockets).
    3. A body is no longer than its address takes, whether it says its length or not; it does not say so in two ways,
       of which a proxy before this could read the other (RFC 9112, section 6.1).
    4. Every response carries the security headers; cookies of Chainlit never reach a browser.
    5. An error becomes a sentence with a reference that also stands in the log.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        origins: Origins,
        max_upload_bytes: int,
        is_behind_tls: bool,
        max_api_bytes: int = _SMALL_BODY_BYTES,
    ) -> None:
        self._app = app
        self._origins = origins
        self._max_upload_bytes = max_upload_bytes
        self._max_api_bytes = max_api_bytes
        self._is_behind_tls = is_behind_tls

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        request_id = uuid4()
        reference = short_reference(request_id)
        scope.setdefault("state", {}).update(request_id=request_id, reference=reference)
        sender = _Sender(send, reference, is_behind_tls=self._is_behind_tls)
        if refusal := self._refusal(scope):
            status, words = refusal
            _log.warning("refused %s %s: %s (ref %s)", scope["type"], status, words, reference)
            response = error_response(scope, status, words, reference)
            if words == _TWO_LENGTHS:  # where the next request on this connection begins, nobody can tell
                response.headers["connection"] = "close"
            await refuse(scope, receive, sender, response)
            return
        try:
            await self._app(scope, self._limited(scope, receive, sender), sender)
        except BodyTooLargeError:
            _log.warning("refused a body that grew too long (ref %s)", reference)
        except Exception as error:  # noqa: BLE001 - a door: whatever happens, the caller gets words and a reference
            if sender.is_broken or isinstance(error, ClientDisconnect | WebSocketDisconnect):
                _log.debug("the caller went away: %s (ref %s)", where(error), reference)
                return
            _log.error("request failed: %s (ref %s)", where(error), reference)
            if not sender.has_started:  # else it can only end
                await refuse(scope, receive, sender, error_response(scope, 500, OUR_FAULT, reference))

    def _refusal(self, scope: Scope) -> tuple[int, str] | None:
        headers: dict[bytes, bytes] = dict(scope["headers"])
        path: str = scope["path"]
        is_probe = path.startswith(_OPEN_TO_ANY_HOST)
        if not is_probe and not self._origins.knows_host(headers.get(b"host", b"").decode("latin-1")):  # 1
            return 421, "This address is not one of this page. Open it under the address your administrator gave you."
        is_socket = scope["type"] == "websocket"
        can_change = is_socket or scope["method"] not in _SAFE_METHODS
        if can_change and not self._origins.allows(headers, must_name_origin=is_socket):  # 2
            return 403, "The request came from another page and was not carried out. Open Cloister and try again."
        if b"content-length" in headers and b"transfer-encoding" in headers:  # 3
            return 400, _TWO_LENGTHS
        length = headers.get(b"content-length", b"0")
        if not length.isdigit() or int(length) > self._most_bytes(scope):
            return 413, _TOO_LONG
        return None

    def _most_bytes(self, scope: Scope) -> int:
        if is_api(scope):
            return self._max_api_bytes
        return self._max_upload_bytes + _MULTIPART_BYTES if scope["path"] == UPLOAD_PATH else _SMALL_BODY_BYTES

    def _limited(self, scope: Scope, receive: Receive, sender: _Sender) -> Receive:
        """Count a body while it is read: a chunked one does not say how long it is.

        The refusal is sent here and nothing after it: frameworks turn an error of reading into one of their own.
        """
        if scope["type"] != "http":
            return receive
        most, seen = self._most_bytes(scope), 0

        async def receive_counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > most:
                if not sender.has_started:
                    response = error_response(scope, 413, _TOO_LONG, scope["state"]["reference"])
                    await refuse(scope, receive, sender, response)
                sender.is_shut = True
                raise BodyTooLargeError
            return message

        return receive_counted


class _Sender:
    """Pass messages on, adding headers to the first.

    Attributes:
        is_shut: nothing more goes out.
        is_broken: the server could not send, because nobody is at the other end any more.
    """

    def __init__(self, send: Send, reference: str, *, is_behind_tls: bool) -> None:
        self._send = send
        self._reference = reference
        self._is_behind_tls = is_behind_tls
        self.has_started = False
        self.is_shut = False
        self.is_broken = False
        self._is_accepted = False

    async def __call__(self, message: MutableMapping[str, Any]) -> None:
        if self.is_shut:
            return
        if message["type"] in {"http.response.start", "websocket.accept", "websocket.close"}:
            self.has_started = True
        if message["type"] == "http.response.start":
            message["headers"] = self._cookies(list(message.get("headers", ())))
            headers = MutableHeaders(raw=message["headers"])
            for name, value in _HEADERS.items():
                headers.setdefault(name, value)
            headers.setdefault("content-security-policy", content_policy())
            headers.setdefault("cache-control", "no-store")
            headers["x-request-id"] = self._reference
            if self._is_behind_tls:
                headers.setdefault("strict-transport-security", "max-age=31536000")
        try:
            await self._send(message)
        except OSError:  # uvicorn's ClientDisconnected is one
            self.is_broken = True
            raise
        except RuntimeError:
            # Uvicorn skips the handshake with a socket that is closing, then wonders about what comes after it.
            self.is_broken = self._is_accepted
            raise
        self._is_accepted = self._is_accepted or message["type"] == "websocket.accept"

    def _cookies(self, headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        kept = []
        for name, value in headers:
            if name.lower() == b"set-cookie":
                if value.startswith(_FORBIDDEN_COOKIES):
                    continue
                if self._is_behind_tls and b"secure" not in value.lower():
                    kept.append((name, value + b"; Secure"))
                    continue
            kept.append((name, value))
        return kept


async def refuse(scope: Scope, receive: Receive, send: Send, response: Response) -> None:
    """Answer a request with the response, and a WebSocket, which can take none, with its end."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": _POLICY_CLOSE})
        return
    await response(scope, receive, send)


def http_status(error: CloisterError) -> int:
    """Return the status that says the same as one of our refusals."""
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 500)


def error_response(scope: Scope, status: int, words: str, reference: str, *, is_signed_in: bool = False) -> Response:
    """Return an error as its caller reads it: a page for a browser that navigates, JSON for a script or an editor."""
    if is_api(scope):
        return api_error(status, words, reference)
    accept = dict(scope["headers"]).get(b"accept", b"")
    if b"text/html" in accept:
        title = "That did not work" if status >= 500 else "Not carried out"  # noqa: PLR2004 - HTTP's own border
        is_signed_in = "person" in scope.get("state", {})
        return render_message(
            title, words, status=status, reference=reference, is_signed_in=is_signed_in, path=scope["path"]
        )
    return JSONResponse({"detail": words, "reference": reference}, status)
