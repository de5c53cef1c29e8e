"""One result of an examination."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """How grave what was found is."""

    OK = "ok"
    WARN = "warn"  # it works, and somebody should look
    FAIL = "fail"  # something does not work, or is not safe


@dataclass(frozen=True, slots=True)
class Check:
    """What one check found.

    Attributes:
        name: what was looked at, such as `database roles`.
        found: what was found, as a sentence without a secret.
        advice: what to do; empty when all is well.
    """

    name: str
    state: State
    found: str
    advice: str = ""


def ok(name: str, found: str) -> Check:
    """Return a check that found nothing wrong."""
    return Check(name, State.OK, found)


def warn(name: str, found: str, advice: str) -> Check:
    """Return a check that found something to look at."""
    return Check(name, State.WARN, found, advice)


def fail(name: str, found: str, advice: str) -> Check:
    """Return a check that found something broken."""
    return Check(name, State.FAIL, found, advice)
