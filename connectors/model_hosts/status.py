"""Say how every model host is, in words for the page and the console."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from connectors.model_hosts import quote
from connectors.model_hosts.choosing.load import Load
from connectors.model_hosts.choosing.sharing import Share
from connectors.model_hosts.values import Capability, HostStatus, ModelStatus
from connectors.model_hosts.watching.watch import Deployment, Watch, Watched

_Part = tuple[Deployment, Load, Share]
"""A deployment, what this process asks of it, and what the others ask of it."""


def describe_hosts(
    watch: Watch, loads: Mapping[str, Load], others: Mapping[str, Share], *, is_quoting: bool, trouble: str = ""
) -> tuple[HostStatus, ...]:
    """Return one status for each host, in the order of the fleet.

    Args:
        watch: what is known about the hosts.
        loads: what this process asks of each deployment; none is added.
        others: what all other processes ask of it.
        is_quoting: nothing generates, so the quote host answers.
        trouble: why no host can be asked although it is up, completing its name.
    """
    idle, none = Load(), Share()
    parts = [(item, loads.get(item.id, idle), others.get(item.id, none)) for item in watch.deployments.values()]
    statuses = [
        _describe(entry, [part for part in parts if part[0].host.name == name], trouble)
        for name, entry in watch.hosts.items()
    ]
    return (*statuses, _quote_status()) if is_quoting else tuple(statuses)


def _describe(entry: Watched, models: list[_Part], trouble: str) -> HostStatus:
    return HostStatus(
        name=entry.host.name,
        kind=entry.host.kind,
        address=entry.host.address,
        is_up=entry.is_up,
        words=f"{entry.host.name} {entry.absence or trouble or _words(entry, models)}",
        since=entry.since,
        origin=entry.origin,
        models=tuple(_describe_model(*part) for part in models),
        is_drained=bool(entry.drained),
    )


def _describe_model(deployment: Deployment, load: Load, others: Share) -> ModelStatus:
    return ModelStatus(
        name=deployment.model.public_name,
        is_available=not deployment.absence,
        is_loaded=deployment.is_loaded,
        context_tokens=deployment.context_tokens,
        in_flight=load.in_flight + others.in_flight,
        capabilities=deployment.model.capabilities,
        tokens_per_second=round(load.tokens_per_second or others.tokens_per_second, 1),
        note=deployment.absence,
    )


def _words(entry: Watched, models: list[_Part]) -> str:
    """Say what a host that can be asked does, completing its name: the first of these that is true."""
    for deployment, load, _ in models:
        if (load.starting and not deployment.is_loaded) or entry.report.is_loading:
            about = f", about {load.cold_seconds:.0f} s" if load.cold_seconds else ""
            return f"is loading {deployment.model.public_name}{about}"
    if entry.report.note:
        return entry.report.note
    there = [deployment for deployment, _, _ in models if not deployment.absence]
    if not there:
        return models[0][0].absence if models else "offers no model; pull one on it"
    in_flight = sum(load.in_flight + others.in_flight for _, load, others in models)
    if in_flight:
        return f"answers {in_flight} {'prompt' if in_flight == 1 else 'prompts'}"
    warm = [deployment for deployment in there if deployment.is_loaded]
    names = ", ".join(deployment.model.public_name for deployment in warm or there)
    return f"serves {names}" if warm else f"has {names} on disk; the first answer takes longer"


def _quote_status() -> HostStatus:
    model = ModelStatus(
        name=quote.MODEL,
        is_available=True,
        is_loaded=True,
        context_tokens=0,
        in_flight=0,
        capabilities=frozenset({Capability.CHAT}),
    )
    return HostStatus(
        name=quote.HOST,
        kind="quote",
        address="",
        is_up=True,
        words="No model host was found: answers quote the indexed documents",
        since=datetime.now(UTC),
        origin="quote",
        models=(model,),
    )
