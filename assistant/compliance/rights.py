"""Rights at the desk are asked for in its use cases, whichever door they are reached by; every refusal is in the log.

Administrators have none of them: who runs the machines does not read what people wrote. They can make somebody a
reviewer, which is an event.
"""

from __future__ import annotations

from typing import Final

from assistant.audit.events import AccessRefused
from assistant.audit.log import AuditLog
from assistant.conversation import Person
from assistant.rights import Right, has_right, refusal

DOOR: Final = "console"


class Gate:
    """Let people through who hold a right now."""

    def __init__(self, audit: AuditLog) -> None:
        self._audit = audit

    async def require(self, person: Person, right: Right) -> None:
        """Let a person go on who may.

        Raises:
            NotAllowedError: none of their roles has this right; that is noted.
        """
        if not has_right(person, right):
            await self._audit.append(AccessRefused(actor=person.id, wanted=right.value, door=DOOR))
            raise refusal(right)
