"""Carry prompts to model hosts through litellm's Router: the only file that imports litellm.

litellm carries, it does not choose: each deployment is a group of its own, without retries and fallbacks. What it
would do by default and must not is switched off here: fetching price lists and tokenizers, following redirects,
going through the proxies of the environment, printing requests, taking addresses from callers.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import warnings
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import suppress
from typing import Any

import httpx

from connectors.model_hosts.chunks import CallError, Chunk
from connectors.model_hosts.credentials import HostsTransport, Tls
from connectors.model_hosts.transport import KeptTransport, refuse
from connectors.model_hosts.values import NO_WISHES, ChatMessage, ToolCallPiece, Wishes

_SETTINGS = {
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",  # the word: "1" is ignored and the list is fetched
    "LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS": "True",
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
}
_MOST_TOKENS = 2**31 - 1  # no window is as large
_MOST_CALLS = 128  # in one answer; each costs its readers a guard of its own
_LOGGERS = ("LiteLLM", "LiteLLM Router", "LiteLLM Proxy", "LiteLLM Proxy.stdout")
_BAD_REQUEST = 400
_OVERLONG = ("context length", "context size", "context window")  # Ollama and vLLM; llama.cpp; litellm
_WARM_UP = {
    "model": "hosted_vllm/warm-up",
    "api_base": "http://127.0.0.1:9/v1",  # never contacted: the transport answers
    "api_key": "none",
}
_WARM_UP_REPLY = (
    b'data: {"id":"1","object":"chat.completion.chunk","created":1,"model":"warm-up",'
    b'"choices":[{"index":0,"delta":{"role":"assistant","content":"ready"},"finish_reason":"stop"}]}\n\n'
    b"data: [DONE]\n\n"
)


class LitellmRouter:
    """litellm's Router behind our own words.

    Args:
        patience_seconds: the longest silence that litellm itself may wait through; ours are shorter.
    """

    def __init__(self, *, patience_seconds: float) -> None:
        self._patience_seconds = patience_seconds
        self._transport: KeptTransport | None = None
        self._litellm: Any = None  # the module; nothing of it leaves this file
        self._client: Any = None
        self._router: Any = None
        self._deployments: frozenset[str] = frozenset()

    async def load(self) -> None:
        """Import litellm, which takes seconds, in a thread, and be ready to carry."""
        self._litellm = await asyncio.to_thread(_import_litellm)
        self._transport = KeptTransport(HostsTransport())
        self._client = _build_client(self._transport)

    async def close(self) -> None:
        """Close every connection and end litellm's background work."""
        if self._transport is not None:
            await self._transport.close_kept()
        if self._litellm is not None:
            await _stop_background_work()

    def replace(self, deployments: Mapping[str, Mapping[str, object]], tls: Mapping[str, Tls] | None = None) -> None:
        """Carry to these deployments from now on; answers that stream already are not touched.

        Args:
            deployments: litellm's parameters by deployment id.
            tls: how hosts are checked, by address, where that is not by what the public trusts.
        """
        self._router = _build_router(self._litellm, deployments, self._patience_seconds) if deployments else None
        self._deployments = frozenset(deployments)
        if self._transport is not None:
            self._transport.allow((str(parameters.get("api_base", "")) for parameters in deployments.values()), tls)

    async def stream(
        self,
        deployment: str,
        messages: Sequence[ChatMessage],
        *,
        max_tokens: int,
        temperature: float,
        wishes: Wishes = NO_WISHES,
    ) -> AsyncGenerator[Chunk, None]:
        """Ask a deployment and yield what comes; close the generator to make the host stop.

        Raises:
            CallError: the host refused, failed or broke off.
        """
        if self._router is None or deployment not in self._deployments:  # litellm would look for a provider of its own
            raise CallError(0)
        answer: Any = None
        calls = _CallNumbers()
        try:
            # Spelt out: a keyword of a caller, such as api_base, would override the deployment's host.
            answer = await self._router.acompletion(
                model=deployment,
                messages=[{"role": message.role, "content": message.content} for message in messages],
                max_tokens=max_tokens,
                temperature=temperature,
                **_spelt(wishes),
                stream=True,
                stream_options={"include_usage": True},
                client=self._client,
            )
            async for part in answer:
                chunk = _read_chunk(part, calls)
                if chunk is not None:
                    yield chunk
        except Exception as error:  # noqa: BLE001  # litellm raises what it likes
            # Its message may hold the prompt, so nothing of it goes on but the status.
            raise self._call_error(error) from None
        finally:
            if answer is not None:
                with suppress(Exception):  # the connection may be gone already, which is what was wanted
                    await answer.aclose()

    def _call_error(self, error: Exception) -> CallError:
        status = getattr(error, "status_code", 0)
        words = str(error).lower()  # read here and nowhere else: it may repeat the prompt
        is_overlong = status == _BAD_REQUEST and any(phrase in words for phrase in _OVERLONG)
        return CallError(status if isinstance(status, int) else 0, is_overlong=is_overlong)


def _import_litellm() -> Any:
    """Import litellm without its habits and make its first, slow call against a transport that answers itself."""
    os.environ.update(_SETTINGS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecations inside litellm are not ours to mend
        import litellm  # noqa: PLC0415  # seconds of work and 180 MB: not before the page is up

        _tame(litellm)
        asyncio.run(_warm_up(litellm))
    # It reads fields the old way for every token of an answer; where warnings are errors that would end the answer.
    warnings.filterwarnings("ignore", category=DeprecationWarning, module=r"litellm\.")
    return litellm


async def _hear_nothing(*_: object, **__: object) -> None:
    """Stand for litellm's own record of a call: what is recorded is ours to say."""


def _tame(litellm: Any) -> None:
    litellm.disable_hf_tokenizer_download = True
    litellm.suppress_debug_info = True
    litellm.turn_off_message_logging = True
    litellm.drop_params = True
    litellm.REPEATED_STREAMING_CHUNK_LIMIT = sys.maxsize  # it ends an answer at 100 equal tokens: any long table rule
    # After each answer it copies the request several times, for listeners that there are not.
    litellm.litellm_core_utils.litellm_logging.Logging.async_success_handler = _hear_nothing
    # What it looks up on its own, by clients that are not ours, ends here.
    litellm.module_level_client.client = httpx.Client(transport=httpx.MockTransport(refuse))
    litellm.module_level_aclient.client = httpx.AsyncClient(transport=httpx.MockTransport(refuse))
    for name in _LOGGERS:
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.setLevel(logging.CRITICAL + 1)  # its errors repeat requests, with prompts and keys
        logger.propagate = False


async def _warm_up(litellm: Any) -> None:
    def answer(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, headers={"content-type": "text/event-stream"}, content=_WARM_UP_REPLY)

    client = _build_client(httpx.MockTransport(answer))
    router = _build_router(litellm, {"warm-up": _WARM_UP}, patience_seconds=5.0)
    stream = await router.acompletion(
        model="warm-up", messages=[{"role": "user", "content": "ready?"}], stream=True, client=client
    )
    async for _ in stream:
        pass
    await stream.aclose()
    await client.close()
    await _stop_background_work()


def _list_as_known(litellm: Any, model: str) -> None:
    """Put a model into litellm's price list, at no price.

    For an Ollama model that is not on it litellm asks localhost:11434, whichever host serves it, and blocks the loop
    until that answers.
    """
    entry = {"litellm_provider": model.split("/", 1)[0], "mode": "chat"}
    litellm.model_cost.setdefault(model, entry | {"input_cost_per_token": 0.0, "output_cost_per_token": 0.0})


def _build_client(transport: httpx.AsyncBaseTransport) -> Any:
    from litellm.llms.custom_httpx.http_handler import AsyncHTTPHandler  # noqa: PLC0415  # see _import_litellm

    # With a transport of ours it neither mounts the environment's proxies nor, told so, follows redirects.
    return AsyncHTTPHandler(transport=transport, follow_redirects=False)


def _build_router(litellm: Any, deployments: Mapping[str, Mapping[str, object]], patience_seconds: float) -> Any:
    for parameters in deployments.values():
        _list_as_known(litellm, str(parameters["model"]))
    return litellm.Router(
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


def _spelt(wishes: Wishes) -> dict[str, object]:
    """Return the wishes as litellm's keywords: these four and no other, whatever a caller wrote."""
    spelt = {
        "top_p": wishes.top_p,
        "seed": wishes.seed,
        "stop": list(wishes.stop) or None,
        "frequency_penalty": wishes.frequency_penalty,
    }
    return {name: value for name, value in spelt.items() if value is not None}


class _CallNumbers:
    """Number the tool calls of one answer.

    A host's index alone does not tell them apart: Ollama sends each call whole, all as index 0, each with its own id.
    """

    def __init__(self) -> None:
        self._open: dict[int, tuple[str, int]] = {}  # index of the host -> id and number
        self._given = 0

    def number(self, index: int, call_id: str) -> int:
        """Return the number of the call that a piece belongs to.

        Raises:
            ValueError: there are more calls than any answer needs.
        """
        known = self._open.get(index)
        if known is None or (call_id and known[0] and call_id != known[0]):
            if self._given == _MOST_CALLS:
                raise ValueError("too many tool calls")
            known = self._open[index] = (call_id, self._given)
            self._given += 1
        return known[1]


def _read_chunk(part: Any, calls: _CallNumbers) -> Chunk | None:
    """Take what we need out of litellm's chunk; None if there is nothing in it.

    What a host sends under other names, such as `thinking_blocks`, repeats the reasoning and is left out.
    """
    usage = getattr(part, "usage", None)
    choices = getattr(part, "choices", None) or ()
    delta: Any = None
    finish_reason = ""
    if choices:
        delta = getattr(choices[0], "delta", None)
        finish_reason = getattr(choices[0], "finish_reason", None) or ""
    return Chunk(
        text=_text(delta, "content"),
        reasoning=_text(delta, "reasoning_content"),
        calls=tuple(_read_call(call, calls) for call in getattr(delta, "tool_calls", None) or ()),
        model=_model(part),
        finish_reason=str(finish_reason),
        prompt_tokens=_count(getattr(usage, "prompt_tokens", 0)),
        answer_tokens=_count(getattr(usage, "completion_tokens", 0)),
    )


def _read_call(call: Any, calls: _CallNumbers) -> ToolCallPiece:
    function = getattr(call, "function", None)
    number = calls.number(_count(getattr(call, "index", 0)), _text(call, "id"))
    return ToolCallPiece(number, name=_text(function, "name"), arguments=_text(function, "arguments"))


def _model(part: Any) -> str:
    """Return which model the host says it is; litellm puts the one that was asked in its place."""
    hidden = getattr(part, "_hidden_params", None)
    said = hidden.get("provider_response_model") if isinstance(hidden, dict) else None
    return said if isinstance(said, str) else ""


def _text(holder: Any, name: str) -> str:
    return str(getattr(holder, name, None) or "")


def _count(value: object) -> int:
    """Take a host's count, which may be anything, as a number of tokens that can be one."""
    return min(max(value, 0), _MOST_TOKENS) if isinstance(value, int) else 0


async def _stop_background_work() -> None:
    from litellm.litellm_core_utils.logging_worker import GLOBAL_LOGGING_WORKER  # noqa: PLC0415  # see above

    await GLOBAL_LOGGING_WORKER.stop()
