"""What a look at a host found, and how hosts and their models are shown."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from connectors.model_hosts.values.needs import Capability


@dataclass(frozen=True, slots=True)
class ModelReport:
    """What a host says about one of its models.

    Attributes:
        name: as the host knows it.
        context_tokens: the window in force, 0 while the model is not loaded or the host does not say.
        max_context_tokens: the longest window that the model itself allows, 0 if unknown.
        memory_bytes: what it takes; 0 where the host does not say, as for the following.
        processor_bytes: what of that lies in the memory of the processor, and is slow.
        capabilities: empty when the host does not say.
    """

    name: str
    is_loaded: bool = False
    context_tokens: int = 0
    max_context_tokens: int = 0
    capabilities: frozenset[Capability] = frozenset()
    memory_bytes: int = 0
    processor_bytes: int = 0


@dataclass(frozen=True, slots=True)
class HostReport:
    """What one look at a host found.

    Attributes:
        is_reachable: it answered, and it is of the kind it was said to be.
        is_loading: it is up and reads a model into memory; nothing else can be said yet.
        names: of all models that it has, also those that nobody asked about.
        waiting: requests in its own queue; 0 where the host does not say.
        slots: answers it gives at once; 0 where the host does not say, as for the following.
        running: answers in the making, whoever asked.
        cache_share: how full the memory for caches is, from 0 to 1.
        free_bytes: memory that no model takes.
        drawn_watts: what it draws now; only exo says.
        gpu_share: how busy its GPUs are, in the mean, from 0 to 1; likewise.
        version: of its software; empty where it does not say.
        refused: models that must not be used, each with the reason.
        note: why it is not reachable, or what its administrator should change.
    """

    is_reachable: bool
    models: tuple[ModelReport, ...] = ()
    is_loading: bool = False
    names: frozenset[str] = frozenset()
    waiting: int = 0
    slots: int = 0
    running: int = 0
    cache_share: float = 0.0
    free_bytes: int = 0
    drawn_watts: float = 0.0
    gpu_share: float = 0.0
    version: str = ""
    refused: tuple[tuple[str, str], ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class ModelStatus:
    """A model on a host as the console and the page show it.

    Attributes:
        context_tokens: the window that prompts are measured against now.
        tokens_per_second: measured on its answers; 0 before the first one.
    """

    name: str
    is_available: bool
    is_loaded: bool
    context_tokens: int
    in_flight: int
    capabilities: frozenset[Capability]
    tokens_per_second: float = 0.0
    note: str = ""


@dataclass(frozen=True, slots=True)
class HostStatus:
    """A model host as the console and the page show it.

    Attributes:
        words: one sentence for people, such as `Mini2 is loading llama3.1:70b`.
        since: when it went up or down.
        origin: where it comes from: `fleet`, `found`, `bundled` or `quote`.
        is_drained: it gets no new work, by order.
    """

    name: str
    kind: str
    address: str
    is_up: bool
    words: str
    since: datetime
    origin: Literal["fleet", "found", "bundled", "quote"]
    models: tuple[ModelStatus, ...] = field(default=())
    is_drained: bool = False
