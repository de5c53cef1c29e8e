"""Orders of administrators: rows that one of the processes which watch the hosts takes, carries out and ends."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final
from uuid import UUID, uuid4

from sqlalchemy import Row, Update, and_, delete, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlmodel import col

from assistant.database import transaction
from assistant.errors import BadInputError
from assistant.fleet.tables import FleetHostRow, FleetOrderRow

_MOST_OPEN: Final = 20
_MOST_LISTED: Final = 20
_SILENT: Final = timedelta(minutes=1)  # a process that wrote no progress for so long is gone
_UNTAKEN: Final = timedelta(minutes=10)  # for a host that no process sees: longer than a restart takes
_MOST_CHARS: Final = 500
# Not a number that any role may lock: only who may change orders can hold this, and only for one transaction.
_ONE_AT_A_TIME: Final = text("LOCK TABLE fleet_order IN SHARE ROW EXCLUSIVE MODE")


class Act(StrEnum):
    """What can be ordered."""

    DRAIN = "drain"
    UNDRAIN = "undrain"
    LOAD = "load"
    UNLOAD = "unload"
    PULL = "pull"
    BENCH = "bench"


OF_HOSTS: Final = frozenset({Act.DRAIN, Act.UNDRAIN})
"""What is about a whole host; everything else is about one model on it."""

OF_COMMANDS: Final = frozenset({Act.BENCH})
"""What a command alone carries out: no page orders it, and no caretaker takes it."""


class OrderState(StrEnum):
    """How far an order is."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Order:
    """What somebody wants done.

    Attributes:
        requested_by: an administrator; None for a command, of which nobody knows who started it.
        progress, share: how far it is, in words and from 0 to 1 where that is known.
        trouble: why it failed.
    """

    id: UUID
    requested_by: UUID | None
    requested_at: datetime
    act: Act
    host: str
    model: str
    state: OrderState
    progress: str
    share: float | None
    trouble: str

    @property
    def is_open(self) -> bool:
        """Tell whether something is still to be done."""
        return self.state in {OrderState.WAITING, OrderState.RUNNING}


class Orders:
    """Give orders, and carry them out one a host at a time.

    Args:
        engine: where the rows lie.
        keep_days: how long orders are kept that are over.
    """

    def __init__(self, engine: AsyncEngine, *, keep_days: int) -> None:
        self._engine = engine
        self._keep = timedelta(days=keep_days)

    async def give(self, person_id: UUID, act: Act, host: str, model: str = "") -> UUID:
        """Give an order and return its id.

        Raises:
            BadInputError: the same waits already, or too many do.
            UnavailableError: the database does not answer.
        """
        row = FleetOrderRow
        is_open = col(row.state).in_([OrderState.WAITING.value, OrderState.RUNNING.value])
        order_id = uuid4()
        async with transaction(self._engine) as connection:
            await connection.execute(_ONE_AT_A_TIME)
            waiting = (
                await connection.execute(select(col(row.act), col(row.host), col(row.model)).where(is_open))
            ).all()
            if (act.value, host, model) in [tuple(each) for each in waiting]:
                raise BadInputError(f"This was ordered for {host} already and is not done yet.")
            if len(waiting) >= _MOST_OPEN:
                raise BadInputError(f"{_MOST_OPEN} orders wait already. Wait until one of them is done.")
            values = {"id": order_id, "requested_by": person_id, "act": act.value, "host": host, "model": model}
            await connection.execute(insert(row).values(**values))
        return order_id

    async def begin(self, act: Act, host: str, model: str) -> Order:
        """Return an order that whoever gives it, a command, carries out at once.

        Raises:
            UnavailableError: the database does not answer.
        """
        values = {"id": uuid4(), "act": act.value, "host": host, "model": model, "state": OrderState.RUNNING.value}
        begun = insert(FleetOrderRow).values(**values, seen_at=func.clock_timestamp()).returning(*_COLUMNS)
        async with transaction(self._engine) as connection:
            return _order((await connection.execute(begun)).one())

    async def newest(self) -> Sequence[Order]:
        """Return the newest orders, the latest first.

        Raises:
            UnavailableError: the database does not answer.
        """
        query = _orders().order_by(col(FleetOrderRow.requested_at).desc()).limit(_MOST_LISTED)
        async with transaction(self._engine) as connection:
            return [_order(each) for each in await connection.execute(query)]

    async def take(self, hosts: Collection[str]) -> Order | None:
        """Take the oldest order for one of these hosts, of which no other is being carried out; None if there is none.

        Raises:
            UnavailableError: the database does not answer.
        """
        row = FleetOrderRow
        busy = select(col(row.host)).where(col(row.state) == OrderState.RUNNING.value)
        oldest = (
            select(col(row.id))
            .where(col(row.state) == OrderState.WAITING.value, col(row.host).in_(hosts), col(row.host).not_in(busy))
            .order_by(col(row.requested_at))
            .limit(1)
        )
        taken = (
            update(row)
            .where(col(row.id) == oldest.scalar_subquery())
            .values(state=OrderState.RUNNING.value, seen_at=func.clock_timestamp())
            .returning(*_COLUMNS)
        )
        async with transaction(self._engine) as connection:
            if await connection.scalar(oldest) is None:
                return None
            await connection.execute(_ONE_AT_A_TIME)  # or two processes would take two orders for one host
            found = (await connection.execute(taken)).first()
        return _order(found) if found is not None else None

    async def note(self, order_id: UUID, progress: str, share: float | None) -> None:
        """Say how far an order is.

        Raises:
            UnavailableError: the database does not answer.
        """
        await self._change(order_id, progress=_storable(progress), share=share)

    async def stay_alive(self, order_id: UUID) -> None:
        """Say that whoever carries an order out is alive.

        Raises:
            UnavailableError: the database does not answer.
        """
        await self._change(order_id)

    @asynccontextmanager
    async def ending(self, order_id: UUID, trouble: str = "") -> AsyncIterator[bool]:
        """End an order that was carried out, or failed, and tell whether nobody else did; not if the block raises.

        Raises:
            UnavailableError: the database does not answer.
        """
        state = OrderState.FAILED if trouble else OrderState.DONE
        async with transaction(self._engine) as connection:
            ended = await connection.execute(_changing(order_id, state=state.value, trouble=_storable(trouble)))
            yield bool(ended.rowcount)

    @asynccontextmanager
    async def ending_lost(self) -> AsyncIterator[Sequence[Order]]:
        """End what nobody will end, and give it; none of it is ended if the block raises, nor done again by itself.

        That is what a process began that is gone, and what waits for a host that left the fleet.

        Raises:
            UnavailableError: the database does not answer.
        """
        row = FleetOrderRow
        now = func.clock_timestamp()
        is_lost = and_(col(row.state) == OrderState.RUNNING.value, col(row.seen_at) < now - _SILENT)
        is_left = and_(
            col(row.state) == OrderState.WAITING.value,
            col(row.requested_at) < now - _UNTAKEN,
            col(row.host).not_in(select(col(FleetHostRow.host))),
        )
        ended = update(row).values(state=OrderState.FAILED.value).returning(*_COLUMNS)
        over = delete(row).where(
            col(row.requested_at) < now - self._keep,
            col(row.state).in_([OrderState.DONE.value, OrderState.FAILED.value]),
        )
        async with transaction(self._engine) as connection:
            await connection.execute(over)
            lost = await connection.execute(ended.where(is_lost).values(trouble=_LOST))
            left = await connection.execute(ended.where(is_left).values(trouble=_LEFT))
            yield [_order(each) for each in (*lost, *left)]

    async def _change(self, order_id: UUID, **values: object) -> None:
        async with transaction(self._engine) as connection:
            await connection.execute(_changing(order_id, **values))


_NAMES: Final = ("id", "requested_by", "requested_at", "act", "host", "model", "state", "progress", "share", "trouble")
_COLUMNS: Final = [col(getattr(FleetOrderRow, name)) for name in _NAMES]

_LOST: Final = "the process that did it ended; look at the host"
_LEFT: Final = "the host is not in the fleet any more, or no process watches it; nothing was done"


def _storable(words: str) -> str:
    """Return words that a host had a part in as Postgres takes them."""
    return "".join(char if char.isprintable() else " " for char in words[:_MOST_CHARS])


def _changing(order_id: UUID, **values: object) -> Update:
    """Return what changes an order that is being carried out, and says that somebody does."""
    row = FleetOrderRow
    is_running = col(row.state) == OrderState.RUNNING.value
    return update(row).where(col(row.id) == order_id, is_running).values(seen_at=func.clock_timestamp(), **values)


def _orders() -> Any:
    return select(*_COLUMNS)


def _order(row: Row[Any]) -> Order:
    values = row._asdict()
    return Order(**{**values, "act": Act(values["act"]), "state": OrderState(values["state"])})
