"""What the log keeps of a text: compressed and encrypted with its conversation's key, apart from the event.

The event commits to the sealed bytes, so a text can be erased later and not exchanged. The text was guarded before it
came here: no secret is in it, also not encrypted.
"""

from __future__ import annotations

import secrets
import zlib
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import Final, NamedTuple
from uuid import UUID

from psycopg.rows import class_row

from assistant.audit.reader_pool import ReaderPool
from assistant.errors import AuditUnavailableError
from assistant.keys import Keys, Sealer

_KEY_BYTES: Final = 32  # AES-256
_PURPOSE: Final = "audit-content"  # of the key that wraps the conversations' keys


class ContentKind(StrEnum):
    """Whose text it is."""

    PROMPT = "prompt"  # as typed; of a blocked one without any value that was found
    CALLS = "calls"  # of tools, as far as the caller saw them
    ANSWER = "answer"  # as far as the person saw it


class ContentKeyGoneError(AuditUnavailableError):
    """The conversation's key was destroyed since this process read it: seal again, with the next one."""


class ContentRow(NamedTuple):
    """A row as the writer sends it; the fields are the table's columns."""

    id: UUID
    thread_id: UUID
    turn_id: UUID
    kind: str
    dek_id: UUID
    sealed: bytes

    @property
    def digest(self) -> str:
        """Return what the event says of the sealed bytes: SHA-256 in hexadecimal."""
        return digest_of(self.sealed)

    @property
    def place(self) -> str:
        """Return what binds the sealed bytes to their row: moved to another one they cannot be opened."""
        return f"content:{self.id}:{self.thread_id}:{self.turn_id}:{self.kind}"


@dataclass(frozen=True, slots=True)
class ContentText:
    """A text that was kept."""

    kind: ContentKind
    text: str


@dataclass(frozen=True, slots=True)
class Erased:
    """A text that is gone: erased, or dropped with its month; the log says when and by whom."""


@dataclass(frozen=True, slots=True)
class Damaged:
    """A text whose bytes or key were changed: somebody was at the database."""


Kept = ContentText | Erased | Damaged


class ConversationKey:
    """The data key of one conversation."""

    def __init__(self, identifier: UUID, key: bytes) -> None:
        self.id = identifier
        self._sealer = Sealer(key)

    def seal(self, identifier: UUID, thread_id: UUID, turn_id: UUID, kind: ContentKind, text: str) -> ContentRow:
        """Return a text as its row."""
        row = ContentRow(identifier, thread_id, turn_id, kind.value, self.id, b"")
        packed = zlib.compress(text.encode("utf-8", "replace"))
        return row._replace(sealed=self._sealer.seal(packed, place=row.place))

    def open(self, row: ContentRow) -> str:
        """Return the text of a row.

        Raises:
            ValueError: the bytes were changed, or moved from another row.
        """
        return zlib.decompress(self._sealer.open(row.sealed, place=row.place)).decode()


class KeyWrap:
    """Wrap and unwrap the keys of conversations with one that follows from the master key."""

    def __init__(self, keys: Keys) -> None:
        self._sealer = keys.sealer(_PURPOSE)

    def make(self, identifier: UUID, thread_id: UUID, person_id: UUID) -> bytes:
        """Return a new key, wrapped and bound to its row."""
        return self._sealer.seal(secrets.token_bytes(_KEY_BYTES), place=_place(identifier, thread_id, person_id))

    def open(self, identifier: UUID, thread_id: UUID, person_id: UUID, wrapped: bytes) -> ConversationKey:
        """Return the key of a row.

        Raises:
            ValueError: it was changed, moved, or wrapped with another master key.
        """
        return ConversationKey(identifier, self._sealer.open(wrapped, place=_place(identifier, thread_id, person_id)))


def digest_of(sealed: bytes) -> str:
    """Return SHA-256 in hexadecimal, as events name the sealed bytes of their text."""
    return sha256(sealed).hexdigest()


def _place(identifier: UUID, thread_id: UUID, person_id: UUID) -> str:
    return f"dek:{identifier}:{thread_id}:{person_id}"


class ContentReader:
    """Read texts as the reader of the log; the caller notes who looks.

    Args:
        pool: connections of the audit reader.
        keys: the installation's, without which nothing can be opened.
    """

    def __init__(self, pool: ReaderPool, keys: Keys) -> None:
        self._pool = pool
        self._wrap = KeyWrap(keys)

    async def read(self, ids: Collection[UUID]) -> dict[UUID, Kept]:
        """Return what became of each text, by the `content_id` of its event.

        Raises:
            UnavailableError: the database does not answer.
        """
        found: dict[UUID, Kept] = dict.fromkeys(ids, Erased())
        if not found:
            return found
        async with (
            self._pool.moment() as connection,
            connection.cursor(row_factory=class_row(_StoredContent)) as cursor,
        ):
            rows = await (await cursor.execute(_SELECT, [list(found)])).fetchall()
        return found | {row.id: self._open(row) for row in rows}

    def _open(self, row: _StoredContent) -> Kept:
        if row.wrapped is None or row.person_id is None:
            return Erased() if row.destroyed_at else Damaged()
        try:
            key = self._wrap.open(row.dek_id, row.thread_id, row.person_id, row.wrapped)
            return ContentText(ContentKind(row.kind), key.open(row.content))
        except (ValueError, zlib.error):
            return Damaged()


class _StoredContent(NamedTuple):
    id: UUID
    thread_id: UUID
    turn_id: UUID
    kind: str
    dek_id: UUID
    sealed: bytes
    person_id: UUID | None
    wrapped: bytes | None
    destroyed_at: datetime | None

    @property
    def content(self) -> ContentRow:
        return ContentRow(self.id, self.thread_id, self.turn_id, self.kind, self.dek_id, self.sealed)


_SELECT: Final = (
    "SELECT c.id, c.thread_id, c.turn_id, c.kind, c.dek_id, c.sealed, d.person_id, d.wrapped, d.destroyed_at "
    "FROM audit.content c LEFT JOIN audit.dek d ON d.id = c.dek_id WHERE c.id = ANY(%s)"
)
