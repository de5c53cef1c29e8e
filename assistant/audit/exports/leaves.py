"""The events in the order of the tree: heads in groups, and the rows that each of them has, streamed."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import AsyncIterator, Sequence
from typing import Any, Final, NamedTuple
from uuid import UUID

import psycopg
from psycopg import sql

from assistant.audit.reading.proof import find_batch, read_batch
from assistant.audit.seals.heads import FIRST_BATCH, PLACES, SELECT_HEADS, Head, has_seen, select_batch
from assistant.errors import UnavailableError

_ROWS_AT_ONCE: Final = 2_000  # some 2 MB of bodies
_HEADS_AT_ONCE: Final = 200
# Halving costs some twenty questions a transaction; reading a row past costs a five-hundredth of that.
_READING_PAST: Final = 500
_SELECT_PLACES: Final = sql.SQL("SELECT era, xid::text::bigint AS transaction FROM audit.event WHERE {}")
_MOST_IN_A_GROUP: Final = 500  # heads: those of a quiet time have no rows


class Leaf(NamedTuple):
    """An event in its place.

    Attributes:
        number: which leaf it is, from 0.
        body: None where it was not asked for.
        batch_size: how many leaves the log had with the batch that sealed it.
    """

    number: int
    id: UUID
    body: bytes | None
    batch_size: int


class Stretch(NamedTuple):
    """Some heads in a row.

    Attributes:
        after: the head before them; None: they begin with the first.
        last: the last of them.
        wanted: of which events the bodies are asked for.
    """

    after: Head | None
    last: Head
    wanted: sql.Composable


async def read_leaves(connection: psycopg.AsyncConnection, stretch: Stretch) -> AsyncIterator[list[Leaf]]:
    """Yield the events of some heads, in blocks; call it in a transaction that sees one moment.

    Raises:
        UnavailableError: rows are missing or were added: what was sealed is not what is there.
    """
    before, group = stretch.after, list[Head]()
    async for head in _read_heads(connection, stretch):
        if group and (head.size - _size_of(before) > _ROWS_AT_ONCE or len(group) == _MOST_IN_A_GROUP):
            async for leaves in _read_group(connection, before, group, stretch.wanted):
                yield leaves
            before, group = group[-1], []
        group.append(head)
    if group:
        async for leaves in _read_group(connection, before, group, stretch.wanted):
            yield leaves


async def find_stretches(
    connection: psycopg.AsyncConnection, conditions: Sequence[sql.Composable], last: Head
) -> list[Stretch]:
    """Return where events are that meet one of the conditions, up to a head: batch by batch, or all if they are many.

    Raises:
        NotFoundError: a head is missing.
    """
    wanted = sql.SQL(" OR ").join([sql.SQL("({})").format(each) for each in conditions])
    most = last.size // _READING_PAST + 100
    # Each condition by itself, so that each has its index.
    places = sql.SQL(" UNION ").join([_SELECT_PLACES.format(condition) for condition in conditions])
    query = sql.SQL("{} ORDER BY era, transaction LIMIT {}").format(places, most)
    found = await (await connection.execute(query)).fetchall()
    if len(found) == most:
        return [Stretch(None, last, wanted)]
    batches: dict[int, Head] = {}
    for era, xid in found:
        if has_seen(last, era, xid):
            head = await find_batch(connection, era, xid, last)
            batches[head.batch] = head
    return [Stretch(await _before(connection, batches[number]), batches[number], wanted) for number in sorted(batches)]


async def _before(connection: psycopg.AsyncConnection, head: Head) -> Head | None:
    return await read_batch(connection, head.batch - 1) if head.batch > FIRST_BATCH else None


async def _read_heads(connection: psycopg.AsyncConnection, stretch: Stretch) -> AsyncIterator[Head]:
    first = FIRST_BATCH if stretch.after is None else stretch.after.batch + 1
    query = sql.SQL("{} WHERE batch >= {} AND batch <= {} ORDER BY batch").format(
        SELECT_HEADS, first, stretch.last.batch
    )
    async with connection.cursor("heads", binary=True) as cursor:
        await cursor.execute(query)
        while rows := await cursor.fetchmany(_HEADS_AT_ONCE):
            for row in rows:
                yield Head.of_row(row)


async def _read_group(
    connection: psycopg.AsyncConnection, before: Head | None, group: Sequence[Head], wanted: sql.Composable
) -> AsyncIterator[list[Leaf]]:
    """Yield the events of heads that together have few rows, or of one that has many."""
    index, last, sizes = _size_of(before), group[-1], [head.size for head in group]
    rows = _read_rows(connection, before, last, wanted)
    if len(group) > 1:
        rows = _dealt(rows, group)
    async for block in rows:
        yield [
            Leaf(number, identifier, body, sizes[min(bisect_right(sizes, number), len(sizes) - 1)])
            for number, (_, _, identifier, body) in enumerate(block, index)
        ]
        index += len(block)
    if index != last.size:
        raise UnavailableError(
            f"Head {last.batch} has {last.size} events and the log has {index} there. Run `cloister audit verify`."
        )


async def _read_rows(
    connection: psycopg.AsyncConnection, before: Head | None, last: Head, wanted: sql.Composable
) -> AsyncIterator[list[tuple[Any, ...]]]:
    batch = select_batch(
        sql.SQL("era, xid::text::bigint AS transaction, id, CASE WHEN {} THEN body END").format(wanted),
        after=before,
        era=sql.Literal(last.era),
        snapshot=sql.SQL("{}::pg_snapshot").format(sql.Literal(str(last.snapshot))),
        event=sql.SQL("*"),
        source=PLACES,
    )
    async with connection.cursor("leaves", binary=True) as cursor:
        await cursor.execute(sql.SQL("{} ORDER BY era, xid, id").format(batch))
        while rows := await cursor.fetchmany(_ROWS_AT_ONCE):
            yield rows


async def _dealt(
    blocks: AsyncIterator[list[tuple[Any, ...]]], group: Sequence[Head]
) -> AsyncIterator[list[tuple[Any, ...]]]:
    """Yield the rows of a few heads as these have them: a transaction that ended late belongs to a later head."""
    dealt: list[list[tuple[Any, ...]]] = [[] for _ in group]
    async for block in blocks:
        for row in block:
            dealt[_first_to_see(group, row[0], row[1])].append(row)
    for rows in dealt:
        yield rows


def _first_to_see(group: Sequence[Head], era: int, xid: int) -> int:
    low, high = 0, len(group) - 1
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if has_seen(group[middle], era, xid) else (middle + 1, high)
    return low


def _size_of(head: Head | None) -> int:
    return head.size if head else 0
