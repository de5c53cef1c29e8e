"""What events are made of: a keyed mark instead of a text, the place of a turn, the guard's verdict as metadata."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, NewType, Self
from uuid import UUID

from assistant.conversation import Turn
from assistant.keys import Keys
from policies.verdict import Action, Decision, Verdict

Name = str
"""Something that has a name in a file of ours or of the administrator's: a rule, a host, a model, an error's class.

Never what a person or a model wrote. On its way into the log, blanks and whatever is not printable ASCII become `_`,
and more than 120 characters are cut.
"""

TextMark = NewType("TextMark", str)
"""HMAC-SHA256 of a text in hexadecimal: tells whether two texts are equal, to whoever holds the key, and no more."""

_MOST_FINDINGS: Final = 32  # of at most 120 + 120 + 60 bytes each: an event stays under its 16 KiB


class TextMarker:
    """Make marks of texts. A plain hash would not do: short texts can be found by trying."""

    def __init__(self, keys: Keys) -> None:
        self._key = keys.derive("audit-text-mark")

    def mark(self, text: str) -> TextMark:
        """Return the mark of a text."""
        return TextMark(hmac.digest(self._key, text.encode("utf-8", "surrogatepass"), sha256).hex())


@dataclass(frozen=True, slots=True)
class TurnPlace:
    """Which turn, in which thread, of whom; the person only by id."""

    turn_id: UUID
    thread_id: UUID
    person_id: UUID

    @classmethod
    def of(cls, turn: Turn) -> Self:
        """Return the place of a turn."""
        return cls(turn.id, turn.thread_id, turn.person.id)


@dataclass(frozen=True, slots=True)
class FoundSpan:
    """One finding; `start` and `end` are character offsets into the original text, half-open."""

    rule: Name
    entity_type: Name
    start: int
    end: int
    action: Action

    @classmethod
    def of(cls, decision: Decision) -> Self:
        """Return a decision without what it was about."""
        finding = decision.finding
        return cls(finding.rule, finding.entity_type, finding.start, finding.end, decision.action)


@dataclass(frozen=True, slots=True)
class GuardReport:
    """What the guard said of one text.

    Attributes:
        findings: the strictest first, at most 32 of them.
        found, held_back: how many findings there were, and how many of them changed the text.
        failure: the class of the guard's own error, if it failed and blocked for that reason.
    """

    action: Action
    policy_version: Name
    findings: tuple[FoundSpan, ...] = ()
    found: int = 0
    held_back: int = 0
    failure: Name | None = None

    @classmethod
    def of(cls, verdict: Verdict) -> Self:
        """Return a verdict without the text."""
        strictest = sorted(verdict.decisions, key=lambda decision: -decision.action.severity)
        return cls(
            action=verdict.action,
            policy_version=verdict.policy_version,
            findings=tuple(map(FoundSpan.of, strictest[:_MOST_FINDINGS])),
            found=len(verdict.decisions),
            held_back=len(verdict.held_back),
            failure=verdict.failure or None,
        )

    @property
    def rule(self) -> Name | None:
        """Return the rule that acted most strictly."""
        return self.findings[0].rule if self.findings else None
