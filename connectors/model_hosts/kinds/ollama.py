"""Ollama: its own HTTP, where the context window can be set and a cut prompt refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Self

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
_MAX_SHOWN_BYTES = 512 << 10  # about one model; licences and lists of tensors are a fifth of it
_MAX_NEW_BYTES = 4 << 20  # about all models that one look is the first to see: some fifty of today's
_ELSEWHERE = "it runs on somebody else's machines, not on this host"
_NOT_YET = "nobody looked at it yet; the next look does, in ten seconds"
_UNTOLD = "its host does not say whether it runs there or on somebody else's machines; see what it logs of /api/show"
_OF_A_MODEL = ("details", "model_info", "capabilities")  # each version of Ollama says one of them
_CAPABILITIES = {
    "completion": Capability.CHAT,
    "insert": Capability.FIM,
    "embedding": Capability.EMBED,
    "vision": Capability.VISION,
    "tools": Capability.TOOLS,
}


@dataclass(frozen=True, slots=True)
class _Shown:
    """What `/api/show` says of a model, as far as anybody asks."""

    is_remote: bool
    max_context_tokens: int
    capabilities: frozenset[Capability]

    @classmethod
    def of(cls, said: Mapping[str, object]) -> Self | None:
        """Read it; None if it says nothing of a model: it would then say nothing of another machine, either."""
        if "error" in said or not any(isinstance(said.get(key), dict | list) for key in _OF_A_MODEL):
            return None
        info = mapping_of(said.get("model_info"))
        window = info.get(f"{text_of(info.get('general.architecture'))}.context_length")
        listed = said.get("capabilities")
        words = {text_of(word) for word in listed} if isinstance(listed, list) else set()
        able = frozenset(capability for word, capability in _CAPABILITIES.items() if word in words)
        return cls(is_remote(said), count_of(window), able)


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
        # By address, then by model and digest: what is said of the same weights never changes.
        self._shown: dict[str, dict[tuple[str, str], _Shown]] = {}

    async def probe(self, client: httpx.AsyncClient, host: Host) -> HostReport:
        """Read the models on disk and in memory; refuse those that run on somebody else's machines."""
        version = mapping_of(await fetch_json(client, host, "/api/version"))
        tags = mapping_of(await fetch_json(client, host, "/api/tags"))
        if not text_of(version.get("version")) or not isinstance(tags.get("models"), list):
            raise ProbeError(f"is no Ollama host: something else answers at {host.address}")
        running = mapping_of(await fetch_json(client, host, "/api/ps"))
        loaded = {text_of(row.get("name")): row for row in objects_of(running.get("models"))}
        wanted = {with_tag(model.name) for model in host.models}
        rows = [
            row
            for row in objects_of(tags["models"])
            if (name := text_of(row.get("name"))) and (not wanted or with_tag(name) in wanted)
        ]
        models: list[ModelReport] = []
        refused = [(text_of(row["name"]), _ELSEWHERE) for row in rows if is_remote(row)]
        asked_about = [row for row in rows if not is_remote(row)][:_MAX_SHOWN_MODELS]
        for (name, _), shown in (await self._show_all(client, host, asked_about)).items():
            if isinstance(shown, str):
                refused.append((name, shown))
            elif shown.is_remote:
                refused.append((name, _ELSEWHERE))
            else:
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

    async def _show_all(
        self, client: httpx.AsyncClient, host: Host, rows: Sequence[Mapping[str, object]]
    ) -> Mapping[tuple[str, str], _Shown | str]:
        """Return what the host says of each model; why it is refused where that is not known.

        Only what is new is asked, and no more than a part of it at once: a host that has other weights at each look
        would keep this process busy.
        """
        known = self._shown.setdefault(host.address, {})
        told: dict[tuple[str, str], _Shown | str] = {}
        left_bytes = _MAX_NEW_BYTES
        for row in rows:
            name, digest = key = (text_of(row.get("name")), text_of(row.get("digest")))
            told[key] = known.get(key, _NOT_YET)
            if key in known or left_bytes <= 0:
                continue
            reply = await fetch(client, host, "/api/show", body={"model": name}, most_bytes=_MAX_SHOWN_BYTES)
            left_bytes -= reply.size_bytes
            shown = _Shown.of(mapping_of(reply.json)) if reply.is_ok else None
            told[key] = shown or _UNTOLD
            if shown and digest:  # without a digest other weights may come under the same name
                known[key] = shown  # kept at once: a look that takes too long is ended
        for gone in known.keys() - told.keys():
            del known[gone]
        return told

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
    return bool(row.get("remote_host") or row.get("remote_model")) or name.casefold().endswith((":cloud", "-cloud"))


def _report(name: str, shown: _Shown, loaded: Mapping[str, object] | None) -> ModelReport:
    running = loaded or {}
    memory_bytes = count_of(running.get("size"))
    return ModelReport(
        name=name,
        is_loaded=loaded is not None,
        context_tokens=count_of(running.get("context_length")),
        max_context_tokens=shown.max_context_tokens,
        capabilities=shown.capabilities,
        memory_bytes=memory_bytes,
        processor_bytes=max(0, memory_bytes - count_of(running.get("size_vram"))),
    )
