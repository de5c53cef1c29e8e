"""The audit log as those see it who write to it, whatever keeps it."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Protocol
from uuid import UUID

from assistant.audit.events import ContentEvent, Event


class AuditLog(Protocol):
    """The audit log as most write it: an event by itself."""

    async def append(self, event: Event) -> object:
        """Return when the event is durable.

        Raises:
            AuditUnavailableError: it cannot be made durable now.
        """


class TurnAudit(AuditLog, Protocol):
    """The audit log as a turn writes it, with its texts."""

    async def append_with(self, event: ContentEvent, text: str) -> object:
        """Return when the event is durable, and with it the guarded text that it is about, if the log keeps texts.

        Raises:
            AuditUnavailableError: they cannot be made durable now.
        """

    def begin(self, event: Event, *, linger_seconds: float = 0.0) -> Awaitable[object]:
        """Give the event its place behind those that came before; what is returned is awaited for its durability.

        With `linger_seconds` it may wait as long for the next one, so that both are one commit.

        Raises:
            AuditUnavailableError: the log is closed. Awaiting raises it when the event cannot be made durable.
        """

    async def begin_with(self, event: ContentEvent, text: str, *, linger_seconds: float = 0.0) -> Awaitable[object]:
        """Do the same together with a text."""

    def expect(self, thread_id: UUID, person_id: UUID) -> None:
        """Be ready for texts of a conversation."""
