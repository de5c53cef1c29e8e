"""The way to the hosts: to no other place, over live connections, and never without an end."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import ClientResponse

from connectors.model_hosts import transport
from connectors.model_hosts.router import LitellmRouter
from connectors.model_hosts.transport import HostConnections, read_pieces, read_whole
from connectors.model_hosts.wire import CallError
from connectors.model_hosts.wire_openai import OpenAIWire

Answer = Callable[[asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Server:
    """Counts connections and requests, and answers as it is told."""

    answer: Answer
    connections: int = 0
    requests: list[bytes] = field(default_factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"


@asynccontextmanager
async def serve(answer: Answer) -> AsyncIterator[Server]:
    server = Server(answer)
    writers: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
                server.requests.append(head + await reader.readexactly(length))
                await server.answer(writer)
                await writer.drain()
                if writer.is_closing():
                    break
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server.connections += 1
        task = asyncio.create_task(talk(reader, writer))
        writers[task] = writer
        task.add_done_callback(writers.pop)

    listening = await asyncio.start_server(accept, "127.0.0.1", 0)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()
        left = list(writers)
        for task, writer in list(writers.items()):
            task.cancel()
            writer.transport.abort()
        await asyncio.gather(*left, return_exceptions=True)
        await asyncio.sleep(0)


def whole(body: bytes = b"ok", *, status: int = 200, headers: str = "") -> Answer:
    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(f"HTTP/1.1 {status} X\r\ncontent-length: {len(body)}\r\n{headers}\r\n".encode() + body)

    return answer


@asynccontextmanager
async def connections_to(*servers: Server) -> AsyncIterator[HostConnections]:
    connections = HostConnections()
    connections.allow(server.url for server in servers)
    try:
        yield connections
    finally:
        await connections.close()


@pytest.mark.parametrize(
    "url",
    [
        "https://api.openai.com/v1/chat/completions",
        "http://127.0.0.1:1/v1",
        "https://127.0.0.1:{port}/v1",
        "http://127.0.0.1.elsewhere.example:{port}/",
        "http://127.0.0.1:{port}@elsewhere.example/",
        "http://somebody@127.0.0.1:{port}/v1",
        "http://127.0.0.1/",
        "/v1",
        "",
    ],
)
async def test_another_place_is_not_asked(url: str) -> None:
    async with serve(whole()) as server, connections_to(server) as connections:
        with pytest.raises(CallError):
            await connections.post(url.format(port=server.port), b"{}")
        assert server.connections == 0


async def test_no_deployment_means_no_place() -> None:
    async with serve(whole()) as server, connections_to() as connections:
        with pytest.raises(CallError):
            await connections.post(server.url, b"{}")
        assert server.connections == 0


@pytest.mark.parametrize("status", [301, 307, 308])
async def test_a_redirect_leads_nowhere(status: int) -> None:
    async with serve(whole()) as other:
        moved = whole(status=status, headers=f"location: {other.url}\r\n")
        async with serve(moved) as server, connections_to(server, other) as connections:
            with pytest.raises(CallError) as caught:
                await connections.post(server.url, b"{}")
        assert (caught.value.status, other.requests) == (status, [])


async def test_a_connection_is_kept_and_a_dead_one_replaced_once() -> None:
    async def answer_and_hang_up(writer: asyncio.StreamWriter) -> None:
        """As llama.cpp does, whose header promised to keep it."""
        await whole()(writer)
        if server.connections == 1 and len(server.requests) == 2:
            writer.transport.abort()

    async with serve(answer_and_hang_up) as server, connections_to(server) as connections:
        for _ in range(4):
            response = await connections.post(server.url, b"{}", api_key="the-key")
            with suppress(CallError):
                await read_whole(response)
            response.release()
    assert server.connections == 2
    assert all(b"authorization: bearer the-key" in request.lower() for request in server.requests)


async def test_a_host_that_hangs_up_at_once_is_asked_once() -> None:
    async def hang_up(writer: asyncio.StreamWriter) -> None:
        writer.transport.abort()

    async with serve(hang_up) as server, connections_to(server) as connections:
        with pytest.raises(CallError):
            await connections.post(server.url, b"{}")
    assert len(server.requests) == 1


@pytest.mark.parametrize("packing", ["gzip", "zstd", "x-unknown"])
async def test_a_packed_answer_is_not_unpacked(packing: str) -> None:
    packed = whole(headers=f"content-encoding: {packing}\r\n")
    async with serve(packed) as server, connections_to(server) as connections:
        with pytest.raises(CallError):
            await connections.post(server.url, b"{}")
    assert b"accept-encoding: identity" in server.requests[0].lower()


async def test_a_refusal_gives_its_status_and_nothing_of_its_words() -> None:
    body = b'{"error": "the context length is exceeded by the-secret-of-the-prompt"}'
    async with serve(whole(body, status=400)) as server, connections_to(server) as connections:
        with pytest.raises(CallError) as caught:
            await connections.post(server.url, b"{}")
    assert (caught.value.status, caught.value.is_overlong) == (400, True)
    assert "secret" not in repr(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


@pytest.mark.parametrize("status", [200, 500])
async def test_an_answer_that_never_ends_is_not_kept_in_memory(status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "_MOST_WHOLE_BYTES", 1 << 20)
    sent = 0

    async def endless(writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(f"HTTP/1.1 {status} X\r\n\r\n".encode())
        while not writer.is_closing():
            writer.write(b"x" * (1 << 16))
            sent += 1 << 16
            await writer.drain()

    async with serve(endless) as server, connections_to(server) as connections:
        with pytest.raises(CallError):
            await read_whole(await connections.post(server.url, b"{}"))
    assert sent < 40 << 20


async def test_what_waits_comes_as_one() -> None:
    async def burst(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * 500 + b"0\r\n\r\n")

    async with serve(burst) as server, connections_to(server) as connections:
        response = await connections.post(server.url, b"{}")
        pieces: list[Any] = [piece async for piece in read_pieces(response)]
        response.release()
    assert b"".join(pieces) == b"x" * 500
    assert len(pieces) < 50


async def test_a_connection_that_does_not_come_about_is_given_up() -> None:
    """A machine that hangs takes the first packet and says no more; so does a queue of connections that is full."""
    connections = HostConnections()
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full, ExitStack() as stack:
        for _ in range(2):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(full.getsockname())
        url = f"http://127.0.0.1:{full.getsockname()[1]}"
        connections.allow([url], connect_seconds={url: 0.2})
        async with asyncio.timeout(180):
            with pytest.raises(CallError):
                await connections.post(f"{url}/v1/chat/completions", b"{}")
    await connections.close()


async def test_a_connection_is_kept_also_when_its_end_comes_after_the_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is read while a piece is looked at; whoever then reads the rest must not wait for it for ever."""
    monkeypatch.setattr("connectors.model_hosts.router._LINGER_SECONDS", 60.0)

    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
        for event in (b'{"choices": [{"delta": {"content": "hi"}, "finish_reason": "stop"}]}', b"[DONE]"):
            line = b"data: " + event + b"\n\n"
            writer.write(b"%x\r\n%s\r\n" % (len(line), line))
            await writer.drain()
            await asyncio.sleep(0.01)
        writer.write(b"0\r\n\r\n")

    async with serve(answer) as server:
        connections = HostConnections()
        connections.allow([server.url])
        router = LitellmRouter(patience_seconds=1)

        async def call(*_: object) -> tuple[OpenAIWire, ClientResponse]:
            return OpenAIWire(), await connections.post(f"{server.url}/chat/completions", b"{}")

        router._call = call  # type: ignore[method-assign, assignment]
        async with asyncio.timeout(30):
            for _ in range(3):
                assert [chunk.text async for chunk in router.stream("d", (), max_tokens=1, temperature=0.0)] == ["hi"]
        await connections.close()
    assert (len(server.requests), server.connections) == (3, 1)
