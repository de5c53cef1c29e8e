"""Send an answer while it is made, and end the making when nobody reads any more."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping
from contextlib import aclosing
from typing import Any, Protocol

from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from assistant.errors import CloisterError
from assistant.turn_events import Accepted, TurnEvent
from assistant.web.gateway.refusals import GatewayError, balance_headers, refusal_of

_STREAM_HEADERS = [(b"content-type", b"text/event-stream; charset=utf-8"), (b"x-accel-buffering", b"no")]
_JSON_HEADERS = [(b"content-type", b"application/json")]
# A client that reads nothing of a stream for as long has left: its host and its place are wanted.
_UNREAD_SECONDS = 30.0
# What a client may have its host wait in all; else one that reads a line each half minute keeps it for a day.
_UNREAD_IN_ALL_SECONDS = 300.0
_STOPPED = "Cloister is ending here, and this answer with it. Ask again in a moment."


class AnswerForm(Protocol):
    """What becomes of a turn's events in one of the forms that clients read."""

    def take(self, event: TurnEvent) -> dict[str, str]:
        """Take an event and return what is new; empty for what a client is not told.

        Raises:
            GatewayError: there is no answer, or no more of it.
        """

    def whole(self) -> bytes:
        """Return the answer as one JSON text."""

    def piece(self, delta: Mapping[str, str], *, is_first: bool) -> bytes:
        """Return one event of the stream."""

    def ending(self) -> Iterator[bytes]:
        """Yield the last events of the stream."""

    def broken(self, error: GatewayError, reference: str) -> bytes:
        """Return the last event of a stream that cannot go on."""


class AnswerResponse(Response):
    """The response to one request for an answer.

    The status waits for the first words, so that a request that fails before them fails with a status of its own.

    Args:
        events: of the turn; closed however this ends, which closes the request to the host.
        answer: what becomes of them.
        is_stream: send pieces as they come.
        look: what is left of the limits of who asks, as headers; for a refusal before the turn says so itself.
        running: where the task stands that ends when the process does.
    """

    def __init__(
        self,
        events: AsyncGenerator[TurnEvent, None],
        answer: AnswerForm,
        *,
        is_stream: bool,
        look: Callable[[], Awaitable[Mapping[str, str]]],
        running: set[asyncio.Task[None]],
    ) -> None:
        super().__init__()
        self._events = events
        self._answer = answer
        self._is_stream = is_stream
        self._look = look
        self._running = running
        self._has_started = False
        self._unread_seconds = 0.0  # that sending had to wait for the client
        self._balance: dict[str, str] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until the end, until the client leaves, or until the process ends."""
        reference = scope["state"]["reference"]
        answering = asyncio.create_task(self._send_all(send, reference), name=f"answer {reference}")
        leaving = asyncio.create_task(_until_left(receive), name=f"reader of {reference}")
        self._running.add(answering)
        try:
            await asyncio.wait((answering, leaving), return_when=asyncio.FIRST_COMPLETED)
            has_left = leaving.done() and not answering.done()
        finally:
            for task in (answering, leaving):
                task.cancel()
            await asyncio.wait((answering, leaving))
            self._running.discard(answering)
        if not answering.cancelled():
            answering.result()
        elif not has_left:
            await self._refuse(GatewayError(503, _STOPPED, code="interrupted"), send, reference)

    async def _send_all(self, send: Send, reference: str) -> None:
        try:
            async with aclosing(self._events) as events:
                async for event in events:
                    if isinstance(event, Accepted):
                        self._balance = balance_headers(event.balance)
                    delta = self._answer.take(event)
                    if self._is_stream and delta:
                        await self._send_piece(delta, send)
        except CloisterError as error:  # before the turn was accepted
            await self._refuse(refusal_of(error), send, reference)
        except GatewayError as error:
            await self._refuse(error, send, reference)
        else:
            await self._send_end(send)

    async def _send_piece(self, delta: dict[str, Any], send: Send) -> None:
        is_first = not self._has_started
        await self._start(send, _STREAM_HEADERS)
        piece = self._answer.piece(delta, is_first=is_first)
        began = time.monotonic()
        try:
            async with asyncio.timeout(min(_UNREAD_SECONDS, _UNREAD_IN_ALL_SECONDS - self._unread_seconds)):
                await send({"type": "http.response.body", "body": piece, "more_body": True})
        except TimeoutError:
            raise ClientDisconnect from None
        self._unread_seconds += time.monotonic() - began

    async def _send_end(self, send: Send) -> None:
        if not self._is_stream:
            body = self._answer.whole()
            await self._start(send, [*_JSON_HEADERS, (b"content-length", str(len(body)).encode())])
            await send({"type": "http.response.body", "body": body})
            return
        if not self._has_started:
            await self._send_piece({}, send)
        await send({"type": "http.response.body", "body": b"".join(self._answer.ending())})

    async def _refuse(self, error: GatewayError, send: Send, reference: str) -> None:
        if self._has_started:
            await send({"type": "http.response.body", "body": self._answer.broken(error, reference)})
            return
        self._has_started = True
        error.headers = {**(self._balance or await self._look()), **error.headers}
        response = error.response(reference)
        await send({"type": "http.response.start", "status": response.status_code, "headers": response.raw_headers})
        await send({"type": "http.response.body", "body": response.body})

    async def _start(self, send: Send, headers: list[tuple[bytes, bytes]]) -> None:
        if not self._has_started:
            self._has_started = True
            await send({"type": "http.response.start", "status": 200, "headers": [*headers, *self._raw_balance()]})

    def _raw_balance(self) -> list[tuple[bytes, bytes]]:
        return [(name.encode(), value.encode()) for name, value in self._balance.items()]


async def _until_left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
