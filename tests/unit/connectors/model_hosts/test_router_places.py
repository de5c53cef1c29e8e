"""litellm reaches the deployments of the catalogue and nothing else, whatever a caller or an answer names."""

from __future__ import annotations

import inspect
from typing import Any

import httpx
import pytest

from connectors.model_hosts.chunks import CallError
from connectors.model_hosts.router import LitellmRouter, _spelt
from connectors.model_hosts.transport import KeptTransport
from connectors.model_hosts.values import Wishes


class Answering(httpx.AsyncBaseTransport):
    """Answers everybody, and remembers who was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(str(request.url))
        return httpx.Response(302, headers={"location": "https://elsewhere.example/"}, request=request)


class Untouched:
    """A litellm router that must not be reached."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(name)


@pytest.mark.parametrize("name", ["gpt-4o", "openai/gpt-4o", "Dev1/other", "http://elsewhere.example/v1", ""])
async def test_what_is_no_deployment_never_reaches_litellm(name: str) -> None:
    router = LitellmRouter(patience_seconds=1)
    router._router, router._deployments = Untouched(), frozenset({"Dev1/llama3.1:8b"})
    with pytest.raises(CallError):
        async for _ in router.stream(name, [], max_tokens=1, temperature=0.0):
            pass


def test_a_caller_has_no_way_to_name_a_host() -> None:
    assert set(inspect.signature(LitellmRouter.stream).parameters) == {
        "self",
        "deployment",
        "messages",
        "max_tokens",
        "temperature",
        "wishes",
    }
    wishes = Wishes(top_p=0.5, seed=7, stop=("END",), frequency_penalty=1.0)
    assert _spelt(wishes) == {"top_p": 0.5, "seed": 7, "stop": ["END"], "frequency_penalty": 1.0}
    assert _spelt(Wishes()) == {}


@pytest.mark.parametrize(
    "url",
    [
        "https://api.openai.com/v1/chat/completions",
        "http://dev1.lan:11435/v1",
        "https://dev1.lan:11434/v1",
        "http://dev1.lan.elsewhere.example:11434/",
        "http://dev1.lan@elsewhere.example:11434/",
        "http://dev1.lan/",
    ],
)
async def test_another_place_is_refused_by_the_transport(url: str) -> None:
    inner = Answering()
    transport = KeptTransport(inner)
    transport.allow(["http://dev1.lan:11434/v1"])
    with pytest.raises(httpx.ConnectError):
        await transport.handle_async_request(httpx.Request("POST", url))
    assert inner.asked == []


async def test_a_redirect_leads_nowhere() -> None:
    inner = Answering()
    transport = KeptTransport(inner)
    transport.allow(["http://dev1.lan:11434/v1"])
    async with httpx.AsyncClient(transport=transport, follow_redirects=True) as client:
        with pytest.raises(httpx.ConnectError):
            await client.get("http://dev1.lan:11434/v1/models")
    assert inner.asked == ["http://dev1.lan:11434/v1/models"]


async def test_no_deployment_means_no_place() -> None:
    transport = KeptTransport(Answering())
    with pytest.raises(httpx.ConnectError):
        await transport.handle_async_request(httpx.Request("GET", "http://127.0.0.1:11434/"))
