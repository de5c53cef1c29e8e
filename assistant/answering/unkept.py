"""The history of a turn without a thread: its caller keeps the conversation, and nothing of it is kept here."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final
from uuid import UUID

from assistant.conversation import MessageState, Person, Thread, Turn
from assistant.history.values import Remembered, SealedPseudonyms

_NOTHING: Final[Mapping[str, object]] = MappingProxyType({})


class UnkeptHistory:
    """Hold the sealed placeholders of one turn as long as it lasts, and let go of every text.

    A crash leaves nothing to mark as interrupted: the audit log then has the turn's beginning and no end.
    """

    def __init__(self) -> None:
        self._saved = SealedPseudonyms(None, 0)

    async def open_thread(self, person: Person, thread_id: UUID, persona: str, title: str) -> Thread:
        """Return a thread that is stored nowhere."""
        now = datetime.now(UTC)
        return Thread(thread_id, person.id, title, persona, now, now)

    async def conversation(self, person: Person, thread_id: UUID, *, excluding_turn: UUID | None = None) -> Remembered:
        """Return nothing: what was said before comes with the turn."""
        del person, thread_id, excluding_turn
        return Remembered()

    async def start_turn(
        self,
        turn: Turn,
        guarded_text: str,
        *,
        note: str = "",
        detail: Mapping[str, object] = _NOTHING,
        title: str = "",
        state: MessageState = MessageState.COMPLETE,
    ) -> None:
        """Store nothing."""

    async def save_partial(self, turn: Turn, text: str) -> None:
        """Store nothing."""

    async def keep_alive(self, turn: Turn) -> None:
        """Store nothing."""

    async def finish_turn(
        self, turn: Turn, text: str, state: MessageState, *, note: str = "", detail: Mapping[str, object] = _NOTHING
    ) -> None:
        """Store nothing."""

    async def load_pseudonyms(self, person: Person, thread_id: UUID) -> SealedPseudonyms:
        """Return the placeholders that this turn has issued so far."""
        del person, thread_id
        return self._saved

    async def save_pseudonyms(self, person: Person, thread_id: UUID, sealed: bytes, version: int) -> bool:
        """Hold them; nobody else writes here, so this is never too late."""
        del person, thread_id
        self._saved = SealedPseudonyms(sealed, version + 1)
        return True
