"""What a turn is made of: the ports that it needs, put together by `bootstrap` once a process."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol, Self

from assistant.answering.accounting import Limits
from assistant.answering.attempts import LethalPrompts
from assistant.answering.beginnings import Beginnings
from assistant.answering.guarding import ConversationGuard
from assistant.answering.turn_history import TurnHistory
from assistant.answering.unkept import UnkeptHistory
from assistant.audit.log import TurnAudit
from assistant.audit.parts import TextMarker
from assistant.personas.reader import Personas
from connectors.model_hosts.values import (
    AnswerItem,
    ChatMessage,
    Gap,
    Inputs,
    Need,
    Place,
    Route,
    Vectors,
    Wishes,
)


class ModelHosts(Protocol):
    """What a turn needs of the fleet."""

    def choose(self, need: Need, *, excluding: frozenset[str] = frozenset()) -> Route:
        """Choose a deployment for this prompt.

        Raises:
            NoRouteError: none can take it; says which there are and what would help.
        """

    def line_up(self, need: Need, *, excluding: frozenset[str] = frozenset()) -> AsyncGenerator[Place | Route, None]:
        """Wait until a deployment has room; yield the place in line when it changes, at last the route.

        Its seat is held until the generator is closed.

        Raises:
            NoRouteError: none can take it.
            BusyError: all are busy and the line is full, or was waited in for too long.
        """

    def ask(
        self,
        route: Route,
        messages: Sequence[ChatMessage],
        *,
        max_tokens: int,
        temperature: float,
        reader: str,
        wishes: Wishes,
        begun: str,
    ) -> AsyncGenerator[AnswerItem, None]:
        """Stream the answer of one deployment, or what follows on `begun`; closing the generator closes the request.

        Raises:
            HostError: the host failed; says whether another one can help.
        """

    def fill(
        self, route: Route, gap: Gap, *, max_tokens: int, temperature: float, wishes: Wishes
    ) -> AsyncGenerator[AnswerItem, None]:
        """Stream what one deployment writes into a gap, as `ask` streams an answer.

        Raises:
            HostError: the host failed; says whether another one can help.
        """

    async def embed(self, route: Route, inputs: Inputs) -> Vectors:
        """Return what one deployment makes of texts; for `assistant.embedding`.

        Raises:
            HostError: the host failed; says whether another one can help.
        """


@dataclass(frozen=True, slots=True)
class TurnParts:
    """What a turn is made of."""

    personas: Personas
    quotas: Limits
    guard: ConversationGuard
    hosts: ModelHosts
    history: TurnHistory
    audit: TurnAudit
    marker: TextMarker
    max_prompt_chars: int
    clock: Callable[[], float] = time.monotonic
    lethal: LethalPrompts = field(default_factory=LethalPrompts)
    beginnings: Beginnings = field(default_factory=Beginnings)
    is_kept: bool = True  # the history keeps something of its turns

    def unkept(self) -> Self:
        """Return the same parts for one turn of which nothing is kept but its events."""
        history = UnkeptHistory()
        return replace(self, history=history, guard=self.guard.storing_in(history), is_kept=False)
