"""What the gateway needs from the rest of the product: ports that `wiring` fills and tests fake."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from assistant.balance import Balance
from assistant.conversation import Person, Turn
from assistant.identity.tokens import Holder
from assistant.personas.reader import Personas
from assistant.quotas.limits import Claim
from assistant.turn_events import TurnEvent
from connectors.model_hosts.values import HostStatus
from policies.verdict import Verdict


class TokenCheck(Protocol):
    """Who asks with an API token; `assistant.tokens` implements it."""

    async def holder(self, token: str, client: str) -> Holder:
        """Return who holds a token, with the roles in force now.

        Raises:
            TooManyAttemptsError: somebody guesses; says when to come back.
            NotAllowedError: it opens nothing.
            UnavailableError: the database or the audit log is down.
        """

    async def note_refusal(self, holder: Holder, wanted: str) -> None:
        """Note that somebody asked for what their token does not open."""


@dataclass(frozen=True, slots=True)
class GatewayParts:
    """What the gateway is made of; wired once a process.

    Attributes:
        answer: `run_turn`, bound to its parts. May raise NotAllowedError or BadInputError before its first event.
        personas: all of the site.
        hosts: how every model host is now.
        check_apart: the guard for what stands beside a conversation and reaches a host nevertheless.
        look: what is left of the limits of who asks.
    """

    answer: Callable[[Turn], AsyncGenerator[TurnEvent, None]]
    personas: Personas
    hosts: Callable[[], Sequence[HostStatus]]
    check_apart: Callable[[str, Person], Awaitable[Verdict]]
    look: Callable[[Claim], Awaitable[Balance]]
