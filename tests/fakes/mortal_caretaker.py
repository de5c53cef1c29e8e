"""A process that carries out orders until it is killed: `python -m tests.fakes.mortal_caretaker DSN ADDRESS`."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence

from pydantic import SecretStr

from assistant.database import create_engine
from assistant.fleet.orders import Orders
from assistant.fleet.records import FleetRecords
from assistant.maintenance.caretaker import Caretaker
from connectors.model_hosts.catalogue import Fleet, Host
from connectors.model_hosts.kinds.kinds import build_kinds
from connectors.model_hosts.sampling import HostSample, take_samples
from connectors.model_hosts.watching.watch import Watch
from tests.fakes.turn_parts import FakeAudit


class WatchedHosts:
    """Hosts that are looked at and never asked."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch

    def samples(self) -> Sequence[HostSample]:
        return take_samples(self._watch, {}, {}, {})

    def host(self, name: str) -> Host | None:
        return self._watch.hosts[name].host

    def was_changed(self, name: str) -> None:
        self._watch.look_soon()


class NoDrains:
    async def drain(self, host: str, since: str) -> bool:
        raise AssertionError

    async def undrain(self, host: str) -> bool:
        raise AssertionError


async def _run(dsn: str, address: str) -> None:
    engine = create_engine(SecretStr(dsn))
    watch = Watch(Fleet((Host("Host1", "ollama", address),)), build_kinds(), on_change=lambda: None)
    await watch.look()
    caretaker = Caretaker(
        FleetRecords(engine, keep_days=30),
        Orders(engine, keep_days=30),
        FakeAudit([]),
        WatchedHosts(watch),
        NoDrains(),
        every_seconds=0.05,
    )
    async with caretaker.running():
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_run(sys.argv[1], sys.argv[2]))
