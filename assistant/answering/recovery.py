"""Close the turns that a crash left open: the history marks them, the audit log says so."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final, Protocol
from uuid import UUID

from assistant.audit.events import Cause, TurnInterrupted
from assistant.audit.log import TurnAudit
from assistant.audit.parts import TurnPlace
from assistant.history.values import InterruptedTurn

SILENT_SECONDS: Final = 15.0  # a living turn gives a sign of life every 2 seconds


class OpenTurns(Protocol):
    """The history as recovery needs it."""

    async def interrupt_stale_turns(self, older_than_seconds: float) -> list[InterruptedTurn]:
        """Mark turns whose process gave no sign of life; return those that are not yet in the audit log."""

    async def confirm_interrupted(self, turn_ids: Collection[UUID]) -> None:
        """Note that these interruptions are in the audit log."""


async def recover_turns(history: OpenTurns, audit: TurnAudit, *, silent_seconds: float = SILENT_SECONDS) -> int:
    """Mark every turn whose process died, and return how many; run by any number of processes at once.

    A crash in between leaves the turn claimed and unconfirmed: a later call notes it again, so the log never lacks one.

    Raises:
        AuditUnavailableError: the log cannot be written; what was not confirmed is done by a later call.
    """
    closed = 0
    while turns := await history.interrupt_stale_turns(silent_seconds):
        for turn in turns:
            place = TurnPlace(turn_id=turn.id, thread_id=turn.thread_id, person_id=turn.person_id)
            event = TurnInterrupted(turn=place, cause=Cause.CRASHED, chars=len(turn.text))
            await audit.append_with(event, turn.text)
            await history.confirm_interrupted([turn.id])
            closed += 1
    return closed
