"""Limits for tests that are about something else, and for tests of what a turn does with them."""

from __future__ import annotations

from dataclasses import dataclass, field

from assistant.balance import Balance, QuotaError
from assistant.quotas.limits import Claim


@dataclass
class FakeHeld:
    """Remembers how it was settled."""

    balance: Balance = field(default=Balance())
    grown: list[int] = field(default_factory=list)
    settled: list[tuple[int, bool]] = field(default_factory=list)
    refusal: QuotaError | None = None
    weight: float = 1.0

    async def grow(self, tokens: int) -> None:
        self.grown.append(tokens)
        if self.refusal:
            raise self.refusal

    async def settle(self, tokens: int = 0, *, is_refunded: bool = False) -> None:
        self.settled.append((tokens, is_refunded))


@dataclass
class FakeLimits:
    """Lets everything through, unless it was given a refusal."""

    held: FakeHeld = field(default_factory=FakeHeld)
    claims: list[Claim] = field(default_factory=list)
    refusal: Exception | None = None

    async def take(self, claim: Claim) -> FakeHeld:
        self.claims.append(claim)
        if self.refusal:
            raise self.refusal
        return self.held
