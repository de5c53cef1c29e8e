"""exo: a cluster of Macs that runs one large model across them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

import httpx

from connectors.model_hosts.catalogue import Host
from connectors.model_hosts.fim.filling import Asked, Call
from connectors.model_hosts.kinds.kind import (
    ProbeError,
    count_of,
    fetch_json,
    mapping_of,
    objects_of,
    openai_parameters,
    share_of,
    smallest_window,
    text_of,
)
from connectors.model_hosts.values import Ability, Capability, HostReport, ModelReport, Patience

UNDECLARED_CONTEXT_TOKENS = 8192  # every model large enough for a cluster was made for more
_NODE_LOST_SECONDS = 60.0  # exo lists a node that left for over ten minutes (exo#2194); its last sign tells
_MOST_NODE_WATTS = 10_000.0  # no machine of a cluster draws more, whatever it says
MAX_STATE_BYTES = 4 << 20  # it has what each node has of each model
_MAX_DEPTH = 8  # how deep the state nests a model's id today is 4


class Exo:
    """A cluster of exo nodes behind the address of one of them."""

    name = "exo"
    label = "exo"
    can_complete = False
    default_ports = (52415,)
    abilities = frozenset[Ability]()
    patience = Patience(first_token=180.0, load=600.0, stall=60.0)  # a ring of Macs: every word goes around it
    continuation: Mapping[str, object] | None = None  # nothing is documented

    async def probe(self, client: httpx.AsyncClient, host: Host) -> HostReport:
        """Read which models have a running instance; exo answers for no other."""
        state = mapping_of(await fetch_json(client, host, "/state", most_bytes=MAX_STATE_BYTES))
        if not isinstance(state.get("instances"), dict):
            raise ProbeError(f"is no exo cluster: something else answers at {host.address}")
        running = set(model_ids(state["instances"]))
        listed = mapping_of(await fetch_json(client, host, "/v1/models")).get("data")
        models = []
        refused = []
        for row in objects_of(listed):
            name = text_of(row.get("id"))
            if name in running:
                window = count_of(row.get("context_length"))
                models.append(
                    ModelReport(
                        name, is_loaded=True, max_context_tokens=window, capabilities=frozenset({Capability.CHAT})
                    )
                )
            elif any(model.name == name for model in host.models):
                refused.append((name, "no instance of it runs; start one in exo's dashboard"))
        watts, gpu_shares = _system(state)
        return HostReport(
            is_reachable=True,
            models=tuple(models),
            drawn_watts=watts,
            gpu_share=sum(gpu_shares) / len(gpu_shares) if gpu_shares else 0.0,
            waiting=max(0, len(mapping_of(state.get("tasks"))) - len(models)),
            names=frozenset(text_of(row.get("id")) for row in objects_of(listed)),
            running=min(len(mapping_of(state.get("tasks"))), len(models)),
            free_bytes=sum(_free_bytes(node) for node in mapping_of(state.get("nodeMemory")).values()),
            refused=tuple(refused),
            note=_lost_nodes(mapping_of(state.get("lastSeen"))),
        )

    def window_tokens(self, declared_tokens: int, report: ModelReport) -> int:
        """Return the smallest window that anybody states; exo itself often states none."""
        return smallest_window(declared_tokens, report.max_context_tokens) or UNDECLARED_CONTEXT_TOKENS

    async def prepare(self, client: httpx.AsyncClient, host: Host, model: str, context_tokens: int) -> None:
        """Do nothing: a model that is listed is loaded."""

    def call_parameters(self, host: Host, model: str, context_tokens: int) -> Mapping[str, object]:  # noqa: ARG002  # exo has no setting for the window
        """Return litellm's parameters."""
        return openai_parameters(host, model)

    def filling_calls(self, asked: Asked) -> tuple[Call, ...]:
        """Return nothing: it takes conversations alone."""
        del asked
        return ()


def model_ids(value: object, *, depth: int = 0) -> Iterator[str]:
    """Yield every `modelId` in exo's tagged state, whatever the tags around it are called."""
    if depth > _MAX_DEPTH:
        return
    for key, inner in mapping_of(value).items():
        if key == "modelId" and isinstance(inner, str):
            yield inner
        else:
            yield from model_ids(inner, depth=depth + 1)


def _free_bytes(node: object) -> int:
    return count_of(mapping_of(mapping_of(node).get("ramAvailable")).get("inBytes"))


def _system(state: Mapping[str, object]) -> tuple[float, list[float]]:
    """Return what all nodes that are there draw together, in watts, and how busy the GPU of each is."""
    last_seen = mapping_of(state.get("lastSeen"))
    nodes = [
        mapping_of(system)
        for name, system in mapping_of(state.get("nodeSystem")).items()
        if not _is_lost(last_seen.get(name))
    ]
    watts = [_watts(node.get("sysPower")) for node in nodes]
    return round(sum(watts), 1), [share_of(node.get("gpuUsage")) for node in nodes]


def _watts(value: object) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and 0 <= value <= _MOST_NODE_WATTS else 0.0  # type: ignore[operator,arg-type]  # checked


def _is_lost(stamp: object) -> bool:
    """Tell whether a node gave no sign for a minute; what is no time says nothing."""
    try:
        seen = datetime.fromisoformat(text_of(stamp))
    except ValueError:
        return False
    age = datetime.now(UTC) - (seen if seen.tzinfo else seen.replace(tzinfo=UTC))
    return age.total_seconds() > _NODE_LOST_SECONDS


def _lost_nodes(last_seen: Mapping[str, object]) -> str:
    lost = sum(map(_is_lost, last_seen.values()))
    return f"has lost {lost} of {len(last_seen)} nodes" if lost else ""
