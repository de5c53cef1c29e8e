"""Do something with a model on a host, and say how far it is; words for whatever a kind has no interface for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Final, NoReturn

import httpx

from connectors.model_hosts.catalogue import Host, Model
from connectors.model_hosts.controls.control import Act, Control, ControlError, Progress, Pulling
from connectors.model_hosts.controls.exo import ExoControl
from connectors.model_hosts.controls.llamacpp import LlamaCppControl
from connectors.model_hosts.controls.lmstudio import LMStudioControl
from connectors.model_hosts.controls.ollama import OllamaControl
from connectors.model_hosts.controls.vllm import VLLMControl
from connectors.model_hosts.kinds.kind import ProbeError, look_client

CONTROLS: Final[Mapping[str, Control]] = {
    "ollama": OllamaControl(),
    "lmstudio": LMStudioControl(),
    "exo": ExoControl(),
    "vllm": VLLMControl(),
    "llamacpp": LlamaCppControl(),
}
"""By the kind's name; a kind that is missing has no interface. A new one is one file and one line here."""

_PULLING: Final[Mapping[str, Pulling]] = {"ollama": OllamaControl()}
_LONGEST_SECONDS: Final[Mapping[Act, float]] = {Act.LOAD: 1800.0, Act.UNLOAD: 300.0, Act.PULL: 24 * 3600.0}


async def carry_out(act: Act, host: Host, model: str) -> AsyncGenerator[Progress, None]:
    """Do something with a model; end when it is done.

    Args:
        act: what to do.
        host: on which host.
        model: by its public name, or as the host knows it.

    Raises:
        ControlError: it cannot be done.
    """
    declared = next((each for each in host.models if model in (each.public_name, each.name)), Model(model, model))
    control = CONTROLS.get(host.kind)
    if control is None:
        _refuse(host, act, declared.name)
    async with look_client() as client:
        steps = _steps(control, client, act, host, declared)
        try:
            async with asyncio.timeout(_LONGEST_SECONDS[act]), aclosing(steps):
                async for progress in steps:
                    yield progress
        except ProbeError as error:
            raise ControlError(str(error)) from None
        except TimeoutError:
            raise ControlError(f"did not do it within {_LONGEST_SECONDS[act] / 60:.0f} minutes") from None


def _steps(
    control: Control, client: httpx.AsyncClient, act: Act, host: Host, model: Model
) -> AsyncGenerator[Progress, None]:
    match act:
        case Act.LOAD:
            return control.load(client, host, model.name, model.context_tokens)
        case Act.UNLOAD:
            return control.unload(client, host, model.name)
        case Act.PULL:
            if control.cannot_pull:
                raise ControlError(control.cannot_pull.format(model=model.name))
            return _PULLING[host.kind].pull(client, host, model.name)


def _refuse(host: Host, act: Act, model: str) -> NoReturn:
    raise ControlError(f"is a host of kind {host.kind}, which has no interface to {act} {model}; do it on the host")
