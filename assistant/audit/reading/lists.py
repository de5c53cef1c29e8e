"""Lists of the log for a person to page through: by keyset in both directions, along indexes, nothing counted whole."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, Self
from uuid import UUID

from psycopg import sql

from assistant.audit.events import Tag
from assistant.audit.reader_pool import ReaderPool
from assistant.audit.reading.read import (
    EVENT_COLUMNS,
    Equals,
    Search,
    StoredEvent,
    all_of,
    branches_of,
    conditions_of,
    tail_of_reference,
)
from assistant.audit.record import first_id
from assistant.errors import BadInputError

_MOST_OF_A_TURN: Final = 100  # from each end: what happened in it, and who looked at it last
_LONGEST_TURN: Final = timedelta(hours=1)
_LAST_ID: Final = UUID(int=(1 << 128) - 1)


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

    @property
    def is_upwards(self) -> bool:
        """Tell whether the page is the one above an event."""
        return self.after is not None and self.before is None


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

    async def page(self, search: Search, cursor: Cursor, *, limit: int) -> EventPage:
        """Return one page.

        Raises:
            BadInputError: a reference that cannot be one.
            TooBroadError: no index serves this combination in time.
            UnavailableError: the database does not answer.
        """
        rows = await self._pool.rows(select_page(search, cursor, limit=limit + 1), is_in_order=_is_single(search))
        events = [StoredEvent.of_row(row) for row in rows[:limit]]
        has_more = len(rows) > limit
        if cursor.is_upwards:
            return EventPage(events[::-1], has_newer=has_more, has_older=True)
        return EventPage(events, has_newer=cursor.before is not None, has_older=has_more)

    async def count(self, search: Search, *, most: int) -> int:
        """Return how many events there are, counting no further than `most`.

        Raises:
            TooBroadError: no index serves this combination in time.
            UnavailableError: the database does not answer.
        """
        walks = _walks(search, Cursor(), limit=most, columns=sql.SQL("id"))
        query = sql.SQL("SELECT count(*) FROM (SELECT id FROM ({}) walk LIMIT {}) counted").format(walks, most)
        return int((await self._pool.rows(query, is_in_order=_is_single(search)))[0][0])

    async def turn(self, turn: UUID | str) -> Sequence[StoredEvent]:
        """Return the events of a turn, the earliest first; of the newest turn that a short reference stands for.

        Each look at a turn is an event of it, so of very many the ones in the middle are left out.

        Raises:
            BadInputError: the reference cannot be one.
            UnavailableError: the database does not answer.
        """
        tail = turn.hex[-8:] if isinstance(turn, UUID) else tail_of_reference(turn)
        is_turn = sql.SQL("right(turn_id::text, 8) = {} AND turn_id IS NOT NULL").format(tail)
        query = sql.SQL(
            "(SELECT {0} FROM audit.event WHERE {1} ORDER BY id LIMIT {2}) UNION "
            "(SELECT {0} FROM audit.event WHERE {1} ORDER BY id DESC LIMIT {2}) ORDER BY id"
        ).format(EVENT_COLUMNS, is_turn, _MOST_OF_A_TURN)
        events = [StoredEvent.of_row(row) for row in await self._pool.rows(query)]
        if isinstance(turn, UUID):
            return [event for event in events if event.turn_id == turn]
        return [event for event in events if event.turn_id == events[-1].turn_id]

    async def hosts_of(self, events: Sequence[StoredEvent]) -> Mapping[UUID, str]:
        """Return which machine each turn of some events was sent to, by turn; the last one where there were several.

        Raises:
            UnavailableError: the database does not answer.
        """
        if not any(event.turn_id for event in events):
            return {}
        rows = await self._pool.rows(select_hosts(events))
        return {turn_id: host for turn_id, host in rows if host}


def select_hosts(events: Sequence[StoredEvent]) -> sql.Composed:
    """Return the query for the turns of some events, at least one, and the hosts that each was sent to in turn.

    Turn by turn: asked for all of them at once, Postgres reads whatever was routed in between. OFFSET 0 keeps it apart.
    """
    tails = sorted({event.turn_id.hex[-8:] for event in events if event.turn_id})
    begin = min(event.occurred_at for event in events) - _LONGEST_TURN
    end = max(event.occurred_at for event in events) + _LONGEST_TURN
    return sql.SQL(
        "SELECT turn_id, host FROM unnest({}::text[]) AS tail, LATERAL (SELECT id, turn_id, host FROM audit.event "
        "WHERE right(turn_id::text, 8) = tail AND turn_id IS NOT NULL AND type = {} AND id >= {} AND id < {} "
        "OFFSET 0) routed ORDER BY id"
    ).format(tails, Tag.TURN_ROUTED.value, first_id(begin), first_id(end))


def select_page(search: Search, cursor: Cursor, *, limit: int) -> sql.Composed:
    """Return the query for the events of a page, from its edge on."""
    walks = _walks(search, cursor, limit=limit, columns=EVENT_COLUMNS)
    return sql.SQL("SELECT {} FROM ({}) walk {} LIMIT {}").format(EVENT_COLUMNS, walks, _order(cursor, []), limit)


def _walks(search: Search, cursor: Cursor, *, limit: int, columns: sql.Composable) -> sql.Composed:
    """Return one query for each way to be wanted, each along an index and no longer than the page."""
    shared = [*conditions_of(search), *_edges(cursor)]
    between = _Range.of(search, cursor)
    return sql.SQL(" UNION ALL ").join(
        _walk(_along([*branch, *shared], between), _order(cursor, _named([*branch, *shared])), limit, columns)
        for branch in branches_of(search)
    )


def _walk(
    conditions: Sequence[sql.Composable], order: sql.Composable, limit: int, columns: sql.Composable
) -> sql.Composed:
    return sql.SQL("(SELECT {} FROM audit.event WHERE {} {} LIMIT {})").format(
        columns, all_of(conditions), order, limit
    )


def _named(conditions: Sequence[sql.Composable]) -> Sequence[Equals]:
    return [each for each in conditions if isinstance(each, Equals)]


def _is_single(search: Search) -> bool:
    """Tell whether every way to be wanted has an index in the order of a page; the ways differ by one value each."""
    return all(
        len(_named([*branch, *conditions_of(search)])) <= 1 and len(_named(branch)) == len(branch)
        for branch in branches_of(search)
    )


@dataclass(frozen=True, slots=True)
class _Range:
    """Between which ids a page lies; `low` is the first one that does, `high` the first one above."""

    low: UUID | None
    high: UUID | None

    @classmethod
    def of(cls, search: Search, cursor: Cursor) -> Self:
        after = cursor.after and UUID(int=min(cursor.after.int + 1, _LAST_ID.int))
        lows = [each for each in (search.since and first_id(search.since), after) if each]
        highs = [each for each in (search.until and first_id(search.until), cursor.before) if each]
        return cls(max(lows, default=None), min(highs, default=None))


def _along(conditions: Sequence[sql.Composable], between: _Range) -> Sequence[sql.Composable]:
    """Return conditions which, if they name one value, only the index of its column and the id has in order.

    Said as an equality, the column drops out of the order, and Postgres may go down the whole log instead, where it
    takes what is asked for to be everywhere in it: whoever had a fifth of all turns until they left last month, or the
    little that somebody with a fifth of all turns did to others. No statistics tell it.
    """
    named = _named(conditions)
    if len(named) != 1:
        return conditions
    (leading,) = named
    column, value = leading.column, leading.value
    pair = sql.SQL("({}, id) {} ({}, {})")
    return [
        pair.format(column, sql.SQL(">="), value, between.low)
        if between.low
        else sql.SQL("{} >= {}").format(column, value),
        pair.format(column, sql.SQL("<"), value, between.high)
        if between.high
        else sql.SQL("{} <= {}").format(column, value),
        sql.SQL("{} IS NOT NULL").format(column),  # indexes that leave out what is not there are known by it
        *([sql.SQL(leading.also)] if leading.also else []),
        *(each for each in conditions if each is not leading),  # of the ids, so that other months are left out
    ]


def _order(cursor: Cursor, named: Sequence[Equals]) -> sql.Composed:
    """Return the order of a walk: with the one column that is named, the latest first, or upwards."""
    direction = sql.SQL(" ASC" if cursor.is_upwards else " DESC")
    columns = [*(each.column for each in named if len(named) == 1), sql.SQL("id")]
    return sql.SQL("ORDER BY {}").format(sql.SQL(", ").join(column + direction for column in columns))


def _edges(cursor: Cursor) -> Iterator[sql.Composable]:
    if cursor.before:
        yield sql.SQL("id < {}").format(cursor.before)
    if cursor.after:
        yield sql.SQL("id > {}").format(cursor.after)
