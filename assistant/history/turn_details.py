"""What the guard did to the messages of a turn, as it is kept for people: read by compliance, not by their owner."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlmodel import col

from assistant.database import reading
from assistant.history.tables import MessageRow


class TurnDetails:
    """Read the details of turns: rules and masked values, no text. What a person deleted is gone from here, too."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def of_turns(self, turn_ids: Collection[UUID]) -> list[tuple[UUID, Mapping[str, object]]]:
        """Return turn and detail of each of their messages, question before answer.

        Raises:
            UnavailableError: the database does not answer.
        """
        if not turn_ids:
            return []
        wanted = (
            select(col(MessageRow.turn_id), col(MessageRow.detail))
            .where(col(MessageRow.turn_id).in_(turn_ids))
            .order_by(col(MessageRow.position))
        )
        async with reading(self._engine) as connection:
            return [(row[0], row[1]) for row in (await connection.execute(wanted)).all()]
