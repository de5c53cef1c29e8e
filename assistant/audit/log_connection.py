"""A connection as the reader of the log: it changes nothing, and its transactions each see one moment."""

from __future__ import annotations

from types import TracebackType
from typing import Self

import psycopg
from pydantic import SecretStr

from assistant.database import connect
from assistant.errors import UnavailableError


class LogConnection:
    """Who reads the log over one connection; use it as `async with`."""

    def __init__(self, reader_url: SecretStr) -> None:
        self._reader_url = reader_url
        self._connection: psycopg.AsyncConnection | None = None

    async def __aenter__(self) -> Self:
        """Connect.

        Raises:
            UnavailableError: the database cannot be reached as the audit reader.
        """
        try:
            self._connection = await connect(self._reader_url, autocommit=True)
            # Several statements see one moment of the log, and none can change it.
            await self._connection.set_isolation_level(psycopg.IsolationLevel.REPEATABLE_READ)
            await self._connection.set_read_only(True)
        except psycopg.Error as error:
            raise UnavailableError("The audit log cannot be read: the database does not answer.") from error
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Disconnect."""
        if self._connection is not None:
            await self._connection.close()

    @property
    def _open(self) -> psycopg.AsyncConnection:
        if self._connection is None:
            raise UnavailableError("The audit log is not open for reading.")
        return self._connection
