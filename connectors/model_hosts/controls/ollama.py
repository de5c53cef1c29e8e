"""Ollama: `keep_alive` keeps a model in memory or lets it go; `/api/pull` fetches one."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Final

import httpx

from connectors.model_hosts.catalogue import Host
from connectors.model_hosts.controls.control import ControlError, Progress, lines_of, order, said_in
from connectors.model_hosts.kinds.kind import count_of, text_of

_FOR_EVER: Final = -1
_AT_ONCE: Final = 0


class OllamaControl:
    """How Ollama is told."""

    cannot_pull = ""

    async def load(
        self, client: httpx.AsyncClient, host: Host, model: str, context_tokens: int
    ) -> AsyncGenerator[Progress, None]:
        """Load by a prompt without words, with the window that later prompts will ask for: another loads anew."""
        yield Progress(f"loads {model}")
        body: dict[str, object] = {"model": model, "keep_alive": _FOR_EVER, "stream": False}
        if context_tokens:
            body["options"] = {"num_ctx": context_tokens}
        await order(client, host, "/api/generate", body)

    async def unload(self, client: httpx.AsyncClient, host: Host, model: str) -> AsyncGenerator[Progress, None]:
        """Let a model go."""
        yield Progress(f"unloads {model}")
        await order(client, host, "/api/generate", {"model": model, "keep_alive": _AT_ONCE, "stream": False})

    async def pull(self, client: httpx.AsyncClient, host: Host, model: str) -> AsyncGenerator[Progress, None]:
        """Pull from the site's registry, and give the model the name that was asked for."""
        source = source_of(host, model)
        yield Progress(f"pulls {source}")
        has_succeeded = False
        async for line in lines_of(client, host, "/api/pull", {"model": source, "stream": True}):
            if words := said_in(line):
                raise ControlError(f"cannot pull {source}{words}")
            has_succeeded = has_succeeded or line.get("status") == "success"
            total, done = count_of(line.get("total")), count_of(line.get("completed"))
            what = text_of(line.get("status")).partition(" ")[0] or "pulls"
            yield Progress(f"{what} {model}", min(1.0, done / total) if total else None)
        if not has_succeeded:
            raise ControlError(f"ended the pull of {source} without saying that it is done; try again, it goes on")
        if source != model:  # personas and fleet.yaml name it without the registry
            await order(client, host, "/api/copy", {"source": source, "destination": model})


def source_of(host: Host, model: str) -> str:
    """Return the name under which Ollama asks the site's registry for a model.

    Raises:
        ControlError: no registry is named, or the name leads to another one. Ollama would ask the internet.
    """
    if not host.registry:
        raise ControlError(
            f"has no 'registry' in fleet.yaml, so it would pull {model} from the internet; name the site's own registry"
        )
    first, slash, rest = model.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        if first.casefold() != host.registry.casefold():
            raise ControlError(f"may pull from {host.registry} alone, and {model} names {first}")
        return model
    return f"{host.registry}/{model}" if slash and rest else f"{host.registry}/library/{model}"
