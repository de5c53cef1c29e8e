"""The real `ModelHosts`, opened over fake hosts, for tests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

from connectors.model_hosts.catalogue import Fleet, Host, Model
from connectors.model_hosts.hosts import ModelHosts
from connectors.model_hosts.quote import QuotedPassage
from connectors.model_hosts.values import ChatMessage, Need, Route, Token, Usage
from tests.fakes.model_host import FakeModelHost

QUESTION = (ChatMessage("system", "Be brief."), ChatMessage("user", "What is a turn?"))


async def shelf(question: str, reader: str) -> Sequence[QuotedPassage]:
    """Find one passage for everybody."""
    return (QuotedPassage("Turns", "docs/turns.md", f"A turn, told to {reader}: {len(question)} letters."),)


@asynccontextmanager
async def open_hosts(
    *found: FakeModelHost, fleet: Fleet | None = None, gguf: Path | None = None, **settings: Any
) -> AsyncIterator[ModelHosts]:
    """Open the hosts; `found` are those that discovery finds on loopback."""
    ports: dict[str, list[int]] = {}
    for host in found:
        ports.setdefault(host.kind, []).append(host.port)
    settings = {"look_every_seconds": 0.1, "loopback_ports": ports} | settings
    hosts = ModelHosts(fleet, retriever=shelf, gguf=gguf, **settings)
    try:
        await hosts.start()
        yield hosts
    finally:
        await hosts.close()


def fleet_of(*fakes: FakeModelHost, context_tokens: int = 8192) -> Fleet:
    """Name fake hosts as a fleet would: Host1, Host2 …, each with its models."""
    return Fleet(
        tuple(
            Host(
                name=f"Host{number}",
                kind=fake.kind,
                address=fake.address,
                api_key=fake.api_key,
                models=tuple(Model(model.name, model.name, context_tokens) for model in fake.models),
            )
            for number, fake in enumerate(fakes, start=1)
        )
    )


async def ask(
    hosts: ModelHosts, route: Route | None = None, messages: Sequence[ChatMessage] = QUESTION, max_tokens: int = 200
) -> tuple[str, Usage]:
    """Ask and return the whole answer with its end."""
    route = route or hosts.choose(Need(answer_tokens=200))
    text = ""
    usage = None
    stream = hosts.ask(route, messages, max_tokens=max_tokens, temperature=0.0, reader="maria")
    async with aclosing(stream):
        async for item in stream:
            if isinstance(item, Token):
                text += item.text
            else:
                usage = item
    assert usage is not None
    return text, usage


async def eventually(is_true: Callable[[], bool], *, seconds: float = 180.0) -> None:
    """Wait until something is true."""
    async with asyncio.timeout(seconds):
        while not is_true():  # noqa: ASYNC110  # what is waited for happens in other threads and processes
            await asyncio.sleep(0.01)
