"""Erasure by two persons, and the legal holds that forbid it.

One person asks, another one with the role of an approver decides, and what was approved is done at once. What something
held up in between can be withdrawn until it is done. The words of a reason stay with whoever gave them: the log keeps
their mark.
"""

from __future__ import annotations

from typing import Final
from uuid import UUID, uuid4

from assistant.audit.events import AccessRefused
from assistant.audit.log import AuditLog
from assistant.audit.parts import TextMarker
from assistant.audit.removal.eraser import Eraser, ErasureRequest, Hold, Scope
from assistant.conversation import Person
from assistant.errors import BadInputError, NotAllowedError
from assistant.rights import Right, has_right, refusal

_LEAST_REASON_CHARS: Final = 10


class Erasure:
    """Ask for erasures and decide them; place holds and release them. Every step is an event.

    Args:
        eraser: does it.
        audit: hears of who was refused.
        marker: makes the marks of reasons.
    """

    def __init__(self, eraser: Eraser, audit: AuditLog, marker: TextMarker) -> None:
        self._eraser = eraser
        self._audit = audit
        self._marker = marker

    async def request_erasure(self, person: Person, scope: Scope, subject_id: UUID, reason: str) -> UUID:
        """Ask that a conversation's texts, or a person, be erased; return the id of the request.

        Raises:
            NotAllowedError: this person may not ask.
            BadInputError: the reason says nothing.
        """
        await self._require(person, Right.ASK_ERASURE)
        request_id = uuid4()
        await self._eraser.request(request_id, scope, subject_id, self._marker.mark(_checked(reason)), person.id)
        return request_id

    async def approve(self, person: Person, request_id: UUID) -> int:
        """Agree to a request, which is done at once; return how many texts are gone.

        Raises:
            NotAllowedError: this person is no approver, asked for it, or it is about them or a conversation of theirs.
            HeldError: a hold forbids it; the request stays open.
            BadInputError: the account of the person to be erased is not switched off.
            NotFoundError: there is no such open request.
        """
        return await self._eraser.execute(await self._decidable(person, request_id), person.id)

    async def deny(self, person: Person, request_id: UUID) -> None:
        """Decide that nothing is erased.

        Raises:
            NotAllowedError: this person is no approver, asked for it, or it is about them or a conversation of theirs.
            NotFoundError: there is no such open request.
        """
        await self._eraser.deny(await self._decidable(person, request_id), person.id)

    async def withdraw(self, person: Person, request_id: UUID) -> None:
        """Take a request back before it is carried out, so that nothing is erased; agreed to or not.

        Whoever asked may do so; an approver whom it is not about may, too, also one who agreed to it.

        Raises:
            NotAllowedError: this person neither asked for it nor is such an approver.
            NotFoundError: there is no such request, or it was carried out or is over.
            UnavailableError: it is being carried out at this moment.
        """
        await self._require(person, Right.ASK_ERASURE)
        request = await self._eraser.open_request(request_id)
        if person.id != request.requested_by:
            await self._require(person, Right.DECIDE_ERASURE)
            if request.subject_id in await self._eraser.subjects_of(person.id, [request]):
                await self._note_refusal(person, Right.DECIDE_ERASURE)
                raise NotAllowedError("It is about you: whoever asked, or another approver, withdraws it.")
        await self._eraser.withdraw(request, person.id)

    async def place_hold(self, person: Person, scope: Scope, subject_id: UUID, reason: str) -> UUID:
        """Forbid the erasure of a person or a conversation from now on; return the id of the hold.

        Raises:
            NotAllowedError: this person may not hold.
            BadInputError: the reason says nothing.
        """
        await self._require(person, Right.ASK_ERASURE)
        hold_id = uuid4()
        await self._eraser.place_hold(hold_id, scope, subject_id, self._marker.mark(_checked(reason)), person.id)
        return hold_id

    async def release_hold(self, person: Person, hold_id: UUID) -> None:
        """End a hold.

        Raises:
            NotAllowedError: this person is no approver, or the hold is on them or a conversation of theirs.
            NotFoundError: there is no such hold, or it is over.
        """
        await self._require(person, Right.DECIDE_ERASURE)
        hold = await self._eraser.hold(hold_id)
        if hold.subject_id in await self._eraser.subjects_of(person.id, [hold]):
            await self._note_refusal(person, Right.DECIDE_ERASURE)
            raise NotAllowedError("This hold is about you: another approver ends it.")
        await self._eraser.release_hold(hold, person.id)

    async def requests(self, person: Person, *, with_decided: bool = False) -> list[ErasureRequest]:
        """Return the open requests, the newest first, without those about the person themselves.

        Raises:
            NotAllowedError: this person may not see them.
        """
        await self._require(person, Right.ASK_ERASURE)
        found = await self._eraser.requests(with_decided=with_decided)
        own = await self._eraser.subjects_of(person.id, found)
        return [request for request in found if request.subject_id not in own]

    async def withdrawn_from(self, person: Person) -> list[ErasureRequest]:
        """Return what this person asked for or agreed to, and somebody else withdrew of late.

        Raises:
            NotAllowedError: this person may not see requests.
        """
        await self._require(person, Right.ASK_ERASURE)
        return await self._eraser.withdrawn_from(person.id)

    async def holds(self, person: Person, *, with_released: bool = False) -> list[Hold]:
        """Return the holds in force, the newest first, without those on the person themselves.

        Raises:
            NotAllowedError: this person may not see them.
        """
        await self._require(person, Right.ASK_ERASURE)
        found = await self._eraser.holds(with_released=with_released)
        own = await self._eraser.subjects_of(person.id, found)
        return [hold for hold in found if hold.subject_id not in own]

    async def _decidable(self, person: Person, request_id: UUID) -> ErasureRequest:
        await self._require(person, Right.DECIDE_ERASURE)
        request = await self._eraser.open_request(request_id)
        is_own = request.subject_id in await self._eraser.subjects_of(person.id, [request])
        if is_own or person.id == request.requested_by:
            await self._note_refusal(person, Right.DECIDE_ERASURE)
            raise NotAllowedError("You asked for it, or it is about you: somebody else decides.")
        return request

    async def _require(self, person: Person, right: Right) -> None:
        if not has_right(person, right):
            await self._note_refusal(person, right)
            raise refusal(right)

    async def _note_refusal(self, person: Person, right: Right) -> None:
        await self._audit.append(AccessRefused(actor=person.id, wanted=right.value, door="erasure"))


def _checked(reason: str) -> str:
    if len(reason.strip()) < _LEAST_REASON_CHARS:
        raise BadInputError(f"Give a reason of at least {_LEAST_REASON_CHARS} characters, such as a case number.")
    return reason.strip()
