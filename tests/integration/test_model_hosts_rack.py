"""A rack of hosts: looking at many of them takes nothing from one another, nor from the answers meanwhile."""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar, Self

import httpx
import pytest

from connectors.model_hosts.catalogue import Fleet, Host
from connectors.model_hosts.kinds.kinds import build_kinds
from connectors.model_hosts.kinds.vllm import VLLM
from connectors.model_hosts.router import LitellmRouter
from connectors.model_hosts.values import HostReport
from connectors.model_hosts.watching.watch import Watch
from tests.fakes.model_host import FakeModelHost
from tests.fakes.open_hosts import eventually


class Pool(httpx.AsyncHTTPTransport):
    """A pool of connections that notes whom it leads to."""

    made: ClassVar[list[Self]] = []

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.hosts: set[str] = set()
        self.made.append(self)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.hosts.add(str(request.url.copy_with(path="/")))
        return await super().handle_async_request(request)


async def test_each_host_has_a_pool_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """For each request httpcore looks at every connection of its pool: seconds, for a hundred hosts in one."""
    monkeypatch.setattr(httpx, "AsyncHTTPTransport", Pool)
    monkeypatch.setattr(Pool, "made", [])
    with FakeModelHost("vllm") as one, FakeModelHost("vllm") as two:
        fleet = Fleet((Host("One", "vllm", one.address), Host("Two", "vllm", two.address)))
        watch = Watch(fleet, build_kinds(), on_change=lambda: None)
        await watch.look()
        await watch.look()
        await watch.close()
    assert all(watched.is_up for watched in watch.hosts.values())
    assert sorted(len(pool.hosts) for pool in Pool.made if pool.hosts) == [1, 1]


async def test_a_host_that_left_the_fleet_is_let_go() -> None:
    with FakeModelHost("vllm", keeps_connections=True) as one, FakeModelHost("vllm", keeps_connections=True) as two:
        fleet = Fleet((Host("One", "vllm", one.address), Host("Two", "vllm", two.address)))
        watch = Watch(fleet, build_kinds(), on_change=lambda: None)
        await watch.look()
        assert len(watch._ways._ways) == 2
        watch.take_fleet(Fleet(fleet.hosts[1:]))
        await watch.look()
        ((_, _, _, port),) = watch._ways._ways
        await watch.close()
    assert port == two.port


class Noting(VLLM):
    """A kind whose hosts are all up; notes when it was asked to look."""

    def __init__(self) -> None:
        self.looks: list[float] = []

    async def probe(self, client: httpx.AsyncClient, host: Host) -> HostReport:
        self.looks.append(asyncio.get_running_loop().time())
        return HostReport(is_reachable=True)


async def test_looks_begin_one_after_the_other_within_half_of_the_time_there_is() -> None:
    kind = Noting()
    rack = Fleet(tuple(Host(f"Host{number}", "vllm", f"http://127.0.0.1:{number + 1}") for number in range(20)))
    watch = Watch(rack, [kind], on_change=lambda: None, every_seconds=0.2)
    watch.start()
    await eventually(lambda: len(kind.looks) >= 20)
    await watch.close()
    for number, at in enumerate(kind.looks[:20]):
        assert at - kind.looks[0] >= number * 0.2 / 2 / 20 - 0.001


async def test_a_rack_that_changes_all_day_costs_nothing_where_its_addresses_stay() -> None:
    """With a hundred deployments litellm's Router takes 70 ms to build, and litellm keeps each one: 0.2 MB a look."""
    router = LitellmRouter(patience_seconds=1)
    await router.load()
    one = {"Host1/m": {"model": "hosted_vllm/m", "api_base": "http://127.0.0.1:1/v1", "api_key": "none"}}
    before = len(router._litellm.success_callback)
    router.replace(one)
    first = router._router
    router.replace({name: dict(parameters) for name, parameters in one.items()})
    assert router._router is first
    for port in (2, 3):
        router.replace({"Host1/m": {**one["Host1/m"], "api_base": f"http://127.0.0.1:{port}/v1"}})
        assert router._router is not first
        assert len(router._litellm.success_callback) == before + 1
    await router.close()
    assert len(router._litellm.success_callback) == before
