"""The guard's answer: what was found in a text, what was done about it, and the text that may go on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

OUTSIDE: Final = "outside/"
"""How rules begin that find ways out of the company: addresses and clients, no values to protect."""


class Action(StrEnum):
    """What a rule does with a finding, from mildest to strictest."""

    ALLOW = "allow"
    WARN = "warn"  # the text goes on as it is, and the person is told
    PSEUDONYMISE = "pseudonymise"  # a stable placeholder that this conversation can restore
    REDACT = "redact"  # a placeholder; the value is gone for good
    BLOCK = "block"  # the whole text goes nowhere

    @property
    def severity(self) -> int:
        """Return the rank, 0 for the mildest."""
        return tuple(Action).index(self)

    @property
    def holds_back(self) -> bool:
        """Tell whether the value does not go on."""
        return self.severity > Action.WARN.severity


class Direction(StrEnum):
    """Which way a text goes, or where it comes from."""

    PROMPT = "prompt"  # towards a model: typed text, the persona's system text, earlier messages
    FILE = "file"  # a file that a person attaches, or adds to the knowledge base
    RETRIEVAL = "retrieval"  # a passage that was looked up
    TOOL = "tool"  # arguments and results of a tool
    ANSWER = "answer"  # from a model
    JOB = "job"  # a text of a job that nobody waits for
    LOG = "log"  # a line of a log, the text of an exception


class Ground(StrEnum):
    """Why a finding has its action."""

    LINE = "line"  # a line under `actions` says so
    LOW_SCORE = "low-score"  # the finding is less sure than that line asks for
    ALLOW_LIST = "allow-list"  # the value is one of those that the site lets pass
    SILENCE = "silence"  # no line speaks about it: held back


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

    def at(self, start: int, end: int) -> Finding:
        """Return the finding in another place; `dataclasses.replace` takes three times as long, for each of many."""
        return Finding(self.entity_type, start, end, self.score, self.rule)

    def moved(self, by: int) -> Finding:
        """Return the finding some characters further on."""
        return self.at(self.start + by, self.end + by)


@dataclass(frozen=True, slots=True)
class Decision:
    """One finding and what the policy did with it.

    Attributes:
        placeholder: what stands in the text now, such as `[AWS_ACCESS_KEY_1]`; empty if the value went on.
        masked: the value made unreadable but recognisable to its owner, such as `AKIA••••••••7Q2X`.
        label: the kind in words for a person, such as `AWS access key`.
        ground: why it has this action.
        decided_by: file and line of the policy that decided, such as `default.yaml:4`; empty where none speaks.
    """

    finding: Finding
    action: Action
    placeholder: str
    masked: str
    label: str
    ground: Ground = Ground.LINE
    decided_by: str = ""


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
        return tuple(decision for decision in self.decisions if decision.action.holds_back)

    @property
    def warned(self) -> tuple[Decision, ...]:
        """Return the decisions that let a value pass and tell the person."""
        return tuple(decision for decision in self.decisions if decision.action is Action.WARN)


def joined(texts: Sequence[str], verdicts: Sequence[Verdict], between: str) -> Verdict:
    """Make one verdict of those on several texts of one policy, as if the texts had been joined before.

    Args:
        texts: as they were judged; offsets move by their lengths.
        verdicts: one for each.
        between: what stands between two texts.

    Raises:
        ValueError: there are not as many verdicts as texts, or none.
    """
    decisions: list[Decision] = []
    offset = 0
    for text, verdict in zip(texts, verdicts, strict=True):
        decisions += (_moved(decision, offset) for decision in verdict.decisions)
        offset += len(text) + len(between)
    action = max((verdict.action for verdict in verdicts), key=lambda one: one.severity)
    return Verdict(
        action=action,
        text="" if action is Action.BLOCK else between.join(verdict.text for verdict in verdicts),
        decisions=tuple(decisions),
        policy_version=verdicts[0].policy_version,
        failure=next((verdict.failure for verdict in verdicts if verdict.failure), ""),
    )


def _moved(decision: Decision, by: int) -> Decision:
    finding = decision.finding
    return replace(decision, finding=finding.moved(by))
