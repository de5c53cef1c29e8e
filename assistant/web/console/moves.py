"""Steps of the desk as forms send them, and the words for where things stand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final
from uuid import UUID

from assistant.compliance.standing import Disposition, Move, Standing, State, Step
from assistant.compliance.texts import NOTE_CHARS
from assistant.errors import BadInputError

STATE_WORDS: Final[Mapping[State, str]] = {
    State.NEW: "new",
    State.IN_REVIEW: "in review",
    State.NEEDS_INFO: "somebody was asked",
    State.AWAITING_SECOND: "awaits a second reviewer",
    State.DECIDED: "decided",
    State.CLOSED: "closed",
    State.REOPENED: "open again",
}
STATE_TONES: Final[Mapping[State, str]] = {
    State.AWAITING_SECOND: "redact",
    State.NEEDS_INFO: "redact",
    State.DECIDED: "allow",
    State.CLOSED: "allow",
}
DISPOSITION_WORDS: Final[Mapping[Disposition, tuple[str, str]]] = {
    Disposition.FALSE_POSITIVE: ("False positive", "the rule was wrong"),
    Disposition.BENIGN: ("Benign", "the rule was right, and nothing was wrong"),
    Disposition.COACHING: ("Coaching", "somebody should be told how to do it better"),
    Disposition.VIOLATION: ("Violation", "of the company's rules; a second reviewer has to agree"),
    Disposition.INCIDENT: ("Incident", "something got where it must not be; a second reviewer has to agree"),
}
STEP_WORDS: Final[Mapping[Step, str]] = {
    Step.ASSIGN: "assigned it",
    Step.ASK: "asked somebody",
    Step.DECIDE: "decided",
    Step.CONFIRM: "agreed as the second reviewer",
    Step.SEND_BACK: "sent it back",
    Step.CLOSE: "closed it",
    Step.REOPEN: "opened it again",
    Step.NOTE: "noted",
    Step.OPEN: "opened the case",
    Step.ADD_TURNS: "added turns",
    Step.EXPORT: "asked for an export",
}
WORDS: Final[Mapping[str, object]] = {
    "state_words": STATE_WORDS,
    "state_tones": STATE_TONES,
    "disposition_words": DISPOSITION_WORDS,
    "step_words": STEP_WORDS,
    "note_chars": NOTE_CHARS,
}
"""For the templates, which get it whole."""


def read_move(fields: Mapping[str, str]) -> Move:
    """Return the step that a form asks for.

    Raises:
        BadInputError: it is none.
    """
    try:
        return Move(
            Step(fields.get("step", "")),
            Disposition(fields["disposition"]) if fields.get("disposition") else None,
            UUID(fields["assignee"]) if fields.get("assignee") else None,
            fields.get("note", ""),
        )
    except ValueError:
        raise BadInputError("The page sent no step that there is. Go back and choose one of its buttons.") from None


def read_ids(values: Iterable[str]) -> list[UUID]:
    """Return the ids that a form sends.

    Raises:
        BadInputError: one of them is none.
    """
    try:
        return [UUID(value) for value in values]
    except ValueError:
        raise BadInputError("The page sent an id that is none. Load it again.") from None


def people_of(standings: Iterable[Standing]) -> set[UUID]:
    """Return whose names a page needs to say where things stand."""
    found = {person for one in standings for person in (one.assignee, one.proposed_by, one.decided_by)}
    return {person for person in found if person is not None}
