"""Search the kept texts by words: the newest first, page by page, in bounded time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from psycopg import sql
from psycopg.rows import class_row

from assistant.audit.projections.blind_words import BlindWords
from assistant.audit.reader_pool import ReaderPool, TooBroadError
from assistant.audit.reading.read import EVENT_COLUMNS, Search, StoredEvent, condition_of
from assistant.errors import BadInputError
from assistant.keys import Keys

_MOST_A_PAGE: Final = 1000

_QUERY: Final = sql.SQL("""
    SELECT {columns} FROM (SELECT event_id, words FROM audit.search) found JOIN audit.event ON id = event_id
    WHERE words @> {words}::bigint[] AND event_id < {before} AND {condition}
    ORDER BY event_id DESC LIMIT {limit}
""")
_UNTIL: Final = sql.SQL("SELECT until FROM audit.projection").format()
_LAST_ID: Final = UUID(int=2**128 - 1)


@dataclass(frozen=True, slots=True)
class TextPage:
    """What was found.

    Attributes:
        events: the newest first; the id of the last one is `before` of the next page.
        until: up to when every sealed text was searched; None when none was yet.
        is_cut_off: the search was given up, as it took too long: ask for fewer days or for other words.
    """

    events: tuple[StoredEvent, ...]
    until: datetime | None
    is_cut_off: bool = False


class TextSearch:
    """Search as the reader of the log; the caller notes who searches.

    Args:
        pool: connections of the audit reader, whose patience bounds a search.
        keys: the installation's, without which no word can be looked for.
    """

    def __init__(self, pool: ReaderPool, keys: Keys) -> None:
        self._pool = pool
        self._words = BlindWords(keys)

    async def search_text(
        self, words: str, *, before: UUID | None = None, limit: int = 50, search: Search | None = None
    ) -> TextPage:
        """Return the events whose text has all of these words, whole and in any order; case does not matter.

        Args:
            words: what to look for.
            before: the last event of the page before.
            limit: how many, at most a thousand.
            search: what else the events must meet.

        Raises:
            BadInputError: there is no word.
            UnavailableError: the database does not answer.
        """
        wanted = self._words.of(words)
        if not wanted:
            raise BadInputError("There is no word to look for. Type one or more words.")
        query = _QUERY.format(
            columns=EVENT_COLUMNS,
            words=sql.Literal(wanted),
            before=before or _LAST_ID,
            condition=condition_of(search),
            limit=min(limit, _MOST_A_PAGE),
        )
        until = await self.projected_until()
        try:
            async with (
                self._pool.moment() as connection,
                connection.cursor(row_factory=class_row(StoredEvent)) as cursor,
            ):
                events = await (await cursor.execute(query)).fetchall()
        except TooBroadError:
            return TextPage((), until, is_cut_off=True)
        return TextPage(tuple(events), until)

    async def projected_until(self) -> datetime | None:
        """Return up to when searches and charts know every sealed event; None when they know none.

        Raises:
            UnavailableError: the database does not answer.
        """
        rows = await self._pool.rows(_UNTIL)
        return rows[0][0] if rows else None
