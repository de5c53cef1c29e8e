"""Read the log as the reader role: the newest events, older pages, and what comes in from now on."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import product
from typing import Any, Final, LiteralString, Self
from uuid import UUID

import psycopg
from psycopg import sql
from psycopg.rows import class_row
from pydantic import SecretStr

from assistant.audit.events import EVENT_TYPES, Outcome, Tag
from assistant.audit.log_connection import LogConnection
from assistant.audit.record import Record, first_id, parse_body
from assistant.conversation import parse_reference, short_reference
from assistant.database import unreadable
from assistant.errors import BadInputError
from policies.verdict import Action

_POLL_SECONDS: Final = 0.5
_MOST_A_PAGE: Final = 1000
_MOST_BRANCHES: Final = 24  # beyond, planning takes longer than what the branches save
_MOST_SEVERE: Final = max(action.severity for action in Action)
_TAGS_BY_OUTCOME: Final = {
    outcome: frozenset(kind.tag for kind in EVENT_TYPES if kind.outcome is outcome) for outcome in Outcome
}

_BY_OTHERS: Final[LiteralString] = "actor IS DISTINCT FROM subject"
_TAIL_DIGITS: Final = 8  # of a turn's id, which the index `event_by_turn` goes by


class StoredEvent(Record):
    """A row of the log: a record, and when the log got it.

    Attributes:
        occurred_at, recorded_at: by the clock of the process that wrote it, and by the database's.
        body: the exact bytes that `leaf` is the hash of.
    """

    recorded_at: datetime

    def __new__(cls, *columns: Any, recorded_at: datetime, **named: Any) -> Self:
        """Take the columns of a record, in their order or by name."""
        event = super().__new__(cls, *columns, **named)
        event.recorded_at = recorded_at
        return event

    @classmethod
    def of_row(cls, row: Sequence[Any]) -> Self:
        """Return a row of `EVENT_COLUMNS` as a value."""
        *columns, recorded_at = row
        return cls(*columns, recorded_at=recorded_at)

    @property
    def reference(self) -> str:
        """Return the short id that the page and the log file show; empty outside a turn."""
        return short_reference(self.turn_id) if self.turn_id else ""

    @property
    def document(self) -> Mapping[str, object]:
        """Return what the body says; nothing where somebody else than the product wrote it."""
        return parse_body(self.body)


# Times that Python cannot hold, such as infinity, become ones that it can: whoever may add events stops no list.
POSSIBLE_TIME: Final[LiteralString] = "least(greatest({0}, '0002-01-01 00:00Z'), '9998-12-31 00:00Z') AS {0}"
EVENT_COLUMNS: Final = sql.SQL(", ").join(
    sql.SQL(POSSIBLE_TIME if name.endswith("_at") else "{0}").format(sql.Identifier(name))
    for name in (*Record._fields, "recorded_at")
)


@dataclass(frozen=True, slots=True)
class Search:
    """Which events are wanted; what is not named does not matter.

    Attributes:
        reference: the short id of a turn, as a person read it from the page.
        person_id: who acted, or whom it was about.
        done_to: whom it was about, where somebody else acted.
        rule: the strictest rule of the guard, by its full name.
        severity, severest: how strict the guard was, from 1 (a warning) to 4 (blocked), both included.
        since, until: when it happened, by the clock of the process that wrote it; the second is not included.
    """

    types: frozenset[Tag] = frozenset()
    reference: str = ""
    turn_id: UUID | None = None
    thread_id: UUID | None = None
    person_id: UUID | None = None
    done_to: UUID | None = None
    rule: str = ""
    model: str = ""
    host: str = ""
    persona: str = ""
    severity: int = 0
    severest: int = _MOST_SEVERE
    outcome: Outcome | None = None
    since: datetime | None = None
    until: datetime | None = None


class Equals(sql.Composed):
    """That a column has a value: what an index of that column and the id is for.

    Attributes:
        column, value: as they stand in a query.
        also: what else holds of the rows of that index; part of this condition.
    """

    def __init__(self, column: sql.Composable, value: object, also: LiteralString = "") -> None:
        rest = [sql.SQL(" AND "), sql.SQL(also)] if also else []
        super().__init__([column, sql.SQL(" = "), sql.Literal(value), *rest])
        self.column = column
        self.value = sql.Literal(value)
        self.also = also


class LogReader(LogConnection):
    """Read the log over one connection; use it as `async with`."""

    def __init__(self, reader_url: SecretStr, *, poll_seconds: float = _POLL_SECONDS) -> None:
        super().__init__(reader_url)
        self._poll_seconds = poll_seconds

    async def read_newest(
        self, count: int, search: Search | None = None, *, before: UUID | None = None
    ) -> list[StoredEvent]:
        """Return the newest events, the latest last; `before` an id gives the page above it.

        Raises:
            BadInputError: a reference that cannot be one.
            UnavailableError: the database went away.
        """
        conditions = conditions_of(search)
        if before is not None:
            conditions.append(sql.SQL("id < {}").format(before))
        async with _one_moment(self._open) as connection:
            return await _select_newest(connection, conditions, branches_of(search), min(count, _MOST_A_PAGE))

    async def follow(self, count: int, search: Search | None = None) -> AsyncGenerator[StoredEvent, None]:
        """Yield the newest events and then every one that is committed from now on, none left out and none twice.

        Ids are made before the commit, so a later commit may bring an earlier id. What is new is therefore told by
        what the previous look could not see, not by the largest id.

        Raises:
            BadInputError: a reference that cannot be one.
            UnavailableError: the database went away.
        """
        conditions, branches = conditions_of(search), branches_of(search)
        async with _one_moment(self._open) as connection:
            seen = await _snapshot(connection)
            events = await _select_newest(connection, conditions, branches, min(count, _MOST_A_PAGE))
        while True:
            for event in events:
                yield event
            await asyncio.sleep(self._poll_seconds)
            async with _one_moment(self._open) as connection:
                now = await _snapshot(connection)
                any_branch = sql.SQL("({})").format(sql.SQL(" OR ").join(map(all_of, branches)))
                events = await _select_all(connection, [*conditions, any_branch, _unseen_since(seen)])
            seen = now


@asynccontextmanager
async def _one_moment(connection: psycopg.AsyncConnection) -> AsyncGenerator[psycopg.AsyncConnection, None]:
    """Open a transaction whose statements all see the same log."""
    try:
        async with connection.transaction():
            yield connection
    except (psycopg.OperationalError, psycopg.ProgrammingError) as error:
        away = "The audit log cannot be read: the database went away. Ask again in a minute."
        raise unreadable(error, away) from error


async def _snapshot(connection: psycopg.AsyncConnection) -> str:
    row = await (await connection.execute("SELECT pg_current_snapshot()::text")).fetchone()
    return str(row[0]) if row else ""


async def _select_all(connection: psycopg.AsyncConnection, conditions: Sequence[sql.Composable]) -> list[StoredEvent]:
    """Return what meets all conditions, the latest last."""
    query = sql.SQL("SELECT {} FROM audit.event WHERE {} ORDER BY id").format(EVENT_COLUMNS, all_of(conditions))
    return await _fetch(connection, query)


async def _select_newest(
    connection: psycopg.AsyncConnection,
    conditions: Sequence[sql.Composable],
    branches: Sequence[Sequence[sql.Composable]],
    count: int,
) -> list[StoredEvent]:
    """Return the newest of what meets all conditions and one of the branches, the latest last.

    Each branch is a walk along an index that already has the order; one condition with OR or ANY would be a sort of
    everything that fits.
    """
    walks = [
        sql.SQL("(SELECT {} FROM audit.event WHERE {} ORDER BY id DESC LIMIT {})").format(
            EVENT_COLUMNS, all_of([*conditions, *branch]), count
        )
        for branch in branches
    ]
    query = sql.SQL("SELECT * FROM ({}) found ORDER BY id DESC LIMIT {}").format(
        sql.SQL(" UNION ALL ").join(walks), count
    )
    return (await _fetch(connection, query))[::-1]


async def _fetch(connection: psycopg.AsyncConnection, query: sql.Composed) -> list[StoredEvent]:
    async with connection.cursor(row_factory=class_row(StoredEvent)) as cursor:
        return await (await cursor.execute(query)).fetchall()


def all_of(conditions: Sequence[sql.Composable]) -> sql.Composable:
    """Return one condition that holds where all of these do."""
    return sql.SQL("({})").format(sql.SQL(" AND ").join(conditions)) if conditions else sql.SQL("true")


def _unseen_since(snapshot: str) -> sql.Composed:
    # The first two conditions are what the index needs; the third is what is meant.
    return sql.SQL(
        "era = (SELECT coalesce(max(era), 0::smallint) FROM audit.event) AND xid >= pg_snapshot_xmin({snapshot}) "
        "AND NOT pg_visible_in_snapshot(xid, {snapshot})"
    ).format(snapshot=sql.SQL("{}::pg_snapshot").format(snapshot))


def conditions_of(search: Search | None) -> list[sql.Composable]:
    """Return what every event that is wanted meets."""
    wanted = search or Search()
    conditions: list[sql.Composable] = []
    if wanted.reference:
        conditions.append(_is_turn(tail_of_reference(wanted.reference)))
    if wanted.turn_id:
        conditions.append(_is_turn(str(wanted.turn_id)[-_TAIL_DIGITS:]))
    if wanted.since:
        conditions.append(sql.SQL("id >= {}").format(first_id(wanted.since)))
    if wanted.until:
        conditions.append(sql.SQL("id < {}").format(first_id(wanted.until)))
    if wanted.done_to:
        conditions.append(Equals(sql.Identifier("subject"), wanted.done_to, _BY_OTHERS))
    return conditions + [
        Equals(sql.Identifier(column), value)
        for column in ("turn_id", "thread_id", "rule", "model", "host", "persona")
        if (value := getattr(wanted, column))
    ]


def condition_of(search: Search | None) -> sql.Composable:
    """Return what an event that is wanted meets, in one piece: for a query with an order and an index of its own."""
    branches = [all_of(branch) for branch in branches_of(search)]
    return all_of([*conditions_of(search), sql.SQL("({})").format(sql.SQL(" OR ").join(branches))])


def branches_of(search: Search | None) -> list[tuple[sql.Composable, ...]]:
    """Return the ways to be wanted, of which an event meets one and no two: each has an index in the right order."""
    wanted = search or Search()
    choices: list[list[sql.Composable]] = []
    if wanted.person_id:
        choices.append(
            [
                Equals(sql.Identifier("subject"), wanted.person_id),
                Equals(sql.Identifier("actor"), wanted.person_id, _BY_OTHERS),
            ]
        )
    if wanted.severity > 0:
        levels = range(wanted.severity, wanted.severest + 1)
        choices.append([Equals(sql.Identifier("severity"), level, "severity > 0") for level in levels])
    if wanted.types or wanted.outcome:
        tags = [tag.value for tag in sorted(_tags_of(wanted))]
        branches = math.prod(map(len, choices)) * len(tags)
        is_few = 0 < branches <= _MOST_BRANCHES
        choices.append(
            [Equals(sql.Identifier("type"), tag) for tag in tags]
            if is_few
            else [sql.SQL("type = ANY({})").format(tags)]
        )
    return list(product(*choices))


def _tags_of(wanted: Search) -> frozenset[Tag]:
    if wanted.outcome is None:
        return wanted.types
    tags = _TAGS_BY_OUTCOME[wanted.outcome]
    return wanted.types & tags if wanted.types else tags


def _is_turn(tail: str) -> Equals:
    return Equals(sql.SQL("right(turn_id::text, 8)"), tail, "turn_id IS NOT NULL")


def tail_of_reference(reference: str) -> str:
    """Return the last eight hexadecimal digits of the turn that a short reference stands for.

    A reference holds three bits more; two turns that differ in nothing but those do not occur.

    Raises:
        BadInputError: it cannot be a reference.
    """
    try:
        bits = parse_reference(reference)
    except ValueError:
        raise BadInputError(
            f"{reference!r} is not a reference: those have seven letters and digits, such as 7QK2M4X."
        ) from None
    return f"{bits & 0xFFFFFFFF:0{_TAIL_DIGITS}x}"
