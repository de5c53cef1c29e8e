"""Who may do what at the desk, as one table; every refusal is in the log.

Administrators have no right here: who runs the machines does not read what people wrote. They can make somebody a
reviewer, which is an event, and anybody can see it.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from assistant.answering.record import AuditLog
from assistant.audit.events import AccessRefused
from assistant.conversation import Person, Role
from assistant.errors import NotAllowedError

DOOR: Final = "console"


class Right(StrEnum):
    """What somebody wants to do at the desk."""

    READ = "read-desk"  # hits, cases, samples, requests to unmask
    WORK = "work-at-desk"  # decide, note, assign, open cases, draw and judge samples, look people up
    UNMASK = "unmask"  # ask for it, and see what was granted
    FORCE = "force-unmask"  # in an emergency, alone
    ANSWER = "answer-unmask"  # approve or deny, look at emergencies afterwards, put a notice off


RIGHTS: Final = {
    Right.READ: frozenset({Role.REVIEWER, Role.APPROVER}),
    Right.WORK: frozenset({Role.REVIEWER}),
    Right.UNMASK: frozenset({Role.REVIEWER}),
    Right.FORCE: frozenset({Role.REVIEWER}),
    Right.ANSWER: frozenset({Role.APPROVER}),
}


class Gate:
    """Let people through who hold a right now."""

    def __init__(self, audit: AuditLog) -> None:
        self._audit = audit

    async def require(self, person: Person, right: Right) -> None:
        """Let a person go on who may.

        Raises:
            NotAllowedError: none of their roles has this right; that is noted.
        """
        if person.has_any(RIGHTS[right]):
            return
        await self._audit.append(AccessRefused(actor=person.id, wanted=right.value, door=DOOR))
        roles = " or ".join(sorted(RIGHTS[right]))
        raise NotAllowedError(f"This needs the role {roles}. Ask an administrator; the refusal was noted.")
