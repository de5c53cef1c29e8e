"""The chat as the other doors see it: absent for the first seconds, because Chainlit is slow to import."""

from __future__ import annotations

import asyncio
import importlib
import logging
from typing import Protocol
from uuid import uuid4

from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from assistant.conversation import short_reference
from assistant.errors import CloisterError, where
from assistant.settings import Settings
from assistant.web.chat.configuration import prepare
from assistant.web.chat_parts import ChatParts
from assistant.web.doors import Doors, PartState, SignIn
from assistant.web.pages import render, render_message

_log = logging.getLogger(__name__)

_TRY_AGAIN = {"retry-after": "1"}


class Chat(Protocol):
    """The chat once it is loaded; implemented by `assistant.web.chat.mount`, the only importer of Chainlit."""

    @property
    def app(self) -> ASGIApp:
        """Return what answers requests; they come with `person` and `session` in their state."""

    async def stop(self) -> None:
        """Stop every running answer, and wait until each is recorded as interrupted."""

    async def close_windows(self, token: str) -> None:
        """Close every window that was opened with this session, and stop the answers that run in them."""


class ChatDoor:
    """Load the chat in the background, and show a page that waits until it is there."""

    def __init__(self, doors: Doors) -> None:
        self._doors = doors
        self._chat: Chat | None = None
        self._loading: asyncio.Task[None] | None = None
        self._failure = ""

    @property
    def state(self) -> PartState:
        """Say how far the chat is."""
        if self._failure:
            return PartState(is_ready=False, words=f"The chat could not start (ref {self._failure}); see the log.")
        if self._chat is None:
            return PartState(is_ready=False, words="The chat is starting.")
        return PartState(is_ready=True, words="The chat is ready.")

    def start(self) -> None:
        """Begin to load; returns at once."""
        self._loading = asyncio.create_task(self._load(), name="load the chat")

    async def stop(self) -> None:
        """End every running answer as interrupted; nothing is being loaded any more when this returns."""
        if self._loading is not None:
            self._loading.cancel()
            await asyncio.wait((self._loading,))
        if self._chat is not None:
            await self._chat.stop()

    async def close_windows(self, token: str) -> None:
        """Close every window of a session that ended; before the chat is there, there are none."""
        if self._chat is not None:
            await self._chat.close_windows(token)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with the chat, or say that it is on its way."""
        if self._chat is not None:
            await self._chat.app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1013})  # "try again later", IANA WebSocket close codes
        else:
            await self._waiting(scope)(scope, receive, send)

    async def _load(self) -> None:
        try:
            parts = await self._doors.open_chat()
            self._chat = await asyncio.to_thread(_build, parts, self._doors.identity, self._doors.settings)
        except Exception as error:  # noqa: BLE001 - the other doors stay open, and the page says that this one does not
            self._failure = short_reference(uuid4())
            why = str(error) if isinstance(error, CloisterError) else where(error)
            _log.error("the chat could not start: %s (ref %s)", why, self._failure)
        else:
            if self._doors.on_loaded is not None:
                self._doors.on_loaded()
            _log.info("the chat is ready")

    def _waiting(self, scope: Scope) -> Response:
        if b"text/html" not in dict(scope["headers"]).get(b"accept", b""):
            return JSONResponse({"detail": self.state.words}, 503, _TRY_AGAIN)
        if self._failure:
            words = "The chat could not start. Tell your administrator the reference; the reason stands in the log."
            return render_message(
                "The chat is not there", words, status=503, reference=self._failure, is_signed_in=True
            )
        response = render("starting.html", title="Starting", status=503)
        response.headers.update(_TRY_AGAIN)
        return response


def _build(parts: ChatParts, identity: SignIn, settings: Settings) -> Chat:
    """Import Chainlit in a thread: some three seconds during which the other pages go on answering."""
    prepare(settings.data_dir / "run" / "chainlit", settings)
    chat: Chat = importlib.import_module("assistant.web.chat.mount").build_chat(parts, identity, settings)
    return chat
