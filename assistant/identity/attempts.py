"""The brake on guessing passwords: counted in Postgres, so it holds across processes and restarts."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from sqlalchemy import case, delete, extract, func, literal, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlmodel import col

from assistant.database import transaction
from assistant.errors import NotAllowedError
from assistant.identity.tables import SignInAttemptRow

_SWEPT_AT_ONCE: Final = 100  # rows; old windows go a few at a time, whenever somebody signs in
_SECONDS_A_MINUTE: Final = 60


class TooManyAttemptsError(NotAllowedError):
    """Somebody guesses too fast.

    Attributes:
        retry_after_seconds: when the next attempt is looked at; for the `Retry-After` header.
    """

    def __init__(self, retry_after_seconds: int) -> None:
        minutes = max(1, math.ceil(retry_after_seconds / _SECONDS_A_MINUTE))
        unit = "minute" if minutes == 1 else "minutes"
        super().__init__(f"Too many attempts; try again in {minutes} {unit}.")
        self.retry_after_seconds = retry_after_seconds


@dataclass(frozen=True, slots=True)
class AttemptLimits:
    """How many failed attempts fit into a window.

    Attributes:
        per_name_and_client: one client trying one name.
        per_name: everybody trying one name; higher, so that one client cannot lock a colleague out.
        per_client: one client trying any names; higher, since an office may share one address.
    """

    per_name_and_client: int = 10
    per_name: int = 50
    per_client: int = 50
    window_seconds: int = 300


class Attempts:
    """Count attempts before the password is looked at, so that a burst of guesses at once cannot slip through."""

    def __init__(self, engine: AsyncEngine, limits: AttemptLimits) -> None:
        self._engine = engine
        self._limits = limits

    async def begin(self, name: str, client: str) -> None:
        """Count one attempt.

        Raises:
            TooManyAttemptsError: a limit is reached; the attempt was not counted.
        """
        async with transaction(self._engine) as connection:
            await self._sweep(connection)
            for key, limit in self._counters(name, client):
                await self._count(connection, key, limit)

    async def forgive(self, name: str, client: str) -> None:
        """Take back the attempt that turned out to be the person: only failures count."""
        async with transaction(self._engine) as connection:
            for key, _ in self._counters(name, client):
                await connection.execute(
                    update(SignInAttemptRow)
                    .where(col(SignInAttemptRow.key) == key, col(SignInAttemptRow.attempts) > 0)
                    .values(attempts=col(SignInAttemptRow.attempts) - 1)
                )

    async def _count(self, connection: AsyncConnection, key: bytes, limit: int) -> None:
        now = func.clock_timestamp()
        window = timedelta(seconds=self._limits.window_seconds)
        is_over = col(SignInAttemptRow.window_ends_at) <= now
        fresh = insert(SignInAttemptRow).values(key=key, attempts=1, window_ends_at=now + literal(window))
        counted = fresh.on_conflict_do_update(
            index_elements=[col(SignInAttemptRow.key)],
            set_={
                "attempts": case((is_over, 1), else_=col(SignInAttemptRow.attempts) + 1),
                "window_ends_at": case((is_over, now + literal(window)), else_=col(SignInAttemptRow.window_ends_at)),
            },
        ).returning(
            col(SignInAttemptRow.attempts),
            extract("epoch", col(SignInAttemptRow.window_ends_at) - now).label("seconds_left"),
        )
        row = (await connection.execute(counted)).one()
        if row.attempts > limit:
            # Raising undoes the whole transaction: a refused attempt must not prolong the wait of an honest person.
            raise TooManyAttemptsError(max(1, math.ceil(row.seconds_left)))

    async def _sweep(self, connection: AsyncConnection) -> None:
        old = (
            select(col(SignInAttemptRow.key))
            .where(col(SignInAttemptRow.window_ends_at) < func.now() - literal(timedelta(hours=1)))
            .limit(_SWEPT_AT_ONCE)
            .with_for_update(skip_locked=True)
        )
        await connection.execute(delete(SignInAttemptRow).where(col(SignInAttemptRow.key).in_(old)))

    def _counters(self, name: str, client: str) -> tuple[tuple[bytes, int], ...]:
        """Return the counters of an attempt, always in this order: two processes must not wait for each other."""
        return (
            (_key("client", client), self._limits.per_client),
            (_key("name", name), self._limits.per_name),
            (_key("name-and-client", name, client), self._limits.per_name_and_client),
        )


def _key(*parts: str) -> bytes:
    digest = hashlib.sha256()
    for part in parts:
        encoded = part.encode("utf-8", "surrogatepass")
        digest.update(len(encoded).to_bytes(8, "big") + encoded)
    return digest.digest()
