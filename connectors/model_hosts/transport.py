"""The way of litellm's requests: to the hosts of the fleet and nowhere else; an answer torn off is not whole."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterable

import httpx

_OK = 200
_STREAMS = ("text/event-stream", "application/x-ndjson")
# At the start of a line, or with quotation marks that are not escaped: the answer's own words cannot look like it.
_END = re.compile(rb'^data: ?\[DONE\]|(?<!\\)"finish_reason": ?"|(?<!\\)"done": ?true', re.MULTILINE)
_TAIL_BYTES = 8192  # after the word that ends an answer come counts and times


class KeptTransport(httpx.AsyncBaseTransport):
    """A transport that leads to the hosts of the deployments and nowhere else, and outlives the clients it is given to.

    After a refused connection litellm retries with a second client and closes that: with its own pool this would
    cut every other answer that streams.
    """

    def __init__(self, inner: httpx.AsyncBaseTransport) -> None:
        self._inner = inner
        self._places: frozenset[tuple[str, str, int | None]] = frozenset()

    def allow(self, addresses: Iterable[str]) -> None:
        """Lead to these hosts from now on."""
        self._places = frozenset(_place_of(httpx.URL(address)) for address in addresses)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Carry a request; raises ConnectError for any other place."""
        if _place_of(request.url) not in self._places:  # whatever litellm made of a name, a header or an answer
            return refuse(request)
        response = await self._inner.handle_async_request(request)
        if _is_readable_stream(response) and isinstance(response.stream, httpx.AsyncByteStream):
            response.stream = WholeStream(response.stream)
        return response

    async def aclose(self) -> None:
        """Stay open."""

    async def close_kept(self) -> None:
        """Close for good."""
        await self._inner.aclose()


class WholeStream(httpx.AsyncByteStream):
    """A streamed answer that fails if it ends without saying so: litellm would make a good end of it.

    Raises:
        RemoteProtocolError: while it is read, at a premature end.
    """

    def __init__(self, inner: httpx.AsyncByteStream) -> None:
        self._inner = inner

    async def __aiter__(self) -> AsyncIterator[bytes]:
        tail = b""
        try:
            async for chunk in self._inner:
                tail = (tail + chunk)[-_TAIL_BYTES:]
                yield chunk
        except BaseException:  # also when it is closed early: the host is to stop now, not when memory is cleaned up
            await self._inner.aclose()
            raise
        if not _END.search(tail):
            raise httpx.RemoteProtocolError("the answer ended without an end")

    async def aclose(self) -> None:
        """Close the answer, and with it the request to the host."""
        await self._inner.aclose()


def _is_readable_stream(response: httpx.Response) -> bool:
    """Tell whether it is a streamed answer whose bytes are its words: a proxy may have compressed it."""
    is_stream = response.headers.get("content-type", "").startswith(_STREAMS)
    return response.status_code == _OK and is_stream and "content-encoding" not in response.headers


def refuse(request: httpx.Request) -> httpx.Response:
    """Lead nowhere."""
    raise httpx.ConnectError("litellm may only contact the hosts of its deployments", request=request)


def _place_of(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port
