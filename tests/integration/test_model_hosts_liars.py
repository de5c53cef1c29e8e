"""Hosts that lie to the prober: each is marked, none delays the others or a prompt."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import pytest

from connectors.model_hosts.catalogue import KIND_NAMES, Fleet, Host
from connectors.model_hosts.kinds import kind as kind_file
from connectors.model_hosts.values import Need
from tests.fakes.model_host import FakeModelHost
from tests.fakes.open_hosts import ask, eventually, open_hosts

Lie = Callable[[asyncio.StreamWriter], "asyncio.Future[None] | object"]
MODELS = {
    "models": [{"name": "m", "key": "m"}],
    "data": [{"id": "m", "owned_by": "vllm"}],
    "version": "1",
    "instances": {},
}
MARKS = ("is no ", "does not answer", "cannot be reached", "sends too much", "sends packed answers")
WHOLE = json.dumps(MODELS).encode()


async def page(writer: asyncio.StreamWriter) -> None:
    _whole(writer, b"<html><title>502 Bad Gateway</title></html>", "text/html")


async def sorry(writer: asyncio.StreamWriter) -> None:
    _whole(writer, b'{"error": {"message": "the model runner has crashed"}}')


async def torn(writer: asyncio.StreamWriter) -> None:
    _whole(writer, WHOLE[:-20])


async def short(writer: asyncio.StreamWriter) -> None:
    """Promise more than is sent."""
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 5000\r\n\r\n" + WHOLE)


async def endless(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n[")
    while True:
        writer.write(b'{"name": "m"},' * 4096)
        await writer.drain()


async def loris(writer: asyncio.StreamWriter) -> None:
    """Send a byte now and then, so that no single wait is long."""
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n")
    for byte in WHOLE * 100:
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(0.05)


async def headless(writer: asyncio.StreamWriter) -> None:
    """Send a head without end."""
    writer.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        writer.write(b"x-more: more\r\n" * 1000)
        await writer.drain()


async def packed(writer: asyncio.StreamWriter) -> None:
    """Pack what would be right; unpacked, as few bytes could be gigabytes."""
    body = gzip.compress(WHOLE)
    head = f"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
    writer.write(head.encode() + body)


async def noise(writer: asyncio.StreamWriter) -> None:
    writer.write(b"\x16\x03\x01\x00\xff SSH-2.0-OpenSSH\r\n\r\n")


async def silence(writer: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


def _whole(writer: asyncio.StreamWriter, body: bytes, content_type: str = "application/json") -> None:
    head = (
        f"HTTP/1.1 200 OK\r\ncontent-type: {content_type}\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
    )
    writer.write(head.encode() + body)


@asynccontextmanager
async def liar(lie: Lie) -> AsyncIterator[str]:
    """Serve one lie to everybody; yields its address."""
    writers: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
            await lie(writer)
            await writer.drain()
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(serve(reader, writer))
        writers[task] = writer
        task.add_done_callback(writers.pop)

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        left = list(writers)
        for task, writer in list(writers.items()):
            task.cancel()
            writer.transport.abort()
        await asyncio.gather(*left, return_exceptions=True)
        await asyncio.sleep(0)  # a connection's transport is closed in the next turn of the loop


@pytest.mark.parametrize("lie", [page, sorry, torn, short, endless, loris, headless, packed, noise, silence])
async def test_liar_of_any_kind_is_marked_and_hurts_nobody(
    lie: Lie, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(kind_file, "_LOOK_SECONDS", 1.0)
    monkeypatch.setattr(kind_file, "_READ_SECONDS", 0.8)
    async with liar(lie) as address:
        with FakeModelHost("vllm", reply="Here.") as honest:
            liars = [Host(f"Liar-{kind}", kind, address) for kind in KIND_NAMES]
            fleet = Fleet((*liars, Host("Honest", "vllm", honest.address)))
            async with asyncio.timeout(300), open_hosts(fleet=fleet) as hosts:
                statuses = {status.name: status for status in hosts.statuses()}
                assert hosts.choose(Need()).host == "Honest"
                text, _ = await ask(hosts)
    assert text == "Here."
    assert statuses.pop("Honest").is_up
    for name, status in statuses.items():
        assert not status.is_up, name
        assert any(word in status.words for word in MARKS)
    assert "Traceback" not in caplog.text


async def test_prompts_do_not_wait_for_a_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """The look that is under way does not end before the test does; every prompt is answered meanwhile."""
    monkeypatch.setattr(kind_file, "_LOOK_SECONDS", 600.0)
    monkeypatch.setattr(kind_file, "_READ_SECONDS", 600.0)
    is_silent = asyncio.Event()
    held: list[asyncio.StreamWriter] = []

    async def page_then_silence(writer: asyncio.StreamWriter) -> None:
        if not is_silent.is_set():
            await page(writer)
            return
        held.append(writer)
        await silence(writer)

    async with liar(page_then_silence) as address:
        with FakeModelHost("vllm", reply="Here.") as honest:
            fleet = Fleet((Host("Liar", "ollama", address), Host("Honest", "vllm", honest.address)))
            async with open_hosts(fleet=fleet, look_every_seconds=0.01) as hosts:
                await ask(hosts)  # litellm is loaded after this
                is_silent.set()
                await eventually(lambda: len(held) == 1)
                async with asyncio.timeout(180):
                    texts = [(await ask(hosts))[0] for _ in range(10)]
                assert len(held) == 1  # still the same look: the next one begins when it ends
    assert texts == ["Here."] * 10
