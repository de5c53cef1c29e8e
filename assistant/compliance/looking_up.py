"""From a name to a person: asked with a reason, noted before it is answered."""

from __future__ import annotations

from uuid import UUID, uuid4

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncEngine

from assistant.audit.events import PersonLookedUp
from assistant.audit.log import AuditLog
from assistant.audit.parts import TextMarker
from assistant.compliance.people import DeskPeople
from assistant.compliance.rights import Gate
from assistant.compliance.tables import LookUpRow
from assistant.compliance.texts import DeskTexts
from assistant.conversation import Person
from assistant.database import transaction
from assistant.errors import NotFoundError
from assistant.rights import Right


class PersonLookUp:
    """Tell reviewers which person has a name.

    Args:
        engine: where reasons are kept.
        people: who has which name.
        texts: guards reasons.
        marker: marks the name in the log; somebody may type anything there.
        audit: hears of each question.
        gate: who may ask.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        people: DeskPeople,
        texts: DeskTexts,
        *,
        marker: TextMarker,
        audit: AuditLog,
        gate: Gate,
    ) -> None:
        self._engine = engine
        self._people = people
        self._texts = texts
        self._marker = marker
        self._audit = audit
        self._gate = gate

    async def look_up(self, person: Person, name: str, reason: str) -> UUID:
        """Return the id of the person who signs in with this name.

        Raises:
            BadInputError: the reason is too short, or the guard does not let it pass.
            NotAllowedError: this person is no reviewer.
            NotFoundError: nobody has this name, or it is the person's own: nobody reviews themselves.
        """
        await self._gate.require(person, Right.WORK_AT_DESK)
        guarded = await self._texts.reason(person, reason)
        found = await self._people.find(name)
        lookup_id = uuid4()
        await self._audit.append(
            PersonLookedUp(
                actor=person.id,
                subject=found or person.id,
                found=found,
                lookup_id=lookup_id,
                name_mark=self._marker.mark(name[:200]),
                reason_chars=len(guarded),
            )
        )
        async with transaction(self._engine) as connection:
            row = insert(LookUpRow).values(id=lookup_id, looked_up_by=person.id, subject=found, reason=guarded)
            await connection.execute(row)
        if found is None or found == person.id:
            raise NotFoundError("There is nobody with this name to look at.")
        return found
