"""What reviewers do with cases: open, collect turns, note, decide with a second person, close, reopen.

As with hits, each step is in the log before it is in the table, under a lock of the row.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final
from uuid import UUID, uuid4

from assistant.audit.events import (
    CaseChanged,
    CaseClosed,
    CaseDecided,
    CaseOpened,
    CaseReopened,
    CaseViewed,
    Event,
)
from assistant.audit.log import AuditLog
from assistant.audit.parts import TurnPlace
from assistant.compliance.cases import MOST_TURNS, CaseFile, CasePage, Cases, Leave
from assistant.compliance.hits import Hits
from assistant.compliance.people import DeskPeople
from assistant.compliance.rights import Gate
from assistant.compliance.standing import Move, Standing, Step, patience
from assistant.compliance.texts import DeskTexts
from assistant.compliance.turns import TurnPlaces, missing_turn
from assistant.conversation import Person, Role
from assistant.errors import BadInputError
from assistant.rights import Right

_A_PAGE: Final = 50
_SEVERITY_WITHOUT_HITS: Final = 2


class CaseDesk:
    """Cases.

    Args:
        cases: where they lie.
        hits: how grave the turns of a new case are.
        turns: whose they are.
        people: who is a reviewer.
        texts: guards titles and notes.
        audit: hears of each step, and of each look at a case.
        gate: who may.
    """

    def __init__(
        self,
        cases: Cases,
        hits: Hits,
        turns: TurnPlaces,
        people: DeskPeople,
        texts: DeskTexts,
        *,
        audit: AuditLog,
        gate: Gate,
    ) -> None:
        self._cases = cases
        self._hits = hits
        self._turns = turns
        self._people = people
        self._texts = texts
        self._audit = audit
        self._gate = gate

    async def page(self, person: Person, *, is_open: bool = True, is_mine: bool = False, before: str = "") -> CasePage:
        """Return a page of cases, the latest first, without those that hold a turn of the person's own.

        Raises:
            BadInputError: `before` is not the cursor of a page.
            NotAllowedError: this person may not read at the desk.
        """
        await self._gate.require(person, Right.READ_DESK)
        return await self._cases.page(
            hidden_from=person.id,
            is_open=is_open,
            assignee=person.id if is_mine else None,
            before=before,
            limit=_A_PAGE,
        )

    async def case(self, person: Person, case_id: UUID) -> CaseFile:
        """Return a case with its turns and its history.

        Raises:
            NotAllowedError: this person may not read at the desk.
            NotFoundError: there is none, or it holds a turn of the person's own.
        """
        await self._gate.require(person, Right.READ_DESK)
        found = await self._cases.case(case_id, hidden_from=person.id)
        await self._audit.append(CaseViewed(actor=person.id, case_id=case_id))
        return found

    async def hidden_from(self, person: Person, case_ids: Collection[UUID]) -> frozenset[UUID]:
        """Return which of these cases do not exist for a person, because they hold a turn of theirs.

        Raises:
            NotAllowedError: this person may not read at the desk.
        """
        await self._gate.require(person, Right.READ_DESK)
        return await self._cases.holding_turns_of(person.id, case_ids) if case_ids else frozenset()

    async def open(self, person: Person, title: str, turn_ids: Sequence[UUID], note: str = "") -> UUID:
        """Open a case on these turns and return its id.

        Raises:
            BadInputError: no turn or too many are given, or title or note cannot be kept.
            NotAllowedError: this person is no reviewer.
            NotFoundError: one of the turns does not exist, or is the person's own.
        """
        await self._gate.require(person, Right.WORK_AT_DESK)
        guarded_title, guarded_note = await self._texts.title(person, title), await self._texts.note(person, note)
        turns = await self._places(person, turn_ids)
        hits = await self._hits.of_turns([turn.turn_id for turn in turns])
        severity = max((hit.severity for hit in hits), default=_SEVERITY_WITHOUT_HITS)
        case_id = uuid4()
        await self._audit.append(
            CaseOpened(
                actor=person.id,
                case_id=case_id,
                turn_ids=tuple(turn.turn_id for turn in turns),
                title_chars=len(guarded_title),
            )
        )
        await self._cases.open(
            case_id,
            guarded_title,
            turns,
            actor=person.id,
            due_at=datetime.now(UTC) + patience(severity),
            note=guarded_note,
        )
        return case_id

    async def add_turns(self, person: Person, case_id: UUID, turn_ids: Sequence[UUID]) -> None:
        """Put turns into an open case.

        Raises:
            BadInputError: the case is decided or holds all of them already, or these are too many turns.
            NotAllowedError: this person is no reviewer.
            NotFoundError: the case or one of the turns does not exist, or is the person's own.
        """
        await self._gate.require(person, Right.WORK_AT_DESK)
        turns = await self._places(person, turn_ids)
        async with self._cases.locked(case_id, hidden_from=person.id) as locked:
            standing = locked.case.standing.moved(Step.ADD_TURNS)  # what was decided is about the turns in it
            held = await locked.turn_ids()
            turns = tuple(turn for turn in turns if turn.turn_id not in held)
            if not turns:
                raise BadInputError("The case holds this already. Load the page again.")
            if standing.assignee in {turn.person_id for turn in turns}:
                standing = replace(standing, assignee=None)  # nobody keeps a case that is about themselves
            added = tuple(turn.turn_id for turn in turns)
            await self._audit.append(
                CaseChanged(
                    actor=person.id,
                    case_id=case_id,
                    change=Step.ADD_TURNS.value,
                    state=standing.state.value,
                    turn_ids=added,
                )
            )
            await locked.add_turns(turns, actor=person.id)
            await locked.stand(standing, Step.ADD_TURNS, actor=person.id, note="")

    async def take_step(self, person: Person, case_id: UUID, move: Move) -> None:
        """Take a step with a case.

        Raises:
            BadInputError: it is not open to this step, or the note cannot be kept.
            NotAllowedError: this person is no reviewer, or the step needs another one.
            NotFoundError: there is none, or it holds a turn of the person's own.
        """
        await self._gate.require(person, Right.WORK_AT_DESK)
        note = await self._texts.note(person, move.note)
        if move.step in {Step.DECIDE, Step.REOPEN, Step.NOTE} and not note:
            raise BadInputError("Write a note: whoever reads this case later wants to know why.")
        if move.assignee is not None and move.assignee not in await self._people.holding(Role.REVIEWER):
            raise BadInputError("Only a reviewer can have this. Choose somebody from the list.")
        async with self._cases.locked(case_id, hidden_from=person.id) as locked:
            if move.assignee is not None and await locked.holds_turn_of(move.assignee):
                raise BadInputError("Nobody reviews what they did themselves: give it to somebody else.")
            standing = locked.case.standing.after(move, person.id)
            await self._audit.append(_event(person, case_id, standing, move.step, note))
            await locked.stand(standing, move.step, actor=person.id, note=note)

    async def note_export(self, person: Person, case_id: UUID, reason: str, leave: Leave) -> None:
        """Write into a case's history that somebody asks for it as an export, and why; in one with the request itself.

        Args:
            person: who asks.
            case_id: for which case.
            reason: who gets it, and for what.
            leave: leaves the request in the same transaction, before anything tells of it: what is refused is not told.

        Raises:
            BadInputError: the reason is too short or cannot be kept, or the request is refused.
            NotAllowedError: this person may not export.
            NotFoundError: there is none, or it holds a turn of the person's own.
        """
        await self._gate.require(person, Right.EXPORT_LOG)
        guarded = await self._texts.reason(person, reason)
        async with self._cases.locked(case_id, hidden_from=person.id) as locked:
            standing = locked.case.standing
            await locked.do(leave)
            await self._audit.append(_event(person, case_id, standing, Step.EXPORT, guarded))
            await locked.stand(standing, Step.EXPORT, actor=person.id, note=guarded)

    async def _places(self, person: Person, turn_ids: Sequence[UUID]) -> tuple[TurnPlace, ...]:
        if not 0 < len(turn_ids) <= MOST_TURNS:
            raise BadInputError(f"Choose between 1 and {MOST_TURNS} turns.")
        turns = await self._turns.find(tuple(dict.fromkeys(turn_ids)))
        if person.id in {turn.person_id for turn in turns}:
            raise missing_turn()
        return turns


def _event(person: Person, case_id: UUID, standing: Standing, step: Step, note: str) -> Event:
    if step in {Step.DECIDE, Step.CONFIRM} and standing.disposition and standing.proposed_by:
        return CaseDecided(
            actor=person.id,
            case_id=case_id,
            disposition=standing.disposition.value,
            is_final=standing.decided_by is not None,
            proposed_by=standing.proposed_by,
            note_chars=len(note),
        )
    if step is Step.CLOSE:
        return CaseClosed(actor=person.id, case_id=case_id, note_chars=len(note))
    if step is Step.REOPEN:
        return CaseReopened(actor=person.id, case_id=case_id, note_chars=len(note))
    return CaseChanged(
        actor=person.id,
        case_id=case_id,
        change=step.value,
        state=standing.state.value,
        assignee=standing.assignee if step is Step.ASSIGN else None,
        note_chars=len(note),
    )
