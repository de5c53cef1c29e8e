from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Sequence

import httpx
import pytest

from connectors.model_hosts.transport import KeptTransport, WholeStream


class Pieces(httpx.AsyncByteStream):
    """A body that comes in pieces."""

    def __init__(self, pieces: Sequence[bytes]) -> None:
        self._pieces = pieces
        self.is_closed = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self._pieces:
            yield piece

    async def aclose(self) -> None:
        self.is_closed = True


class Answering(httpx.AsyncBaseTransport):
    def __init__(self, body: bytes, headers: dict[str, str]) -> None:
        self._body, self._headers = body, headers

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, headers=self._headers, stream=Pieces([self._body]))


async def collect(stream: WholeStream, pieces: list[bytes]) -> None:
    async for piece in stream:
        pieces.append(piece)  # noqa: PERF401  # a comprehension would lose what came before an error


WORD = b'data: {"choices":[{"delta":{"content":"word"},"finish_reason":null}]}\n\n'
STOP = b'data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\n\n'
USAGE = b'data: {"choices":[],"usage":{"prompt_tokens":1}}\n\n'


@pytest.mark.parametrize(
    "body",
    [
        WORD + b"data: [DONE]\n\n",
        WORD + b"data:[DONE]",
        WORD + STOP + USAGE,
        WORD * 500 + STOP,
        b'{"message":{"content":"word"},"done":false}\n{"done":true,"done_reason":"stop"}\n',
    ],
)
@pytest.mark.parametrize("size", [1, 7, 4096])
async def test_an_answer_with_an_end_is_whole(body: bytes, size: int) -> None:
    stream = WholeStream(Pieces([body[start : start + size] for start in range(0, len(body), size)]))
    assert b"".join([piece async for piece in stream]) == body


@pytest.mark.parametrize(
    "body",
    [
        b"",
        WORD,
        STOP + WORD * 200,  # its end lies too far back to be that of this answer
        b'data: {"choices":[{"delta":{"content":"data: [DONE]"},"finish_reason":null}]}\n\n',
        b'data: {"choices":[{"delta":{"content":"\\"finish_reason\\":\\"stop\\""},"finish_reason":null}]}\n\n',
        b'{"message":{"content":"\\"done\\":true"},"done":false}\n',
    ],
)
async def test_an_answer_without_an_end_was_torn_off(body: bytes) -> None:
    inner = Pieces([body])
    stream = WholeStream(inner)
    pieces: list[bytes] = []
    with pytest.raises(httpx.RemoteProtocolError, match="without an end"):
        await collect(stream, pieces)
    assert b"".join(pieces) == body
    await stream.aclose()
    assert inner.is_closed


async def test_a_reader_that_leaves_closes_the_request() -> None:
    inner = Pieces([WORD, WORD])
    pieces = aiter(WholeStream(inner))
    assert await anext(pieces) == WORD
    assert isinstance(pieces, AsyncGenerator)
    await pieces.aclose()
    assert inner.is_closed


@pytest.mark.parametrize(
    ("headers", "is_watched"),
    [
        ({"content-type": "text/event-stream; charset=utf-8"}, True),
        ({"content-type": "application/x-ndjson"}, True),
        ({"content-type": "application/json"}, False),
    ],
)
async def test_only_streams_are_watched_for_their_end(headers: dict[str, str], *, is_watched: bool) -> None:
    transport = KeptTransport(Answering(WORD, headers))
    transport.allow(["http://dev1.lan"])
    response = await transport.handle_async_request(httpx.Request("POST", "http://dev1.lan/v1"))
    assert isinstance(response.stream, WholeStream) is is_watched


@pytest.mark.parametrize("packing", ["gzip", "zstd", "x-unknown"])
async def test_a_packed_answer_is_not_unpacked(packing: str) -> None:
    transport = KeptTransport(Answering(WORD, {"content-type": "text/event-stream", "content-encoding": packing}))
    transport.allow(["http://dev1.lan"])
    request = httpx.Request("POST", "http://dev1.lan/v1", headers={"accept-encoding": "gzip, zstd"})
    with pytest.raises(httpx.RemoteProtocolError, match="packed"):
        await transport.handle_async_request(request)
    assert request.headers["accept-encoding"] == "identity"


@pytest.mark.parametrize("kind", ["text/event-stream", "application/x-ndjson", "application/json", "text/html"])
async def test_an_answer_that_never_ends_is_not_kept_in_memory(kind: str) -> None:
    read = 0

    class Endless(httpx.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            nonlocal read
            while read < 1 << 30:
                read += 1 << 20
                yield b"x" * (1 << 20)

    class Talking(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            return httpx.Response(200, headers={"content-type": kind}, stream=Endless(), request=request)

    transport = KeptTransport(Talking())
    transport.allow(["http://dev1.lan"])
    async with httpx.AsyncClient(transport=transport) as client:
        with pytest.raises(httpx.RemoteProtocolError, match="not end"):
            await client.post("http://dev1.lan/v1")
    assert read < 20 << 20


async def test_long_answers_of_many_lines_are_whole() -> None:
    body = [WORD * 10_000, WORD * 10_000, b"data: [DONE]\n\n"]
    stream = WholeStream(Pieces(body))
    assert sum([len(piece) async for piece in stream]) == sum(map(len, body))


async def test_each_host_has_its_own_patience_for_a_connection() -> None:
    seen: list[object] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.extensions["timeout"])
        return httpx.Response(200)

    transport = KeptTransport(httpx.MockTransport(answer))
    transport.allow(["http://a.lan:1/v1", "http://b.lan:1/v1"], connect_seconds={"http://a.lan:1": 0.5})
    timeout = httpx.Timeout(3600.0, connect=99.0).as_dict()
    for host in ("a.lan", "b.lan"):
        await transport.handle_async_request(
            httpx.Request("POST", f"http://{host}:1/v1/chat", extensions={"timeout": timeout})
        )
    assert seen == [timeout | {"connect": 0.5}, timeout]
