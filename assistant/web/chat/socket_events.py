"""What a browser may say over its WebSocket: five events, each checked against the session that is in force now."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final
from urllib.parse import unquote
from uuid import UUID, uuid4
from weakref import WeakKeyDictionary

import chainlit.socket
from chainlit.chat_context import chat_contexts
from chainlit.config import config
from chainlit.session import WebsocketSession, ws_sessions_sid
from chainlit.user_session import user_sessions
from socketio import AsyncServer  # type: ignore[import-untyped]  # ships no types
from socketio.exceptions import (  # type: ignore[import-untyped]  # ships no types
    ConnectionRefusedError as SocketRefusedError,
)

from assistant.conversation import Person, short_reference
from assistant.errors import CloisterError, NotAllowedError, NotFoundError, UnavailableError, where
from assistant.web.chat.acting import acting_person
from assistant.web.chat.commands import offered_commands
from assistant.web.chat.data_layer import OwnThreads
from assistant.web.chat.incoming import parse_uuid
from assistant.web.chat.live_answers import LiveAnswers
from assistant.web.chat.screen import tell_page
from assistant.web.chat.session_watch import SessionWatch
from assistant.web.chat.socket_reading import refuse_the_unreadable
from assistant.web.chat_parts import ChatParts
from assistant.web.doors import SignIn
from assistant.web.hardening import OUR_FAULT

_log = logging.getLogger(__name__)

_KNOWN_EVENTS: Final = frozenset(
    {
        *("connect", "connection_successful", "clear_session", "disconnect", "stop", "client_message"),
        # Chainlit's own, which are closed here.
        *("edit_message", "message_favorite", "fetch_favorites", "window_message", "audio_start", "audio_chunk"),
        *("audio_end", "chat_settings_change", "chat_settings_edit"),
    }
)

_MOST_WAITING: Final = 4  # events of one window, each with up to 16 MB: whoever sends more reads nothing of it
_TOO_MUCH: Final = (
    "That was too much at once, and was not sent. Wait until your conversation is shown, and send it again."
)

Handler = Callable[..., Awaitable[object]]


class _OneByOne:
    """Let what a window asks for happen one by one.

    Attributes:
        waiting: how many wait.
    """

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self.waiting = 0

    async def __aenter__(self) -> None:
        """Wait until it is one's turn."""
        self.waiting += 1
        try:
            await self._lock.acquire()
        finally:
            self.waiting -= 1

    async def __aexit__(self, *_: object) -> None:
        """Let the next one begin."""
        self._lock.release()


class ChatWindow:
    """An open page, on top of Chainlit's session."""

    def __init__(self, sio: AsyncServer, session: WebsocketSession) -> None:
        self._sio = sio
        self._session = session

    @property
    def id(self) -> str:
        """Return what stays the same when the page connects again."""
        return self._session.id

    @property
    def session(self) -> str:
        """Return the token of the session that it was opened with, or came back with."""
        return _token(self._session.environ)

    @property
    def thread_id(self) -> UUID:
        """Return the conversation that it shows."""
        return UUID(self._session.thread_id)

    @property
    def persona(self) -> str:
        """Return the persona that was chosen; checked again with each message."""
        return self._session.chat_profile or ""

    async def emit(self, event: str, data: Any) -> None:
        """Send an event to wherever the page is connected now."""
        await self._sio.emit(event, data, to=self._session.socket_id)


class SocketEvents:
    """Take Chainlit's event handlers off the socket and put ours in their place."""

    def __init__(
        self, sio: AsyncServer, parts: ChatParts, identity: SignIn, answers: LiveAnswers, threads: OwnThreads
    ) -> None:
        self._sio = sio
        self._threads = threads
        self._parts = parts
        self._identity = identity
        self._answers = answers
        self._watch = SessionWatch(identity, answers, self.close_windows)
        self._windows: WeakKeyDictionary[WebsocketSession, _OneByOne] = WeakKeyDictionary()
        self._timers: set[asyncio.TimerHandle] = set()
        self._tasks: set[asyncio.Future[None]] = set()

    def install(self) -> None:
        """Replace the handlers.

        Raises:
            RuntimeError: Chainlit listens to an event that is not known: it was upgraded, and somebody has to look.
        """
        unknown = set(self._sio.handlers["/"]) - _KNOWN_EVENTS
        if unknown:
            raise RuntimeError(
                f"Chainlit has new socket events: {sorted(unknown)}. Read them, then adapt socket_events.py."
            )
        handlers: dict[str, Handler] = {
            "connect": self._connect,
            "connection_successful": self._welcome,
            "clear_session": self._mark_left,
            "disconnect": self._disconnect,
            "stop": self._stop,
            "client_message": self._receive,
        }
        self._sio.handlers["/"] = {event: self._in_words(handler) for event, handler in handlers.items()}
        refuse_the_unreadable(self._sio, self._refuse)

    def stop(self) -> None:
        """Forget the timers of lost windows, and watch over sessions no longer."""
        self._watch.stop()
        for timer in self._timers:
            timer.cancel()

    async def close_windows(self, token: str) -> None:
        """Close every window that was opened with this session, and stop the answers that run in them."""
        self._answers.stop_session(token)
        for sid, session in list(ws_sessions_sid.items()):
            if _token(session.environ) == token:
                await self._show_out(sid, session)

    def _in_words(self, handler: Handler) -> Handler:
        """Answer an error with words and a reference; Socket.IO and asyncio would log its message."""

        async def handle(sid: str, *data: Any) -> object:
            try:
                return await handler(sid, *data)
            except SocketRefusedError:
                raise
            except Exception as error:  # noqa: BLE001 - a door: whatever happens, the person reads words and a reference
                reference = short_reference(uuid4())
                _log.error("a window's event failed: %s (ref %s)", where(error), reference)
                words = str(error) if isinstance(error, CloisterError) else f"{OUR_FAULT} (ref {reference})"
                session = WebsocketSession.get(sid)
                if session is None:  # it was about to open
                    raise SocketRefusedError(words) from None
                await tell_page(self._window(session), "refused", words)
                return None

        return handle

    async def _connect(self, sid: str, environ: dict[str, Any], auth: object = None) -> bool:
        state = environ["asgi.scope"]["state"]
        person: Person = state["person"]
        acting_person.set(person)
        wanted = await self._clean_auth(person, auth)
        try:
            await chainlit.socket.connect(sid, environ, wanted)
        except ConnectionRefusedError as error:  # Python's: Socket.IO would take it for a fault of ours
            raise SocketRefusedError(str(error)) from error
        session = WebsocketSession.get(sid)
        is_new = session is not None and not session.restored
        if session is not None and is_new and not await self._may_resume(person, session):
            session.thread_id = str(uuid4())  # Chainlit says "not found" to the page; nothing is written there
        return True

    async def _clean_auth(self, person: Person, auth: object) -> chainlit.socket.WebSocketSessionAuth:
        """Read what the page says at its beginning.

        Raises:
            SocketRefusedError: it is not what the page sends, or names a persona that is not open to this person.
        """
        said: Mapping[str, object] = auth if isinstance(auth, Mapping) else {}
        window, thread = parse_uuid(said.get("sessionId")), said.get("threadId") or None
        profile = said.get("chatProfile") or ""
        if window is None or not isinstance(profile, str) or (thread is not None and parse_uuid(thread) is None):
            raise SocketRefusedError("The page is not one of ours. Reload it.")
        try:
            persona = self._parts.personas.choose(unquote(profile), person)
        except NotAllowedError as error:
            raise SocketRefusedError(str(error)) from error
        return {
            "sessionId": str(window),
            "userEnv": None,
            "clientType": "webapp",
            "chatProfile": persona.name,
            "threadId": str(thread) if thread else None,
        }

    async def _welcome(self, sid: str) -> None:
        """Show a window its conversation, and the answer that is still running in it."""
        async with self._one_by_one(sid) as entered:
            if entered:
                await self._show_all(sid, *entered)

    async def _show_all(self, sid: str, session: WebsocketSession, person: Person) -> None:
        window = self._window(session)
        before = self._answers.progress(window, person)
        try:
            await chainlit.socket.connection_successful(sid)
            await self._show_what_was_missed(session)
            while (now := self._answers.progress(window, person)) != before:  # so what was read is old
                before = now
                await self._show(session)
        except CloisterError as error:
            _log.warning("a conversation could not be shown: %s", type(error).__name__)
            await window.emit("resume_thread_error", str(error))
        await window.emit("set_commands", offered_commands(self._parts.personas, window.persona, person))
        await self._answers.follow(window, person)

    async def _show_what_was_missed(self, session: WebsocketSession) -> None:
        """Show a window that came back the conversation as it is stored: what was said meanwhile went nowhere."""
        came_back = session.restored and session.has_first_interaction and not session.thread_id_to_resume
        if came_back:
            await self._show(session)

    async def _show(self, session: WebsocketSession) -> None:
        """Show a window the conversation as it is stored now."""
        if thread := await self._threads.get_thread(session.thread_id):
            await self._window(session).emit("resume_thread", thread)

    async def _receive(self, sid: str, payload: object = None) -> None:
        async with self._one_by_one(sid) as entered:
            if entered:
                session, person = entered
                await self._answers.receive(self._window(session), person, payload)
                self._watch.wake()
                session.has_first_interaction = True

    async def _stop(self, sid: str) -> None:
        if entered := await self._enter(sid):
            session, person = entered
            await self._answers.stop(self._window(session), person)

    async def _mark_left(self, sid: str) -> None:
        if session := WebsocketSession.get(sid):
            session.to_clear = True

    async def _disconnect(self, sid: str, *_reason: object) -> None:
        """Forget a window that was left, and one that was lost after the time it may take to come back."""
        session = WebsocketSession.get(sid)
        if session is None:
            return
        if session.to_clear:
            await _forget(session)
            return

        def forget_if_still_lost() -> None:
            self._timers.discard(timer)
            if WebsocketSession.get(sid) is session:
                task = asyncio.ensure_future(_forget(session))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

        timer = asyncio.get_running_loop().call_later(config.project.session_timeout, forget_if_still_lost)
        self._timers.add(timer)

    async def _enter(self, sid: str) -> tuple[WebsocketSession, Person] | None:
        """Return the window and who is in it."""
        session = WebsocketSession.get(sid)
        person = await self._who_is_in(session) if session else None
        return (session, person) if session and person else None

    async def _who_is_in(self, session: WebsocketSession) -> Person | None:
        """Return who is in a window, with the roles in force now; shows out whose session ended."""
        try:
            person = await self._identity.person_for_session(_token(session.environ))
        except UnavailableError as error:
            await tell_page(self._window(session), "refused", str(error))
            return None
        if person is None or session.user is None or session.user.identifier != str(person.id):
            await self._show_out(session.socket_id, session)
            return None
        acting_person.set(person)
        return person

    async def _show_out(self, sid: str, session: WebsocketSession) -> None:
        session.to_clear = True
        await tell_page(self._window(session), "signed-out")
        await self._sio.disconnect(sid)

    async def _refuse(self, sid: str, words: str) -> None:
        if session := WebsocketSession.get(sid):
            await tell_page(self._window(session), "refused", words)

    @asynccontextmanager
    async def _one_by_one(self, sid: str) -> AsyncIterator[tuple[WebsocketSession, Person] | None]:
        """Let a question wait until its window was shown what is stored, which would take its place.

        Who is in the window is asked when it is its turn: they may have been signed out meanwhile, or lost a role.
        """
        session = WebsocketSession.get(sid)
        if session is None:
            yield None
            return
        others = self._windows.setdefault(session, _OneByOne())
        if others.waiting >= _MOST_WAITING:
            await tell_page(self._window(session), "refused", _TOO_MUCH)
            yield None
            return
        async with others:
            person = await self._who_is_in(session)
            yield (session, person) if person else None

    def _window(self, session: WebsocketSession) -> ChatWindow:
        return ChatWindow(self._sio, session)

    async def _may_resume(self, person: Person, session: WebsocketSession) -> bool:
        """Tell whether the conversation that a new window asks for, if any, is this person's."""
        if not session.thread_id_to_resume:
            return True
        try:
            await self._parts.conversations.thread(person, UUID(session.thread_id_to_resume))
        except NotFoundError:
            return False
        except UnavailableError as error:
            raise SocketRefusedError(str(error)) from error
        return True


async def _forget(session: WebsocketSession) -> None:
    """Let go of everything that Chainlit keeps for a window."""
    user_sessions.pop(session.id, None)
    chat_contexts.pop(session.id, None)
    await session.delete()  # type: ignore[no-untyped-call]  # Chainlit's


def _token(environ: Mapping[str, Any]) -> str:
    """Return the session under which a window was opened; it was put there by the session gate."""
    token: str = environ["asgi.scope"]["state"]["session"]
    return token
