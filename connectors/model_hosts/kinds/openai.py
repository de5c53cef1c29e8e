"""Any other server that speaks OpenAI's HTTP: its models, and what it says of their windows."""

from __future__ import annotations

from collections.abc import Mapping

import httpx

from connectors.model_hosts.catalogue import Host
from connectors.model_hosts.fim.filling import Asked, Call
from connectors.model_hosts.kinds.gap_calls import completions_call
from connectors.model_hosts.kinds.kind import (
    ProbeError,
    count_of,
    fetch_json,
    mapping_of,
    objects_of,
    openai_parameters,
    smallest_window,
    text_of,
)
from connectors.model_hosts.values import Ability, HostReport, ModelReport, Patience

UNDECLARED_CONTEXT_TOKENS = 4096  # where nobody says more, the window that every server of today has
# OpenAI's own list has no window. These are what servers add: vLLM and SGLang; LocalAI and TabbyAPI; Groq's; others.
_WINDOWS = ("max_model_len", "context_length", "context_window", "max_context_length", "n_ctx")


class OpenAI:
    """A host that runs a server of which no more is known than that it speaks OpenAI's HTTP.

    It says nothing of memory, queue and what is loaded, so a model that it lists counts as loaded. Such a server is
    not looked for on loopback: whatever answers there with a list of models would be taken for one.
    """

    name = "openai"
    label = "OpenAI-compatible"
    can_complete = True
    default_ports: tuple[int, ...] = ()
    abilities = frozenset[Ability]()
    patience = Patience()
    continuation: Mapping[str, object] | None = None  # nobody knows what stands behind it

    async def probe(self, client: httpx.AsyncClient, host: Host) -> HostReport:
        """Read the list of models."""
        listed = mapping_of(await fetch_json(client, host, "/v1/models"))
        rows = listed.get("data")
        if not isinstance(rows, list) or not all(text_of(row.get("id")) for row in objects_of(rows)):
            raise ProbeError(f"is no OpenAI-compatible host: something else answers at {host.address}")
        models = tuple(
            ModelReport(name=text_of(row.get("id")), is_loaded=True, context_tokens=_window(row))
            for row in objects_of(rows)
        )
        return HostReport(is_reachable=True, models=models)

    def window_tokens(self, declared_tokens: int, report: ModelReport) -> int:
        """Return the smallest window that anybody states; most such servers state none."""
        return smallest_window(declared_tokens, report.context_tokens) or UNDECLARED_CONTEXT_TOKENS

    async def prepare(self, client: httpx.AsyncClient, host: Host, model: str, context_tokens: int) -> None:
        """Do nothing: such a server has no way to load a model."""

    def call_parameters(self, host: Host, model: str, context_tokens: int) -> Mapping[str, object]:  # noqa: ARG002  # such a server has no setting for the window
        """Return litellm's parameters."""
        return openai_parameters(host, model)

    def filling_calls(self, asked: Asked) -> tuple[Call, ...]:
        """Return the prompt written out, as most such servers take it."""
        return completions_call(asked)


def _window(row: Mapping[str, object]) -> int:
    said = [count_of(row.get(key)) for key in _WINDOWS] + [count_of(mapping_of(row.get("meta")).get("n_ctx"))]
    return smallest_window(*said)
