"""What is left of a person's limits, and the refusal when nothing is: values that every door shows in its own way."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final

from assistant.errors import CloisterError

_MINUTE: Final = 60
_HOUR: Final = 60 * _MINUTE
_DAY: Final = 24 * _HOUR
_SOON_SECONDS: Final = 1  # until a running answer may have ended
_SCARCE_SHARE: Final = 0.1  # of a limit; with less left it is worth saying


class Counted(StrEnum):
    """What a limit counts."""

    REQUESTS = "requests"
    TOKENS = "tokens"  # of prompt and answer together
    RUNNING = "running"  # answers at once


class Window(StrEnum):
    """For how long something is counted; each begins with the clock's or the calendar's, in UTC."""

    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"
    MONTH = "month"


_NOW: Final = {
    Window.MINUTE: "this minute",
    Window.HOUR: "this hour",
    Window.DAY: "today",
    Window.MONTH: "this month",
}


@dataclass(frozen=True, slots=True)
class Allowance:
    """One number of one limit, and what is left of it.

    Attributes:
        limit: its name in quotas.yaml.
        window: none for answers at once.
        resets_seconds: until the window ends; 0 for answers at once.
    """

    limit: str
    counted: Counted
    window: Window | None
    most: int
    left: int
    resets_seconds: float = 0.0

    @property
    def is_scarce(self) -> bool:
        """Tell whether so little is left that a person should know."""
        return self.window is not None and self.left <= self.most * _SCARCE_SHARE

    @property
    def words(self) -> str:
        """Return it as a person reads it."""
        if self.window is None:
            return f"{self.left:,} of {self.most:,} more answers at once"
        return f"{self.left:,} of {self.most:,} {self.counted} left {_NOW[self.window]}"

    @property
    def resets_in_words(self) -> str:
        """Return when there is more, such as `in 3 h 20 min`."""
        return "when one ends" if self.window is None else wait_in_words(self.resets_seconds)


@dataclass(frozen=True, slots=True)
class Balance:
    """All numbers that hold for somebody now; empty where nothing is limited or nothing can be counted."""

    allowances: tuple[Allowance, ...] = ()

    def scarcest(self, counted: Counted) -> Allowance | None:
        """Return the number of a kind of which the least is left, and of equal ones the one that lasts longest."""
        of_kind = [allowance for allowance in self.allowances if allowance.counted is counted]
        return min(of_kind, key=lambda allowance: (allowance.left, -allowance.resets_seconds), default=None)

    def warnings(self) -> Iterable[str]:
        """Yield what a person should know before it is used up."""
        for counted in (Counted.REQUESTS, Counted.TOKENS):
            if (scarcest := self.scarcest(counted)) and scarcest.is_scarce:
                yield f"{scarcest.words}; more {scarcest.resets_in_words}"


class QuotaError(CloisterError):
    """A limit is reached.

    Attributes:
        limit, counted: which, and what of it.
        retry_after_seconds: when to come back.
        balance: of all limits that hold here.
        is_first: nobody was told so in the last minute: worth an event, of which a script cannot make thousands.
    """

    def __init__(self, reached: Allowance, balance: Balance, *, wanted: int = 1, is_first: bool = True) -> None:
        super().__init__(_refusal(reached, wanted))
        self.limit = reached.limit
        self.counted = reached.counted
        self.retry_after_seconds = max(_SOON_SECONDS, math.ceil(reached.resets_seconds))
        self.balance = balance
        self.is_first = is_first


def _refusal(reached: Allowance, wanted: int) -> str:
    limit = f"Nothing was sent. The limit {reached.limit!r}"
    if reached.window is None:
        return f"{limit} allows {reached.most:,} answers at once, and as many run. Wait for one to end."
    a_window = f"{reached.most:,} {reached.counted} a {reached.window}"
    goes_on = f"It goes on {reached.resets_in_words}."
    if reached.counted is Counted.REQUESTS:
        return f"{limit} allows {a_window}, and they are used. {goes_on}"
    needs = f"this needs up to {wanted:,} with its answer"
    if wanted > reached.most:
        return f"{limit} allows {a_window}, and {needs}. Send less, or ask for a shorter answer."
    if not reached.resets_seconds:
        return f"{limit} allows {a_window}; {needs}, and answers that run may need the rest. Wait for one to end."
    return f"{limit} allows {a_window} and has {reached.left:,} left; {needs}. {goes_on}"


def wait_in_words(seconds: float) -> str:
    """Return a time to wait as people say it.

    >>> [wait_in_words(seconds) for seconds in (0.2, 59, 61, 3600, 12000)]
    ['in 1 s', 'in 59 s', 'in 2 min', 'in 1 h', 'in 3 h 20 min']
    """
    whole = max(1, math.ceil(seconds))
    if whole < _MINUTE:
        return f"in {whole} s"
    minutes = -(-whole // _MINUTE)
    if whole < _HOUR:
        return f"in {minutes} min"
    if whole <= _DAY:
        hours, rest = divmod(minutes, 60)
        return f"in {hours} h {rest} min" if rest else f"in {hours} h"
    until = datetime.now(UTC) + timedelta(seconds=seconds)
    return f"on {until.day} {until:%B}"
