"""People as the desk knows them: by id. Which name belongs to an id is asked here, by whoever may know it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final
from uuid import UUID

from sqlalchemy import Text, column, select, table
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncEngine

from assistant.conversation import Role
from assistant.database import reading, transaction

# Names and roles, without the room that owns them: this one stands beside it.
_PEOPLE: Final = table(
    "person", column("id"), column("name"), column("display_name"), column("roles", ARRAY(Text)), column("is_disabled")
)


class DeskPeople:
    """Look people up."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def names(self, people: Collection[UUID]) -> Mapping[UUID, str]:
        """Return the names that people sign in with; who is gone is left out."""
        if not people:
            return {}
        wanted = select(_PEOPLE.c.id, _PEOPLE.c.name).where(_PEOPLE.c.id.in_(list(people)))
        async with reading(self._engine) as connection:
            return {row.id: row.name for row in await connection.execute(wanted)}

    async def find(self, name: str) -> UUID | None:
        """Return who signs in with this name; none if nobody does."""
        wanted = select(_PEOPLE.c.id).where(_PEOPLE.c.name == name.strip().lower())
        async with transaction(self._engine) as connection:
            found: UUID | None = await connection.scalar(wanted)
        return found

    async def holding(self, role: Role) -> Mapping[UUID, str]:
        """Return who may sign in and holds a role now, with their names."""
        wanted = (
            select(_PEOPLE.c.id, _PEOPLE.c.name)
            .where(_PEOPLE.c.roles.contains([role.value]), _PEOPLE.c.is_disabled.is_(False))
            .order_by(_PEOPLE.c.name)
        )
        async with reading(self._engine) as connection:
            return {row.id: row.name for row in await connection.execute(wanted)}
