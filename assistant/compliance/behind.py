"""What stands behind a turn's placeholders: opened here only, for one look, in memory."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlmodel import col

from assistant.conversation import Author
from assistant.database import transaction
from assistant.errors import UnavailableError
from assistant.history.belongings import load_pseudonyms
from assistant.history.tables import MessageRow, MessageVersionRow
from assistant.keys import Sealer
from policies.errors import PseudonymsError
from policies.placeholders import PLACEHOLDER
from policies.pseudonyms import Pseudonyms

_PLACEHOLDER: Final = re.compile(PLACEHOLDER)


@dataclass(frozen=True, slots=True)
class TurnText:
    """A text of a turn as it is stored: placeholders in the place of values."""

    author: Author
    text: str


@dataclass(frozen=True, slots=True)
class TurnBehind:
    """A turn with what stands behind it.

    Attributes:
        texts: as stored; none if the person deleted the conversation.
        values: placeholder and value, of those that stand in these texts and can be restored. What was redacted is
            gone and in no way here.
    """

    turn_id: UUID
    texts: tuple[TurnText, ...]
    values: Mapping[str, str]


class TurnTexts:
    """Read texts of turns and their sealed values past their owner; whoever calls it has checked the grant.

    Args:
        engine: of the history.
        sealer: that of the conversations' placeholders.
    """

    def __init__(self, engine: AsyncEngine, sealer: Sealer) -> None:
        self._engine = engine
        self._sealer = sealer

    async def behind(self, turn_id: UUID, *, with_values: bool) -> TurnBehind:
        """Return a turn, with the values behind its placeholders if those were granted.

        Raises:
            UnavailableError: the sealed values cannot be opened.
        """
        async with transaction(self._engine) as connection:
            texts, thread_id = await _texts(connection, turn_id)
            sealed = (await load_pseudonyms(connection, thread_id)).sealed if thread_id and with_values else None
        wanted = {found for one in texts for found in _PLACEHOLDER.findall(one.text)}
        return TurnBehind(turn_id, texts, self._values(thread_id, sealed, wanted) if thread_id and sealed else {})

    def _values(self, thread_id: UUID, sealed: bytes, wanted: Collection[str]) -> Mapping[str, str]:
        try:
            pseudonyms = Pseudonyms.from_bytes(self._sealer.open(sealed, place=f"pseudonyms:{thread_id}"))
        except (ValueError, PseudonymsError):
            raise UnavailableError(
                "The values of this conversation cannot be opened: they were changed, or sealed with another key."
            ) from None
        restored = {placeholder: pseudonyms.restore(placeholder) for placeholder in sorted(wanted)}
        return {placeholder: value for placeholder, value in restored.items() if value != placeholder}


async def _texts(connection: AsyncConnection, turn_id: UUID) -> tuple[tuple[TurnText, ...], UUID | None]:
    """Return the texts of a turn in order, also of one whose message was edited since, and their thread."""
    now = select(col(MessageRow.author), col(MessageRow.text), col(MessageRow.thread_id), col(MessageRow.position))
    earlier = (
        select(col(MessageRow.author), col(MessageVersionRow.text), col(MessageRow.thread_id), col(MessageRow.position))
        .join(MessageRow, col(MessageRow.id) == col(MessageVersionRow.message_id))
        .where(col(MessageVersionRow.turn_id) == turn_id)
    )
    found = now.where(col(MessageRow.turn_id) == turn_id).union_all(earlier)
    rows = sorted((await connection.execute(found)).all(), key=lambda row: row.position)
    texts = tuple(TurnText(Author(row.author), row.text) for row in rows)
    return texts, rows[0].thread_id if rows else None
