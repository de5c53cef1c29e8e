"""The end of an order in the audit log: once, whoever writes it, and also when whoever carried it out is gone."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from assistant.audit.events import FleetOrderDone, FleetOrdered, FleetOrderFailed
from assistant.errors import UnavailableError
from assistant.fleet.orders import Act, Order, Orders
from assistant.maintenance.maintenance import AuditLog
from assistant.to_the_end import to_the_end
from connectors.model_hosts.controls.control import ControlError
from connectors.model_hosts.ending import end_task

_ALIVE_SECONDS: Final = 10.0  # how often whoever carries an order out gives a sign of life

_log = logging.getLogger(__name__)


async def end_order(orders: Orders, audit: AuditLog, order: Order, trouble: str = "", *, reason: str = "") -> None:
    """End an order, after the log has its end; one that somebody else ended as lost has an end there.

    Args:
        orders: where it stands.
        audit: the log.
        order: what was carried out.
        trouble: why it failed, in words; empty if it is done.
        reason: the same for the log.

    Raises:
        AuditUnavailableError, UnavailableError: it cannot be written; somebody ends it as lost.
    """
    async with orders.ending(order.id, trouble) as is_open:
        if is_open:
            await audit.append(_failed(order, reason) if trouble else _done(order))


async def end_lost_orders(orders: Orders, audit: AuditLog) -> None:
    """End what nobody will end, in the log first; run by any number of processes at once.

    Raises:
        AuditUnavailableError, UnavailableError: it cannot be written; a later call does it.
    """
    async with orders.ending_lost() as lost:
        for order in lost:
            await audit.append(_failed(order, "lost"))


@asynccontextmanager
async def staying_alive(orders: Orders, order: Order) -> AsyncIterator[None]:
    """Say in the block that whoever carries an order out is alive: a large model loads for minutes in silence."""
    task = asyncio.create_task(_stay_alive(orders, order), name="an order is being carried out")
    try:
        yield
    finally:
        await end_task(task)


@asynccontextmanager
async def command_order(orders: Orders, audit: AuditLog, act: Act, host: str, model: str) -> AsyncIterator[None]:
    """Give an order that the block carries out; the log has it before, and its end after, however the block ends.

    The row is there before the log has the order: where this process is killed, another one ends it.

    Raises:
        AuditUnavailableError: the log cannot be written; nothing was done.
        UnavailableError: the database does not answer; likewise.
    """
    await end_lost_orders(orders, audit)
    order = await orders.begin(act, host, model)
    async with staying_alive(orders, order):
        await audit.append(FleetOrdered(actor=None, host=host, act=act.value, model=model))
        try:
            yield
        except asyncio.CancelledError:
            await to_the_end(end_order(orders, audit, order, "it was withdrawn", reason="withdrawn"))
            raise
        except ControlError as error:
            await end_order(orders, audit, order, f"{host} {error}", reason="refused")
            raise
        except Exception:  # such as a terminal that takes no more words
            await end_order(orders, audit, order, "the command ended by an error", reason="stopped")
            raise
        await to_the_end(end_order(orders, audit, order))


async def _stay_alive(orders: Orders, order: Order) -> None:
    while True:
        await asyncio.sleep(_ALIVE_SECONDS)
        try:
            await orders.stay_alive(order.id)
        except UnavailableError as error:
            _log.warning("An order cannot be noted: %s", error)


def _done(order: Order) -> FleetOrderDone:
    return FleetOrderDone(actor=order.requested_by, host=order.host, act=order.act.value, model=order.model)


def _failed(order: Order, reason: str) -> FleetOrderFailed:
    return FleetOrderFailed(
        actor=order.requested_by, host=order.host, act=order.act.value, model=order.model, reason=reason
    )
