"""A few open connections of the audit reader, for pages: read only, and each statement ends within its patience."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, Final, Self

import psycopg
from psycopg import sql
from psycopg.pq import TransactionStatus
from pydantic import SecretStr

from assistant.database import connect, unreadable
from assistant.errors import UnavailableError

PATIENCE_SECONDS: Final = 1.0  # of one statement; an index answers in milliseconds
_MOST_CONNECTIONS: Final = 6
_IN_ORDER: Final = sql.SQL("SET LOCAL enable_sort = off; ")
_TRUSTED_SECONDS: Final = 2.0  # a connection that rested for longer is asked whether its server still knows it


class TooBroadError(UnavailableError):
    """A question that no index answers took longer than its patience; a narrower one does not."""


class ReaderPool:
    """Lend connections; use it as `async with`, which opens none.

    Args:
        reader_url: the database as the audit reader.
        patience_seconds: after which the database gives a statement up.
        most: connections at once; who comes later waits.
    """

    def __init__(
        self, reader_url: SecretStr, *, patience_seconds: float = PATIENCE_SECONDS, most: int = _MOST_CONNECTIONS
    ) -> None:
        self._reader_url = reader_url
        # Without jit: before Postgres 18 a sort that is switched off counts as dear, and what is dear is compiled.
        self._options = (
            "-c jit=off -c default_transaction_read_only=on -c default_transaction_isolation=repeatable\\ read "
            f"-c statement_timeout={int(patience_seconds * 1000)}"
        )
        self._idle: list[tuple[psycopg.AsyncConnection, float]] = []
        self._room = asyncio.Semaphore(most)

    async def __aenter__(self) -> Self:
        """Return itself: connections are opened when they are needed."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close what is idle."""
        while self._idle:
            connection, _ = self._idle.pop()
            await connection.close()

    @asynccontextmanager
    async def moment(self) -> AsyncGenerator[psycopg.AsyncConnection, None]:
        """Lend a connection in a transaction: all its statements see one moment of the log.

        Raises:
            TooBroadError: a statement took longer than its patience.
            UnavailableError: the database does not answer.
        """
        async with self._lent() as connection, connection.transaction():
            yield connection

    async def rows(self, query: sql.Composed, *, is_in_order: bool = False) -> Sequence[tuple[Any, ...]]:
        """Return the rows of one query; one statement sees one moment anyway.

        Args:
            query: what is asked.
            is_in_order: an index has what is asked for in its order, so Postgres is to read along it as far as is
                needed, and not all of it to sort, whatever it believes how little there is.

        Raises:
            TooBroadError: it took longer than its patience.
            UnavailableError: the database does not answer.
        """
        async with self._lent() as connection:
            if not is_in_order:
                return await (await connection.execute(query)).fetchall()
            # In one message, which is one transaction; what has two statements cannot be prepared.
            cursor = await connection.execute(_IN_ORDER + query, prepare=False)
            cursor.nextset()
            return await cursor.fetchall()

    @asynccontextmanager
    async def _lent(self) -> AsyncGenerator[psycopg.AsyncConnection, None]:
        async with self._room:
            connection: psycopg.AsyncConnection | None = None
            try:
                connection = await self._take()
                yield connection
            except psycopg.errors.QueryCanceled as error:
                raise TooBroadError(
                    "No answer within a second: no index serves this combination. Take a filter out, or name a time."
                ) from error
            except (psycopg.OperationalError, psycopg.ProgrammingError) as error:
                away = "The audit log cannot be read: the database does not answer. Ask again in a minute."
                raise unreadable(error, away) from error
            finally:
                if connection is not None:
                    await self._put_back(connection)

    async def _put_back(self, connection: psycopg.AsyncConnection) -> None:
        if connection.info.transaction_status is TransactionStatus.IDLE:
            self._idle.append((connection, time.monotonic()))
        else:  # broken, or the caller was cancelled in the middle of a statement
            await connection.close()

    async def _take(self) -> psycopg.AsyncConnection:
        """Return a connection that was well a moment ago, or a new one."""
        while self._idle:
            connection, since = self._idle.pop()
            if time.monotonic() - since < _TRUSTED_SECONDS or await _answers(connection):
                return connection
            await connection.close()
        return await connect(self._reader_url, autocommit=True, options=self._options)


async def _answers(connection: psycopg.AsyncConnection) -> bool:
    """Tell whether the server still knows a connection: it may have been restarted meanwhile."""
    try:
        await connection.execute("")
    except psycopg.OperationalError:
        return False
    return True
