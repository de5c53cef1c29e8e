"""A case as an export: the events of its turns and its own; with names only where an unmasking of it allows them."""

from __future__ import annotations

from uuid import UUID

from assistant.audit.exports.export_query import ExportQuery
from assistant.compliance.case_desk import CaseDesk
from assistant.compliance.exports import Exports
from assistant.compliance.granted import GrantedLooks
from assistant.conversation import Person


class CaseExports:
    """Ask for exports of cases.

    Args:
        cases: knows the turns, and for whom the case does not exist.
        exports: where the request is left.
        granted: knows whose names may be in it.
    """

    def __init__(self, cases: CaseDesk, exports: Exports, granted: GrantedLooks) -> None:
        self._cases = cases
        self._exports = exports
        self._granted = granted

    async def request(self, person: Person, case_id: UUID, reason: str, *, unmask_id: UUID | None = None) -> UUID:
        """Ask for an export of a case as it is now, and return its id; it stands in the case's history.

        Args:
            person: who asks.
            case_id: of which case.
            reason: who gets it, and for what.
            unmask_id: the person's own open unmasking of names in this case; none: without names.

        Raises:
            BadInputError: the reason is too short or cannot be kept, or the person has too many that wait.
            NotAllowedError: this person may not export, or the unmasking is not open or shows no names.
            NotFoundError: there is no such case or unmasking, or it holds a turn of the person's own.
        """
        file = await self._cases.case(person, case_id)
        if unmask_id is not None:
            await self._granted.require_names(person.id, unmask_id, case_id)
        query = ExportQuery(case_id=case_id, turn_ids=frozenset(turn.turn_id for turn in file.turns))
        asked = await self._exports.prepare(person, query, reason, unmask_id=unmask_id)
        await self._cases.note_export(person, case_id, reason, asked.leave)
        return asked.id
