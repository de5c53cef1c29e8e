"""Unmasking: who a person is, or the values behind placeholders, for an hour at most and never by one person's word.

1. A reviewer asks: at most 50 turns of an open case, a reason, at most 60 minutes.
2. An approver answers: never the one who asked, never somebody whose turn it is. Of two answers the first one counts.
3. The one who asked looks. Each look is in the log before anything is opened, and checks everything again: the role,
   the time, the case.
4. Every person concerned is told after some days; an approver may put that off once, with a reason.

In an emergency a reviewer grants it to themselves. It is then shown to everybody at the desk until an approver said
whether it was justified, and nobody with such a look of their own unanswered takes another one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from uuid import UUID, uuid4

from assistant.audit.events import (
    NoticeDelayed,
    UnmaskApproved,
    UnmaskDenied,
    UnmaskExpired,
    UnmaskForced,
    UnmaskRequested,
    UnmaskReviewed,
)
from assistant.audit.log import AuditLog
from assistant.compliance.behind import TurnBehind, TurnTexts
from assistant.compliance.cases import Cases
from assistant.compliance.granted import GrantedLooks
from assistant.compliance.grants import Grant, Grants, GrantState, LockedGrant, Notice, Wish, missing_grant
from assistant.compliance.people import DeskPeople
from assistant.compliance.rights import Gate
from assistant.compliance.texts import DeskTexts
from assistant.conversation import Person, short_reference
from assistant.errors import BadInputError, NotAllowedError
from assistant.rights import Right

MOST_TURNS: Final = 50
MOST_MINUTES: Final = 60
NOTICE_DAYS: Final = 30


@dataclass(frozen=True, slots=True)
class Asked:
    """What a reviewer asks to see, as it was typed."""

    case_id: UUID
    turns: Sequence[UUID]
    reason: str
    minutes: int
    shows_names: bool = False
    shows_values: bool = False


@dataclass(frozen=True, slots=True)
class Watermark:
    """What stands across the page, so that a photograph of it tells where it came from."""

    viewer: str
    at: datetime
    reference: str

    def __str__(self) -> str:
        """Return it on one line."""
        return f"{self.viewer} · {self.at:%Y-%m-%d %H:%M:%S} UTC · {self.reference}"


@dataclass(frozen=True, slots=True)
class View:
    """What one look shows.

    Attributes:
        names: who the people are, by id; empty unless granted.
        turns: with their values, if granted.
    """

    grant: Grant
    names: Mapping[UUID, str]
    turns: tuple[TurnBehind, ...]
    watermark: Watermark


class Unmasking:
    """Ask, answer, look.

    Args:
        grants: where requests lie.
        granted: takes looks at what was granted.
        cases: what they belong to.
        turn_texts: opens what was granted.
        people: who somebody is.
        texts: guards reasons and notes.
        audit: hears of each step and each look.
        gate: who may.
        notice_days: after how many days a person is told.
    """

    def __init__(
        self,
        grants: Grants,
        cases: Cases,
        turn_texts: TurnTexts,
        people: DeskPeople,
        texts: DeskTexts,
        *,
        granted: GrantedLooks,
        audit: AuditLog,
        gate: Gate,
        notice_days: int = NOTICE_DAYS,
    ) -> None:
        self._grants = grants
        self._granted = granted
        self._cases = cases
        self._turn_texts = turn_texts
        self._people = people
        self._texts = texts
        self._audit = audit
        self._gate = gate
        self.notice_days = notice_days

    async def request(self, person: Person, asked: Asked) -> UUID:
        """Ask to see something, and return the request's id.

        Raises:
            BadInputError: too many turns or minutes, nothing to see, too short a reason, or a closed case.
            NotAllowedError: this person may not ask.
            NotFoundError: there is no such case, it holds a turn of the person's own, or a turn is not in it.
        """
        await self._gate.require(person, Right.UNMASK)
        wish = await self._judged(person, asked)
        grant_id = uuid4()
        await self._audit.append(_wished(UnmaskRequested, person, grant_id, wish))
        await self._grants.add(grant_id, wish, actor=person.id)
        return grant_id

    async def force(self, person: Person, asked: Asked) -> UUID:
        """Grant it to oneself in an emergency, and return the request's id.

        Raises:
            BadInputError: as `request`.
            NotAllowedError: this person may not, or an earlier emergency of theirs was not looked at yet.
            NotFoundError: as `request`.
        """
        await self._gate.require(person, Right.UNMASK)
        wish = await self._judged(person, asked)
        grant_id = uuid4()
        async with self._grants.forced(grant_id, wish, actor=person.id, notice_days=self.notice_days):
            await self._audit.append(_wished(UnmaskForced, person, grant_id, wish))
        return grant_id

    async def approve(self, person: Person, grant_id: UUID, note: str = "") -> None:
        """Allow a request; its minutes run from now on.

        Raises:
            BadInputError: it was answered, or is over, or the note cannot be kept.
            NotAllowedError: this person is no approver, or asked themselves.
            NotFoundError: there is none, or it is about the person themselves.
        """
        await self._gate.require(person, Right.ANSWER_UNMASK)
        guarded = await self._texts.note(person, note)
        async with self._grants.locked(grant_id) as locked:
            grant = _answerable(locked, person)
            await self._audit.append(
                UnmaskApproved(
                    actor=person.id,
                    unmask_id=grant_id,
                    case_id=grant.case_id,
                    requested_by=grant.requested_by,
                    minutes=grant.minutes,
                )
            )
            await locked.approve(actor=person.id, note=guarded, notice_days=self.notice_days)

    async def deny(self, person: Person, grant_id: UUID, note: str = "") -> None:
        """Refuse a request; raises as `approve` does."""
        await self._gate.require(person, Right.ANSWER_UNMASK)
        guarded = await self._texts.note(person, note)
        async with self._grants.locked(grant_id) as locked:
            grant = _answerable(locked, person)
            await self._audit.append(
                UnmaskDenied(
                    actor=person.id,
                    unmask_id=grant_id,
                    case_id=grant.case_id,
                    requested_by=grant.requested_by,
                    note_chars=len(guarded),
                )
            )
            await locked.deny(actor=person.id, note=guarded)

    async def view(self, person: Person, grant_id: UUID) -> View:
        """Look at what was granted; noted and counted before anything is opened.

        Raises:
            NotAllowedError: this person may not, or it is not open now; says why.
            NotFoundError: there is none, it is somebody else's, or it is about the person themselves.
            UnavailableError: log or database is away, or the sealed values cannot be opened.
        """
        await self._gate.require(person, Right.UNMASK)
        await self._granted.require_own(person.id, await self._grants.grant(grant_id))
        grant = await self._granted.look(person.id, grant_id)
        names = await self._people.names(grant.subjects) if grant.shows_names else {}
        turns = [
            await self._turn_texts.behind(turn_id, with_values=True) for turn_id in grant.turns if grant.shows_values
        ]
        mark = Watermark(person.name, datetime.now(UTC), short_reference(grant_id))
        return View(grant, names, tuple(turns), mark)

    async def grant(self, person: Person, grant_id: UUID) -> tuple[Grant, tuple[Notice, ...]]:
        """Return a request without what it opens, and who is told of it when.

        Raises:
            NotAllowedError: this person may not read at the desk.
            NotFoundError: there is none, or it is about the person themselves.
        """
        await self._gate.require(person, Right.READ_DESK)
        found = await self._grants.grant(grant_id)
        if found.is_about(person.id):
            raise missing_grant()
        return found, await self._grants.notices_of(grant_id)

    async def open_requests(self, person: Person) -> tuple[Grant, ...]:
        """Return what waits for an answer or can be looked at, without what is about the person themselves.

        Raises:
            NotAllowedError: this person may not read at the desk.
        """
        await self._gate.require(person, Right.READ_DESK)
        return tuple(grant for grant in await self._grants.list_open() if not grant.is_about(person.id))

    async def of_case(self, person: Person, case_id: UUID) -> tuple[Grant, ...]:
        """Return the requests of a case, without what is about the person themselves.

        Raises:
            NotAllowedError: this person may not read at the desk.
        """
        await self._gate.require(person, Right.READ_DESK)
        return tuple(grant for grant in await self._grants.of_case(case_id) if not grant.is_about(person.id))

    async def emergencies(self, person: Person) -> tuple[Grant, ...]:
        """Return the emergencies that no approver looked at yet: every page of the desk shows them.

        Raises:
            NotAllowedError: this person may not read at the desk.
        """
        await self._gate.require(person, Right.READ_DESK)
        return tuple(grant for grant in await self._grants.list_emergencies() if not grant.is_about(person.id))

    async def review(self, person: Person, grant_id: UUID, note: str, *, is_justified: bool) -> None:
        """Say afterwards whether an emergency was justified.

        Raises:
            BadInputError: it was none, somebody said so before, or the note is too short or cannot be kept.
            NotAllowedError: this person is no approver, or it was their own.
            NotFoundError: there is none, or it is about the person themselves.
        """
        await self._gate.require(person, Right.ANSWER_UNMASK)
        guarded = await self._texts.reason(person, note)
        async with self._grants.locked(grant_id) as locked:
            grant = locked.grant
            _refuse_own(grant, person)
            if not grant.is_emergency or grant.reviewed_by is not None:
                raise BadInputError("There is nothing to look at: it was no emergency, or somebody did that before.")
            await self._audit.append(
                UnmaskReviewed(
                    actor=person.id,
                    unmask_id=grant_id,
                    case_id=grant.case_id,
                    forced_by=grant.requested_by,
                    is_justified=is_justified,
                    note_chars=len(guarded),
                )
            )
            await locked.review(actor=person.id, is_justified=is_justified, note=guarded)

    async def delay_notice(self, person: Person, grant_id: UUID, subject: UUID, reason: str) -> None:
        """Put off once, by as many days again, when an employee is told.

        Raises:
            BadInputError: it was put off before, is due already, or the reason is too short or cannot be kept.
            NotAllowedError: this person is no approver, or asked for the unmasking themselves.
            NotFoundError: there is none, or it is about the person themselves.
        """
        await self._gate.require(person, Right.ANSWER_UNMASK)
        guarded = await self._texts.reason(person, reason)
        async with self._grants.locked(grant_id) as locked:
            _refuse_own(locked.grant, person)
            days = max(1, self.notice_days)
            if not await locked.delay_notice(subject, actor=person.id, days=days, reason=guarded):
                raise BadInputError("This cannot be put off: it was put off once, or is due already.")
            await self._audit.append(
                NoticeDelayed(
                    actor=person.id,
                    unmask_id=grant_id,
                    case_id=locked.grant.case_id,
                    about=subject,
                    days=days,
                    reason_chars=len(guarded),
                )
            )

    async def notices(self, person: Person) -> tuple[Notice, ...]:
        """Return what this person is told by now: who unmasked their turns, when and why."""
        return await self._grants.notices(person.id)

    async def expire(self) -> int:
        """Note what is over, and return how many; a chore. Nothing is open longer because this comes late."""
        overdue = await self._grants.overdue()
        for found in overdue:
            async with self._grants.locked(found.id) as locked:
                grant = locked.grant
                if grant.state in {GrantState.REQUESTED, GrantState.GRANTED} and grant.is_over:
                    await self._audit.append(
                        UnmaskExpired(actor=None, unmask_id=grant.id, case_id=grant.case_id, views=grant.views)
                    )
                    await locked.expire()
        return len(overdue)

    async def _judged(self, person: Person, asked: Asked) -> Wish:
        if not (asked.shows_names or asked.shows_values):
            raise BadInputError("Nothing is asked for. Choose names, values, or both.")
        turns = tuple(dict.fromkeys(asked.turns))
        if not 0 < len(turns) <= MOST_TURNS:
            raise BadInputError(f"Choose between 1 and {MOST_TURNS} turns of the case.")
        if not 0 < asked.minutes <= MOST_MINUTES:
            raise BadInputError(f"Choose between 1 and {MOST_MINUTES} minutes.")
        reason = await self._texts.reason(person, asked.reason)
        found = await self._cases.case(asked.case_id, hidden_from=person.id)
        if not found.case.standing.is_open:
            raise BadInputError("This case is decided. Reopen it first, with a note that says why.")
        owners = {turn.turn_id: turn.subject for turn in found.turns}
        if not owners.keys() >= set(turns):
            raise BadInputError("A turn is not in this case. Put it into the case first.")
        subjects = tuple(dict.fromkeys(owners[turn_id] for turn_id in turns))
        return Wish(asked.case_id, turns, subjects, asked.shows_names, asked.shows_values, reason, asked.minutes)


def _wished(
    kind: type[UnmaskRequested | UnmaskForced], person: Person, grant_id: UUID, wish: Wish
) -> UnmaskRequested | UnmaskForced:
    return kind(
        actor=person.id,
        unmask_id=grant_id,
        case_id=wish.case_id,
        turn_ids=wish.turns,
        shows_names=wish.shows_names,
        shows_values=wish.shows_values,
        minutes=wish.minutes,
        reason_chars=len(wish.reason),
    )


def _answerable(locked: LockedGrant, person: Person) -> Grant:
    grant = locked.grant
    _refuse_own(grant, person)
    if grant.state is not GrantState.REQUESTED or grant.is_over:
        raise BadInputError("This request was answered before you did, or is over. Load the page again.")
    return grant


def _refuse_own(grant: Grant, person: Person) -> None:
    if grant.is_about(person.id):
        raise missing_grant()
    if grant.requested_by == person.id:
        raise NotAllowedError("This is your own request. Another approver has to answer it.")
