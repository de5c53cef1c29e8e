"""Looks at what was granted: each is in the log and counted before anything is opened, on a page as in an export."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from assistant.audit.events import UnmaskViewed
from assistant.audit.log import AuditLog
from assistant.compliance.cases import Cases
from assistant.compliance.exports import GrantedNames
from assistant.compliance.grants import Grant, Grants, GrantState, missing_grant
from assistant.compliance.people import DeskPeople
from assistant.errors import NotAllowedError


class GrantedLooks:
    """Take looks.

    Args:
        grants: where requests lie.
        cases: what they belong to.
        people: who somebody is.
        audit: hears of each look.
    """

    def __init__(self, grants: Grants, cases: Cases, people: DeskPeople, *, audit: AuditLog) -> None:
        self._grants = grants
        self._cases = cases
        self._people = people
        self._audit = audit

    async def require_names(self, person_id: UUID, grant_id: UUID, case_id: UUID) -> None:
        """Let go on who may see the names of this request now, as it belongs to this case.

        Raises:
            NotAllowedError: it is not open now, or shows no names; says why.
            NotFoundError: there is none of this person in this case, or it is about the person themselves.
        """
        grant = await self._grants.grant(grant_id)
        if grant.case_id != case_id:
            raise missing_grant()
        await self.require_own(person_id, grant)
        if not grant.shows_names:
            raise NotAllowedError("This request shows no names. Ask for another one that does.")
        if not grant.is_open:
            raise NotAllowedError(_why_shut(grant))

    async def names_for_export(self, person_id: UUID, grant_id: UUID, case_id: UUID) -> GrantedNames:
        """Return who the people of a request are, for the file that this person asked for: a look, noted and counted.

        Raises:
            NotAllowedError, NotFoundError: as `require_names`.
        """
        await self.require_names(person_id, grant_id, case_id)
        grant = await self.look(person_id, grant_id)
        return GrantedNames(await self._people.names(grant.subjects), grant.expires_at or datetime.now(UTC))

    async def require_own(self, person_id: UUID, grant: Grant) -> None:
        """Let go on with what is this person's own, not about them, and of a case that is open.

        Raises:
            NotAllowedError: the case is decided.
            NotFoundError: it is somebody else's, or about the person themselves.
        """
        if grant.requested_by != person_id or grant.is_about(person_id):
            raise missing_grant()
        case = await self._cases.case(grant.case_id, hidden_from=person_id)
        if not case.case.standing.is_open:
            raise NotAllowedError("The case of this request is decided, so nothing is shown any more.")

    async def look(self, person_id: UUID, grant_id: UUID) -> Grant:
        """Note and count a look, and return the request as it was before it.

        Raises:
            NotAllowedError: it is not open now; says why.
        """
        async with self._grants.locked(grant_id) as locked:
            grant = locked.grant
            if not grant.is_open:
                raise NotAllowedError(_why_shut(grant))
            await self._audit.append(
                UnmaskViewed(
                    actor=person_id,
                    unmask_id=grant_id,
                    case_id=grant.case_id,
                    turn_ids=grant.turns,
                    view=grant.views + 1,
                )
            )
            await locked.count_view()
        return grant


def _why_shut(grant: Grant) -> str:
    match grant.state:
        case GrantState.REQUESTED if not grant.is_over:
            return "Nobody approved this request yet. An approver has to."
        case GrantState.DENIED:
            return "This request was denied; the approver's note stands beside it."
        case _:
            return "The time of this request is over. Ask again if you still need it."
