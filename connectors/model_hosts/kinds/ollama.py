"""Ollama: its own HTTP, where the context window can be set and a cut prompt refused."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import httpx

from connectors.model_hosts.catalogue import Host
from connectors.model_hosts.fim.filling import Asked, Call
from connectors.model_hosts.kinds.gap_calls import generate_call
from connectors.model_hosts.kinds.kind import (
    ProbeError,
    count_of,
    fetch,
    fetch_json,
    mapping_of,
    objects_of,
    smallest_window,
    text_of,
)
from connectors.model_hosts.values import Ability, Capability, HostReport, ModelReport, Patience

# Ollama's own default is 4,096 tokens on small machines. A persona's words with a few passages need about 6,000;
# a fleet.yaml may say more where the memory is known.
UNDECLARED_CONTEXT_TOKENS = 8192
_MAX_SHOWN_MODELS = 64  # models asked about one by one on a host whose models nobody listed
_CAPABILITIES = {
    "completion": Capability.CHAT,
    "insert": Capability.FIM,
    "embedding": Capability.EMBED,
    "vision": Capability.VISION,
    "tools": Capability.TOOLS,
}


class Ollama:
    """A host that runs Ollama."""

    name = "ollama"
    label = "Ollama"
    can_complete = True
    default_ports = (11434,)
    abilities = frozenset({Ability.JSON_OBJECT, Ability.JSON_SCHEMA})
    patience = Patience(load=300.0)  # 70B from a disk, and the prompts before ours
    continuation: Mapping[str, object] | None = MappingProxyType(
        {}
    )  # ('_NOTHING', 'a last message of the assistant is left open by its templates')

    def __init__(self) -> None:
        # What /api/show said, by address, model and digest: it never changes for the same weights.
        self._shown: dict[tuple[str, str, str], Mapping[str, object]] = {}

    async def probe(self, client: httpx.AsyncClient, host: Host) -> HostReport:
        """Read the models on disk and in memory; refuse those that run on somebody else's machines."""
        version = mapping_of(await fetch_json(client, host, "/api/version"))
        tags = mapping_of(await fetch_json(client, host, "/api/tags"))
        if not text_of(version.get("version")) or not isinstance(tags.get("models"), list):
            raise ProbeError(f"is no Ollama host: something else answers at {host.address}")
        running = mapping_of(await fetch_json(client, host, "/api/ps"))
        loaded = {text_of(row.get("name")): row for row in objects_of(running.get("models"))}
        wanted = {with_tag(model.name) for model in host.models}
        models: list[ModelReport] = []
        refused: list[tuple[str, str]] = []
        for row in list(objects_of(tags["models"])):
            name = text_of(row.get("name"))
            if not name or (wanted and with_tag(name) not in wanted) or len(models) >= _MAX_SHOWN_MODELS:
                continue
            shown = {} if is_remote(row) else await self._show(client, host, name, text_of(row.get("digest")))
            if is_remote(row) or is_remote(shown):
                refused.append((name, "it runs on somebody else's machines, not on this host"))
                continue
            models.append(_report(name, shown, loaded.get(name)))
        return HostReport(
            is_reachable=True,
            models=tuple(models),
            names=frozenset(text_of(row.get("name")) for row in objects_of(tags["models"])),
            version=text_of(version.get("version")),
            refused=tuple(refused),
            note=await self._cloud_note(client, host),
        )

    def window_tokens(self, declared_tokens: int, report: ModelReport) -> int:
        """Return the window that `num_ctx` will ask for; without a declared one, keep what is loaded as it is."""
        wanted = declared_tokens or report.context_tokens or UNDECLARED_CONTEXT_TOKENS
        return smallest_window(wanted, report.max_context_tokens)

    async def prepare(self, client: httpx.AsyncClient, host: Host, model: str, context_tokens: int) -> None:
        """Do nothing: Ollama loads a model with its first prompt, with the window that the prompt asks for."""

    def call_parameters(self, host: Host, model: str, context_tokens: int) -> Mapping[str, object]:
        """Return litellm's parameters: without `num_ctx` and `truncate` Ollama cuts long prompts and says nothing."""
        return {
            "model": f"ollama_chat/{model}",
            "api_base": host.address,
            "api_key": host.api_key or None,
            "num_ctx": context_tokens,
            "extra_body": {"truncate": False},  # 400 instead of a silent cut
        }

    def filling_calls(self, asked: Asked) -> tuple[Call, ...]:
        """Return its own call."""
        return (generate_call(asked),)

    async def _show(self, client: httpx.AsyncClient, host: Host, name: str, digest: str) -> Mapping[str, object]:
        key = (host.address, name, digest)
        if key not in self._shown:
            reply = await fetch(client, host, "/api/show", body={"model": name})
            if not reply.is_ok:
                return {}
            for old in [known for known in self._shown if known[:2] == key[:2]]:
                del self._shown[old]
            self._shown[key] = mapping_of(reply.json)
        return self._shown[key]

    async def _cloud_note(self, client: httpx.AsyncClient, host: Host) -> str:
        reply = await fetch(client, host, "/api/status")
        cloud = mapping_of(mapping_of(reply.json).get("cloud"))
        if reply.is_ok and cloud.get("disabled") is False:
            return "can forward prompts to ollama.com; set OLLAMA_NO_CLOUD=1 on it and restart Ollama"
        return ""


def with_tag(name: str) -> str:
    """Return a model's name as Ollama lists it: `latest` where no tag was given."""
    return name if ":" in name else f"{name}:latest"


def is_remote(row: Mapping[str, object]) -> bool:
    """Tell whether a model only forwards to another machine."""
    name = text_of(row.get("name"))
    return bool(row.get("remote_host") or row.get("remote_model")) or name.endswith((":cloud", "-cloud"))


def _report(name: str, shown: Mapping[str, object], loaded: Mapping[str, object] | None) -> ModelReport:
    info = mapping_of(shown.get("model_info"))
    architecture = text_of(info.get("general.architecture"))
    said = shown.get("capabilities")
    running = loaded or {}
    memory_bytes = count_of(running.get("size"))
    return ModelReport(
        name=name,
        is_loaded=loaded is not None,
        context_tokens=count_of(running.get("context_length")),
        max_context_tokens=count_of(info.get(f"{architecture}.context_length")),
        capabilities=frozenset(_CAPABILITIES[word] for word in said if word in _CAPABILITIES)
        if isinstance(said, list)
        else frozenset(),
        memory_bytes=memory_bytes,
        processor_bytes=max(0, memory_bytes - count_of(running.get("size_vram"))),
    )
