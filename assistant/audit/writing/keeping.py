"""The log as a turn writes it: an event, and the text that it is about, both or none of them.

The text is sealed with its conversation's key before it leaves the process; the event commits to the sealed bytes.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final, Protocol
from uuid import UUID

import psycopg
from pydantic import SecretStr

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
from assistant.audit.writing.content import ContentKeyGoneError, ContentKind, ContentRow, ConversationKey, KeyWrap
from assistant.database import connect
from assistant.errors import AuditUnavailableError
from assistant.keys import Keys

_log = logging.getLogger(__name__)

_PATIENCE_SECONDS: Final = 10.0  # as the appender's
_PAUSE_SECONDS: Final = 0.1
_REMEMBERED_SECONDS: Final = 900.0  # a key in memory outlives its erasure by this much at most
_MOST_REMEMBERED: Final = 4_096  # conversations; some 2 MB
_APPLICATION_NAME: Final = "cloister-audit-keys"
_TRANSIENT: Final = (psycopg.OperationalError, psycopg.InterfaceError, psycopg.InternalError, OSError)
_ASK: Final = "SELECT id, person_id, wrapped FROM audit.conversation_key(%s, %s, %s, %s)"

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

    async def append(self, event: Event) -> None:
        """Return once the event is durable."""

    def compose(self, event: Event) -> Record:
        """Return an event with its id and its bytes."""

    async def append_record(self, record: Record, content: ContentRow | None = None) -> None:
        """Return once a record is durable, together with its text."""


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
        await self._appender.append(event)

    async def append_with(self, event: ContentEvent, text: str) -> None:
        """Return once an event is durable together with its text, which was guarded.

        Raises:
            AuditUnavailableError: they could not be made durable in time.
        """
        if self._keys is None or not text:
            await self._appender.append(event)
            return
        try:
            await self._append_sealed(event, text, self._keys)
        except ContentKeyGoneError:  # the conversation was erased since; what is said later has the next key
            self._keys.forget(event.turn.thread_id)
            await self._append_sealed(event, text, self._keys)

    async def _append_sealed(self, event: ContentEvent, text: str, keys: ContentKeys) -> None:
        turn = event.turn
        key = await keys.key_of(turn.thread_id, turn.person_id)
        row = key.seal(make_event_id(time.time_ns()), turn.thread_id, turn.turn_id, _KINDS[type(event)], text)
        await self._appender.append_record(
            self._appender.compose(replace(event, content_id=row.id, content_digest=row.digest)), row
        )


@dataclass(frozen=True, slots=True)
class _Remembered:
    key: ConversationKey
    until: float


class ContentKeys:
    """The keys of the conversations that this process writes for, made when first needed.

    Args:
        writer_url: the database as the audit writer.
        keys: the installation's.
        clock: seconds, from any moment on.
    """

    def __init__(self, writer_url: SecretStr, keys: Keys, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._writer_url = writer_url
        self._wrap = KeyWrap(keys)
        self._clock = clock
        self._remembered: OrderedDict[UUID, _Remembered] = OrderedDict()
        self._connection: psycopg.AsyncConnection | None = None
        self._asking = asyncio.Lock()

    async def key_of(self, thread_id: UUID, person_id: UUID) -> ConversationKey:
        """Return the conversation's key; every process gets the same one.

        Raises:
            AuditUnavailableError: the database does not answer, or the stored key was changed.
        """
        known = self._remembered.get(thread_id)
        if known is not None and known.until > self._clock():
            return known.key
        key = await self._ask(thread_id, person_id)
        self._remembered[thread_id] = _Remembered(key, self._clock() + _REMEMBERED_SECONDS)
        self._remembered.move_to_end(thread_id)
        self._forget_old()
        return key

    def forget(self, thread_id: UUID) -> None:
        """Ask anew the next time."""
        self._remembered.pop(thread_id, None)

    async def close(self) -> None:
        """Forget every key, and disconnect."""
        self._remembered.clear()
        await self._disconnect()

    async def _ask(self, thread_id: UUID, person_id: UUID) -> ConversationKey:
        new_id = make_event_id(time.time_ns())
        offer = [thread_id, person_id, new_id, self._wrap.make(new_id, thread_id, person_id)]
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS), self._asking:
                identifier, owner_id, wrapped = await self._fetch(offer)
            return self._wrap.open(identifier, thread_id, owner_id, wrapped)
        except (TimeoutError, psycopg.Error) as error:
            raise AuditUnavailableError(
                "Cannot answer now: the audit log is unavailable. Try again in a minute."
            ) from error
        except ValueError as error:
            _log.critical("The audit key of the conversation %s was changed; nothing is answered there.", thread_id)
            raise AuditUnavailableError(
                "Cannot answer in this conversation: its key in the audit log was changed. Tell the administrator."
            ) from error

    async def _fetch(self, offer: list[object]) -> tuple[UUID, UUID, bytes]:
        while True:
            try:
                if self._connection is None:
                    self._connection = await connect(
                        self._writer_url, autocommit=True, application_name=_APPLICATION_NAME
                    )
                    await self._connection.execute("SET synchronous_commit = on")
                row = await (await self._connection.execute(_ASK, offer)).fetchone()
            except _TRANSIENT as error:
                _log.warning("A key of the audit log cannot be read (%s); trying again.", type(error).__name__)
                await self._disconnect()
                await asyncio.sleep(_PAUSE_SECONDS)
            else:
                if row is None:
                    raise psycopg.DataError("The conversation has no key, and got none.")
                return row[0], row[1], row[2]

    async def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    def _forget_old(self) -> None:
        now = self._clock()
        while self._remembered:
            oldest = next(iter(self._remembered))
            if len(self._remembered) <= _MOST_REMEMBERED and self._remembered[oldest].until > now:
                return
            del self._remembered[oldest]
