"""Limits as values: whom each holds for, who shares one count, how much of what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final
from uuid import UUID

from assistant.balance import Window
from assistant.conversation import Person, Role

EVERYBODY: Final = "all"


class Share(StrEnum):
    """Who shares one count."""

    PERSON = "each person"
    TOKEN = "each token"  # noqa: S105 - a word of quotas.yaml
    PERSONA = "each persona"
    ALL = "all together"


@dataclass(frozen=True, slots=True)
class Claim:
    """What somebody wants to do.

    Attributes:
        id: of the turn.
        persona: None while nobody asked one yet; limits of single personas then do not count.
        tokens: that prompt and answer take at most.
    """

    id: UUID
    person: Person
    door: str
    persona: str | None = None
    token_id: UUID | None = None
    tokens: int = 0


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit.

    Attributes:
        name: by which refusals, events and other limits call it; counts go on under it when its numbers change.
        roles, people, personas, doors: for whom it holds; an empty one is no condition.
        running: answers at once; None: as many as come.
        requests, tokens: in each window.
        weight: where hosts are busy, how many answers one of these people gets while another one gets one; None: one.
        instead_of: limits that do not hold where this one does.
    """

    name: str
    share: Share
    roles: frozenset[Role] = frozenset()
    people: frozenset[str] = frozenset()
    personas: frozenset[str] = frozenset()
    doors: frozenset[str] = frozenset()
    running: int | None = None
    requests: Mapping[Window, int] = field(default_factory=dict)
    tokens: Mapping[Window, int] = field(default_factory=dict)
    weight: float | None = None
    instead_of: frozenset[str] = frozenset()

    @property
    def is_counted(self) -> bool:
        """Tell whether anything is counted for it; one that only gives a weight needs no count."""
        return self.running is not None or bool(self.requests) or bool(self.tokens)

    def fits(self, claim: Claim) -> bool:
        """Tell whether it holds for a claim."""
        return (
            (not self.roles or claim.person.has_any(self.roles))
            and (not self.people or claim.person.name in self.people)
            and (not self.personas or claim.persona in self.personas)
            and (not self.doors or claim.door in self.doors)
            and self._subject(claim) is not None
        )

    def key(self, claim: Claim) -> str:
        """Return under which name a claim that fits is counted."""
        return f"{self.name}:{self._subject(claim)}"

    def _subject(self, claim: Claim) -> str | None:
        match self.share:
            case Share.PERSON:
                return str(claim.person.id)
            case Share.TOKEN:
                return str(claim.token_id) if claim.token_id else None
            case Share.PERSONA:
                return claim.persona
            case Share.ALL:
                return EVERYBODY


@dataclass(frozen=True, slots=True)
class QuotaRules:
    """All limits of the site.

    Attributes:
        uncounted_doors: where answers are given uncounted while Redis is away; the others refuse.
        version: hash of the file.
    """

    limits: tuple[Limit, ...]
    uncounted_doors: frozenset[str] = frozenset()
    version: str = ""

    def of(self, claim: Claim) -> tuple[Limit, ...]:
        """Return the limits that hold for a claim, in their order."""
        fitting = [limit for limit in self.limits if limit.fits(claim)]
        replaced = frozenset[str]().union(*(limit.instead_of for limit in fitting))
        return tuple(limit for limit in fitting if limit.name not in replaced)


def weight_of(limits: Sequence[Limit]) -> float:
    """Return the weight of who stands under these limits: the least that one of them says."""
    return min((limit.weight for limit in limits if limit.weight is not None), default=1.0)
