"""The llama.cpp server: OpenAI's HTTP, one model per process."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from urllib.parse import quote

import httpx

from connectors.model_hosts.catalogue import Host
from connectors.model_hosts.fim.filling import Asked, Call
from connectors.model_hosts.kinds.gap_calls import completions_call, infill_call
from connectors.model_hosts.kinds.kind import (
    MAX_REPLY_BYTES,
    ProbeError,
    count_of,
    fetch,
    fetch_json,
    mapping_of,
    objects_of,
    openai_parameters,
    smallest_window,
    text_of,
)
from connectors.model_hosts.values import Ability, Capability, HostReport, ModelReport, Patience

_LOADING = 503
_MOST_ASKED = 64  # models of a router that are asked about one by one


class LlamaCpp:
    """A host that runs llama.cpp's own server."""

    name = "llamacpp"
    label = "llama.cpp"
    can_complete = True
    default_ports = (8080, 9931)  # older and newer releases
    abilities = frozenset(Ability)
    patience = Patience(load=180.0)  # one model, which it loads when it starts
    continuation: Mapping[str, object] | None = MappingProxyType(
        {}
    )  # ('_NOTHING', 'prefilling the assistant is its default')

    async def probe(self, client: httpx.AsyncClient, host: Host) -> HostReport:
        """Read the model, the window of one slot and the slots."""
        health = await fetch(client, host, "/health")
        if health.status == _LOADING and _says_loading(health.json):
            return HostReport(is_reachable=True, is_loading=True)
        settings = mapping_of(await fetch_json(client, host, "/props"))
        if settings.get("role") == "router":
            return await _probe_router(client, host, settings)
        defaults = mapping_of(settings.get("default_generation_settings"))
        window = count_of(defaults.get("n_ctx"))  # of one slot, not of the whole server
        if not window:
            raise ProbeError(f"is no llama.cpp host: something else answers at {host.address}")
        capabilities = {Capability.CHAT}
        if mapping_of(settings.get("modalities")).get("vision") is True:
            capabilities.add(Capability.VISION)
        if mapping_of(settings.get("chat_template_caps")).get("supports_tools") is True:
            capabilities.add(Capability.TOOLS)
        listed = mapping_of(await fetch_json(client, host, "/v1/models")).get("data")
        models = tuple(
            ModelReport(
                name=text_of(row.get("id")),
                is_loaded=True,
                context_tokens=window,
                max_context_tokens=count_of(mapping_of(row.get("meta")).get("n_ctx_train")),
                capabilities=frozenset(capabilities),
                memory_bytes=count_of(mapping_of(row.get("meta")).get("size")),
            )
            for row in objects_of(listed)
        )
        return HostReport(
            is_reachable=True,
            models=models,
            slots=count_of(settings.get("total_slots")),
            running=await _running(client, host),
            version=text_of(settings.get("build_info")),
        )

    def window_tokens(self, declared_tokens: int, report: ModelReport) -> int:
        """Return the smallest window that anybody states: this kind's is fixed when it starts."""
        return smallest_window(declared_tokens, report.context_tokens, report.max_context_tokens)

    async def prepare(self, client: httpx.AsyncClient, host: Host, model: str, context_tokens: int) -> None:
        """Do nothing: a server with one model has it loaded, and a router loads it with its first prompt."""

    def call_parameters(self, host: Host, model: str, context_tokens: int) -> Mapping[str, object]:  # noqa: ARG002  # fixed by -c and -np at its start
        """Return litellm's parameters."""
        return openai_parameters(host, model)

    def filling_calls(self, asked: Asked) -> tuple[Call, ...]:
        """Return its own call, and the prompt written out for models whose file names no tokens."""
        return (infill_call(asked), *completions_call(asked))


async def _probe_router(client: httpx.AsyncClient, host: Host, settings: Mapping[str, object]) -> HostReport:
    """Read the models of a server that was started without one; each runs in a process of its own.

    Raises:
        ProbeError: the host does not answer.
    """
    listed = mapping_of(await fetch_json(client, host, "/models")).get("data")
    wanted = {model.name for model in host.models}
    models: list[ModelReport] = []
    slots = 0
    left_bytes = MAX_REPLY_BYTES  # for all of them together
    for row in objects_of(listed):
        name = text_of(row.get("id"))
        is_loaded = mapping_of(row.get("status")).get("value") == "loaded"
        own: Mapping[str, object] = {}
        if is_loaded and (not wanted or name in wanted) and len(models) < _MOST_ASKED:
            path = f"/props?model={quote(name, safe='')}&autoload=false"
            reply = await fetch(client, host, path, most_bytes=left_bytes)
            left_bytes -= reply.size_bytes
            own = mapping_of(reply.json)
            slots = max(slots, count_of(own.get("total_slots")))
        window = count_of(mapping_of(own.get("default_generation_settings")).get("n_ctx"))
        trained = count_of(mapping_of(row.get("meta")).get("n_ctx_train"))
        models.append(ModelReport(name, is_loaded, context_tokens=window, max_context_tokens=trained))
    return HostReport(is_reachable=True, models=tuple(models), slots=slots, version=text_of(settings.get("build_info")))


async def _running(client: httpx.AsyncClient, host: Host) -> int:
    """Count the slots that work; a server started with --no-slots does not say."""
    reply = await fetch(client, host, "/slots")
    return sum(row.get("is_processing") is True for row in objects_of(reply.json)) if reply.is_ok else 0


def _says_loading(value: object) -> bool:
    message = text_of(mapping_of(mapping_of(value).get("error")).get("message"))
    return message.startswith("Loading model")
