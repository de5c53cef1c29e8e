"""The log as a turn writes it: an event, and the text that it is about, both or none of them.

The text is sealed with its conversation's key before it leaves the process; the event commits to the sealed bytes.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Mapping
from dataclasses import replace
from typing import Final, Protocol
from uuid import UUID

from assistant.audit.events import (
    AnswerBlocked,
    ContentEvent,
    Event,
    PromptBlocked,
    TurnAnswered,
    TurnCalled,
    TurnGuarded,
    TurnInterrupted,
)
from assistant.audit.record import Record, make_event_id
from assistant.audit.writing.content import ContentKeyGoneError, ContentKind, ContentRow
from assistant.audit.writing.content_keys import ContentKeys

_KINDS: Final[Mapping[type[ContentEvent], ContentKind]] = {
    TurnGuarded: ContentKind.PROMPT,
    PromptBlocked: ContentKind.PROMPT,
    TurnCalled: ContentKind.CALLS,
    TurnAnswered: ContentKind.ANSWER,
    AnswerBlocked: ContentKind.ANSWER,
    TurnInterrupted: ContentKind.ANSWER,
}


class RecordAppender(Protocol):
    """What of the appender this needs."""

    def compose(self, event: Event) -> Record:
        """Return an event with its id and its bytes."""

    def enqueue(
        self, record: Record, content: ContentRow | None = None, *, linger_seconds: float = 0.0
    ) -> asyncio.Future[None]:
        """Give a record, together with its text, its place behind those that came before."""


class ContentLog:
    """Append events, some with their texts.

    Args:
        appender: what makes them durable.
        keys: of the conversations; None keeps no text.
    """

    def __init__(self, appender: RecordAppender, keys: ContentKeys | None) -> None:
        self._appender = appender
        self._keys = keys

    async def append(self, event: Event) -> None:
        """Return once an event is durable.

        Raises:
            AuditUnavailableError: it could not be made durable in time.
        """
        await self.begin(event)

    async def append_with(self, event: ContentEvent, text: str) -> None:
        """Return once an event is durable together with its text, which was guarded.

        Raises:
            AuditUnavailableError: they could not be made durable in time.
        """
        await (await self.begin_with(event, text))

    def begin(self, event: Event, *, linger_seconds: float = 0.0) -> Awaitable[None]:
        """Give an event its place in the log, which is behind those that came before; await what is returned.

        Args:
            event: what happened.
            linger_seconds: how long it may wait for the next one, so that both are one commit. Only for what nothing
                hangs on before that next one.

        Raises:
            AuditUnavailableError: the log is closed. Awaiting raises it when the event could not be made durable.
        """
        return self._appender.enqueue(self._appender.compose(event), linger_seconds=linger_seconds)

    async def begin_with(self, event: ContentEvent, text: str, *, linger_seconds: float = 0.0) -> Awaitable[None]:
        """Do the same together with a text, which was guarded.

        Raises:
            AuditUnavailableError: the log is closed, or the conversation's key cannot be read.
        """
        if self._keys is None or not text:
            return self.begin(event, linger_seconds=linger_seconds)
        stored = await self._begin_sealed(event, text, self._keys, linger_seconds)
        return asyncio.ensure_future(self._stored(stored, event, text, self._keys))

    def expect(self, thread_id: UUID, person_id: UUID) -> None:
        """Have the conversation's key ready: texts of it will follow."""
        if self._keys is not None:
            self._keys.fetch(thread_id, person_id)

    async def _stored(self, stored: Awaitable[None], event: ContentEvent, text: str, keys: ContentKeys) -> None:
        try:
            await stored
        except ContentKeyGoneError:  # the conversation was erased since; what is said later has the next key
            keys.forget(event.turn.thread_id)
            await (await self._begin_sealed(event, text, keys, 0.0))

    async def _begin_sealed(
        self, event: ContentEvent, text: str, keys: ContentKeys, linger_seconds: float
    ) -> Awaitable[None]:
        turn = event.turn
        key = await keys.key_of(turn.thread_id, turn.person_id)
        row = key.seal(make_event_id(time.time_ns()), turn.thread_id, turn.turn_id, _KINDS[type(event)], text)
        return self._appender.enqueue(
            self._appender.compose(replace(event, content_id=row.id, content_digest=row.digest)),
            row,
            linger_seconds=linger_seconds,
        )
