"""vLLM: one model a server, which can be sent to sleep and woken."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import httpx

from connectors.model_hosts.catalogue import Host
from connectors.model_hosts.controls.control import Progress, order

# Source: vLLM's documentation, "Sleep Mode": the paths exist in development mode only.
_OFF = "cannot sleep or wake as it was started; start it with VLLM_SERVER_DEV_MODE=1 and --enable-sleep-mode"


class VLLMControl:
    """How vLLM is told."""

    cannot_pull = "takes its model when it starts; copy {model} onto it and start it with that"

    async def load(
        self,
        client: httpx.AsyncClient,
        host: Host,
        model: str,
        context_tokens: int,  # noqa: ARG002 - fixed by --max-model-len at its start
    ) -> AsyncGenerator[Progress, None]:
        """Wake the server."""
        yield Progress(f"wakes for {model}")
        await order(client, host, "/wake_up", {}, missing=_OFF)

    async def unload(self, client: httpx.AsyncClient, host: Host, model: str) -> AsyncGenerator[Progress, None]:
        """Send the server to sleep: the weights go to the processor's memory, so that it wakes within seconds."""
        yield Progress(f"sends {model} to sleep")
        await order(client, host, "/sleep?level=1", {}, missing=_OFF)
