"""Write down how the hosts are, and carry out what administrators order: in the processes that watch the hosts."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from datetime import UTC, datetime
from typing import Final, Protocol

from assistant.audit.events import HostDrained, HostUndrained
from assistant.errors import CloisterError, UnavailableError, where
from assistant.fleet.orders import OF_HOSTS, Act, Order, Orders
from assistant.fleet.records import FleetRecords
from assistant.maintenance.ending import end_lost_orders, end_order, staying_alive
from assistant.maintenance.maintenance import AuditLog
from assistant.repeating import repeating
from connectors.model_hosts.catalogue import Host
from connectors.model_hosts.controls.control import Act as HostAct
from connectors.model_hosts.controls.control import ControlError, Progress
from connectors.model_hosts.controls.controls import carry_out
from connectors.model_hosts.sampling import HostSample

EVERY_SECONDS: Final = 2.0
_WRITE_SECONDS: Final = 5.0

_log = logging.getLogger(__name__)


class Hosts(Protocol):
    """The hosts as this process watches them."""

    def samples(self) -> Sequence[HostSample]:
        """Return everything that is known of every host now."""
        ...

    def host(self, name: str) -> Host | None:
        """Return a host by its name."""
        ...

    def was_changed(self, name: str) -> None:
        """Look soon at a host that somebody changed."""
        ...


class Drains(Protocol):
    """Where it stands which hosts get no new work; may raise anything when it does not answer."""

    async def drain(self, host: str, since: str) -> bool:
        """Give a host no new work; tell whether that is new."""
        ...

    async def undrain(self, host: str) -> bool:
        """Give it work again; tell whether that is new."""
        ...


CarryOut = Callable[[HostAct, Host, str], AsyncGenerator[Progress, None]]
"""Does something with a model on a host."""


class Caretaker:
    """Looks after the records and the orders while a context is open.

    Args:
        records: where it stands how the hosts are.
        orders: what is to be done.
        audit: hears of each end.
        hosts: as this process watches them.
        drains: which of them get no work.
        do: carries out what is about a model.
        every_seconds: how often it looks for orders.
    """

    def __init__(
        self,
        records: FleetRecords,
        orders: Orders,
        audit: AuditLog,
        hosts: Hosts,
        drains: Drains,
        *,
        do: CarryOut = carry_out,
        every_seconds: float = EVERY_SECONDS,
    ) -> None:
        self._records = records
        self._orders = orders
        self._audit = audit
        self._hosts = hosts
        self._drains = drains
        self._do = do
        self._every_seconds = every_seconds
        self._wrote_at = float("-inf")
        self._running: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Look again and again; orders that are being carried out at the end are broken off and marked as failed."""
        try:
            async with repeating(self.tend, every_seconds=self._every_seconds):
                yield
        finally:
            for task in self._running:
                task.cancel()
            await asyncio.gather(*self._running, return_exceptions=True)

    async def tend(self) -> None:
        """Write down how the hosts are, and begin with an order that waits. Never raises."""
        for step in (self._write_down, self._begin):  # a host that cannot be written down can still be drained
            try:
                await step()
            except CloisterError as error:
                _log.warning("The fleet's records wait: %s", error)
            except Exception as error:  # noqa: BLE001 - whatever it was, the next look comes
                _log.error("The fleet's records failed: %s", where(error))

    async def _write_down(self) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._wrote_at < _WRITE_SECONDS:
            return
        await self._records.write(self._hosts.samples())
        await end_lost_orders(self._orders, self._audit)
        self._wrote_at = now

    async def _begin(self) -> None:
        order = await self._orders.take([sample.name for sample in self._hosts.samples()])
        if order is not None:
            task = asyncio.create_task(self._carry_out(order), name=f"{order.act.value} at {order.host}")
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    async def _carry_out(self, order: Order) -> None:
        """Do it, and end the order whatever happens; the log hears of the end first."""
        trouble = ""
        try:
            if order.act in OF_HOSTS:
                await self._change_service(order)
            else:
                await self._change_model(order)
        except ControlError as error:
            trouble = f"{order.host} {error}"
        except CloisterError as error:
            trouble = str(error)
        except asyncio.CancelledError:
            await self._end(order, "Cloister was stopped meanwhile; order it again", reason="stopped")
            raise
        except Exception as error:  # noqa: BLE001 - somebody waits for the end of the order
            _log.error("An order for %s failed: %s", order.host, where(error))
            trouble = "It failed; the log has the details"
        await self._end(order, trouble)

    async def _end(self, order: Order, trouble: str, *, reason: str = "refused") -> None:
        self._hosts.was_changed(order.host)
        try:
            await end_order(self._orders, self._audit, order, trouble, reason=reason)
        except CloisterError as error:  # somebody ends it as lost
            _log.error("The end of an order for %s cannot be written: %s", order.host, where(error))

    async def _change_service(self, order: Order) -> None:
        drained = order.act is Act.DRAIN
        await self._audit.append((HostDrained if drained else HostUndrained)(actor=order.requested_by, host=order.host))
        change = (
            self._drains.drain(order.host, f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC")
            if drained
            else self._drains.undrain(order.host)
        )
        try:
            await change
        except Exception as error:
            raise UnavailableError("Redis does not answer; nothing was changed.") from error

    async def _change_model(self, order: Order) -> None:
        host = self._hosts.host(order.host)
        if host is None:
            raise ControlError("is no host of the fleet any more")
        loop = asyncio.get_running_loop()
        noted_at = float("-inf")
        steps = self._do(HostAct(order.act.value), host, order.model)
        async with staying_alive(self._orders, order), aclosing(steps):
            async for progress in steps:
                if loop.time() - noted_at >= 1.0:
                    await self._note(order, progress)
                    noted_at = loop.time()

    async def _note(self, order: Order, progress: Progress) -> None:
        """Say how far it is; a pull of hours does not end because the database is away for seconds."""
        try:
            await self._orders.note(order.id, progress.words, progress.share)
        except UnavailableError as error:
            _log.warning("How far an order is cannot be noted: %s", error)
