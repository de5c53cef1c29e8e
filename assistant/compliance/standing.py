"""How far a hit or a case got, and which step leads where. Pure: no clock, no database, no names.

Grave decisions are made by two. Once somebody called a thing grave, two people are needed for any decision about it,
or one of them alone could reopen or send back what the other two, or the first, had said.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from assistant.errors import BadInputError, NotAllowedError


class State(StrEnum):
    """How far a hit or a case got."""

    NEW = "new"
    IN_REVIEW = "in-review"  # somebody has it
    NEEDS_INFO = "needs-info"  # somebody was asked
    AWAITING_SECOND = "awaiting-second"  # one person decided, another one has to agree
    DECIDED = "decided"
    CLOSED = "closed"
    REOPENED = "reopened"


class Disposition(StrEnum):
    """What people decided that it was."""

    FALSE_POSITIVE = "false-positive"  # the rule was wrong
    BENIGN = "benign"  # the rule was right, and nothing was wrong
    COACHING = "coaching"  # somebody should be told how to do it better
    VIOLATION = "violation"  # of the company's rules
    INCIDENT = "incident"  # something got where it must not be

    @property
    def is_grave(self) -> bool:
        """Tell whether a second person has to agree."""
        return self in _GRAVE


class Step(StrEnum):
    """What somebody does with a hit or a case."""

    ASSIGN = "assign"
    ASK = "ask"
    DECIDE = "decide"
    CONFIRM = "confirm"
    SEND_BACK = "send-back"
    CLOSE = "close"
    REOPEN = "reopen"
    NOTE = "note"
    OPEN = "open"  # of a case; never taken again
    ADD_TURNS = "add-turns"  # likewise of a case
    EXPORT = "export"  # likewise


_GRAVE: Final = frozenset({Disposition.VIOLATION, Disposition.INCIDENT})
_UNDECIDED: Final = frozenset({State.NEW, State.IN_REVIEW, State.NEEDS_INFO, State.REOPENED})
OPEN_STATES: Final = _UNDECIDED | {State.AWAITING_SECOND}
_FROM: Final = {
    Step.ASSIGN: _UNDECIDED,
    Step.ASK: _UNDECIDED - {State.NEEDS_INFO},
    Step.DECIDE: _UNDECIDED,
    Step.CONFIRM: frozenset({State.AWAITING_SECOND}),
    Step.SEND_BACK: frozenset({State.AWAITING_SECOND}),
    Step.CLOSE: frozenset({State.DECIDED}),
    Step.REOPEN: frozenset({State.DECIDED, State.CLOSED}),
    Step.NOTE: frozenset(State) - {State.CLOSED},
    Step.OPEN: frozenset(),
    Step.ADD_TURNS: _UNDECIDED,
    Step.EXPORT: frozenset(),
}

# How long a hit may stay open, by the rank of the guard's action: allowed, warned, pseudonymised, redacted, blocked.
_PATIENCE: Final = (14, 14, 7, 3, 1)


@dataclass(frozen=True, slots=True)
class Move:
    """A step as somebody asks for it.

    Attributes:
        disposition: what they decide; for `DECIDE` alone.
        assignee: who is to have it; none is whoever asks.
        note: why; a text as it was typed.
    """

    step: Step
    disposition: Disposition | None = None
    assignee: UUID | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a hit or a case stands.

    Attributes:
        assignee: who has it.
        proposed_by: whose decision it is.
        decided_by: who made it final: the same person, or the second one.
        needs_second: somebody once called it grave.
    """

    state: State = State.NEW
    disposition: Disposition | None = None
    assignee: UUID | None = None
    proposed_by: UUID | None = None
    decided_by: UUID | None = None
    needs_second: bool = False

    @property
    def is_open(self) -> bool:
        """Tell whether something is still to be done."""
        return self.state in OPEN_STATES

    def allows(self, step: Step) -> bool:
        """Tell whether somebody may take this step now."""
        return self.state in _FROM[step]

    def after(self, move: Move, actor: UUID) -> Standing:
        """Return where it stands after a move.

        Raises:
            BadInputError: it is not open to this step, or the move lacks a disposition.
            NotAllowedError: another person has to take this step.
        """
        match move.step:
            case Step.ASSIGN:
                return self.assigned(move.assignee or actor)
            case Step.DECIDE:
                if move.disposition is None:
                    raise BadInputError("Nothing was decided: choose what it is.")
                return self.decided(actor, move.disposition)
            case Step.CONFIRM:
                return self.confirmed(actor)
            case Step.OPEN | Step.ADD_TURNS | Step.EXPORT:
                raise BadInputError("This is no step of its own. Load the page again.")
            case _:
                return self.moved(move.step)

    def assigned(self, assignee: UUID) -> Standing:
        """Give it to somebody.

        Raises:
            BadInputError: it is decided, or waits for its second reviewer.
        """
        self._require(Step.ASSIGN)
        return replace(self, state=State.IN_REVIEW, assignee=assignee)

    def decided(self, actor: UUID, disposition: Disposition) -> Standing:
        """Decide; final at once unless a second person is needed.

        Raises:
            BadInputError: it is decided already, or waits for its second reviewer.
        """
        self._require(Step.DECIDE)
        needs_second = self.needs_second or disposition.is_grave
        return replace(
            self,
            state=State.AWAITING_SECOND if needs_second else State.DECIDED,
            disposition=disposition,
            proposed_by=actor,
            decided_by=None if needs_second else actor,
            needs_second=needs_second,
        )

    def confirmed(self, actor: UUID) -> Standing:
        """Agree with a decision as the second person.

        Raises:
            BadInputError: nothing waits for a second reviewer.
            NotAllowedError: it is this person's own decision.
        """
        self._require(Step.CONFIRM)
        if actor == self.proposed_by:
            raise NotAllowedError("This is your own decision. Somebody else has to confirm it.")
        return replace(self, state=State.DECIDED, decided_by=actor)

    def moved(self, step: Step) -> Standing:
        """Take a step that needs nothing but itself: ask, send back, close, reopen, note.

        Raises:
            BadInputError: it is not open to this step.
        """
        self._require(step)
        if step in {Step.SEND_BACK, Step.REOPEN}:
            state = State.IN_REVIEW if step is Step.SEND_BACK else State.REOPENED
            return replace(self, state=state, disposition=None, proposed_by=None, decided_by=None)
        return replace(self, state=_MOVES.get(step, self.state))

    def _require(self, step: Step) -> None:
        if not self.allows(step):
            raise BadInputError(
                f"This is {self.state.value} now, so it cannot take the step {step.value!r}. "
                "Somebody may have been faster: load the page again."
            )


_MOVES: Final = {Step.ASK: State.NEEDS_INFO, Step.CLOSE: State.CLOSED}


def patience(severity: int) -> timedelta:
    """Return how long something of this rank (0 to 4) may stay open.

    >>> patience(4)
    datetime.timedelta(days=1)
    """
    return timedelta(days=_PATIENCE[max(0, min(severity, len(_PATIENCE) - 1))])
