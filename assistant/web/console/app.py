"""The console as an application of its own, for a company that gives compliance another process, port or machine."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse
from starlette.routing import Router
from starlette.types import Receive, Scope, Send

from assistant.settings import Settings
from assistant.web.console.pages import HOME, console_routes
from assistant.web.console_parts import ConsoleParts
from assistant.web.doors import PartState, SignIn
from assistant.web.hardening import refuse
from assistant.web.root import build_root

_NOT_HERE: Final = "There is nothing at this address. Open the console and go on from there."


class ConsoleApplication:
    """What the console's own server runs."""

    def __init__(
        self,
        settings: Settings,
        identity: SignIn,
        parts: ConsoleParts,
        check_parts: Callable[[], Awaitable[Mapping[str, PartState]]],
    ) -> None:
        self._app = build_root(
            settings,
            identity,
            check_parts=check_parts,
            close_windows=_close_nothing,
            signed_in=Router(console_routes(parts), default=_answer_the_rest, redirect_slashes=False),
            nothing_here=_NOT_HERE,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one connection."""
        await self._app(scope, receive, send)

    async def stop_answers(self) -> None:
        """Do nothing: no answer of the console lasts."""


async def _close_nothing(_token: str) -> None:
    """Close no windows: the chat's process watches its sessions itself."""


async def _answer_the_rest(scope: Scope, receive: Receive, send: Send) -> None:
    """Lead the bare address to the console; there is nothing else."""
    if scope["type"] != "http":
        await refuse(scope, receive, send, RedirectResponse(HOME, 303))
    elif scope["path"] == "/":
        await RedirectResponse(HOME, 303)(scope, receive, send)
    else:
        raise HTTPException(404)
