"""The way of litellm's requests: to the hosts of the fleet and nowhere else; an answer torn off is not whole."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterable, Mapping

import httpx

from connectors.model_hosts.credentials import Tls, marked

_Place = tuple[str, str, int | None]

_OK = 200
_STREAMS = ("text/event-stream", "application/x-ndjson")
# At the start of a line, or with quotation marks that are not escaped: the answer's own words cannot look like it.
_END = re.compile(rb'^data: ?\[DONE\]|(?<!\\)"finish_reason": ?"|(?<!\\)"(?:done|stop)": ?true', re.MULTILINE)
_TAIL_BYTES = 8192  # after the word that ends an answer come counts and times
_MOST_LINE_BYTES = 4 << 20  # of a stream, which is read by lines; one holds a word or, at most, a whole tool call
_MOST_WHOLE_BYTES = 16 << 20  # of an answer that is no stream, such as an error


class KeptTransport(httpx.AsyncBaseTransport):
    """A transport that leads to the hosts of the deployments and nowhere else, and outlives the clients it is given to.

    After a refused connection litellm retries with a second client and closes that: with its own pool this would
    cut every other answer that streams.
    """

    def __init__(self, inner: httpx.AsyncBaseTransport) -> None:
        self._inner = inner
        self._places: Mapping[_Place, Tls | None] = {}

    def allow(self, addresses: Iterable[str], tls: Mapping[str, Tls] | None = None) -> None:
        """Lead to these hosts from now on.

        Args:
            addresses: of the hosts.
            tls: how some of them are checked, by address.
        """
        checks = {_place_of(httpx.URL(address)): check for address, check in (tls or {}).items()}
        places = (_place_of(httpx.URL(address)) for address in addresses)
        self._places = {place: checks.get(place) for place in places}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Carry a request; raises ConnectError for any other place."""
        place = _place_of(request.url)
        if place not in self._places:  # whatever litellm made of a name, a header or an answer
            return refuse(request)
        request.extensions = {**request.extensions, **marked(self._places[place])}
        request.headers["accept-encoding"] = "identity"
        response = await self._inner.handle_async_request(request)
        if response.headers.get("content-encoding", "identity") != "identity":
            await response.aclose()
            raise httpx.RemoteProtocolError("the answer is packed: a few bytes could be gigabytes", request=request)
        if isinstance(response.stream, httpx.AsyncByteStream):
            is_stream = _is_stream(response)
            response.stream = WholeStream(response.stream) if is_stream else BoundedStream(response.stream)
        return response

    async def aclose(self) -> None:
        """Stay open."""

    async def close_kept(self) -> None:
        """Close for good."""
        await self._inner.aclose()


class WholeStream(httpx.AsyncByteStream):
    """A streamed answer that fails if it ends without saying so: litellm would make a good end of it.

    Raises:
        RemoteProtocolError: while it is read, at a premature end, or in a line that never ends.
    """

    def __init__(self, inner: httpx.AsyncByteStream) -> None:
        self._inner = inner

    async def __aiter__(self) -> AsyncIterator[bytes]:
        tail = b""
        line_bytes = 0
        try:
            async for chunk in self._inner:
                tail = (tail + chunk)[-_TAIL_BYTES:]
                line_bytes = _grown(line_bytes, chunk)
                yield chunk
        except BaseException:  # also when it is closed early: the host is to stop now, not when memory is cleaned up
            await self._inner.aclose()
            raise
        if not _END.search(tail):
            raise httpx.RemoteProtocolError("the answer ended without an end")

    async def aclose(self) -> None:
        """Close the answer, and with it the request to the host."""
        await self._inner.aclose()


def _grown(line_bytes: int, chunk: bytes) -> int:
    """Return how long the line at the end is with the next chunk.

    Raises:
        RemoteProtocolError: it does not end.
    """
    end = chunk.rfind(b"\n")
    line_bytes = line_bytes + len(chunk) if end < 0 else len(chunk) - end - 1
    if line_bytes > _MOST_LINE_BYTES:
        raise httpx.RemoteProtocolError("a line of the answer does not end")
    return line_bytes


class BoundedStream(httpx.AsyncByteStream):
    """Any other answer, which is read whole.

    Raises:
        RemoteProtocolError: while it is read, when it does not end.
    """

    def __init__(self, inner: httpx.AsyncByteStream) -> None:
        self._inner = inner

    async def __aiter__(self) -> AsyncIterator[bytes]:
        seen_bytes = 0
        async for chunk in self._inner:
            seen_bytes += len(chunk)
            if seen_bytes > _MOST_WHOLE_BYTES:
                raise httpx.RemoteProtocolError("the answer does not end")
            yield chunk

    async def aclose(self) -> None:
        """Close the answer, and with it the request to the host."""
        await self._inner.aclose()


def _is_stream(response: httpx.Response) -> bool:
    return response.status_code == _OK and response.headers.get("content-type", "").startswith(_STREAMS)


def refuse(request: httpx.Request) -> httpx.Response:
    """Lead nowhere."""
    raise httpx.ConnectError("litellm may only contact the hosts of its deployments", request=request)


def _place_of(url: httpx.URL) -> _Place:
    return url.scheme, url.host, url.port
