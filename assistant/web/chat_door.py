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


class ChatDoor:
    """Load the chat in the background, and show a page that waits until it is there."""

    def __init__(self, doors: Doors) -> None:
        self._doors = doors
        self._chat: Chat | None = None
        self._parts: ChatParts | None = None
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
        """End every running answer as interrupted, then let go of the parts."""
        if self._loading is not None and not self._loading.done():
            self._loading.cancel()
        if self._chat is not None:
            await self._chat.stop()
        if self._parts is not None:
            parts, self._parts = self._parts, None
            await parts.close()

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
            self._parts = await self._doors.open_chat()
            self._chat = await asyncio.to_thread(_build, self._parts, self._doors.identity, self._doors.settings)
        except Exception:  # noqa: BLE001 - the other doors stay open, and the page says that this one does not
            self._failure = short_reference(uuid4())
            _log.exception("the chat could not start (ref %s)", self._failure)
        else:
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
