"""What a host is asked when a gap is to be filled, and the request that asks it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from connectors.model_hosts.code_models import CodeFormat
from connectors.model_hosts.values import Gap, Wishes
from connectors.model_hosts.wire import Chunk

_MOST_STOPS: Final = 16  # more than any host minds; what is beyond ends the filling here


@dataclass(frozen=True, slots=True)
class Asked:
    """What a host is asked.

    Attributes:
        model: as the host knows it.
        known: its format; None where only the host knows one.
        gap: guarded, fitted and harmless.
        window_tokens: for kinds whose window is set with the request.
        stops: the filling ends before the first of these; the model's own ends are among them.
    """

    model: str
    known: CodeFormat | None
    gap: Gap
    window_tokens: int
    max_tokens: int
    temperature: float
    wishes: Wishes
    stops: tuple[str, ...]

    @property
    def host_stops(self) -> list[str]:
        """Return the stops that the host is told, so that it does not go on for nothing."""
        return list(self.stops[:_MOST_STOPS])


@dataclass(frozen=True, slots=True)
class Call:
    """One request to a host.

    Attributes:
        read: makes a chunk of one JSON object of the stream.
    """

    path: str
    body: Mapping[str, object]
    read: Callable[[Mapping[str, object]], Chunk]
