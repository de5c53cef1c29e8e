"""Clocks: this machine's against those of the database and the model hosts."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from assistant.doctor.check import Check, ok, warn

_MOST_SECONDS: Final = 2.0


def check_skew(name: str, theirs: datetime, ours: datetime, *, precision_seconds: float = 0.0) -> Check:
    """Compare two clocks, read at the same moment.

    Args:
        name: whose clock it is.
        theirs: with its time zone.
        ours: with its time zone.
        precision_seconds: of the coarser one; a `Date` header has whole seconds.
    """
    skew = (theirs - ours).total_seconds()
    if abs(skew) <= _MOST_SECONDS + precision_seconds:
        return ok(name, "It agrees with this machine's.")
    direction = "ahead of" if skew > 0 else "behind"
    return warn(
        name,
        f"It is {abs(skew):.0f} s {direction} this machine's.",
        "Let all machines keep time by one NTP server of yours: times in the audit log are read side by side.",
    )
