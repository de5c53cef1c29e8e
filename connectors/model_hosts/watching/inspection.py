"""Look at one host closely: every request of a look, how long it took, and what came of it."""

from __future__ import annotations

import time
from dataclasses import dataclass

import httpx

from connectors.model_hosts.catalogue import Host
from connectors.model_hosts.kinds.kind import HostKind, look_at, look_client
from connectors.model_hosts.values import HostReport


@dataclass(frozen=True, slots=True)
class Call:
    """One request of a look; `milliseconds` are those until the head of the answer."""

    method: str
    path: str
    status: int
    milliseconds: float


@dataclass(frozen=True, slots=True)
class Inspection:
    """A look with its times."""

    report: HostReport
    milliseconds: float
    calls: tuple[Call, ...]


async def inspect(kind: HostKind, host: Host) -> Inspection:
    """Look at a host over new connections, as after a restart."""
    calls: list[Call] = []

    async def begin(request: httpx.Request) -> None:
        request.extensions["began"] = time.perf_counter()

    async def end(response: httpx.Response) -> None:
        request = response.request
        seconds = time.perf_counter() - request.extensions["began"]
        calls.append(Call(request.method, request.url.path, response.status_code, seconds * 1000))

    began = time.perf_counter()
    async with look_client() as client:
        client.event_hooks = {"request": [begin], "response": [end]}
        report = await look_at(client, kind, host)
    return Inspection(report, (time.perf_counter() - began) * 1000, tuple(calls))
