"""Whose turn it was: asked of the log, which alone knows for sure."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol
from uuid import UUID

from pydantic import SecretStr

from assistant.audit.events import Tag
from assistant.audit.parts import TurnPlace
from assistant.audit.reading.read import LogReader, Search
from assistant.errors import NotFoundError

_TURN_TYPES = frozenset({Tag.TURN_ACCEPTED})


class TurnPlaces(Protocol):
    """Where turns belong."""

    async def find(self, turn_ids: Collection[UUID]) -> tuple[TurnPlace, ...]:
        """Return the place of each turn, in the same order.

        Raises:
            NotFoundError: one of them does not exist.
        """


class LoggedTurns:
    """Find turns in the log as its reader."""

    def __init__(self, reader_url: SecretStr) -> None:
        self._reader_url = reader_url

    async def find(self, turn_ids: Collection[UUID]) -> tuple[TurnPlace, ...]:
        """Return the place of each turn, in the same order.

        Raises:
            NotFoundError: the log has no such turn.
            UnavailableError: the log cannot be read.
        """
        async with LogReader(self._reader_url) as log:
            return tuple([await _find(log, turn_id) for turn_id in turn_ids])


async def _find(log: LogReader, turn_id: UUID) -> TurnPlace:
    for event in await log.read_newest(1, Search(types=_TURN_TYPES, turn_id=turn_id)):
        if event.thread_id is not None and event.subject is not None:
            return TurnPlace(turn_id, event.thread_id, event.subject)
    raise missing_turn()


def missing_turn() -> NotFoundError:
    """Return the error for a turn that is not there, or not for this person."""
    return NotFoundError("There is no such turn.")
