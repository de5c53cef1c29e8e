"""LM Studio: `/api/v1/models/load` and `/unload`, an instance at a time."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import httpx

from connectors.model_hosts.catalogue import Host
from connectors.model_hosts.controls.control import ControlError, Progress, order
from connectors.model_hosts.kinds.kind import fetch_json, mapping_of, objects_of, text_of

_OLD = "is too old to load models by its API; install LM Studio 0.4 or newer on it"


class LMStudioControl:
    """How LM Studio is told."""

    cannot_pull = "can download from the internet only; copy {model} into its models folder yourself"

    async def load(
        self, client: httpx.AsyncClient, host: Host, model: str, context_tokens: int
    ) -> AsyncGenerator[Progress, None]:
        """Load with the window of the fleet; left to itself LM Studio takes 4,096 tokens."""
        yield Progress(f"loads {model}")
        body: dict[str, object] = {"model": model}
        if context_tokens:
            body["context_length"] = context_tokens
        await order(client, host, "/api/v1/models/load", body, missing=_OLD)

    async def unload(self, client: httpx.AsyncClient, host: Host, model: str) -> AsyncGenerator[Progress, None]:
        """Unload every instance of a model."""
        yield Progress(f"unloads {model}")
        listed = mapping_of(await fetch_json(client, host, "/api/v1/models"))
        if not isinstance(listed.get("models"), list):
            raise ControlError(_OLD)
        row = next((each for each in objects_of(listed["models"]) if each.get("key") == model), None)
        if row is None:
            raise ControlError(f"has no model {model}")
        for instance in objects_of(row.get("loaded_instances")):
            await order(
                client, host, "/api/v1/models/unload", {"instance_id": text_of(instance.get("id"))}, missing=_OLD
            )
