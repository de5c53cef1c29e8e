"""The keys of the conversations that a process writes for: made when first needed, remembered for a while.

Everybody who needs one while the database is asked waits for the next question, which asks for all of theirs: a new key
is a commit, and so they share it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple
from uuid import UUID

import psycopg
from pydantic import SecretStr

from assistant.audit.record import make_event_id
from assistant.audit.writing.content import ConversationKey, KeyWrap
from assistant.database import TRANSIENT, connect
from assistant.errors import AuditUnavailableError
from assistant.keys import Keys

_log = logging.getLogger(__name__)

_PATIENCE_SECONDS: Final = 10.0  # as the appender's
_PAUSE_SECONDS: Final = 0.1
_REMEMBERED_SECONDS: Final = 900.0  # a key in memory outlives its erasure by this much at most
_MOST_REMEMBERED: Final = 4_096  # conversations; some 2 MB
_APPLICATION_NAME: Final = "cloister-audit-keys"
_ASK: Final = (
    "SELECT wanted.thread_id, key.id, key.person_id, key.wrapped "
    "FROM unnest(%s::uuid[], %s::uuid[], %s::uuid[], %s::bytea[]) AS wanted (thread_id, person_id, new_id, wrapped) "
    "CROSS JOIN LATERAL audit.conversation_key(wanted.thread_id, wanted.person_id, wanted.new_id, wanted.wrapped) key"
)


@dataclass(frozen=True, slots=True)
class _Remembered:
    key: ConversationKey
    until: float


class _Offer(NamedTuple):
    """What the conversation's key will be if it has none."""

    thread_id: UUID
    person_id: UUID
    new_id: UUID
    wrapped: bytes


class _Stored(NamedTuple):
    """A row as the database has it."""

    thread_id: UUID
    id: UUID
    person_id: UUID
    wrapped: bytes


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
        self._persons: dict[UUID, UUID] = {}  # thread -> person, of those that are asked for next
        self._coming: dict[UUID, asyncio.Future[ConversationKey]] = {}
        self._asking: asyncio.Task[None] | None = None
        self._is_closed = False

    async def key_of(self, thread_id: UUID, person_id: UUID) -> ConversationKey:
        """Return the conversation's key; every process gets the same one.

        Raises:
            AuditUnavailableError: the database does not answer, or the stored key was changed.
        """
        coming = self.fetch(thread_id, person_id)
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                return await asyncio.shield(coming)
        except TimeoutError as error:
            raise _unavailable() from error

    def fetch(self, thread_id: UUID, person_id: UUID) -> asyncio.Future[ConversationKey]:
        """Begin to ask for a key that is not there yet.

        Raises:
            AuditUnavailableError: all is closed. Awaiting what is returned raises it as `key_of` does.
        """
        if (coming := self._coming.get(thread_id)) is not None:
            return coming
        if self._is_closed:
            raise _unavailable()
        coming = asyncio.get_running_loop().create_future()
        known = self._remembered.get(thread_id)
        if known is not None and known.until > self._clock():
            coming.set_result(known.key)
            return coming
        coming.add_done_callback(_note_heard)
        self._coming[thread_id] = coming
        self._persons[thread_id] = person_id
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._ask_all(), name="keys of conversations")
        return coming

    def forget(self, thread_id: UUID) -> None:
        """Ask anew the next time."""
        self._remembered.pop(thread_id, None)

    async def close(self) -> None:
        """Forget every key, and disconnect."""
        self._is_closed = True
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.wait((self._asking,))
        for coming in self._coming.values():
            if not coming.done():
                coming.set_exception(_unavailable())
        self._coming.clear()
        self._persons.clear()
        self._remembered.clear()
        await self._disconnect()

    async def _ask_all(self) -> None:
        while self._persons:
            wanted, self._persons = self._persons, {}
            failure: Exception | None = None
            found: Mapping[UUID, _Stored] = {}
            try:
                async with asyncio.timeout(_PATIENCE_SECONDS):
                    found = await self._fetch([self._offer(*one) for one in sorted(wanted.items())])
            except Exception as error:  # noqa: BLE001 - whatever it was, those who wait are told, and others may ask
                failure = error
            for thread_id in wanted:
                coming = self._coming.pop(thread_id)
                if coming.done():
                    continue
                try:
                    coming.set_result(self._take(thread_id, found.get(thread_id), failure))
                except Exception as error:  # noqa: BLE001 - likewise
                    coming.set_exception(error)

    def _offer(self, thread_id: UUID, person_id: UUID) -> _Offer:
        new_id = make_event_id(time.time_ns())
        return _Offer(thread_id, person_id, new_id, self._wrap.make(new_id, thread_id, person_id))

    def _take(self, thread_id: UUID, stored: _Stored | None, failure: Exception | None) -> ConversationKey:
        """Return a key as it is stored, and remember it.

        Raises:
            AuditUnavailableError: there is none, or it was changed.
        """
        if stored is None:
            raise _unavailable() from failure or psycopg.DataError("The conversation has no key, and got none.")
        try:
            key = self._wrap.open(stored.id, thread_id, stored.person_id, stored.wrapped)
        except ValueError as error:
            _log.critical("The audit key of the conversation %s was changed; nothing is answered there.", thread_id)
            raise AuditUnavailableError(
                "Cannot answer in this conversation: its key in the audit log was changed. Tell the administrator."
            ) from error
        self._remembered[thread_id] = _Remembered(key, self._clock() + _REMEMBERED_SECONDS)
        self._remembered.move_to_end(thread_id)
        self._forget_old()
        return key

    async def _fetch(self, offers: list[_Offer]) -> Mapping[UUID, _Stored]:
        """Return the key of each conversation that has one or got the one that is offered, in one transaction.

        Their order is the same in every process, so no two wait for each other.
        """
        columns = [list(column) for column in zip(*offers, strict=True)]
        while True:
            try:
                if self._connection is None:
                    self._connection = await connect(
                        self._writer_url, autocommit=True, application_name=_APPLICATION_NAME
                    )
                    await self._connection.execute("SET synchronous_commit = on")
                rows = await (await self._connection.execute(_ASK, columns)).fetchall()
            except TRANSIENT as error:
                _log.warning("A key of the audit log cannot be read (%s); trying again.", type(error).__name__)
                await self._disconnect()
                await asyncio.sleep(_PAUSE_SECONDS)
            else:
                return {row[0]: _Stored(*row) for row in rows}

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


def _note_heard(coming: asyncio.Future[ConversationKey]) -> None:
    """Count a failure as heard: a turn that was refused before it needed the key awaits it no more."""
    if not coming.cancelled():
        coming.exception()


def _unavailable() -> AuditUnavailableError:
    return AuditUnavailableError("Cannot answer now: the audit log is unavailable. Try again in a minute.")
