"""Everything that is known of a host at one moment, as a value that is kept and drawn: no prompts, no people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from connectors.model_hosts.capacity.placing import Place, Weights
from connectors.model_hosts.capacity.speed import writing_bound
from connectors.model_hosts.choosing.load import Load
from connectors.model_hosts.choosing.sharing import Share
from connectors.model_hosts.values import HostReport, ModelReport
from connectors.model_hosts.watching.watch import Deployment, Watch, Watched


@dataclass(frozen=True, slots=True)
class ModelSample:
    """A model on a host at one moment.

    Attributes:
        name: its public name.
        context_tokens: the window that prompts are measured against.
        loaded_context_tokens: the window in force on the host; 0 where it does not say, as for what follows.
        memory_bytes, processor_bytes: what it takes, and what of that is slow.
        tokens_per_second, prompt_tokens_per_second: as measured on its last answers.
        bound_tokens_per_second: more than which no engine can write, by the planner; 0 where too little is known.
        absence: why it cannot be asked; empty if it can.
    """

    name: str
    is_loaded: bool
    context_tokens: int = 0
    loaded_context_tokens: int = 0
    memory_bytes: int = 0
    processor_bytes: int = 0
    in_flight: int = 0
    tokens_per_second: float = 0.0
    prompt_tokens_per_second: float = 0.0
    bound_tokens_per_second: float = 0.0
    absence: str = ""


@dataclass(frozen=True, slots=True)
class HostSample:
    """A host at one moment.

    Attributes:
        origin: where it comes from: `fleet`, `found` or `bundled`.
        state: in words that complete its name.
        since: when it went up or down.
        note: why it is down, or what its administrator should change; without how long that is so.
        running, waiting: in its own words, whoever asked; 0 where it does not say, as for what follows.
        cache_share: how full its memory for caches is, from 0 to 1.
        free_bytes: memory that no model takes.
        memory_gib, watts: as fleet.yaml has them; the power is that under load.
        drawn_watts, gpu_share: as it says itself; 0 where it does not, which is so of all kinds but exo.
        can_pull: fleet.yaml names a registry for it.
        trouble: what went wrong last when it was asked for an answer, and when.
    """

    name: str
    kind: str
    address: str
    origin: str
    is_up: bool
    is_drained: bool
    state: str
    since: datetime
    note: str = ""
    hardware: str = ""
    labels: tuple[str, ...] = ()
    version: str = ""
    slots: int = 0
    running: int = 0
    waiting: int = 0
    cache_share: float = 0.0
    free_bytes: int = 0
    memory_gib: float = 0.0
    watts: float = 0.0
    drawn_watts: float = 0.0
    gpu_share: float = 0.0
    can_pull: bool = False
    trouble: str = ""
    trouble_at: datetime | None = None
    models: tuple[ModelSample, ...] = ()
    refused: tuple[tuple[str, str], ...] = ()

    @property
    def in_flight(self) -> int:
        """Return how many answers all processes of Cloister wait for."""
        return sum(model.in_flight for model in self.models)

    @property
    def tokens_per_second(self) -> float:
        """Return the speed of its fastest model, as measured; 0 before the first answer."""
        return max((model.tokens_per_second for model in self.models), default=0.0)

    @property
    def busy_share(self) -> float:
        """Return how many of its slots are busy, from 0 to 1, whoever asked."""
        return min(1.0, max(self.running, self.in_flight) / self.slots) if self.slots and self.is_up else 0.0

    @property
    def estimated_watts(self) -> float:
        """Return its power under load times its busy share: an estimate, for a host that does not say what it draws."""
        return self.watts * self.busy_share

    @property
    def memory_bytes(self) -> int:
        """Return what the models in memory take, where the host says it."""
        return sum(model.memory_bytes for model in self.models)


def take_samples(
    watch: Watch,
    loads: Mapping[str, Load],
    others: Mapping[str, Share],
    troubles: Mapping[str, tuple[str, datetime]],
) -> tuple[HostSample, ...]:
    """Return a sample of each host, in the order of the fleet.

    Args:
        watch: what is known about the hosts.
        loads: what this process asks of each deployment; none is added.
        others: what all other processes ask of it.
        troubles: the last failure of each host, in words, and when.
    """
    idle, none = Load(), Share()
    samples: list[HostSample] = []
    for name, entry in watch.hosts.items():
        seen = {report.name: report for report in entry.report.models}
        models = tuple(
            _model(each, seen.get(each.model.name), loads.get(each.id, idle), others.get(each.id, none))
            for each in watch.deployments.values()
            if each.host.name == name
        )
        samples.append(_host(entry, models, *troubles.get(name, ("", None))))
    return tuple(samples)


def _host(entry: Watched, models: tuple[ModelSample, ...], trouble: str, trouble_at: datetime | None) -> HostSample:
    host, report = entry.host, entry.report if entry.is_up else HostReport(is_reachable=False)
    return HostSample(
        name=host.name,
        kind=host.kind,
        address=host.address,
        origin=entry.origin,
        is_up=entry.is_up,
        is_drained=bool(entry.drained),
        state=entry.absence or entry.starting or report.note or "answers",
        since=entry.since,
        note=entry.report.note,
        hardware=host.hardware,
        labels=host.labels,
        version=report.version,
        slots=max(report.slots, host.max_parallel),
        running=report.running,
        waiting=report.waiting,
        cache_share=report.cache_share,
        free_bytes=report.free_bytes,
        memory_gib=host.memory_gib,
        watts=host.watts,
        drawn_watts=report.drawn_watts,
        gpu_share=report.gpu_share,
        can_pull=bool(host.registry),
        trouble=trouble,
        trouble_at=trouble_at,
        models=models,
        refused=report.refused,
    )


def _model(deployment: Deployment, report: ModelReport | None, load: Load, others: Share) -> ModelSample:
    seen = report or ModelReport("")
    is_up = not deployment.absence
    return ModelSample(
        name=deployment.model.public_name,
        is_loaded=deployment.is_loaded and is_up,
        context_tokens=deployment.context_tokens,
        loaded_context_tokens=seen.context_tokens if is_up else 0,
        memory_bytes=seen.memory_bytes if is_up else 0,
        processor_bytes=seen.processor_bytes if is_up else 0,
        in_flight=load.in_flight + others.in_flight,
        tokens_per_second=round(load.tokens_per_second or others.tokens_per_second, 2),
        prompt_tokens_per_second=round(load.prompt_tokens_per_second or others.prompt_tokens_per_second, 2),
        bound_tokens_per_second=round(_bound(deployment), 2),
        absence=deployment.absence,
    )


def _bound(deployment: Deployment) -> float:
    weights = Weights.of(deployment.model)
    return writing_bound(weights, Place.of_host(deployment.host)) if weights is not None else 0.0
