"""exo: an instance of a model is placed on its nodes, and deleted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from typing import Final

import httpx

from connectors.model_hosts.catalogue import Host
from connectors.model_hosts.controls.control import ControlError, Progress, order
from connectors.model_hosts.kinds.exo import MAX_STATE_BYTES, model_ids
from connectors.model_hosts.kinds.kind import fetch_json, mapping_of

# Source: exo's api/types, PlaceInstanceParams: its own defaults, spelt out.
_PLACEMENT: Final = {"sharding": "Pipeline", "instance_meta": "MlxRing", "min_nodes": 1}
_POLL_SECONDS: Final = 0.5
_POLLS: Final = 120  # a cluster without room takes the order and places nothing


class ExoControl:
    """How exo is told."""

    cannot_pull = "can download from the internet only; copy {model} onto each of its nodes yourself"

    async def load(
        self,
        client: httpx.AsyncClient,
        host: Host,
        model: str,
        context_tokens: int,  # noqa: ARG002 - exo has no setting for the window
    ) -> AsyncGenerator[Progress, None]:
        """Place an instance where exo finds room, and wait until it is there."""
        yield Progress(f"places {model}")
        await order(client, host, "/place_instance", {"model_id": model, **_PLACEMENT})
        for _ in range(_POLLS):
            if [each async for each in _instances(client, host, model)]:
                return
            yield Progress(f"places {model}")
            await asyncio.sleep(_POLL_SECONDS)
        raise ControlError(f"placed no instance of {model}; its nodes may lack memory, its dashboard says more")

    async def unload(self, client: httpx.AsyncClient, host: Host, model: str) -> AsyncGenerator[Progress, None]:
        """Delete every instance of a model."""
        yield Progress(f"ends {model}")
        found = [each async for each in _instances(client, host, model)]
        if not found:
            raise ControlError(f"runs no instance of {model}")
        for instance in found:
            await order(client, host, f"/instance/{instance}", {}, method="DELETE")


async def _instances(client: httpx.AsyncClient, host: Host, model: str) -> AsyncIterator[str]:
    state = mapping_of(await fetch_json(client, host, "/state", most_bytes=MAX_STATE_BYTES))
    for instance, tagged in _items(state.get("instances")):
        if model in model_ids(tagged) and instance.replace("-", "").isalnum():  # it becomes part of an address
            yield instance


def _items(value: object) -> Iterator[tuple[str, object]]:
    yield from mapping_of(value).items()
