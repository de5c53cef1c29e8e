"""vLLM: OpenAI's HTTP, one model with its adapters per server."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from types import MappingProxyType

import httpx

from connectors.model_hosts.catalogue import Host
from connectors.model_hosts.fim.filling import Asked, Call
from connectors.model_hosts.kinds.gap_calls import completions_call
from connectors.model_hosts.kinds.kind import (
    ProbeError,
    count_of,
    fetch,
    fetch_json,
    mapping_of,
    objects_of,
    openai_parameters,
    share_of,
    smallest_window,
    text_of,
)
from connectors.model_hosts.values import Ability, HostReport, ModelReport, Patience

_GAUGE = re.compile(
    r"^vllm:(num_requests_waiting|num_requests_running|kv_cache_usage_perc)(?:\{[^}\n]*\})? ([0-9.e+-]{1,24})$",
    re.MULTILINE,
)
_MOST = 1e9  # a gauge above it is none
_SLOTS = 32  # vLLM batches; it puts more than this into its own queue only when the memory for caches is full


class VLLM:
    """A host that runs vLLM's OpenAI server."""

    name = "vllm"
    label = "vLLM"
    can_complete = True
    default_ports = (8000,)
    abilities = frozenset(Ability)
    patience = Patience(first_token=60.0, load=60.0)  # what is listed is in memory, and it batches
    continuation: Mapping[str, object] | None = MappingProxyType(
        {"continue_final_message": True, "add_generation_prompt": False}
    )

    async def probe(self, client: httpx.AsyncClient, host: Host) -> HostReport:
        """Read the models, all of which are loaded, and the queue."""
        listed = mapping_of(await fetch_json(client, host, "/v1/models")).get("data")
        rows = list(objects_of(listed))
        version = mapping_of((await fetch(client, host, "/version")).json)
        if not rows or not text_of(version.get("version")) or not all(row.get("owned_by") == "vllm" for row in rows):
            raise ProbeError(f"is no vLLM host: something else answers at {host.address}")
        is_awake = not await _is_sleeping(client, host)
        models = tuple(
            ModelReport(
                name=text_of(row.get("id")), is_loaded=is_awake, context_tokens=count_of(row.get("max_model_len"))
            )
            for row in rows
        )
        metrics = await fetch(client, host, "/metrics")
        gauges = _read_gauges(metrics.text) if metrics.is_ok else {}
        return HostReport(
            is_reachable=True,
            models=models,
            waiting=int(gauges.get("num_requests_waiting", 0)),
            running=int(gauges.get("num_requests_running", 0)),
            cache_share=share_of(gauges.get("kv_cache_usage_perc")),
            slots=_SLOTS,
            version=text_of(version.get("version")),
        )

    def window_tokens(self, declared_tokens: int, report: ModelReport) -> int:
        """Return the smallest window that anybody states: this kind's is fixed when it starts."""
        return smallest_window(declared_tokens, report.context_tokens, report.max_context_tokens)

    async def prepare(self, client: httpx.AsyncClient, host: Host, model: str, context_tokens: int) -> None:  # noqa: ARG002  # it has one model, with one window
        """Wake a server that sleeps."""
        reply = await fetch(client, host, "/wake_up", body={}, is_patient=True)
        if not reply.is_ok:
            raise ProbeError(f"does not wake (status {reply.status})")

    def call_parameters(self, host: Host, model: str, context_tokens: int) -> Mapping[str, object]:  # noqa: ARG002  # fixed by --max-model-len at its start
        """Return litellm's parameters."""
        return openai_parameters(host, model)

    def filling_calls(self, asked: Asked) -> tuple[Call, ...]:
        """Return the prompt written out: it refuses `suffix`."""
        return completions_call(asked)


async def _is_sleeping(client: httpx.AsyncClient, host: Host) -> bool:
    """Tell whether the weights were moved out of the cards; a server without sleep mode has no such path."""
    reply = await fetch(client, host, "/is_sleeping")
    return reply.is_ok and mapping_of(reply.json).get("is_sleeping") is True


def _read_gauges(text: str) -> Mapping[str, float]:
    """Return the gauges by name, added up over engines; what is no number is left out."""
    found: dict[str, float] = {}
    for match in _GAUGE.finditer(text):
        with suppress(ValueError):  # such as 1e+e-
            value = float(match[2])
            if 0 <= value < _MOST:
                found[match[1]] = found.get(match[1], 0.0) + value
    return found
