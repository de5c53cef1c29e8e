"""A report as its queue shows it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from assistant.conversation import short_reference
from assistant.errors import NotAllowedError
from policies.verdict import Direction


class Decision(StrEnum):
    """What a reviewer says of the rule, not of the person."""

    RULE_IS_WRONG = "rule-is-wrong"  # a false positive: the value should have passed
    RULE_IS_RIGHT = "rule-is-right"


class TooManyReportsError(NotAllowedError):
    """Somebody reports faster than a reviewer can read."""


@dataclass(frozen=True, slots=True)
class Reported:
    """The finding that a report is about, without its value.

    Attributes:
        number: the place of the value among those that were held back in its message, from 0.
        masked: the value made unreadable, such as `AKIA••••••••7Q2X`.
        found_at: when it was held back.
    """

    turn_id: UUID
    thread_id: UUID
    message_id: UUID
    direction: Direction
    number: int
    rule: str
    label: str
    masked: str
    action: str
    policy_version: str
    found_at: datetime


@dataclass(frozen=True, slots=True)
class Report:
    """One person's word that a finding is wrong, and what became of it.

    Attributes:
        comment, note: of the person and of the reviewer, both after the guard.
        decision: none as long as nobody decided.
    """

    id: UUID
    person_id: UUID
    person: str
    about: Reported
    comment: str
    filed_at: datetime
    decision: Decision | None
    note: str
    decided_by: str
    decided_at: datetime | None

    @property
    def reference(self) -> str:
        """Return the short code of the turn, as page, log file and audit log show it."""
        return short_reference(self.about.turn_id)


@dataclass(frozen=True, slots=True)
class ReportPage:
    """A page of the queue, the latest first.

    Attributes:
        cursor: pass it as `before` for the next page; empty when this is the last.
    """

    reports: tuple[Report, ...]
    cursor: str


@dataclass(frozen=True, slots=True)
class RuleReports:
    """How many findings of one rule were reported, and how many of those a reviewer confirmed as wrong."""

    reported: int
    confirmed_wrong: int
