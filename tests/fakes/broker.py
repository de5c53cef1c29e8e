"""A message broker in memory, for tests of the queue."""

from __future__ import annotations

from uuid import UUID

from assistant.errors import UnavailableError


class MemoryBroker:
    """Keep what was sent; refuse while `is_down`."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, UUID]] = []
        self.is_down = False

    async def send(self, task: str, job_id: UUID) -> None:
        if self.is_down:
            raise UnavailableError("Redis does not take the message.")
        self.sent.append((task, job_id))
