"""Hosts that lie to the prober: each is marked, none delays the others or a prompt."""

from __future__ import annotations

import asyncio
import gzip
import json
import pickle
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import httpx
import pytest

from connectors.model_hosts.catalogue import KIND_NAMES, Fleet, Host
from connectors.model_hosts.kinds import kind as kind_file
from connectors.model_hosts.kinds.kinds import build_kinds
from connectors.model_hosts.kinds.llamacpp import LlamaCpp
from connectors.model_hosts.kinds.ollama import Ollama
from connectors.model_hosts.values import HostReport, ModelReport, Need
from connectors.model_hosts.watching.watch import Watch
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


async def test_ollama_with_other_weights_at_each_look_is_read_for_a_moment_and_kept_nowhere() -> None:
    """Sixty-four models are new each time, and half a MiB is said of each."""
    looks = 0
    sent_bytes = 0
    said = b'{"capabilities": ["completion"], "license": "' + b"x" * (500 << 10) + b'"}'

    def answer(request: httpx.Request) -> httpx.Response:
        nonlocal looks, sent_bytes
        if request.url.path == "/api/show":
            sent_bytes += len(said)
            return httpx.Response(200, content=said)
        looks += request.url.path == "/api/tags"
        rows = [{"name": f"{looks}-{number}:1", "digest": f"{looks}"} for number in range(64)]
        return httpx.Response(200, json={"version": "1", "models": rows})

    kind = Ollama()
    host = Host("Liar", "ollama", "http://liar.lan:1")
    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as client:
        for look in range(1, 4):
            report = await kind_file.look_at(client, kind, host)
            assert sent_bytes <= look * (5 << 20)
            # Of whom nothing is known yet nobody is asked: it may run on somebody else's machines.
            assert len(report.models) + len(report.refused) == 64
            assert 0 < len(report.models) < 10
            assert "nobody looked at it yet" in report.refused[0][1]
    assert len(pickle.dumps(kind)) < 10_000


async def test_honest_ollama_with_many_large_models_is_read_whole_after_some_looks() -> None:
    said = b'{"capabilities": ["completion"], "license": "' + b"x" * (500 << 10) + b'"}'

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/api/show":
            return httpx.Response(200, content=said)
        rows = [{"name": f"{number}:1", "digest": "1"} for number in range(20)]
        return httpx.Response(200, json={"version": "1", "models": rows})

    kind = Ollama()
    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as client:
        for _ in range(3):
            report = await kind_file.look_at(client, kind, Host("One", "ollama", "http://one.lan:1"))
    assert len(report.models) == 20
    assert not report.refused


@pytest.mark.parametrize(
    "said",
    [
        httpx.Response(500, json={"error": "the blob is broken"}),
        httpx.Response(404, json={"error": "model not found"}),
        httpx.Response(200, json={"error": "not now", "capabilities": ["completion"]}),
        httpx.Response(200, json={"license": "free"}),
        httpx.Response(200, json=["capabilities"]),
        httpx.Response(200, text="<html>502 Bad Gateway</html>"),
    ],
)
async def test_ollama_that_does_not_say_where_a_model_runs_is_not_asked_for_it(said: httpx.Response) -> None:
    """One that forwards to the cloud would not say so either."""
    sound = httpx.Response(200, json={"model_info": {}, "capabilities": ["completion"]})
    shown = said

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/api/show":
            return httpx.Response(shown.status_code, content=shown.content)
        return httpx.Response(200, json={"version": "1", "models": [{"name": "m:1", "digest": "1"}]})

    kind, host = Ollama(), Host("One", "ollama", "http://one.lan:1")
    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as client:
        report = await kind_file.look_at(client, kind, host)
        assert report.is_reachable
        assert not report.models
        assert [(name, "does not say whether it runs there" in why) for name, why in report.refused] == [("m:1", True)]
        shown = sound
        assert [model.name for model in (await kind_file.look_at(client, kind, host)).models] == ["m:1"]
        shown = said  # what was said of the same weights holds
        assert [model.name for model in (await kind_file.look_at(client, kind, host)).models] == ["m:1"]


async def test_ollama_is_asked_again_about_weights_that_it_does_not_name() -> None:
    shown = {"capabilities": ["completion"]}

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/api/show":
            return httpx.Response(200, json=shown)
        return httpx.Response(200, json={"version": "1", "models": [{"name": "m:1"}]})

    kind, host = Ollama(), Host("One", "ollama", "http://one.lan:1")
    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as client:
        assert (await kind_file.look_at(client, kind, host)).models
        shown["remote_host"] = "https://ollama.com:443"
        assert not (await kind_file.look_at(client, kind, host)).models


async def test_router_of_llamacpp_that_says_too_much_of_its_models_is_marked() -> None:
    asked = 0

    def answer(request: httpx.Request) -> httpx.Response:
        nonlocal asked
        if request.url.query:
            asked += 1
            return httpx.Response(200, content=b'{"chat_template": "' + b"x" * (500 << 10) + b'"}')
        rows = [{"id": f"m{number}", "status": {"value": "loaded"}} for number in range(64)]
        return httpx.Response(200, json={"role": "router", "data": rows})

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as client:
        report = await kind_file.look_at(client, LlamaCpp(), Host("Liar", "llamacpp", "http://liar.lan:1"))
    assert asked < 5
    assert "sends too much at /props" in report.note


async def test_what_a_host_says_that_it_has_is_bounded_and_printable() -> None:
    """Each name is drawn on a page, kept, and compared with for each deployment."""
    rows = [{"name": f"{number}\x1b[2J:cloud"} for number in range(1000)]
    rows += [{"name": f"{number}:cloud"} for number in range(20_000)]
    body = {"version": "1", "models": rows}
    async with httpx.AsyncClient(transport=httpx.MockTransport(lambda _: httpx.Response(200, json=body))) as client:
        report = await kind_file.look_at(client, Ollama(), Host("Liar", "ollama", "http://liar.lan:1"))
    assert report.is_reachable
    assert len(report.refused) == len(report.names) == 1000
    assert all(name.isprintable() for name, _ in report.refused)


def test_a_host_that_says_it_has_a_thousand_models_costs_one_list_of_them() -> None:
    watch = Watch(Fleet((Host("Liar", "vllm", "http://liar.lan:1"),)), build_kinds(), on_change=lambda: None)
    watch.hosts["Liar"].report = HostReport(
        is_reachable=True, models=tuple(ModelReport(f"m{number}") for number in range(1000))
    )
    watch.take_drained({})
    deployments = list(watch.deployments.values())
    assert len({id(each.names) for each in deployments}) == 1
    assert [deployments[0].is_another(name) for name in ("m0", "m0:latest", "m1", "m1:latest", "x")] == [
        *(False, False),
        *(True, True),
        False,
    ]
