"""The guard's answer: what was found in a text, what was done about it, and the text that may go on."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Action(StrEnum):
    """What a rule does with a finding, from mildest to strictest."""

    ALLOW = "allow"
    PSEUDONYMISE = "pseudonymise"  # a stable placeholder that this conversation can restore
    REDACT = "redact"  # a placeholder; the value is gone for good
    BLOCK = "block"  # the whole text goes nowhere

    @property
    def severity(self) -> int:
        """Return the rank, 0 for the mildest."""
        return tuple(Action).index(self)


class Direction(StrEnum):
    """Which way a text goes."""

    PROMPT = "prompt"  # towards a model: typed text, files, system text, history, passages, tool results
    ANSWER = "answer"  # from a model


@dataclass(frozen=True, slots=True)
class Finding:
    """A span that a detector recognised; the names are Presidio's.

    Attributes:
        start, end: character offsets into the original text, half-open.
        score: confidence in [0, 1].
        rule: the rule's name as the administrator sees it, such as `secret/aws-access-key`.
    """

    entity_type: str
    start: int
    end: int
    score: float
    rule: str


@dataclass(frozen=True, slots=True)
class Decision:
    """One finding and what the policy did with it.

    Attributes:
        placeholder: what stands in the text now, such as `[AWS_ACCESS_KEY_1]`; empty if the value was allowed.
        masked: the value made unreadable but recognisable to its owner, such as `AKIA••••••••7Q2X`.
        label: the kind in words for a person, such as `AWS access key`.
    """

    finding: Finding
    action: Action
    placeholder: str
    masked: str
    label: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the guard says of one text.

    Attributes:
        action: the strictest action of all decisions; ALLOW when there is none.
        text: the text that may go on; empty when blocked.
        policy_version: the hash of the policy in force, as `sha256:` and 12 hexadecimal digits.
        failure: set when the guard itself failed and blocked for that reason; never holds any of the text.
    """

    action: Action
    text: str
    decisions: tuple[Decision, ...]
    policy_version: str
    failure: str = ""

    @property
    def is_blocked(self) -> bool:
        """Tell whether nothing of the text may go on."""
        return self.action is Action.BLOCK

    @property
    def held_back(self) -> tuple[Decision, ...]:
        """Return the decisions that changed the text."""
        return tuple(decision for decision in self.decisions if decision.action is not Action.ALLOW)
