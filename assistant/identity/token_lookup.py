"""Look tokens up, for every request of an editor: one round trip, shared by all who ask meanwhile.

An ordinary transaction is four, and a millisecond or two of Python around them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

import psycopg
from pydantic import SecretStr
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine

from assistant.database import connect
from assistant.errors import UnavailableError

_PATIENCE_SECONDS: Final = 10.0
_APPLICATION_NAME: Final = "cloister-tokens"  # as `pg_stat_activity` shows it
# Of `last_used_at` the log needs ten minutes: a write in as long, not one a request.
_FIND: Final = """
    SELECT token.digest, person.id, person.name, person.roles, token.id, token.scopes,
        CASE WHEN token.revoked_at IS NOT NULL THEN 'revoked'
             WHEN person.is_disabled OR person.session_epoch <> token.epoch THEN 'void'
             WHEN token.expires_at <= now() THEN 'expired' END,
        coalesce(token.last_used_at < now() - interval '10 minutes', true)
    FROM api_token token JOIN person ON person.id = token.person_id
    WHERE token.digest = ANY(%b::bytea[])
"""


class TokenFault(StrEnum):
    """Why a token opened nothing."""

    UNKNOWN = "unknown"  # or no token at all: mistyped, invented, of another installation
    EXPIRED = "expired"
    REVOKED = "revoked"
    VOID = "void"  # its owner was switched off, or has another password since


@dataclass(frozen=True, slots=True)
class FoundToken:
    """A row of the table.

    Attributes:
        fault: why it opens nothing; none if it does.
        is_used_late: it was not noted in the last ten minutes that it is used.
    """

    person_id: UUID
    name: str
    roles: Sequence[str]
    token_id: UUID
    scopes: Sequence[str]
    fault: TokenFault | None
    is_used_late: bool


class TokenLookup:
    """Find tokens by their digests over one connection, which closes with the engine.

    Nobody shares a question that was on its way before they asked: what was revoked then is found revoked.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self._url = SecretStr(engine.url.render_as_string(hide_password=False))
        self._connection: psycopg.AsyncConnection | None = None
        self._waiting: dict[bytes, asyncio.Future[FoundToken | None]] = {}
        self._asking: asyncio.Task[None] | None = None
        event.listen(engine.sync_engine, "engine_disposed", self._hang_up)

    async def find(self, digest: bytes) -> FoundToken | None:
        """Return the token with this digest; None if there is none.

        Raises:
            UnavailableError: the database does not answer.
        """
        found = self._waiting.get(digest)
        if found is None:
            found = self._waiting[digest] = asyncio.get_running_loop().create_future()
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._ask(), name="look up tokens")
        return await asyncio.shield(found)  # others may wait for the same

    async def _ask(self) -> None:
        while self._waiting:
            asked, self._waiting = self._waiting, {}
            try:
                async with asyncio.timeout(_PATIENCE_SECONDS):
                    rows = await self._fetch(list(asked))
            except (TimeoutError, psycopg.Error, OSError) as error:
                self._hang_up()
                for future in asked.values():
                    _refuse(future, error)
            else:
                for digest, future in asked.items():
                    if not future.done():
                        future.set_result(rows.get(digest))

    async def _fetch(self, digests: list[bytes]) -> dict[bytes, FoundToken]:
        """Ask; once more over a new connection, for the old one may have died while it rested."""
        had_connection = self._connection is not None
        try:
            return await self._fetch_once(digests)
        except (psycopg.OperationalError, psycopg.InterfaceError):
            if not had_connection:
                raise
            self._hang_up()
        return await self._fetch_once(digests)

    async def _fetch_once(self, digests: list[bytes]) -> dict[bytes, FoundToken]:
        if self._connection is None:
            self._connection = await connect(
                self._url, autocommit=True, prepare_threshold=0, application_name=_APPLICATION_NAME
            )
        cursor = await self._connection.execute(_FIND, [digests])
        return {bytes(row[0]): _found(row) for row in await cursor.fetchall()}

    def _hang_up(self, *_: Any) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.pgconn.finish()


def _found(row: tuple[Any, ...]) -> FoundToken:
    _, person_id, name, roles, token_id, scopes, fault, is_used_late = row
    return FoundToken(
        person_id, name, roles, token_id, scopes, None if fault is None else TokenFault(fault), is_used_late
    )


def _refuse(future: asyncio.Future[FoundToken | None], error: Exception) -> None:
    if not future.done():
        refusal = UnavailableError("The database does not answer. Nothing was changed; try again in a moment.")
        refusal.__cause__ = error
        future.set_exception(refusal)
        future.exception()  # whoever asked may have left: nobody is to wonder about it
