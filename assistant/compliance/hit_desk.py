"""What reviewers do with hits: see what is due, take it, decide it, agree with somebody's decision.

Looks are noted by the page that shows them; what changes something is noted here.

Each step is in the log before it is in the table, under a lock of the row: of two who decide at once, one is told that
the other was faster, and the log names the first alone. Whoever reads the log may find a step that the table does not
have, when the database went away between the two.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import Final
from uuid import UUID

from assistant.audit.events import Event, HitAssigned, HitChanged, HitDecided
from assistant.audit.log import AuditLog
from assistant.compliance.entries import Entry
from assistant.compliance.hits import Hit, HitFilter, HitPage, Hits, missing_hit
from assistant.compliance.people import DeskPeople
from assistant.compliance.rights import Gate
from assistant.compliance.standing import Move, Standing, Step
from assistant.compliance.texts import DeskTexts
from assistant.conversation import Person, Role
from assistant.errors import BadInputError
from assistant.rights import Right

MOST_AT_ONCE: Final = 100  # hits in one step; a page has no more
_A_PAGE: Final = 50


class HitDesk:
    """The queue of hits.

    Args:
        hits: where they lie.
        people: who is a reviewer.
        texts: guards notes.
        audit: hears of each step.
        gate: who may.
    """

    def __init__(self, hits: Hits, people: DeskPeople, texts: DeskTexts, *, audit: AuditLog, gate: Gate) -> None:
        self._hits = hits
        self._people = people
        self._texts = texts
        self._audit = audit
        self._gate = gate

    async def page(self, person: Person, wanted: HitFilter | None = None, *, after: str = "") -> HitPage:
        """Return a page of open hits, what is due first at its top, without the person's own.

        Raises:
            BadInputError: `after` is not the cursor of a page.
            NotAllowedError: this person may not read at the desk.
        """
        await self._gate.require(person, Right.READ_DESK)
        return await self._hits.page(wanted or HitFilter(), hidden_from=person.id, after=after, limit=_A_PAGE)

    async def hit(self, person: Person, hit_id: UUID) -> tuple[Hit, tuple[Entry, ...]]:
        """Return a hit and its history.

        Raises:
            NotAllowedError: this person may not read at the desk.
            NotFoundError: there is none, or it is the person's own.
        """
        await self._gate.require(person, Right.READ_DESK)
        hit, entries = await self._hits.hit(hit_id)
        _refuse_own(person, hit)
        return hit, entries

    async def of_turn(self, person: Person, turn_id: UUID) -> tuple[Hit, ...]:
        """Return the hits of a turn; none if it is the person's own.

        Raises:
            NotAllowedError: this person may not read at the desk.
        """
        await self._gate.require(person, Right.READ_DESK)
        return tuple(hit for hit in await self._hits.of_turns([turn_id]) if hit.subject != person.id)

    async def take_step(self, person: Person, hit_ids: Collection[UUID], move: Move) -> None:
        """Take one step with all of these hits, or with none.

        Raises:
            BadInputError: one of them is not open to this step, or the note cannot be kept.
            NotAllowedError: this person is no reviewer, or the step needs another one.
            NotFoundError: one of them does not exist, or is the person's own.
        """
        await self._gate.require(person, Right.WORK_AT_DESK)
        if not 0 < len(hit_ids) <= MOST_AT_ONCE:
            raise BadInputError(f"Choose between 1 and {MOST_AT_ONCE} hits.")
        note = await self._texts.note(person, move.note)
        if move.step is Step.ASSIGN:
            await self._require_reviewer(move.assignee)
        async with self._hits.locked(hit_ids) as locked:
            stands: list[tuple[Hit, Standing]] = []
            for hit in locked.hits:
                _refuse_own(person, hit)
                if move.assignee == hit.subject:
                    raise BadInputError("Nobody reviews what they did themselves: give it to somebody else.")
                stands.append((hit, hit.standing.after(move, person.id)))
            await asyncio.gather(
                *(self._audit.append(_event(person, hit, standing, move.step, note)) for hit, standing in stands)
            )
            for hit, standing in stands:
                await locked.stand(hit, standing, move.step, actor=person.id, note=note)

    async def take_step_in_turn(self, person: Person, turn_id: UUID, move: Move) -> int:
        """Take one step with every hit of a turn that is open to it, and return how many those were.

        Raises:
            BadInputError: none of them is, or the note cannot be kept.
            NotAllowedError: this person is no reviewer, or the step needs another one.
            NotFoundError: the turn has no hits, or is the person's own.
        """
        await self._gate.require(person, Right.WORK_AT_DESK)
        hits = [hit for hit in await self._hits.of_turns([turn_id]) if hit.subject != person.id]
        if not hits:
            raise missing_hit()
        fitting = [hit.event_id for hit in hits if hit.standing.allows(move.step)]
        if not fitting:
            raise BadInputError("No hit of this turn is open to this step. Load the page again.")
        await self.take_step(person, fitting, move)
        return len(fitting)

    async def _require_reviewer(self, assignee: UUID | None) -> None:
        if assignee is not None and assignee not in await self._people.holding(Role.REVIEWER):
            raise BadInputError("Only a reviewer can have this. Choose somebody from the list.")


def _refuse_own(person: Person, hit: Hit) -> None:
    if hit.subject == person.id:
        raise missing_hit()


def _event(person: Person, hit: Hit, standing: Standing, step: Step, note: str) -> Event:
    if step is Step.ASSIGN:
        return HitAssigned(
            actor=person.id,
            about=hit.subject,
            turn_id=hit.turn_id,
            hit_id=hit.event_id,
            assignee=standing.assignee or person.id,
        )
    if step in {Step.DECIDE, Step.CONFIRM} and standing.disposition and standing.proposed_by:
        return HitDecided(
            actor=person.id,
            about=hit.subject,
            turn_id=hit.turn_id,
            hit_id=hit.event_id,
            finding_rule=hit.rule,
            disposition=standing.disposition.value,
            is_final=standing.decided_by is not None,
            proposed_by=standing.proposed_by,
            note_chars=len(note),
        )
    return HitChanged(
        actor=person.id,
        about=hit.subject,
        turn_id=hit.turn_id,
        hit_id=hit.event_id,
        change=step.value,
        state=standing.state.value,
        note_chars=len(note),
    )
