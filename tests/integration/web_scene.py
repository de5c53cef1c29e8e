"""What the tests of the web doors share: people with browsers of their own, and windows on a conversation."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from uuid import UUID, uuid4

import httpx
import socketio  # type: ignore[import-untyped]  # ships no types

from assistant.conversation import Person, Role
from tests.fakes.web_parts import PASSWORD
from tests.fakes.web_site import RunningSite

COOKIE = "cloister_session"

Newcomer = Callable[..., Awaitable["Somebody"]]


@asynccontextmanager
async def newcomers(web: RunningSite) -> AsyncIterator[Newcomer]:
    """Sign in new people; their browsers are closed at the end."""
    came: list[Somebody] = []

    async def come(*roles: Role) -> Somebody:
        came.append(Somebody(web, *roles))
        return await came[-1].sign_in()

    yield come
    for somebody in came:
        await somebody.http.aclose()


class Somebody:
    """A person with a browser of their own."""

    def __init__(self, web: RunningSite, *roles: Role) -> None:
        self.web = web
        self.name = f"person-{uuid4().hex[:8]}"
        self.person: Person = web.fakes.identity.add(self.name, *(roles or (Role.EMPLOYEE, Role.DEVELOPER)))
        self.http = httpx.AsyncClient(base_url=web.url, headers={"origin": web.url})
        self.token = ""

    async def sign_in(self) -> Somebody:
        answer = await self.http.post("/sign-in", data={"name": self.name, "password": PASSWORD})
        assert answer.status_code == 303
        self.token = answer.cookies[COOKIE]
        return self

    @asynccontextmanager
    async def window(self, *, origin: str | None = None, **auth: object) -> AsyncIterator[Window]:
        window = Window(self, auth)
        try:
            await window.open(origin or self.web.url)
            yield window
        finally:
            await window.close()

    async def ask(self, text: str) -> UUID:
        """Ask one question, wait for the end of its answer, and return the thread."""
        async with self.window() as window:
            await window.say(text)
            await window.wait_for("task_end", count=2)  # the first one ends nothing: it greets each window
            return self.web.fakes.turns.asked[-1].thread_id


class Window:
    """An open page, as a client of Socket.IO."""

    def __init__(self, somebody: Somebody, auth: dict[str, object]) -> None:
        self.somebody = somebody
        self.session_id = str(auth.get("sessionId") or uuid4())
        self.auth = {"sessionId": self.session_id, "clientType": "webapp", "chatProfile": "", "threadId": ""} | auth
        self.client = socketio.AsyncClient(reconnection=False)
        self.seen: list[tuple[str, object]] = []
        self.client.on("*", self._note)
        self._news = asyncio.Event()

    async def open(self, origin: str) -> None:
        headers = {"cookie": f"{COOKIE}={self.somebody.token}", "origin": origin}
        await self.client.connect(
            self.somebody.web.url,
            headers=headers,
            auth=self.auth,
            socketio_path="/ws/socket.io",
            transports=["websocket"],
            wait_timeout=60,
        )
        await self.client.emit("connection_successful")
        await self.wait_for("set_commands")

    async def close(self) -> None:
        await self.client.disconnect()
        if self.client.eio.http is not None:  # it stays open when a connection was refused
            await self.client.eio.http.close()

    async def say(self, text: object, *, files: Sequence[str] = (), **fields: object) -> None:
        message = {"id": str(uuid4()), "type": "user_message", "name": "x", "output": text, "createdAt": ""} | fields
        await self.client.emit("client_message", {"message": message, "fileReferences": [{"id": one} for one in files]})

    async def wait_for(self, event: str, *, count: int = 1, seconds: float = 180) -> object:
        async with asyncio.timeout(seconds):
            while len(self.got(event)) < count:
                self._news.clear()
                await self._news.wait()
        return self.got(event)[-1]

    def got(self, event: str) -> list[object]:
        return [data for name, data in self.seen if name == event]

    async def _note(self, event: str, *data: object) -> None:
        self.seen.append((event, data[0] if data else None))
        self._news.set()
