"""The web application: sign-in, health and the console at once, the chat as soon as it is loaded."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Final

from fastapi import FastAPI
from starlette.routing import Router
from starlette.types import Receive, Scope, Send

from assistant.web.chat_door import ChatDoor
from assistant.web.console.pages import console_routes
from assistant.web.doors import Doors, PartState
from assistant.web.gateway.door import Gateway
from assistant.web.root import build_root

_NOT_HERE: Final = "There is nothing at this address. Open the chat and go on from there."


class WebApplication:
    """What the server runs: an ASGI application that can be told to end its answers before it stops."""

    def __init__(self, doors: Doors) -> None:
        self._doors = doors
        self._chat = ChatDoor(doors)
        self._gateway = _gateway_of(doors)
        self._app = build_root(
            doors.settings,
            doors.identity,
            check_parts=self._check_parts,
            close_windows=self._chat.close_windows,
            signed_in=Router(console_routes(doors.console), default=self._chat, redirect_slashes=False),
            nothing_here=_NOT_HERE,
            gateway=self._gateway.routes() if self._gateway else (),
            lifespan=self._live,
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
