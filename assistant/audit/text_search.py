"""Search the kept texts by words: the newest first, page by page, in bounded time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

import psycopg
from psycopg import sql
from psycopg.rows import class_row
from pydantic import SecretStr

from assistant.audit.blind_words import BlindWords
from assistant.audit.read import EVENT_COLUMNS, Search, StoredEvent, condition_of
from assistant.database import connect
from assistant.errors import BadInputError, UnavailableError
from assistant.keys import Keys

_MOST_A_PAGE: Final = 1000
_PATIENCE_SECONDS: Final = 2.0  # a page does not wait for longer

_QUERY: Final = sql.SQL("""
    SELECT {columns} FROM (SELECT event_id, words FROM audit.search) found JOIN audit.event ON id = event_id
    WHERE words @> {words}::bigint[] AND event_id < {before} AND {condition}
    ORDER BY event_id DESC LIMIT {limit}
""")
_LAST_ID: Final = UUID(int=2**128 - 1)


@dataclass(frozen=True, slots=True)
class TextPage:
    """What was found.

    Attributes:
        events: the newest first; the id of the last one is `before` of the next page.
        until: up to when every sealed text was searched; None when none was yet.
        is_cut_off: the search was given up after two seconds, so there may be more: ask for fewer days or other words.
    """

    events: tuple[StoredEvent, ...]
    until: datetime | None
    is_cut_off: bool = False


class TextSearch:
    """Search as the reader of the log, over a connection for each call; the caller notes who searches.

    Args:
        reader_url: the database as the audit reader.
        keys: the installation's, without which no word can be looked for.
        patience_seconds: how long a search may take.
    """

    def __init__(self, reader_url: SecretStr, keys: Keys, *, patience_seconds: float = _PATIENCE_SECONDS) -> None:
        self._reader_url = reader_url
        self._words = BlindWords(keys)
        self._patience_seconds = patience_seconds

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
        try:
            async with await connect(self._reader_url, autocommit=True) as connection:
                until = await _read_until(connection)
                return await self._read(connection, query, until)
        except psycopg.OperationalError as error:
            raise UnavailableError("The texts cannot be searched: the database does not answer.") from error

    async def projected_until(self) -> datetime | None:
        """Return up to when searches and charts know every sealed event; None when they know none.

        Raises:
            UnavailableError: the database does not answer.
        """
        try:
            async with await connect(self._reader_url, autocommit=True) as connection:
                return await _read_until(connection)
        except psycopg.OperationalError as error:
            raise UnavailableError("The database does not answer.") from error

    async def _read(self, connection: psycopg.AsyncConnection, query: sql.Composed, until: datetime | None) -> TextPage:
        await connection.execute(
            sql.SQL("SET statement_timeout = {}").format(sql.Literal(int(self._patience_seconds * 1000)))
        )
        async with connection.cursor(row_factory=class_row(StoredEvent)) as cursor:
            try:
                events = await (await cursor.execute(query)).fetchall()
            except psycopg.errors.QueryCanceled:
                return TextPage((), until, is_cut_off=True)
        return TextPage(tuple(events), until)


async def _read_until(connection: psycopg.AsyncConnection) -> datetime | None:
    row = await (await connection.execute("SELECT until FROM audit.projection")).fetchone()
    return row[0] if row else None
