"""The way to the hosts of the fleet and nowhere else: no redirects, no proxies, nothing packed, nothing endless."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import aclosing, suppress
from types import SimpleNamespace
from typing import Final

import aiohttp
import httpx
from aiohttp import ClientResponse, ClientSession, TraceConfig
from yarl import URL

from connectors.model_hosts.credentials import Tls, context_of
from connectors.model_hosts.wire import CallError, is_crash_told

_Place = tuple[str, str | None, int | None]

_OK: Final = 200
_BAD_REQUEST: Final = 400
_FAILED: Final = 500
_OVERLONG: Final = ("context length", "context size", "context window")  # Ollama and vLLM; llama.cpp; others
_MOST_ERROR_BYTES: Final = 64 << 10  # of a refusal, which is read for its words
_MOST_WHOLE_BYTES: Final = 64 << 20  # of an answer that is no stream: 2,048 vectors of 2,000 numbers
_IDLE_SECONDS: Final = 3.0  # llama.cpp and vLLM hang up after 5 s without a request
_HEADERS: Final = {"content-type": "application/json", "accept-encoding": "identity"}
_LOST: Final = (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError)


class HostConnections:
    """Connections to the hosts of the deployments, kept between answers."""

    def __init__(self) -> None:
        self._session: ClientSession | None = None
        self._places: Mapping[_Place, Tls | None] = {}
        self._connect_seconds: Mapping[_Place, float] = {}

    def allow(
        self,
        addresses: Iterable[str],
        tls: Mapping[str, Tls] | None = None,
        connect_seconds: Mapping[str, float] | None = None,
    ) -> None:
        """Lead to these hosts from now on.

        Args:
            addresses: of the hosts.
            tls: how some of them are checked, by address.
            connect_seconds: how long a connection to them may take to stand, by address.
        """
        waits = (connect_seconds or {}).items()
        self._connect_seconds = {_place_of(URL(address)): seconds for address, seconds in waits}
        checks = {_place_of(URL(address)): check for address, check in (tls or {}).items()}
        places = (_place_of(URL(address)) for address in addresses)
        self._places = {place: checks.get(place) for place in places}

    async def post(self, address: str, body: bytes, *, api_key: str = "") -> ClientResponse:
        """Ask, and return the answer as soon as its status is known; whoever gets it closes it.

        Raises:
            CallError: the host refuses or is not there, or this is no host of a deployment.
        """
        url = URL(address)  # read once, by whom it is sent as well: two readers may see two hosts in it
        place = _place_of(url)
        if place not in self._places or url.user is not None:
            raise CallError(0)
        headers = {**_HEADERS, "authorization": f"Bearer {api_key}"} if api_key else _HEADERS
        try:
            response = await self._send(url, body, headers, self._places[place], self._connect_seconds.get(place))
        except aiohttp.ClientConnectorError:  # it never had the request
            raise CallError(0) from None
        except _LOST:
            raise CallError(0, is_cut=True) from None
        except (aiohttp.ClientError, OSError, ValueError):
            raise CallError(0) from None
        try:
            await _check(response)
        except BaseException:
            response.close()
            raise
        return response

    async def close(self) -> None:
        """Close every connection."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _send(
        self, url: URL, body: bytes, headers: dict[str, str], tls: Tls | None, connect_seconds: float | None
    ) -> ClientResponse:
        """Send; once more if a kept connection turns out to be dead, as llama.cpp leaves it after each stream.

        Where nobody listens any more, that connection was not left over: the host ended with the request in its hands.
        """
        was_lost = False
        while True:
            tracing = SimpleNamespace(is_reused=False)
            try:
                return await self._opened().post(
                    url,
                    data=body,
                    headers=headers,
                    allow_redirects=False,
                    timeout=aiohttp.ClientTimeout(total=None, sock_connect=connect_seconds),  # who reads has patience
                    ssl=context_of(tls) if tls is not None else True,  # True: the connector's own
                    trace_request_ctx=tracing,
                )
            except _LOST as error:
                if was_lost and isinstance(error, aiohttp.ClientConnectorError):
                    raise aiohttp.ServerDisconnectedError from error
                if not tracing.is_reused:
                    raise
                was_lost = True

    def _opened(self) -> ClientSession:
        if self._session is None:
            trace = TraceConfig()
            trace.on_connection_reuseconn.append(_note_reuse)
            # The certificates that probes trust; a resolver that the lock on the network sees.
            connector = aiohttp.TCPConnector(
                limit=0,
                keepalive_timeout=_IDLE_SECONDS,
                ssl=httpx.create_ssl_context(trust_env=False),
                resolver=aiohttp.ThreadedResolver(),
            )
            self._session = ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=False,
                auto_decompress=False,
                trace_configs=[trace],
            )
        return self._session


async def read_pieces(response: ClientResponse) -> AsyncGenerator[bytes, None]:
    """Yield what arrives, all of it that waits at once; what arrives while the caller is busy waits in the kernel.

    Raises:
        CallError: the connection broke.
    """
    try:
        async for data in response.content.iter_any():
            connection = response.connection  # none once all of the answer is here
            transport = connection.transport if connection is not None else None
            if transport is not None:
                transport.pause_reading()  # a wake of the loop for each word would cost more than the word
            try:
                yield data
            finally:  # whoever leaves here may read the rest elsewhere, or keep the connection
                if transport is not None and not transport.is_closing():
                    transport.resume_reading()
    except (aiohttp.ClientError, OSError):
        raise CallError(0, is_cut=True) from None


async def read_whole(response: ClientResponse) -> bytes:
    """Return a whole answer.

    Raises:
        CallError: it does not end, or breaks off.
    """
    received = bytearray()
    async with aclosing(read_pieces(response)) as pieces:
        async for data in pieces:
            received += data
            if len(received) > _MOST_WHOLE_BYTES:
                raise CallError(0)
    return bytes(received)


async def _check(response: ClientResponse) -> None:
    if response.headers.get("content-encoding", "identity") != "identity":
        raise CallError(0)  # it is packed: a few bytes could be gigabytes
    if response.status == _OK:
        return
    words = b""
    with suppress(CallError):
        async for data in read_pieces(response):  # it is closed in any case
            words += data
            if len(words) > _MOST_ERROR_BYTES:
                break
    # Read here and nowhere else: it may repeat the prompt.
    told = words.decode("utf-8", "replace").lower()
    is_overlong = response.status == _BAD_REQUEST and any(phrase in told for phrase in _OVERLONG)
    is_crash = response.status == _FAILED and is_crash_told(told)
    raise CallError(response.status, is_overlong=is_overlong, is_crash=is_crash)


async def _note_reuse(_session: ClientSession, context: SimpleNamespace, _params: object) -> None:
    context.trace_request_ctx.is_reused = True


def _place_of(url: URL) -> _Place:
    return url.scheme, url.host, url.port
