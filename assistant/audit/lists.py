"""Lists of the log for a person to page through: by keyset, each single filter along an index, nothing counted whole.

An index answers `this value, the newest first`. So a filter that allows several values, or a person who acted or was
acted on, becomes one short walk along an index for each, of which the newest are taken.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from itertools import product
from typing import Any, Final, Self
from uuid import UUID

from psycopg import sql

from assistant.audit.events import Tag
from assistant.audit.read import StoredEvent, tail_of_reference
from assistant.audit.reader_pool import ReaderPool
from assistant.audit.record import first_id
from assistant.conversation import parse_reference
from assistant.errors import BadInputError

HIT_SEVERITIES: Final = frozenset({3, 4})
"""Redacted and blocked: what the guard did to a text that was not let through whole; ranks of `policies.verdict`."""

_FOUND_SEVERITY: Final = 1  # from here on the index `event_by_severity` has an event
_MOST_WALKS: Final = 24
_MOST_OF_A_TURN: Final = 200
_COLUMNS: Final = sql.SQL(", ").join(sql.Identifier(one.name) for one in fields(StoredEvent))
_LONGEST_TURN: Final = timedelta(hours=1)
_ANY: Final = sql.Composed([sql.SQL("true")])
_TAIL_MASK: Final = 0x7_FFFF_FFFF  # the 35 bits of a reference


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which events a list has; what is not named does not matter.

    Attributes:
        severities: ranks of what the guard did, 0 (allowed) to 4 (blocked).
        people: who acted or was acted on, any of these ids.
        since, until: by the producer's clock; half-open.
    """

    types: frozenset[Tag] = frozenset()
    severities: frozenset[int] = frozenset()
    people: frozenset[UUID] | None = None
    thread_id: UUID | None = None
    rule: str = ""
    model: str = ""
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a page begins: below an event, above one, or at the newest of all."""

    before: UUID | None = None
    after: UUID | None = None

    @classmethod
    def parse(cls, *, before: str, after: str) -> Self:
        """Read the two fields of an address.

        Raises:
            BadInputError: one is not the id of an event.
        """
        try:
            return cls(UUID(before) if before else None, UUID(after) if after else None)
        except ValueError:
            raise BadInputError("This page of the list is not there. Go to the newest one.") from None


@dataclass(frozen=True, slots=True)
class EventPage:
    """A page, the newest event first.

    Attributes:
        has_newer, has_older: whether there are events above and below it.
    """

    events: Sequence[StoredEvent] = field(default=())
    has_newer: bool = False
    has_older: bool = False


class EventLists:
    """Read lists and turns."""

    def __init__(self, pool: ReaderPool) -> None:
        self._pool = pool

    async def page(self, wanted: Wanted, cursor: Cursor, *, limit: int) -> EventPage:
        """Return one page.

        Raises:
            BadInputError: the filters allow more combinations of values than are walked.
            TooBroadError: no index serves this combination in time.
            UnavailableError: the database does not answer.
        """
        is_upwards = cursor.after is not None and cursor.before is None
        rows = await self._pool.rows(_select(wanted, cursor, limit=limit + 1, is_upwards=is_upwards))
        events = [StoredEvent(*row) for row in rows[:limit]]
        has_more = len(rows) > limit
        if is_upwards:
            return EventPage(events[::-1], has_newer=has_more, has_older=True)
        return EventPage(events, has_newer=cursor.before is not None, has_older=has_more)

    async def count(self, wanted: Wanted, *, most: int) -> int:
        """Return how many events there are, counting no further than `most`.

        Raises:
            TooBroadError: no index serves this combination in time.
            UnavailableError: the database does not answer.
        """
        walks = _union(_walks(wanted, Cursor(), limit=most, is_upwards=False, columns=sql.SQL("id")))
        query = sql.SQL("SELECT count(*) FROM (SELECT id FROM ({}) walk LIMIT {}) counted").format(walks, most)
        return int((await self._pool.rows(query))[0][0])

    async def turn(self, turn: UUID | str) -> Sequence[StoredEvent]:
        """Return the events of a turn, the earliest first; of the newest turn that a short reference stands for.

        Raises:
            BadInputError: the reference cannot be one.
            UnavailableError: the database does not answer.
        """
        tail = turn.hex[-8:] if isinstance(turn, UUID) else tail_of_reference(turn)
        query = sql.SQL(
            "SELECT {} FROM audit.event WHERE right(turn_id::text, 8) = {} AND turn_id IS NOT NULL ORDER BY id LIMIT {}"
        ).format(_COLUMNS, tail, _MOST_OF_A_TURN)
        events = [StoredEvent(*row) for row in await self._pool.rows(query)]
        fitting = [event.turn_id for event in events if event.turn_id and _is_meant(event.turn_id, turn)]
        return [event for event in events if fitting and event.turn_id == fitting[-1]]

    async def hosts_of(self, events: Sequence[StoredEvent]) -> Mapping[UUID, str]:
        """Return which machine each turn of some events was sent to, by turn; the last one where there were several.

        Raises:
            UnavailableError: the database does not answer.
        """
        tails = sorted({event.turn_id.hex[-8:] for event in events if event.turn_id})
        if not tails:
            return {}
        begin = min(event.occurred_at for event in events) - _LONGEST_TURN
        end = max(event.occurred_at for event in events) + _LONGEST_TURN
        query = sql.SQL(
            "SELECT turn_id, convert_from(body, 'UTF8')::jsonb #>> '{{data,host}}' FROM audit.event "
            "WHERE right(turn_id::text, 8) = ANY({}) AND turn_id IS NOT NULL AND type = {} AND id >= {} AND id < {} "
            "ORDER BY id"
        ).format(tails, Tag.TURN_ROUTED.value, first_id(begin), first_id(end))
        return {turn_id: str(host) for turn_id, host in await self._pool.rows(query) if host}


def _is_meant(turn_id: UUID, turn: UUID | str) -> bool:
    return turn_id == turn if isinstance(turn, UUID) else turn_id.int & _TAIL_MASK == parse_reference(turn)


def _select(wanted: Wanted, cursor: Cursor, *, limit: int, is_upwards: bool) -> sql.Composed:
    walks = _walks(wanted, cursor, limit=limit, is_upwards=is_upwards, columns=_COLUMNS)
    order = sql.SQL("ORDER BY id" if is_upwards else "ORDER BY id DESC")
    return sql.SQL("SELECT {} FROM ({}) walk {} LIMIT {}").format(_COLUMNS, _union(walks), order, limit)


def _union(walks: Sequence[sql.Composed]) -> sql.Composed:
    return sql.SQL(" UNION ALL ").join(walks)


def _walks(
    wanted: Wanted, cursor: Cursor, *, limit: int, is_upwards: bool, columns: sql.Composable
) -> list[sql.Composed]:
    """Return one query for each combination of values, each along an index and no longer than the page."""
    choices = [
        [_equal("severity", one) for one in sorted(wanted.severities)],
        [_equal("type", tag.value) for tag in sorted(wanted.types)],
        [] if wanted.people is None else [each for one in sorted(wanted.people) for each in _about(one)],
    ]
    shared = [*_shared(wanted), *_bounds(wanted, cursor)]
    if wanted.people is not None and not wanted.people:
        shared.append(sql.SQL("false"))  # nobody has this pseudonym
    combinations = list(product(*(each or [_ANY] for each in choices)))
    if len(combinations) > _MOST_WALKS:
        raise BadInputError("These are too many values at once. Take a filter out.")
    order = sql.SQL("ORDER BY id" if is_upwards else "ORDER BY id DESC")
    return [
        sql.SQL("(SELECT {} FROM audit.event WHERE {} {} LIMIT {})").format(
            columns, sql.SQL(" AND ").join([*combination, *shared]), order, limit
        )
        for combination in combinations
    ]


def _about(person: UUID) -> Iterator[sql.Composed]:
    """Yield the two ways in which somebody is in an event; no event fits both."""
    yield sql.SQL("subject = {}").format(person)
    yield sql.SQL("(actor = {} AND actor IS DISTINCT FROM subject)").format(person)


def _shared(wanted: Wanted) -> Iterator[sql.Composable]:
    named: Mapping[str, object] = {"thread_id": wanted.thread_id, "rule": wanted.rule, "model": wanted.model}
    yield from (_equal(name, value) for name, value in named.items() if value)
    if wanted.severities and min(wanted.severities) >= _FOUND_SEVERITY:
        yield sql.SQL("severity >= 1")  # lets the planner see that the partial index has them all


def _bounds(wanted: Wanted, cursor: Cursor) -> Iterator[sql.Composable]:
    if wanted.since:
        yield sql.SQL("id >= {}").format(first_id(wanted.since))
    if wanted.until:
        yield sql.SQL("id < {}").format(first_id(wanted.until))
    if cursor.before:
        yield sql.SQL("id < {}").format(cursor.before)
    if cursor.after:
        yield sql.SQL("id > {}").format(cursor.after)


def _equal(column: str, value: Any) -> sql.Composed:
    return sql.SQL("{} = {}").format(sql.Identifier(column), value)
