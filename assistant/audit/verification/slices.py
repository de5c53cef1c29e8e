"""The events in slices: read as the server sends them, each row checked, and what the tree needs kept in few bytes.

A slice is a range of the order in which events stand in the tree. Several can be read at once, by processes that share
one moment of the database.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import sha256
from struct import Struct
from typing import Final, NamedTuple, TypeAlias
from uuid import UUID

import psycopg
from orjson import dumps, loads
from psycopg import sql

from assistant.audit.events import Tag
from assistant.audit.record import CANONICAL, FORMAT_VERSION, OLD_VERSIONS, format_time, parse_body
from assistant.audit.seals.heads import PLACE
from assistant.audit.seals.tree import HASH_BYTES
from assistant.audit.verification.copy_rows import copy_rows, split_fields
from assistant.audit.verification.row_checks import (
    COLUMN_NAMES,
    HASH_CHECKS,
    PLACE_EPOCH,
    ROW_CHECKS,
    TEXT_COLUMNS,
    UUID_COLUMNS,
    Row,
    expect_columns,
    is_known_kind,
)

Bound: TypeAlias = tuple[int, str, UUID]
"""Where a slice ends and the next begins: era, transaction, id."""

_KEY_BYTES: Final = PLACE.size + HASH_BYTES
_KEY_BEGIN: Final = 6  # after the count of fields and the length of the first
_LEAF_BEGIN: Final = _KEY_BEGIN + PLACE.size
_KEY_END: Final = _KEY_BEGIN + _KEY_BYTES
_BODY_BEGIN: Final = _KEY_END + 4
_ID_END: Final = _KEY_BEGIN + 16
_HEAD: Final = Struct(">hi")  # how many fields, and the length of the first
_TIME: Final = Struct(">q")
_ROW_ERRORS: Final = (ValueError, TypeError, KeyError, AttributeError)  # of a body that is not what it should be

# Place and leaf are one field of 66 bytes, so that everything before the body stands where it always stands. Nothing
# is ever null here, unless somebody who may do anything took the constraints away.
_KEY_FIELD: Final = sql.SQL(
    "uuid_send(id) || xid8send(xid) || int2send(era) || timestamptz_send(coalesce(recorded_at, '-infinity')) "
    "|| coalesce(leaf, '')"
)
_COLUMN_TYPES: Final = {
    "type": "text",
    "occurred_at": "timestamptz",
    **dict.fromkeys(UUID_COLUMNS, "uuid"),
    **dict.fromkeys(TEXT_COLUMNS, "text"),
    "severity": "smallint",
}
# Of an event that retention took there is no body: null stands for it, as it never does elsewhere.
_QUERY: Final = sql.SQL(
    "COPY (SELECT key, body{columns} FROM ("
    "(SELECT era, xid, id, {key} AS key, coalesce(body, '') AS body{columns} FROM audit.event WHERE {where}"
    " ORDER BY era, xid, id) UNION ALL "  # each in its order, so that both are merged and nothing is sorted
    "(SELECT era, xid, id, {key}, NULL::bytea{nulls} FROM audit.stub WHERE {where} ORDER BY era, xid, id)"
    ") rows ORDER BY era, xid, id) TO STDOUT (FORMAT binary)"
)
_NO_BODY: Final = b"\xff\xff\xff\xff"  # the length of null

_ROWS_A_SLICE: Final = 16_384
_MOST_SLICES: Final = 4_096
_SAMPLE_A_CUT: Final = 70  # rows; they come by pages of some seven
# What is sealed, or what the server estimates where nobody sealed for long.
_SIZE: Final = (
    "SELECT greatest((SELECT max(size) FROM audit.head), "
    "(SELECT sum(reltuples) FROM pg_partition_tree('audit.event') t "
    "JOIN pg_class c ON c.oid = t.relid WHERE t.isleaf), 0)::bigint"
)
_SAMPLE: Final = sql.SQL(
    "SELECT era, xid::text, id FROM ("
    " SELECT era, xid, id FROM audit.event TABLESAMPLE SYSTEM ({percent})"
    " UNION ALL SELECT era, xid, id FROM audit.stub TABLESAMPLE SYSTEM ({percent})"
    ") sample WHERE era IS NOT NULL AND xid IS NOT NULL ORDER BY sample.era, sample.xid, sample.id"
)

# In the order of the index, which needs no memory and no sorting; each slice is a range of it.
SETTINGS: Final = ("SET LOCAL enable_seqscan = off", "SET LOCAL enable_sort = off", "SET LOCAL jit = off")

# `type` and `v` are the last keys of a body. By the body and not by the column: that one is signed.
_NOTABLE: Final = tuple(
    f'"type":"{tag.value}","v":{version}}}'.encode()
    for tag in (Tag.KEY_ROTATED, Tag.LOG_RESTORED, Tag.RETENTION_EXECUTED)
    for version in (FORMAT_VERSION, *OLD_VERSIONS)
)


# How every other event that this version knows ends, so that its kind is seen without reading it.
_TYPE: Final = b'"type":"'
_PLAIN_ENDS: Final = frozenset(
    f'"type":"{tag.value}","v":{version}}}'.encode() for tag in Tag for version in (FORMAT_VERSION, *OLD_VERSIONS)
) - frozenset(_NOTABLE)


class RowProblem(NamedTuple):
    """What is wrong with one row; `row` counts within its slice."""

    row: int
    check: str
    message: str
    event: UUID


@dataclass(slots=True)
class Slice:
    """Events that stand one behind the other.

    Attributes:
        places: of all rows, `PLACE.size` bytes each.
        leaves: of all rows, 32 bytes each.
        problems: in the order of rows.
        stubs: rows whose bodies retention took, in their order.
        notable: bodies that change what holds for the rest of the log, with the row that each is of.
    """

    places: bytes
    leaves: bytes
    problems: list[RowProblem] = field(default_factory=list)
    notable: list[tuple[int, bytes]] = field(default_factory=list)
    stubs: list[int] = field(default_factory=list)

    def __len__(self) -> int:
        """Return how many rows it has."""
        return len(self.places) // PLACE.size


@dataclass(frozen=True, slots=True)
class SliceQuery:
    """Which rows, from `begin` up to `end`, and whether all of their columns."""

    begin: Bound | None
    end: Bound | None
    is_quick: bool

    def as_sql(self) -> sql.Composed:
        """Return the query, whose rows are what `read_slice` takes."""
        bounds = [
            sql.SQL("(era, xid, id) {} ({}::smallint, {}::xid8, {}::uuid)").format(operator, *bound)
            for operator, bound in ((sql.SQL(">="), self.begin), (sql.SQL("<"), self.end))
            if bound is not None
        ]
        where = sql.SQL(" AND ").join([sql.SQL("era IS NOT NULL AND xid IS NOT NULL"), *bounds])
        names = () if self.is_quick else tuple(_COLUMN_TYPES)
        return _QUERY.format(
            key=_KEY_FIELD,
            where=where,
            columns=sql.SQL("").join(sql.SQL(", {}").format(sql.Identifier(name)) for name in names),
            nulls=sql.SQL("").join(sql.SQL(f", NULL::{_COLUMN_TYPES[name]}") for name in names),
        )


async def plan_slices(connection: psycopg.AsyncConnection, *, is_quick: bool) -> list[SliceQuery]:
    """Cut the log into slices of roughly equal size, by a sample of it. Where the cuts lie decides nothing else."""
    row = await (await connection.execute(_SIZE)).fetchone()
    size = int(row[0]) if row else 0
    count = min(size // _ROWS_A_SLICE, _MOST_SLICES)
    cuts: list[Bound] = []
    if count > 1:
        percent = min(100.0, 100 * count * _SAMPLE_A_CUT / size)
        cursor = await connection.execute(_SAMPLE.format(percent=sql.Literal(percent)))
        sample = [(era, str(xid), identifier) for era, xid, identifier in await cursor.fetchall()]
        step = max(1, len(sample) // count)
        cuts = sample[step::step]
    return [SliceQuery(begin, end, is_quick) for begin, end in zip([None, *cuts], [*cuts, None], strict=True)]


def read_slice(connection: psycopg.Connection, query: SliceQuery) -> Slice:
    """Read and check the rows of a slice.

    Raises:
        psycopg.Error: the database went away, or refuses.
    """
    is_quick = query.is_quick
    head = _HEAD.pack(2 if is_quick else 2 + len(_CONVERTERS), _KEY_BYTES)
    places: list[bytes] = []
    leaves: list[bytes] = []
    found = Slice(b"", b"")
    for message in copy_rows(connection, query.as_sql().as_bytes(connection)):
        leaf = message[_LEAF_BEGIN:_KEY_END]
        if is_quick:  # not by a call: a row costs two microseconds, most of them its hash
            is_right = (
                sha256(b"\0" + message[_BODY_BEGIN:]).digest() == leaf
                and message[message.rfind(_TYPE) :] in _PLAIN_ENDS
            )
        else:
            is_right = _is_right(message, leaf)
        if is_right and message.startswith(head):
            places.append(message[_KEY_BEGIN:_LEAF_BEGIN])
            leaves.append(leaf)
            continue
        if message[_KEY_END:_BODY_BEGIN] == _NO_BODY and message.startswith(head):
            found.stubs.append(len(places))
            places.append(message[_KEY_BEGIN:_LEAF_BEGIN])
            leaves.append(leaf)
            continue
        row = _parse_row(message, is_quick=is_quick)
        found.problems += _judge(row, len(places), HASH_CHECKS if is_quick else tuple(ROW_CHECKS))
        if row.body.endswith(_NOTABLE):
            found.notable.append((len(places), row.body))
        places.append(row.place)
        leaves.append(row.leaf[:HASH_BYTES].ljust(HASH_BYTES, b"\0"))
    found.places, found.leaves = b"".join(places), b"".join(leaves)
    return found


def _is_right(message: bytes, leaf: bytes) -> bool:
    """Tell whether no check can find anything, and the body changes nothing: all at once, cheaper than one by one."""
    end = _BODY_BEGIN + int.from_bytes(message[_KEY_END:_BODY_BEGIN], "big")
    body = message[_BODY_BEGIN:end]
    if sha256(b"\0" + body).digest() != leaf or body.endswith(_NOTABLE):
        return False
    try:
        document = loads(body)
        return (
            dumps(document, option=CANONICAL) == body
            and (message[_KEY_BEGIN:_ID_END] + message[end:]).hex() == expect_columns(document)
            and is_known_kind(document)
        )
    except _ROW_ERRORS:
        return False


def _judge(row: Row, number: int, names: Sequence[str]) -> Iterator[RowProblem]:
    document = parse_body(row.body)
    event = UUID(bytes=row.place[:16])
    for name in names:
        if (check := ROW_CHECKS.get(name)) and (message := check(row, document)):
            yield RowProblem(number, name, message, event)


def _parse_row(message: bytes, *, is_quick: bool) -> Row:
    """Return a row with its columns as text, for the checks that say what is wrong with it."""
    key, body, *more = split_fields(message)
    place, leaf = (key or b"")[: PLACE.size], (key or b"")[PLACE.size :]
    if is_quick:
        return Row(place, leaf, body or b"", ())
    columns: dict[str, str | int | None] = {"id": str(UUID(bytes=place[:16]))}
    for (name, convert), value in zip(_CONVERTERS, more, strict=True):
        columns[name] = None if value is None else convert(value)
    return Row(place, leaf, body or b"", tuple(columns[name] for name in COLUMN_NAMES))


def _time_text(value: bytes) -> str:
    (microseconds,) = _TIME.unpack(value)
    try:
        return format_time(PLACE_EPOCH + timedelta(microseconds=microseconds))
    except OverflowError:
        return "a time that no clock shows"


_CONVERTERS: Final[tuple[tuple[str, Callable[[bytes], str | int]], ...]] = (
    ("type", bytes.decode),
    ("at", _time_text),
    *((name, lambda value: str(UUID(bytes=value))) for name in UUID_COLUMNS),
    *((name, bytes.decode) for name in TEXT_COLUMNS),
    ("severity", lambda value: int.from_bytes(value, "big", signed=True)),
)
