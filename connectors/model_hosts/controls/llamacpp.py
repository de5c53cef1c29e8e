"""llama.cpp: a server that was started without a model routes to several, and loads and unloads them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Final

import httpx

from connectors.model_hosts.catalogue import Host
from connectors.model_hosts.controls.control import ControlError, Progress, order
from connectors.model_hosts.kinds.kind import fetch_json, mapping_of, objects_of, text_of

# Source: the server's README, "Using multiple models". The answer comes before the model is there.
_ONE = "serves the one model that it was started with; start llama-server without -m and with --models-dir"
_POLL_SECONDS: Final = 0.5


class LlamaCppControl:
    """How llama.cpp's server is told."""

    cannot_pull = "can download from the internet only; copy {model} into its --models-dir yourself"

    async def load(
        self,
        client: httpx.AsyncClient,
        host: Host,
        model: str,
        context_tokens: int,  # noqa: ARG002 - fixed by -c at its start
    ) -> AsyncGenerator[Progress, None]:
        """Load, and wait until the model is there."""
        yield Progress(f"loads {model}")
        await order(client, host, "/models/load", {"model": model}, missing=_ONE)
        async for progress in _until(client, host, model, "loaded", f"loads {model}"):
            yield progress

    async def unload(self, client: httpx.AsyncClient, host: Host, model: str) -> AsyncGenerator[Progress, None]:
        """Unload, and wait until the model is gone."""
        yield Progress(f"unloads {model}")
        await order(client, host, "/models/unload", {"model": model}, missing=_ONE)
        async for progress in _until(client, host, model, "unloaded", f"unloads {model}"):
            yield progress


async def _until(
    client: httpx.AsyncClient, host: Host, model: str, wanted: str, words: str
) -> AsyncGenerator[Progress, None]:
    while True:
        listed = mapping_of(await fetch_json(client, host, "/models"))
        row = next((each for each in objects_of(listed.get("data")) if each.get("id") == model), {})
        status = mapping_of(row.get("status"))
        if text_of(status.get("value")) == wanted and not status.get("failed"):
            return
        if status.get("failed") is True or not row:
            raise ControlError(f"could not do it with {model}; its own log says why")
        yield Progress(words)
        await asyncio.sleep(_POLL_SECONDS)
