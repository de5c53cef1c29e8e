"""What a page says of the log's heads, and what a browser needs to check that they grow from those it saw before."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import orjson
import psycopg
from psycopg import sql

from assistant.audit.checkpoint import NoteError, NoteKey, open_note
from assistant.audit.events import KeyRotated, Tag
from assistant.audit.heads import SELECT_HEADS, Head
from assistant.audit.lists import Cursor, EventLists
from assistant.audit.proof import read_consistency, read_newest
from assistant.audit.read import Search, StoredEvent
from assistant.audit.reader_pool import ReaderPool
from assistant.audit.seal_key import follow
from assistant.errors import BadInputError

_SHOWN_HEADS: Final = 10
_SHOWN_WORDS: Final = 100
FRESH: Final = timedelta(days=7)  # what a browser confirmed earlier says little about the log of today
_OF_ANCHORS: Final = frozenset({Tag.ANCHOR_KEPT, Tag.ANCHOR_FAILED})
RUNNING: Final = timedelta(hours=1)  # an anchor that runs is heard of every ten minutes


@dataclass(frozen=True, slots=True)
class HeadsShown:
    """The log as its heads tell it.

    Attributes:
        heads: the newest ones, the newest first; none if nothing was sealed yet.
        is_signed: one of the log's keys signed the newest; None where this process knows no key.
        anchors: the newest word of each witness, file and server that has a checkpoint of the last hour.
        failing: the newest word of each that takes none.
        confirmed: the newest confirmation of each browser's person within a week.
        contradicted: the newest word of an anchor or a browser that saw another log; None if there is none.
        verified: the last check of the whole log.
    """

    heads: Sequence[Head]
    is_signed: bool | None
    anchors: Sequence[StoredEvent]
    failing: Sequence[StoredEvent]
    confirmed: Sequence[StoredEvent]
    contradicted: StoredEvent | None
    verified: StoredEvent | None


@dataclass(frozen=True, slots=True)
class Growth:
    """The newest head, with the proof that it grew from an earlier one and the keys that followed each other.

    Attributes:
        proof: empty where nothing is to be shown: nothing earlier was named, or it has the same size.
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
        self._lists = EventLists(pool)

    async def read(self) -> HeadsShown:
        """Return what a page shows.

        Raises:
            UnavailableError: the database does not answer.
        """
        async with self._pool.moment() as connection:
            query = sql.SQL("{} ORDER BY batch DESC LIMIT {}").format(SELECT_HEADS, _SHOWN_HEADS)
            heads = [Head.of_row(row) for row in await (await connection.execute(query)).fetchall()]
            is_signed = await read_signed(connection, heads[0], self._first_key()) if heads else None
        told = _newest_of_each(await self._newest(_OF_ANCHORS, _SHOWN_WORDS, since=RUNNING), _anchor_of)
        confirmed = await self._newest({Tag.HEAD_CONFIRMED}, _SHOWN_WORDS, since=FRESH)
        contradicted = await self._newest({Tag.ANCHOR_CONTRADICTED, Tag.HEAD_CONTRADICTED}, 1)
        verified = await self._newest({Tag.LOG_VERIFIED}, 1)
        return HeadsShown(
            heads=heads,
            is_signed=is_signed,
            anchors=[event for event in told if event.type == Tag.ANCHOR_KEPT],
            failing=[event for event in told if event.type == Tag.ANCHOR_FAILED],
            confirmed=_newest_of_each(confirmed, lambda event: event.actor),
            contradicted=contradicted[0] if contradicted else None,
            verified=verified[0] if verified else None,
        )

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

    async def _newest(
        self, tags: Collection[Tag], count: int, *, since: timedelta | None = None
    ) -> Sequence[StoredEvent]:
        search = Search(types=frozenset(tags), since=datetime.now(UTC) - since if since else None)
        return (await self._lists.page(search, Cursor(), limit=count)).events


def is_signed(head: Head, first_key: NoteKey, announced: Sequence[KeyRotated]) -> bool:
    """Tell whether the log's first key, or one that follows from it, signed a head."""
    keys = [first_key]
    try:
        for announcement in announced:
            keys.append(follow(announcement, keys[-1]))
        open_note(head.note, keys)
    except NoteError:
        return False
    return True


async def read_signed(connection: psycopg.AsyncConnection, head: Head, first_key: NoteKey | None) -> bool | None:
    """Tell whether one of the log's keys signed a head; None where the first one is not known."""
    return None if first_key is None else is_signed(head, first_key, await _announced(connection))


async def _announced(connection: psycopg.AsyncConnection) -> list[KeyRotated]:
    query = "SELECT body FROM audit.event WHERE type = %s ORDER BY id"
    rows = await (await connection.execute(query, [Tag.KEY_ROTATED.value])).fetchall()
    data = [orjson.loads(body)["data"] for (body,) in rows]
    return [KeyRotated(**{name: str(one[name]) for name in ("old_key", "new_key", "signature")}) for one in data]


def _anchor_of(event: StoredEvent) -> Hashable:
    data = event.document.get("data")
    return (data.get("kind"), data.get("anchor")) if isinstance(data, dict) else None


def _newest_of_each(events: Sequence[StoredEvent], key: Callable[[StoredEvent], Hashable]) -> list[StoredEvent]:
    """Return the newest event of each; the newest of all comes first."""
    return list({key(event): event for event in reversed(events)}.values())[::-1]
