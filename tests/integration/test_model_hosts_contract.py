"""The fake llama.cpp and the real one keep the same promises."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from connectors.errors import HostError, NoRouteError
from connectors.model_hosts.bundled import BundledServer
from connectors.model_hosts.catalogue import Fleet, Host, Model
from connectors.model_hosts.kinds.llamacpp import LlamaCpp
from connectors.model_hosts.values import Capability, ChatMessage, Need
from connectors.model_hosts.watching.inspection import inspect
from tests.fakes.model_host import FakeModel, FakeModelHost
from tests.fakes.open_hosts import ask, open_hosts
from tests.fakes.tiny_gguf import REPLY, write_tiny_gguf

Start = Callable[[Path], AbstractAsyncContextManager[Host]]
MODEL = (Model("tiny", "tiny", 2048),)


@asynccontextmanager
async def fake(_folder: Path) -> AsyncIterator[Host]:
    models = [FakeModel("tiny", 2048)]
    with FakeModelHost("llamacpp", models=models, reply=" ".join(REPLY), api_key="the-key") as host:
        yield Host("One", "llamacpp", host.address, api_key="the-key", models=MODEL)


@asynccontextmanager
async def real(folder: Path) -> AsyncIterator[Host]:
    server = BundledServer(write_tiny_gguf(folder / "tiny.gguf"), on_change=lambda: None)
    server.start()
    try:
        assert await server.wait_until_up(60)
        assert server.host is not None
        yield replace(server.host, name="One", models=MODEL)
    finally:
        await server.close()


pytestmark = pytest.mark.parametrize("host", [fake, real])


async def test_says_what_it_serves_and_answers(host: Start, tmp_path: Path) -> None:
    async with host(tmp_path) as one, open_hosts(fleet=Fleet((one,))) as hosts:
        (status,) = hosts.statuses()
        text, usage = await ask(hosts)
    assert status.words == "One serves tiny"
    assert [(model.is_loaded, model.context_tokens) for model in status.models] == [(True, 2048)]
    assert Capability.CHAT in status.models[0].capabilities
    assert text.split() == list(REPLY)
    assert usage.finish_reason == "stop"
    assert usage.prompt_tokens > 0
    assert usage.answer_tokens >= len(REPLY)


async def test_says_its_version_memory_and_work(host: Start, tmp_path: Path) -> None:
    async with host(tmp_path) as one:
        idle = await inspect(LlamaCpp(), one)
    assert idle.report.version
    assert idle.report.models[0].memory_bytes > 0
    assert idle.report.running == 0
    statuses = {call.path: call.status for call in idle.calls}
    assert statuses.pop("/slots") in {200, 501}  # 501: not switched on, as in the bundled server
    assert statuses == {"/health": 200, "/props": 200, "/v1/models": 200}
    assert all(call.milliseconds > 0 for call in idle.calls)


async def test_ends_at_the_limit_and_says_so(host: Start, tmp_path: Path) -> None:
    async with host(tmp_path) as one, open_hosts(fleet=Fleet((one,))) as hosts:
        text, usage = await ask(hosts, max_tokens=3)
    assert text.split() == list(REPLY[:3])
    assert usage.finish_reason == "length"


async def test_refuses_what_does_not_fit(host: Start, tmp_path: Path) -> None:
    async with host(tmp_path) as one, open_hosts(fleet=Fleet((one,))) as hosts:
        route = hosts.choose(Need(prompt_tokens=10))
        with pytest.raises(HostError, match="does not fit its window"):
            await ask(hosts, route, (ChatMessage("user", "a b c d " * 5000),))


async def test_wrong_key_is_refused_and_said(host: Start, tmp_path: Path) -> None:
    async with host(tmp_path) as one, open_hosts(fleet=Fleet((replace(one, api_key="wrong"),))) as hosts:
        with pytest.raises(NoRouteError, match=r"One wants a key \(status 401\); name its file as api_key_file"):
            hosts.choose(Need())
