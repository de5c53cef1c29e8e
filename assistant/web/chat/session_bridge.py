"""Between our session and Chainlit's: only named addresses pass, each with a token that lives for it alone.

The browser never holds such a token: what it sends under that name is thrown away, so that forging one is of no use
and a session that ended is refused at the next request.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from chainlit.auth import create_jwt
from chainlit.user import User
from starlette.routing import BaseRoute, Router
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from assistant.conversation import Person
from assistant.web.chat.acting import acting_person
from assistant.web.session_gate import parse_cookies

_ID: Final = r"[0-9a-fA-F-]{36}"
_PASSED: Final[Mapping[str, re.Pattern[str]]] = {
    "GET": re.compile(
        rf"/(?:assets/[\w.-]+|public/[\w./-]+|favicon|logo|avatars/[\w .-]+|auth/config|user"
        rf"|project/translations|project/settings|project/thread/{_ID})"
    ),
    "POST": re.compile("/project/threads"),
    "PUT": re.compile("/project/thread"),
    "DELETE": re.compile("/project/thread"),
    "websocket": re.compile("/ws/socket.io/?"),
}
_UNCHANGING: Final = "/assets/"  # their names hold a hash of their content
_TOKEN_COOKIE: Final = "access_token"  # noqa: S105 - a name
_KEPT_COOKIES: Final = frozenset({"X-Chainlit-Session-id"})


class SessionBridge:
    """Route what is ours to us, what is named to Chainlit, and nothing else anywhere."""

    def __init__(self, chainlit: ASGIApp, own_routes: Sequence[BaseRoute]) -> None:
        self._chainlit = chainlit
        self._own = Router(routes=own_routes, redirect_slashes=False)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one connection of a person who is signed in."""
        person: Person = scope["state"]["person"]
        acting_person.set(person)
        kind = "websocket" if scope["type"] == "websocket" else scope["method"]
        allowed = _PASSED.get(kind)
        if allowed is None or not allowed.fullmatch(scope["path"]):
            await self._own(scope, receive, send)
            return
        if scope["path"].startswith(_UNCHANGING):
            send = _kept_for_long(send)
        await self._chainlit(_with_token(scope, person), receive, send)


def _with_token(scope: Scope, person: Person) -> Scope:
    """Return the request as Chainlit may see it: our person, its token, none of the browser's own credentials."""
    token = create_jwt(User(identifier=str(person.id), display_name=person.name, metadata={}))
    cookies = {name: value for name, value in parse_cookies(scope).items() if name in _KEPT_COOKIES}
    cookies[_TOKEN_COOKIE] = token
    headers = [(name, value) for name, value in scope["headers"] if name not in {b"cookie", b"authorization"}]
    headers.append((b"cookie", "; ".join(f"{name}={value}" for name, value in cookies.items()).encode("latin-1")))
    return {**scope, "headers": headers}


def _kept_for_long(send: Send) -> Send:
    async def send_kept(message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] == 200:  # noqa: PLR2004 - OK
            kept = (b"cache-control", b"private, max-age=31536000, immutable")
            message = {**message, "headers": [*message["headers"], kept]}
        await send(message)

    return send_kept
