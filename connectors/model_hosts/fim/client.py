"""Carry fillings to model hosts: the one way to a host beside litellm.

litellm knows neither llama.cpp's `/infill` nor Ollama's `suffix`; see docs/decisions/0028-fill-in-the-middle.md.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Iterator, Mapping, Sequence
from contextlib import aclosing
from typing import Final

import orjson

from connectors.model_hosts.catalogue import Host
from connectors.model_hosts.fim.filling import Call
from connectors.model_hosts.transport import HostConnections, read_pieces
from connectors.model_hosts.wire import CallError, Chunk, Lines, is_crash_told, joined
from connectors.model_hosts.wire_openai import DONE

_NO_SUCH_WAY: Final = frozenset({404, 405, 501})  # llama.cpp says 501 of a model whose file names no tokens
_PREFIX: Final = b"data:"


class FillingClient:
    """A client that reaches the hosts of the fleet and nobody else; whoever reads has the patience."""

    def __init__(self) -> None:
        self._connections = HostConnections()

    async def close(self) -> None:
        """Close every connection."""
        await self._connections.close()

    def allow(self, hosts: Iterable[Host]) -> None:
        """Reach these hosts from now on, each checked in its way."""
        present = [host for host in hosts if host.address]
        tls = {host.address: host.tls for host in present if host.tls is not None}
        self._connections.allow((host.address for host in present), tls)

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
        body = orjson.dumps(call.body)
        response = await self._connections.post(host.address + call.path, body, api_key=host.api_key)
        lines = Lines()
        is_whole = False
        try:
            async for data in read_pieces(response):
                chunk = joined(map(call.read, _events(lines.feed(data))))
                if chunk is not None:
                    is_whole = is_whole or bool(chunk.finish_reason)
                    yield chunk
            if not is_whole:  # torn off: a good end says so
                raise CallError(0, is_cut=True)
        except ValueError:  # its words may hold some of the answer
            raise CallError(0) from None
        finally:
            response.close()  # the host is to stop now


def _events(lines: Iterable[bytes]) -> Iterator[Mapping[str, object]]:
    """Yield the JSON objects of a stream, of events or of lines.

    Raises:
        ValueError: one is none.
        CallError: the host says that it failed.
    """
    for line in lines:
        text = line.removeprefix(_PREFIX).strip()
        if not text or text == DONE or text.startswith(b":"):
            continue
        event = orjson.loads(text)
        if not isinstance(event, dict) or event.get("error"):
            raise CallError(0, is_crash=isinstance(event, dict) and is_crash_told(event["error"]))
        yield event
