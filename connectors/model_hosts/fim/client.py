"""Carry fillings to model hosts: the one way to a host beside litellm, over the same locked transport.

litellm knows neither llama.cpp's `/infill` nor Ollama's `suffix`; see docs/decisions/0028-fill-in-the-middle.md.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Mapping, Sequence
from contextlib import aclosing
from typing import Final

import httpx

from connectors.model_hosts.catalogue import Host
from connectors.model_hosts.chunks import CallError, Chunk
from connectors.model_hosts.credentials import HostsTransport
from connectors.model_hosts.filling import Call
from connectors.model_hosts.transport import KeptTransport

_OK: Final = 200
_BAD_REQUEST: Final = 400
_NO_SUCH_WAY: Final = frozenset({404, 405, 501})  # llama.cpp says 501 of a model whose file names no tokens
_OVERLONG: Final = ("context length", "context size", "context window")
_WORDS_BYTES: Final = 8192  # of a refusal
_PREFIX: Final = "data:"
_DONE: Final = "[DONE]"


class FillingClient:
    """A client that reaches the hosts of the fleet and nobody else.

    Args:
        patience_seconds: the longest silence it waits through; whoever reads has less.
    """

    def __init__(self, *, patience_seconds: float) -> None:
        self._transport = KeptTransport(HostsTransport())
        timeout = httpx.Timeout(patience_seconds, connect=5.0)
        self._client = httpx.AsyncClient(
            transport=self._transport, trust_env=False, follow_redirects=False, timeout=timeout
        )

    async def close(self) -> None:
        """Close every connection."""
        await self._client.aclose()
        await self._transport.close_kept()

    def allow(self, hosts: Iterable[Host]) -> None:
        """Reach these hosts from now on, each checked in its way."""
        present = [host for host in hosts if host.address]
        tls = {host.address: host.tls for host in present if host.tls is not None}
        self._transport.allow((host.address for host in present), tls)

    async def stream(self, host: Host, calls: Sequence[Call]) -> AsyncGenerator[Chunk, None]:
        """Ask in the first way that the host knows, and yield what comes; close the generator to make the host stop.

        Raises:
            CallError: the host refused, failed or broke off.
        """
        if not calls:
            raise CallError(0)
        for number, call in enumerate(calls):
            try:
                async with aclosing(self._stream(host, call)) as chunks:
                    async for chunk in chunks:
                        yield chunk
            except CallError as error:
                if error.status not in _NO_SUCH_WAY or number == len(calls) - 1:
                    raise
            else:
                return

    async def _stream(self, host: Host, call: Call) -> AsyncGenerator[Chunk, None]:
        headers = {"authorization": f"Bearer {host.api_key}"} if host.api_key else {}
        try:
            async with self._client.stream(
                "POST", host.address + call.path, json=call.body, headers=headers
            ) as response:
                if response.status_code != _OK:
                    raise await _refusal(response)
                async for event in _events(response.aiter_lines()):
                    yield call.read(event)
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError):
            raise CallError(0) from None  # its words may hold the address and more


async def _refusal(response: httpx.Response) -> CallError:
    """Return a refusal by its status; its words are read here and nowhere else: they may repeat the prompt."""
    words = bytearray()
    async for piece in response.aiter_bytes():
        words += piece
        if len(words) > _WORDS_BYTES:
            break
    said = words.decode(errors="replace").lower()
    is_overlong = response.status_code == _BAD_REQUEST and any(phrase in said for phrase in _OVERLONG)
    return CallError(response.status_code, is_overlong=is_overlong)


async def _events(lines: AsyncIterator[str]) -> AsyncGenerator[Mapping[str, object], None]:
    """Yield the JSON objects of a stream, of events or of lines.

    Raises:
        CallError: one is none, or says that the host failed.
    """
    async for line in lines:
        text = line.removeprefix(_PREFIX).strip()
        if not text or text == _DONE or text.startswith(":"):
            continue
        try:
            event = json.loads(text)
        except (ValueError, RecursionError):
            raise CallError(0) from None
        if not isinstance(event, dict) or event.get("error"):
            raise CallError(0)
        yield event
