"""The counts in Redis: each step is one script there, so that it is exact however many processes ask at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any, Final, Literal

import orjson
from redis.asyncio import Redis

from assistant.balance import Allowance, Balance, Counted, Window
from assistant.quotas.limits import Claim, Limit

_PREFIX: Final = "cloister:quota:"
_KEYS: Final = ("counts", "leases", "held")
_COUNTED: Final = {1: Counted.REQUESTS, 2: Counted.TOKENS, 3: Counted.RUNNING}
_WINDOWS: Final[Mapping[int, Window | None]] = {
    0: None,
    1: Window.MINUTE,
    2: Window.HOUR,
    3: Window.DAY,
    4: Window.MONTH,
}
_MONTHS_A_YEAR: Final = 12

Step = Literal["look", "take", "grow", "renew", "settle"]


@dataclass(frozen=True, slots=True)
class Reached:
    """A number that is reached.

    Attributes:
        is_first: nobody was refused by it within the last minute.
    """

    allowance: Allowance
    is_first: bool


@dataclass(frozen=True, slots=True)
class Counts:
    """What a step found.

    Attributes:
        now: by Redis' clock, in milliseconds.
        reached: what refuses; none where the step was taken.
    """

    now: int
    balance: Balance
    reached: Reached | None


class Counters:
    """Take steps of counting.

    Args:
        client: of Redis. Every method raises its `RedisError` while it does not answer.
        lease_seconds: how long a claim outlives the process that took it.
    """

    def __init__(self, client: Redis, *, lease_seconds: float) -> None:
        self._script = client.register_script((files("assistant.quotas") / "counting.lua").read_text("utf-8"))
        self._lease_milliseconds = round(lease_seconds * 1000)

    async def step(
        self,
        step: Step,
        claim: Claim,
        limits: Sequence[Limit],
        *,
        tokens: int = 0,
        taken_at: int = 0,
        is_refunded: bool = False,
    ) -> Counts:
        """Take one step for a claim, under all of its limits or none."""
        arguments = (
            *(step, str(claim.id), self._lease_milliseconds, tokens, taken_at),
            orjson.dumps([_allowed(limit) for limit in limits]),
            orjson.dumps(month_starts(datetime.now(UTC))),
            int(is_refunded),
        )
        keys = [f"{_PREFIX}{limit.key(claim)}:{name}" for limit in limits for name in _KEYS]
        now, refusal, rows = orjson.loads(await self._script(keys=keys, args=arguments))
        return Counts(int(now), Balance(_allowances(rows, limits)), _reached(refusal, rows, limits))


def month_starts(now: datetime) -> tuple[int, ...]:
    """Return when the last month, this one and the next two begin, in milliseconds.

    The script picks by Redis' clock; a process whose own clock is off by less than a month picks the same.
    """
    this = now.year * _MONTHS_A_YEAR + now.month - 1
    months = (divmod(this + step, _MONTHS_A_YEAR) for step in (-1, 0, 1, 2))
    return tuple(round(datetime(year, month + 1, 1, tzinfo=UTC).timestamp() * 1000) for year, month in months)


def _allowed(limit: Limit) -> dict[str, Any]:
    allowed: dict[str, Any] = {}
    if limit.running is not None:
        allowed["running"] = limit.running
    if limit.requests:
        allowed["requests"] = {window.value: most for window, most in limit.requests.items()}
    if limit.tokens:
        allowed["tokens"] = {window.value: most for window, most in limit.tokens.items()}
    return allowed


def _allowances(rows: Sequence[Sequence[int]], limits: Sequence[Limit]) -> tuple[Allowance, ...]:
    return tuple(
        Allowance(limits[meter - 1].name, _COUNTED[kind], _WINDOWS[window], most, left, wait / 1000)
        for meter, kind, window, most, left, wait in sorted(map(tuple, rows))
    )


def _reached(refusal: Sequence[int], rows: Sequence[Sequence[int]], limits: Sequence[Limit]) -> Reached | None:
    if not refusal:
        return None
    meter, kind, window, wait, is_first = refusal
    most, left = next((row[3], row[4]) for row in rows if row[:3] == [meter, kind, window])
    allowance = Allowance(limits[meter - 1].name, _COUNTED[kind], _WINDOWS[window], most, left, wait / 1000)
    return Reached(allowance, bool(is_first))
