"""What a verification found: each problem, with the check that saw it and the first leaf it touches, and the sum."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final
from uuid import UUID

_MOST_SHOWN: Final = 100


class Verdict(IntEnum):
    """What a command returns to the shell."""

    SOUND = 0
    BROKEN = 1
    COULD_NOT_CHECK = 2


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is not as it was sealed.

    Attributes:
        check: the name of the check that saw it.
        leaf: the first leaf that it touches, as far as that is known.
        event: the event there, as the log has it now.
    """

    check: str
    message: str
    leaf: int | None = None
    event: UUID | None = None

    def as_data(self) -> Mapping[str, object]:
        """Return it for a program."""
        event = str(self.event) if self.event else None
        return {"check": self.check, "message": self.message, "leaf": self.leaf, "event": event}


@dataclass(slots=True)
class Findings:
    """The result of a verification.

    Attributes:
        problems: the first hundred.
        found: how many there were.
        warnings: what changes nothing of what was sealed, and that somebody should look at; the first hundred.
        warned: how many there were.
        unchecked_cosignatures: of witnesses whose keys were not given.
        unsealed: events that no head covers yet.
        dropped: events whose bodies retention took.
        longest_silence_seconds: between two heads; a minute is the rule, more says that nobody sealed.
        anchors: how many outside checkpoints fit.
    """

    size: int = 0
    heads: int = 0
    events: int = 0
    problems: list[Problem] = field(default_factory=list)
    found: int = 0
    warnings: list[Problem] = field(default_factory=list)
    warned: int = 0
    unsealed: int = 0
    dropped: int = 0
    oldest_unsealed_seconds: float = 0.0
    longest_silence_seconds: float = 0.0
    anchors: int = 0
    cosignatures: int = 0
    unchecked_cosignatures: int = 0
    keys: list[str] = field(default_factory=list)

    def add(self, check: str, message: str, *, leaf: int | None = None, event: UUID | None = None) -> None:
        """Note a problem."""
        self.found += 1
        if len(self.problems) < _MOST_SHOWN:
            self.problems.append(Problem(check, message, leaf, event))

    def warn(self, check: str, message: str, *, leaf: int | None = None, event: UUID | None = None) -> None:
        """Note what does not make the log another one, and should not be there."""
        self.warned += 1
        if len(self.warnings) < _MOST_SHOWN:
            self.warnings.append(Problem(check, message, leaf, event))

    @property
    def verdict(self) -> Verdict:
        """Say whether the log is what was sealed."""
        if self.found:
            return Verdict.BROKEN
        return Verdict.SOUND if self.heads else Verdict.COULD_NOT_CHECK

    @property
    def first_bad(self) -> Problem | None:
        """Return the problem with the lowest leaf."""
        placed = [problem for problem in self.problems if problem.leaf is not None]
        return min(placed, key=lambda problem: problem.leaf or 0) if placed else None

    def as_data(self) -> Mapping[str, object]:
        """Return the report for a program."""
        first = self.first_bad
        return {
            "verdict": self.verdict.name.lower().replace("_", "-"),
            "size": self.size,
            "heads": self.heads,
            "events": self.events,
            "first_bad_leaf": first.leaf if first else None,
            "first_bad_event": str(first.event) if first and first.event else None,
            "problems": [problem.as_data() for problem in self.problems],
            "found": self.found,
            "warnings": [warning.as_data() for warning in self.warnings],
            "warned": self.warned,
            "unsealed": self.unsealed,
            "dropped": self.dropped,
            "oldest_unsealed_seconds": round(self.oldest_unsealed_seconds, 3),
            "longest_silence_seconds": round(self.longest_silence_seconds, 3),
            "anchors": self.anchors,
            "cosignatures": self.cosignatures,
            "unchecked_cosignatures": self.unchecked_cosignatures,
            "keys": self.keys,
        }
