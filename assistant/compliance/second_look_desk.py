"""The blind second look: somebody who does not know what was decided says what it is; an approver where they differ.

Who decided, whose turn it is, and who opened the page of the turn since it was decided, does not read it again: the
first two by the row, which the table refuses too, the third by the log, which has each view before it is shown.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, Protocol
from uuid import UUID

from assistant.audit.events import SecondLookJudged, SecondLookSettled
from assistant.audit.log import AuditLog
from assistant.audit.reading.seen import DecidedHit
from assistant.compliance.rights import Gate
from assistant.compliance.second_looks import Candidate, Pairs, ReadTwice, SecondLook, SecondLooks, missing_look
from assistant.compliance.standing import Disposition
from assistant.compliance.texts import DeskTexts
from assistant.conversation import Person
from assistant.errors import BadInputError
from assistant.rights import Right, has_right

_OWN_LISTED: Final = 20
_PAGE: Final = 50


class Views(Protocol):
    """Who saw what was decided; `assistant.audit.reading.seen` asks the log."""

    async def seen_by(self, hits: Collection[DecidedHit]) -> Mapping[DecidedHit, frozenset[UUID]]:
        """Return who opened the page of each hit's turn since it was decided."""


@dataclass(frozen=True, slots=True)
class LookPage:
    """What one person can do here.

    Attributes:
        mine: what they may read.
        for_others: how many they may not: their own decisions and turns, and, on this page, what they saw.
        done: what they read last.
        differing: where two differ, for who may settle it.
        more, more_differing: the cursors of the pages after this one; empty when this is the last.
    """

    mine: Sequence[SecondLook]
    for_others: int
    done: Sequence[ReadTwice]
    differing: Sequence[ReadTwice]
    more: str = ""
    more_differing: str = ""


class SecondLookDesk:
    """Second looks.

    Args:
        looks: where they lie.
        views: who saw what was decided.
        texts: guards notes.
        audit: hears of each judgement.
        gate: who may.
    """

    def __init__(self, looks: SecondLooks, views: Views, texts: DeskTexts, *, audit: AuditLog, gate: Gate) -> None:
        self._looks = looks
        self._views = views
        self._texts = texts
        self._audit = audit
        self._gate = gate

    async def page(self, person: Person, *, after: str = "", differing_after: str = "") -> LookPage:
        """Return what a person can do with second looks.

        Args:
            person: who asks.
            after: the cursor of the page of what they may read; empty for the first.
            differing_after: the same, of where two differ.

        Raises:
            BadInputError: a cursor is none.
            NotAllowedError: this person may not read at the desk.
            UnavailableError: the log cannot be read.
        """
        await self._gate.require(person, Right.READ_DESK)
        mine: Sequence[SecondLook] = ()
        done: Sequence[ReadTwice] = ()
        for_others = 0
        more = ""
        if has_right(person, Right.WORK_AT_DESK):
            mine, seen, more = await self._readable(person, after)
            for_others = seen + await self._looks.count_closed_to(person.id)
            done = await self._looks.judged_by(person.id, limit=_OWN_LISTED)
        if not has_right(person, Right.SETTLE_LOOKS):
            return LookPage(mine, for_others, done, (), more)
        differing = await self._looks.differing(person.id, after=differing_after, limit=_PAGE)
        return LookPage(mine, for_others, done, differing.rows, more, differing.cursor)

    async def _readable(self, person: Person, after: str) -> tuple[Sequence[SecondLook], int, str]:
        """Return what a person may read from a place on, how much of it they saw before, and where the rest begins."""
        seen = 0
        while True:
            page = await self._looks.open_to(person.id, after=after, limit=_PAGE)
            mine = await self._blind(person, page.rows)
            seen += len(page.rows) - len(mine)
            if mine or not page.cursor:
                return mine, seen, page.cursor
            after = page.cursor  # they saw all of these: a page without a line would look like the end

    async def of_turn(self, person: Person, turn_id: UUID) -> Sequence[SecondLook]:
        """Return what of a turn this person is to read without seeing what was decided; mostly nothing.

        Raises:
            UnavailableError: the log cannot be read.
        """
        if not has_right(person, Right.WORK_AT_DESK):
            return ()
        return await self._blind(person, await self._looks.of_turn(turn_id))

    async def judge(self, person: Person, decision_id: UUID, disposition: Disposition) -> SecondLook:
        """Say what a hit is without knowing what was decided, and return it.

        Raises:
            BadInputError: somebody read it before.
            NotAllowedError: this person is no reviewer.
            NotFoundError: there is none, or it is not for this person: they decided it, it is theirs, or they saw it.
        """
        await self._gate.require(person, Right.WORK_AT_DESK)
        async with self._looks.locked(decision_id) as locked:
            if not await self._blind(person, [locked.candidate]):
                raise missing_look()
            if locked.read_twice is not None:
                raise BadInputError("Somebody read this before you did. Load the page again.")
            look = locked.candidate.look
            await self._audit.append(
                SecondLookJudged(
                    actor=person.id,
                    about=look.subject,
                    turn_id=look.turn_id,
                    hit_id=look.hit_id,
                    decision_id=decision_id,
                    disposition=disposition.value,
                )
            )
            await locked.judge(disposition, actor=person.id)
        return look

    async def settle(self, person: Person, decision_id: UUID, disposition: Disposition, note: str) -> None:
        """Say what is right where two differ.

        Raises:
            BadInputError: they do not differ, somebody settled it, or the note is too short or cannot be kept.
            NotAllowedError: this person is no approver.
            NotFoundError: there is none, or this person is one of the two, agreed with one, or is concerned.
        """
        await self._gate.require(person, Right.SETTLE_LOOKS)
        guarded = await self._texts.reason(person, note)
        async with self._looks.locked(decision_id) as locked:
            found = locked.read_twice
            if found is None or person.id in found.people:
                raise missing_look()
            if not found.differs or found.settled_by is not None:
                raise BadInputError("There is nothing to settle: both said the same, or somebody settled it before.")
            await self._audit.append(
                SecondLookSettled(
                    actor=person.id,
                    about=found.look.subject,
                    turn_id=found.look.turn_id,
                    hit_id=found.look.hit_id,
                    decision_id=decision_id,
                    disposition=disposition.value,
                    note_chars=len(guarded),
                )
            )
            await locked.settle(disposition, actor=person.id, note=guarded)

    async def pairs(self, since: date) -> Sequence[Pairs]:
        """Return what was read twice since a Monday; figures, for the charts, which check their own right."""
        return await self._looks.pairs(since)

    async def _blind(self, person: Person, candidates: Sequence[Candidate]) -> Sequence[SecondLook]:
        """Return what this person knows no decision of."""
        looks = [one.look for one in candidates if one.is_for(person.id)]
        seen = await self._views.seen_by({DecidedHit(look.hit_id, look.turn_id) for look in looks})
        return [look for look in looks if person.id not in seen[DecidedHit(look.hit_id, look.turn_id)]]
