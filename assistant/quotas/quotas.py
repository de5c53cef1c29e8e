"""Take what a turn needs of its limits before it begins, and settle afterwards what it really used."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Final

from redis.asyncio import Redis
from redis.exceptions import RedisError

from assistant.balance import Balance, QuotaError
from assistant.errors import UnavailableError
from assistant.quotas.counters import Counters, Counts
from assistant.quotas.limits import Claim, Limit, QuotaRules, weight_of
from assistant.to_the_end import to_the_end

_log = logging.getLogger(__name__)

LEASE_SECONDS: Final = 30.0  # what a process took that died is free after as long
_RENEWALS: Final = 3  # in one lease: two may be lost
_AWAY: Final = "Cloister cannot count what is used now. Ask again in a moment."


class Quotas:
    """The limits of the site, as turns meet them.

    Args:
        client: of Redis, in which all processes count.
        rules: those in force now.
        lease_seconds: how long a claim outlives its process.
    """

    def __init__(self, client: Redis, rules: Callable[[], QuotaRules], *, lease_seconds: float = LEASE_SECONDS) -> None:
        self._counters = Counters(client, lease_seconds=lease_seconds)
        self._rules = rules
        self._lease_seconds = lease_seconds

    async def take(self, claim: Claim) -> Held:
        """Take a request, a place and the tokens of a claim, all or nothing; settle it however the turn ends.

        Raises:
            QuotaError: a limit is reached; nothing was taken.
            UnavailableError: Redis does not answer, and this door is not answered uncounted.
        """
        rules = self._rules()
        fitting = rules.of(claim)
        limits = tuple(limit for limit in fitting if limit.is_counted)
        uncounted = Held(self._counters, claim, (), weight=weight_of(fitting), every_seconds=self._lease_seconds)
        if not limits:
            return uncounted
        every_seconds = self._lease_seconds / _RENEWALS
        held = Held(self._counters, claim, limits, weight=uncounted.weight, every_seconds=every_seconds)
        try:
            counts = await to_the_end(self._counters.step("take", claim, limits, tokens=claim.tokens))
        except RedisError as error:
            if claim.door not in rules.uncounted_doors:
                raise UnavailableError(_AWAY) from error
            _log.warning("an answer at the door %s is not counted: %s", claim.door, type(error).__name__)
            return uncounted
        except asyncio.CancelledError:  # a client that left at once; whether something was taken nobody hears
            await held.settle(is_refunded=True)
            raise
        _refuse_if_reached(counts, claim.tokens)
        held.begin(counts)
        return held

    async def look(self, claim: Claim) -> Balance:
        """Return what is left for a claim, and take nothing; nothing is known while Redis is away."""
        with suppress(UnavailableError):
            return await self.look_at(claim)
        return Balance()

    async def look_at(self, claim: Claim) -> Balance:
        """Return what is left for a claim, and take nothing.

        Raises:
            UnavailableError: Redis does not answer.
        """
        limits = [limit for limit in self._rules().of(claim) if limit.is_counted]
        if not limits:
            return Balance()
        try:
            return (await self._counters.step("look", claim, limits)).balance
        except RedisError as error:
            raise UnavailableError(_AWAY) from error


class Held:
    """What one turn took.

    Attributes:
        balance: what was left when it was taken, or grew.
        weight: how many answers its person gets where hosts are busy, while another one gets one.
    """

    def __init__(
        self, counters: Counters, claim: Claim, limits: Sequence[Limit], *, weight: float, every_seconds: float
    ) -> None:
        self.weight = weight
        self._counters = counters
        self._claim = claim
        self._limits = limits
        self._every_seconds = every_seconds
        self._taken_at = 0
        self._alarm: asyncio.TimerHandle | None = None  # most turns are over before it goes off
        self._renewing: asyncio.Task[None] | None = None
        self.balance = Balance()

    def begin(self, counts: Counts) -> None:
        """Hold it from now on, as long as this process lives."""
        self.balance, self._taken_at = counts.balance, counts.now
        self._alarm = asyncio.get_running_loop().call_later(self._every_seconds, self._begin_to_renew)

    async def grow(self, tokens: int) -> None:
        """Hold as many tokens as the turn turns out to need; fewer than it holds changes nothing.

        Raises:
            QuotaError: there are not as many.
        """
        if tokens <= self._claim.tokens or not any(limit.tokens for limit in self._limits):
            return
        try:
            counts = await to_the_end(self._counters.step("grow", self._claim, self._limits, tokens=tokens))
        except RedisError as error:  # it holds a request and a place; what it used is counted at its end
            _log.warning("a turn holds fewer tokens than it may use: %s", type(error).__name__)
            return
        _refuse_if_reached(counts, tokens)
        self._claim, self.balance = replace(self._claim, tokens=tokens), counts.balance

    async def settle(self, tokens: int = 0, *, is_refunded: bool = False) -> None:
        """Give place and tokens back and count what was used; never raises, and is done even if nobody waits for it.

        If Redis is away, place and tokens are free with the end of the lease, and what was used is not counted.

        Args:
            tokens: that were used.
            is_refunded: the request counts in its minute alone, because it failed by no fault of who asked.
        """
        if self._limits:
            await to_the_end(self._settle(tokens, is_refunded=is_refunded))
            self._limits = ()

    async def _settle(self, tokens: int, *, is_refunded: bool) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
        if self._renewing is not None:  # one that is under way must not come to Redis after what ends it
            self._renewing.cancel()
            await asyncio.wait((self._renewing,))
        try:
            await self._counters.step(
                "settle",
                self._claim,
                self._limits,
                tokens=tokens,
                taken_at=self._taken_at,
                is_refunded=is_refunded,
            )
        except RedisError as error:
            _log.warning("what a turn used is not counted: %s", type(error).__name__)

    def _begin_to_renew(self) -> None:
        self._renewing = asyncio.create_task(self._renew(), name="renew what a turn holds")

    async def _renew(self) -> None:
        while True:
            try:
                await to_the_end(self._counters.step("renew", self._claim, self._limits, tokens=self._claim.tokens))
            except RedisError as error:  # the next one comes in time, or the place is lost and the answer goes on
                _log.warning("what a turn holds was not renewed: %s", type(error).__name__)
            await asyncio.sleep(self._every_seconds)


def _refuse_if_reached(counts: Counts, wanted: int) -> None:
    if counts.reached is not None:
        reached = counts.reached
        raise QuotaError(reached.allowance, counts.balance, wanted=wanted, is_first=reached.is_first)
