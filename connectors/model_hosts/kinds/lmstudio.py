"""LM Studio: OpenAI's HTTP for answers, its own for what is loaded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

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
    smallest_window,
    text_of,
)
from connectors.model_hosts.values import Ability, Capability, HostReport, ModelReport, Patience

UNDECLARED_CONTEXT_TOKENS = 8192  # fits a persona's words and some passages; LM Studio's own 4,096 does not
_ITS_OWN_CONTEXT_TOKENS = 4096  # what it loads with when nobody says otherwise; before 0.3.15 it did not tell
_EMBEDDERS = frozenset({"embedding", "embeddings"})


class LMStudio:
    """A host that runs LM Studio's server."""

    name = "lmstudio"
    label = "LM Studio"
    can_complete = True
    default_ports = (1234,)
    abilities = frozenset({Ability.JSON_SCHEMA})
    patience = Patience(load=300.0)  # likewise
    continuation: Mapping[str, object] | None = None  # nothing is documented

    async def probe(self, client: httpx.AsyncClient, host: Host) -> HostReport:
        """Read the models on disk and in memory from the API of version 1, or of version 0 where there is no other."""
        reply = await fetch(client, host, "/api/v1/models")
        rows = mapping_of(reply.json).get("models")
        if reply.is_ok and isinstance(rows, list) and all("key" in row for row in objects_of(rows)):
            return HostReport(is_reachable=True, models=tuple(_read_v1(rows)), slots=_slots(rows))
        # LM Studio answers unknown paths with 200 and an error in words, so only the shape tells.
        rows = mapping_of(await fetch_json(client, host, "/api/v0/models")).get("data")
        if not isinstance(rows, list) or not all("state" in row for row in objects_of(rows)):
            raise ProbeError(f"is no LM Studio host: something else answers at {host.address}")
        return HostReport(is_reachable=True, models=tuple(_read_v0(rows)))

    def window_tokens(self, declared_tokens: int, report: ModelReport) -> int:
        """Return the window in force, or the one that `prepare` will load the model with."""
        if report.is_loaded:
            return report.context_tokens or smallest_window(
                declared_tokens or _ITS_OWN_CONTEXT_TOKENS, report.max_context_tokens
            )
        return smallest_window(declared_tokens or UNDECLARED_CONTEXT_TOKENS, report.max_context_tokens)

    async def prepare(self, client: httpx.AsyncClient, host: Host, model: str, context_tokens: int) -> None:
        """Load the model with its window: left to itself LM Studio takes 4,096 tokens and cuts what is longer."""
        said = await fetch_json(
            client,
            host,
            "/api/v1/models/load",
            body={"model": model, "context_length": context_tokens},
            is_patient=True,
        )
        if not mapping_of(said) or "error" in mapping_of(said):  # which comes with 200, as for a path it does not know
            raise ProbeError(
                f"did not load {model} with a window of {context_tokens:,} tokens; load it there, "
                "and install LM Studio 0.4 or newer if it is older"
            )

    def call_parameters(self, host: Host, model: str, context_tokens: int) -> Mapping[str, object]:  # noqa: ARG002  # the window is set when a model is loaded
        """Return litellm's parameters."""
        return openai_parameters(host, model)

    def filling_calls(self, asked: Asked) -> tuple[Call, ...]:
        """Return the prompt written out: it has no way of its own."""
        return completions_call(asked)


def _read_v1(rows: object) -> Iterator[ModelReport]:
    for row in objects_of(rows):
        windows = [
            count_of(mapping_of(instance.get("config")).get("context_length"))
            for instance in objects_of(row.get("loaded_instances"))
        ]
        yield ModelReport(
            name=text_of(row.get("key")),
            is_loaded=bool(windows),
            context_tokens=min(windows, default=0),  # any instance may get the prompt
            max_context_tokens=count_of(row.get("max_context_length")),
            capabilities=_capabilities(row),
            memory_bytes=count_of(row.get("size_bytes")) if windows else 0,
        )


def _read_v0(rows: object) -> Iterator[ModelReport]:
    for row in objects_of(rows):
        yield ModelReport(
            name=text_of(row.get("id")),
            is_loaded=row.get("state") == "loaded",
            context_tokens=count_of(row.get("loaded_context_length")),
            max_context_tokens=count_of(row.get("max_context_length")),
            capabilities=_capabilities(row),
        )


def _capabilities(row: Mapping[str, object]) -> frozenset[Capability]:
    if text_of(row.get("type")) in _EMBEDDERS:
        return frozenset({Capability.EMBED})
    said = row.get("capabilities")  # an object in version 1, a list of words in version 0
    flags, words = mapping_of(said), said if isinstance(said, list) else []
    found = {Capability.CHAT}
    if flags.get("vision") is True or row.get("type") == "vlm":
        found.add(Capability.VISION)
    if flags.get("trained_for_tool_use") is True or "tool_use" in words:
        found.add(Capability.TOOLS)
    return frozenset(found)


def _slots(rows: object) -> int:
    return max(
        (
            count_of(mapping_of(instance.get("config")).get("parallel"))
            for row in objects_of(rows)
            for instance in objects_of(row.get("loaded_instances"))
        ),
        default=0,
    )
