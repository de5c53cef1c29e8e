"""See the model hosts, and order something at one of them: drain, load, unload, pull; each order with its trace."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final, Protocol
from uuid import UUID

from assistant.audit.events import Event, FleetOrdered
from assistant.conversation import Person
from assistant.errors import BadInputError
from assistant.fleet.orders import OF_COMMANDS, OF_HOSTS, Act, Order, Orders
from assistant.fleet.records import Bench, FleetRecords, SeenHost, Stretch, Trouble
from assistant.rights import Right, has_right, refusal

_MOST_NAME_CHARS: Final = 200


class Span(StrEnum):
    """How far back the history goes."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


STEPS: Final[Mapping[Span, tuple[int, timedelta]]] = {
    Span.DAY: (24, timedelta(hours=1)),
    Span.WEEK: (28, timedelta(hours=6)),
    Span.MONTH: (30, timedelta(days=1)),
}
"""How many stretches each has, and how long each of them is."""


class AuditLog(Protocol):
    """The log that hears of each order before anybody carries it out."""

    async def append(self, event: Event) -> object:
        """Return when the event is durable.

        Raises:
            AuditUnavailableError: it cannot be made durable now.
        """


@dataclass(frozen=True, slots=True)
class FleetView:
    """The fleet as its page shows it.

    Attributes:
        stretches: when each of them began, the newest last.
        history: what each host did in them.
    """

    hosts: Sequence[SeenHost]
    stretches: Sequence[datetime]
    history: Mapping[str, Mapping[datetime, Stretch]]
    troubles: Sequence[Trouble]
    benches: Mapping[tuple[str, str], Bench]
    orders: Sequence[Order]


class Maintenance:
    """The use case of the page."""

    def __init__(self, records: FleetRecords, orders: Orders, audit: AuditLog) -> None:
        self._records = records
        self._orders = orders
        self._audit = audit

    async def view(self, person: Person, span: Span, *, now: datetime | None = None) -> FleetView:
        """Return the fleet and its history.

        Raises:
            NotAllowedError: this person may not see it.
            UnavailableError: the database does not answer.
        """
        _require(person, Right.READ_FLEET)
        step = STEPS[span][1]
        stretches = stretches_of(span, now or datetime.now(UTC))
        history = await self._records.history(since=stretches[0], step=step)
        return FleetView(
            hosts=await self._records.hosts(),
            stretches=stretches,
            history={host: {each.began_at: each for each in rows} for host, rows in history.items()},
            troubles=await self._records.troubles(since=stretches[0]),
            benches={(each.host, each.model): each for each in await self._records.benches()},
            orders=await self._orders.newest(),
        )

    async def order(self, person: Person, act: Act, host: str, model: str = "") -> UUID:
        """Order something; the log has it before anybody can carry it out. Return the order's id.

        Raises:
            NotAllowedError: this person may not order it.
            BadInputError: there is no such host or model, or the same is being done already.
            AuditUnavailableError: the log cannot be written: nothing was ordered.
            UnavailableError: the database does not answer.
        """
        _require(person, Right.RUN_FLEET)
        if act in OF_COMMANDS:
            raise BadInputError("No page orders this: run `cloister fleet bench` on Cloister's machine.")
        if act in OF_HOSTS and model:
            raise BadInputError("This is about a whole host, and a model was named. Load the page again.")
        seen = {each.sample.name: each.sample for each in await self._records.hosts()}
        if host not in seen:
            raise BadInputError("There is no such host in the fleet. Load the page again.")
        known = {each.name for each in seen[host].models}
        if act not in OF_HOSTS and (not model or len(model) > _MOST_NAME_CHARS or not model.isprintable()):
            raise BadInputError("Name the model. Load the page again.")
        if act in {Act.LOAD, Act.UNLOAD} and model not in known:
            raise BadInputError(f"{host} has no such model. Load the page again.")
        await self._audit.append(FleetOrdered(actor=person.id, host=host, act=act.value, model=model))
        return await self._orders.give(person.id, act, host, model)


def stretches_of(span: Span, now: datetime) -> list[datetime]:
    """Return when each stretch of a span began, the newest last; they begin at whole hours or days.

    >>> stretches_of(Span.WEEK, datetime(2026, 11, 29, 13, 5, tzinfo=UTC))[-1].hour
    12
    """
    count, step = STEPS[span]
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    newest = midnight + (now - midnight) // step * step
    return [newest - number * step for number in reversed(range(count))]


def _require(person: Person, right: Right) -> None:
    if not has_right(person, right):
        raise refusal(right)
