"""The log's heads for a page, and what a browser needs to check that they grow from those it saw before."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import orjson
import psycopg
from psycopg import sql

from assistant.audit.events import KeyRotated, Tag
from assistant.audit.reader_pool import ReaderPool
from assistant.audit.reading.proof import read_consistency, read_newest
from assistant.audit.seals.checkpoint import NoteError, NoteKey, open_note
from assistant.audit.seals.heads import SELECT_HEADS, Head
from assistant.audit.seals.seal_key import follow
from assistant.errors import BadInputError

_SHOWN_HEADS: Final = 10


@dataclass(frozen=True, slots=True)
class Growth:
    """The newest head, with the proof that it grew from an earlier one and the keys that followed each other.

    Attributes:
        proof: empty where nothing is to be shown: nothing earlier was named, or it has the same size.
        first_key: the log's public key of its first day; None where this process does not know it.
        keys: the announcements, in order: each old key, new key and the old one's signature.
    """

    head: Head
    proof: Sequence[bytes]
    first_key: NoteKey | None
    keys: Sequence[KeyRotated]


class HeadsReader:
    """Read heads for a page.

    Args:
        pool: connections of the audit reader.
        first_key: returns the log's public key of its first day, if this process knows it.
    """

    def __init__(self, pool: ReaderPool, first_key: Callable[[], NoteKey | None]) -> None:
        self._pool = pool
        self._first_key = first_key

    async def newest(self) -> Sequence[Head]:
        """Return the newest heads, the newest first; none if nothing was sealed yet.

        Raises:
            UnavailableError: the database does not answer.
        """
        query = sql.SQL("{} ORDER BY batch DESC LIMIT {}").format(SELECT_HEADS, _SHOWN_HEADS)
        return [Head.of_row(row) for row in await self._pool.rows(query)]

    async def growth(self, earlier_size: int) -> Growth:
        """Return the newest head, and the proof that it grew from the log of an earlier size; 0 names none.

        Raises:
            BadInputError: the log never had this size, or has it no more: it was set back.
            NotFoundError: nothing was sealed yet.
            UnavailableError: the database does not answer.
        """
        async with self._pool.moment() as connection:
            head = await read_newest(connection)
            if not 0 <= earlier_size <= head.size:
                raise BadInputError(f"The log has {head.size} sealed events, and not {earlier_size}.")
            proof = await read_consistency(connection, earlier_size, head.size)
            return Growth(head, proof, self._first_key(), await _announced(connection))


async def read_signed(connection: psycopg.AsyncConnection, head: Head, first_key: NoteKey | None) -> bool | None:
    """Tell whether the log's first key, or one that follows from it, signed a head; None where it is not known."""
    if first_key is None:
        return None
    keys = [first_key]
    try:
        for announcement in await _announced(connection):
            keys.append(follow(announcement, keys[-1]))
        open_note(head.note, keys)
    except NoteError:
        return False
    return True


async def _announced(connection: psycopg.AsyncConnection) -> list[KeyRotated]:
    query = "SELECT body FROM audit.event WHERE type = %s ORDER BY id"
    rows = await (await connection.execute(query, [Tag.KEY_ROTATED.value])).fetchall()
    data = [orjson.loads(body)["data"] for (body,) in rows]
    return [KeyRotated(**{name: str(one[name]) for name in ("old_key", "new_key", "signature")}) for one in data]
