"""From a pseudonym to the ids that it may stand for; the way from an id to a name is not here."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final
from uuid import UUID

from sqlalchemy import Text, cast, func, select
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlmodel import col

from assistant.database import reading
from assistant.identity.tables import PersonRow

_DIGITS: Final = 8
_PSEUDONYM: Final = re.compile(r"[0-9a-f]{8}")


class Pseudonyms:
    """Find people by the last digits of their id."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def ids_of_pseudonym(self, pseudonym: str) -> Collection[UUID]:
        """Return who has these last eight hexadecimal digits; mostly one, or nobody.

        Raises:
            UnavailableError: the database does not answer.
        """
        digits = pseudonym.strip().lower()
        if not _PSEUDONYM.fullmatch(digits):
            return ()
        wanted = select(col(PersonRow.id)).where(func.right(cast(col(PersonRow.id), Text), _DIGITS) == digits)
        async with reading(self._engine) as connection:
            return (await connection.scalars(wanted)).all()
