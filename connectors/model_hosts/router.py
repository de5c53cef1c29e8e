"""Carry prompts to model hosts through litellm's Router: the only file that imports litellm.

litellm carries, it does not choose: each deployment is a group of its own, without retries and fallbacks. Its Router
holds what each deployment is called with and hands that to a function of ours, which asks the host
(docs/decisions/0030-fast-gateway.md). What it would do by default and must not is switched off here: fetching price
lists and tokenizers, going through the proxies of the environment, printing requests, taking addresses from callers.
"""

from __future__ import annotations

import asyncio
import logging
import os
import warnings
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing, suppress
from typing import Any, Final, NoReturn

import httpx
from aiohttp import ClientResponse

from connectors.model_hosts.credentials import Tls
from connectors.model_hosts.transport import HostConnections, read_pieces, read_whole
from connectors.model_hosts.values import NO_WISHES, ChatMessage, Wishes
from connectors.model_hosts.wire import CallError, Chunk, Question, Wire
from connectors.model_hosts.wire_ollama import OllamaWire
from connectors.model_hosts.wire_openai import OpenAIWire

_SETTINGS = {
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",  # the word: "1" is ignored and the list is fetched
    "LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS": "True",
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
}
_LOGGERS = ("LiteLLM", "LiteLLM Router", "LiteLLM Proxy", "LiteLLM Proxy.stdout")
_WIRES: Final[Mapping[str, Wire]] = {"hosted_vllm": OpenAIWire(), "ollama_chat": OllamaWire()}
_LINGER_SECONDS = 0.2  # for the connection of an answer that has ended to end as well, so that it can be kept
_WARM_UP = {
    "model": "hosted_vllm/warm-up",
    "api_base": "http://127.0.0.1:9/v1",  # never contacted: nobody posts anything
    "api_key": "none",
}
_RequestTo = Callable[[Wire, str, Mapping[str, object]], tuple[str, bytes]]
"""Makes path and body of a request from the model's name on its host and what its kind is told beside it."""


class LitellmRouter:
    """litellm's Router behind our own words.

    Args:
        patience_seconds: the longest silence that litellm itself may wait through; ours are shorter.
    """

    def __init__(self, *, patience_seconds: float) -> None:
        self._patience_seconds = patience_seconds
        self._connections = HostConnections()
        self._litellm: Any = None  # the module; nothing of it leaves this file
        self._router: Any = None
        self._deployments: Mapping[str, Mapping[str, object]] = {}
        self._begun: Mapping[str, Mapping[str, object]] = {}

    async def load(self) -> None:
        """Import litellm, which takes seconds, in a thread, and be ready to carry."""
        self._litellm = await asyncio.to_thread(_import_litellm)

    async def close(self) -> None:
        """Close every connection and end litellm's background work."""
        await self._connections.close()
        self._forget_router()
        if self._litellm is not None:
            await _stop_background_work()

    def replace(
        self,
        deployments: Mapping[str, Mapping[str, object]],
        tls: Mapping[str, Tls] | None = None,
        connect_seconds: Mapping[str, float] | None = None,
        begun: Mapping[str, Mapping[str, object]] | None = None,
    ) -> None:
        """Carry to these deployments from now on; answers that stream already are not touched.

        Args:
            deployments: litellm's parameters by deployment id.
            tls: how hosts are checked, by address, where that is not by what the public trusts.
            connect_seconds: how long a connection to them may take to stand, by address.
            begun: what a deployment's body needs beside that, to go on from the beginning of an answer.
        """
        self._begun = begun or {}
        if deployments != self._deployments:  # they stay as they are while their queues and their weights come and go
            built = _build_router(self._litellm, deployments, self._patience_seconds) if deployments else None
            self._forget_router()
            self._router, self._deployments = built, dict(deployments)
        self._connections.allow(
            (str(parameters.get("api_base", "")) for parameters in deployments.values()), tls, connect_seconds
        )

    def _forget_router(self) -> None:
        """Take litellm's Router out of litellm's lists of callbacks, which would keep each one for ever."""
        if self._router is not None:
            self._router.discard()
        self._router, self._deployments = None, {}

    async def stream(
        self,
        deployment: str,
        messages: Sequence[ChatMessage],
        *,
        max_tokens: int,
        temperature: float,
        wishes: Wishes = NO_WISHES,
        is_begun: bool = False,
    ) -> AsyncGenerator[Chunk, None]:
        """Ask a deployment and yield what comes, all that waits as one; close the generator to make the host stop.

        `is_begun` says that the last message is the beginning of the answer, to be gone on from.

        Raises:
            CallError: the host refused, failed or broke off.
        """
        begun = self._begun.get(deployment, {}) if is_begun else {}

        def request_to(wire: Wire, model: str, extra: Mapping[str, object]) -> tuple[str, bytes]:
            return wire.path, wire.body(Question(model, messages, max_tokens, temperature, wishes, extra, begun))

        wire, response = await self._call(deployment, request_to)
        reader = wire.reader()
        is_sound = False
        try:
            async with aclosing(read_pieces(response)) as pieces:
                async for data in pieces:
                    chunk = reader.feed(data)
                    if chunk is not None:
                        yield chunk
                    if reader.failure is not None:
                        raise reader.failure
                    if reader.is_over:
                        break
            last = reader.feed(b"\n")  # what nothing ended
            if last is not None:
                yield last
            if not reader.is_whole:  # torn off: a good end says so
                raise CallError(0, is_cut=True)
            is_sound = True
        except ValueError:  # its words may hold some of the answer
            raise CallError(0) from None
        finally:
            await _let_go(response, is_sound=is_sound)

    async def embed(
        self, deployment: str, texts: Sequence[str], *, dimensions: int | None = None
    ) -> tuple[list[list[float]], int]:
        """Return the vectors of texts, in their order, and how many tokens the host counted.

        Raises:
            CallError: the host refused, failed, or gave something else.
        """

        def request_to(wire: Wire, model: str, _extra: Mapping[str, object]) -> tuple[str, bytes]:
            return wire.embed_path, wire.embed_body(model, texts, dimensions)

        wire, response = await self._call(deployment, request_to)
        try:
            vectors, tokens = wire.read_embeddings(await read_whole(response))
        except ValueError:
            raise CallError(0) from None
        finally:
            response.close()
        if len(vectors) != len(texts):
            raise CallError(0)
        return vectors, tokens

    async def _call(self, deployment: str, request_to: _RequestTo) -> tuple[Wire, ClientResponse]:
        """Have litellm's Router call the deployment with a function of ours.

        Raises:
            CallError: the host refused or is not there.
        """
        if self._router is None or deployment not in self._deployments:  # litellm would look for a provider of its own
            raise CallError(0)

        async def carry(
            *, model: str, api_base: str, api_key: str | None = None, **others: object
        ) -> tuple[Wire, ClientResponse]:
            provider, _, name = model.partition("/")
            wire = _WIRES[provider]
            path, body = request_to(wire, name, others)
            key = "" if api_key in {None, "none"} else str(api_key)
            return wire, await self._connections.post(api_base + path, body, api_key=key)

        try:
            # No text and no keyword of a caller goes through it: an api_base among them would override the host.
            called: tuple[Wire, ClientResponse] = await self._router._ageneric_api_call_with_fallbacks(  # noqa: SLF001 - its one way to carry a function that is not litellm's
                model=deployment, original_function=carry
            )
        except CallError:
            raise
        except Exception:  # noqa: BLE001  # litellm raises what it likes
            raise CallError(0) from None
        return called


def _import_litellm() -> Any:
    """Import litellm without its habits and make its first, slow call against a transport that answers itself."""
    os.environ.update(_SETTINGS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecations inside litellm are not ours to mend
        import litellm  # noqa: PLC0415  # seconds of work and 180 MB: not before the page is up

        _tame(litellm)
        asyncio.run(_warm_up(litellm))
    # It reads fields the old way in every call; where warnings are errors that would end the answer.
    warnings.filterwarnings("ignore", category=DeprecationWarning, module=r"litellm\.")
    return litellm


def _tame(litellm: Any) -> None:
    litellm.disable_hf_tokenizer_download = True
    litellm.suppress_debug_info = True
    litellm.turn_off_message_logging = True
    # What it looks up on its own, by clients that are not ours, ends here.
    litellm.module_level_client.client = httpx.Client(transport=httpx.MockTransport(_refuse))
    litellm.module_level_aclient.client = httpx.AsyncClient(transport=httpx.MockTransport(_refuse))
    for name in _LOGGERS:
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.setLevel(logging.CRITICAL + 1)  # its errors repeat requests, with prompts and keys
        logger.propagate = False


def _refuse(request: httpx.Request) -> NoReturn:
    """Lead nowhere."""
    raise httpx.ConnectError("litellm contacts nobody by itself", request=request)


async def _warm_up(litellm: Any) -> None:
    async def answer(**_: object) -> None:
        return None

    router = _build_router(litellm, {"warm-up": _WARM_UP}, patience_seconds=5.0)
    await router._ageneric_api_call_with_fallbacks(model="warm-up", original_function=answer)  # noqa: SLF001 - see above
    router.discard()
    await _stop_background_work()


def _list_as_known(litellm: Any, model: str) -> None:
    """Put a model into litellm's price list, at no price.

    For an Ollama model that is not on it litellm asks localhost:11434, whichever host serves it, and blocks the loop
    until that answers.
    """
    entry = {"litellm_provider": model.split("/", 1)[0], "mode": "chat"}
    litellm.model_cost.setdefault(model, entry | {"input_cost_per_token": 0.0, "output_cost_per_token": 0.0})


def _build_router(litellm: Any, deployments: Mapping[str, Mapping[str, object]], patience_seconds: float) -> Any:
    for parameters in deployments.values():
        _list_as_known(litellm, str(parameters["model"]))
    router = litellm.Router(
        model_list=[
            {
                "model_name": name,
                "litellm_params": {
                    **parameters,
                    "timeout": patience_seconds,
                    "stream_timeout": patience_seconds,
                    "max_retries": 0,
                },
                "model_info": {"id": name},
            }
            for name, parameters in deployments.items()
        ],
        num_retries=0,
        disable_cooldowns=True,
        enable_pre_call_checks=False,
    )
    router.increment_deployment_usage_for_response = _count_nothing  # copies the deployment to find no limits in it
    return router


async def _count_nothing(*_: object, **__: object) -> None:
    """Stand for litellm's own count of what deployments did: ours is shared by all processes."""


async def _let_go(response: ClientResponse, *, is_sound: bool) -> None:
    """Keep the connection of an answer that came to its end; close any other, so that the host stops."""
    if is_sound:
        with suppress(TimeoutError, CallError):
            async with asyncio.timeout(_LINGER_SECONDS):
                async for _ in read_pieces(response):
                    pass
                response.release()
                return
    response.close()


async def _stop_background_work() -> None:
    from litellm.litellm_core_utils.logging_worker import GLOBAL_LOGGING_WORKER  # noqa: PLC0415  # see above

    await GLOBAL_LOGGING_WORKER.stop()
