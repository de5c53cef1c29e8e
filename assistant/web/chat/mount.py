"""Chainlit, put together: closed where it is open, ours in its callbacks. Import only after `configuration.prepare`."""

from __future__ import annotations

import chainlit.data
from chainlit.config import config
from chainlit.server import app as chainlit_app
from chainlit.server import sio
from chainlit.session import WebsocketSession
from chainlit.types import ChatProfile, Starter, ThreadDict
from chainlit.user import PersistedUser, User
from starlette.types import ASGIApp

from assistant.settings import Settings
from assistant.web.chat.acting import require_person
from assistant.web.chat.data_layer import OwnThreads
from assistant.web.chat.live_answers import LiveAnswers
from assistant.web.chat.own_routes import OwnRoutes
from assistant.web.chat.serving import describe, things_to_try
from assistant.web.chat.session_bridge import SessionBridge
from assistant.web.chat.socket_events import SocketEvents
from assistant.web.chat.uploads import UploadShelf
from assistant.web.chat_parts import ChatParts
from assistant.web.doors import SignIn
from assistant.web.hardening import SOCKET_MESSAGE_BYTES
from assistant.web.session_gate import SessionCookie

_PERSONA_ICON = "/static/mark.svg"  # with an icon the empty page shows the persona's description


class MountedChat:
    """The chat as `ChatDoor` uses it."""

    def __init__(self, app: ASGIApp, answers: LiveAnswers, events: SocketEvents) -> None:
        self.app = app
        self._answers = answers
        self._events = events

    async def stop(self) -> None:
        """Stop every running answer, and wait until each is recorded as interrupted."""
        self._events.stop()
        await self._answers.stop_all()

    async def close_windows(self, token: str) -> None:
        """Close every window that was opened with this session, and stop the answers that run in them."""
        await self._events.close_windows(token)


def build_chat(parts: ChatParts, identity: SignIn, settings: Settings) -> MountedChat:
    """Wire Chainlit to our parts.

    Raises:
        RuntimeError: this Chainlit is not the one that was hardened.
    """
    shelf = UploadShelf(max_upload_bytes=settings.max_upload_bytes)
    answers = LiveAnswers(parts, shelf, max_prompt_chars=settings.max_prompt_chars)
    threads = OwnThreads(parts, stop_answer=answers.stop_and_wait)
    events = SocketEvents(sio, parts, identity, answers, threads)
    events.install()
    _configure_callbacks(parts, threads)
    sio.eio.transports = ["websocket"]
    sio.eio.max_http_buffer_size = SOCKET_MESSAGE_BYTES
    cookie = SessionCookie(is_secure=settings.is_behind_tls, hours=settings.session_hours)
    own = OwnRoutes(parts, identity=identity, cookie=cookie, shelf=shelf, close_windows=events.close_windows)
    return MountedChat(SessionBridge(chainlit_app, own.routes()), answers, events)


def _configure_callbacks(parts: ChatParts, threads: OwnThreads) -> None:
    async def offer_personas(_user: User | PersistedUser | None, _language: str | None) -> list[ChatProfile]:
        hosts = parts.hosts()
        return [
            ChatProfile(
                name=persona.name,
                display_name=persona.label,
                markdown_description=describe(persona, hosts),
                icon=_PERSONA_ICON,
                default=number == 0,
                starters=[Starter(label=one.label, message=one.prompt) for one in things_to_try(persona, hosts)],
            )
            for number, persona in enumerate(parts.personas.for_person(require_person()))
        ]

    async def resume(_thread: ThreadDict) -> None:
        """Do nothing: that there is such a callback makes the page offer earlier conversations."""

    config.code.set_chat_profiles = offer_personas
    config.code.on_chat_resume = resume
    setattr(config.ui, "default_theme", "system")  # noqa: B010 - its page knows it, its type does not
    chainlit.data._data_layer = threads  # noqa: SLF001 - the documented way caches the first one for ever
    chainlit.data._data_layer_initialized = True  # noqa: SLF001 - likewise
    # Its own version asks for the personas on a loop that is already running, and throws the answer away.
    setattr(WebsocketSession, "get_config", lambda _session: config)  # noqa: B010 - a method of theirs is replaced
