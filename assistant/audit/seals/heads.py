"""A head: what the log was when a batch was sealed, and which rows that batch has.

A batch has the rows that its snapshot sees and the one before did not see, in the order of era, transaction and id.
So no row is marked or moved, transactions may commit in any order, and one that stays open holds up its own rows only.
"""

from __future__ import annotations

import struct
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Final, NamedTuple, Self
from uuid import UUID

from psycopg import sql

from assistant.audit.record import format_time
from assistant.audit.seals.checkpoint import Checkpoint, split_note

PLACE: Final = struct.Struct(">16sQhq")
"""Where a row stands, as `ROW_PLACE` spells it: id, transaction, era, microseconds since 2000 when it was recorded."""

ROW_PLACE: Final = sql.SQL("uuid_send(id) || xid8send(xid) || int2send(era) || timestamptz_send(recorded_at)")
FIRST_BATCH: Final = 0
LOCK_ID: Final = int.from_bytes(b"sealing!", "big")  # of who leads: any number that nothing else locks
SELECT_HOLDERS: Final = """
    SELECT a.usename::text, l.pid, a.usename = 'cloister_audit_sealer'
    FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
    WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 AND a.datname = current_database()
        AND (l.classid::bigint << 32 | l.objid::bigint) = %s AND l.database = a.datid
"""
"""Whose sessions hold that lock: role, process, whether it is the sealer's role."""


class Place(NamedTuple):
    """What decides where a row stands in the tree."""

    id: UUID
    xid: int
    era: int

    @classmethod
    def parse(cls, place: bytes) -> Self:
        """Read the bytes that the database spells with `ROW_PLACE`."""
        identifier, xid, era, _ = PLACE.unpack(place)
        return cls(UUID(bytes=identifier), xid, era)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Which transactions a moment saw as committed: Postgres's `pg_snapshot`.

    Attributes:
        xmin, xmax: those below the one had ended; those from the other on had not begun.
        open: those between that were under way.
    """

    xmin: int
    xmax: int
    open: frozenset[int]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `xmin:xmax:xid,xid`."""
        xmin, xmax, listed = text.split(":")
        return cls(int(xmin), int(xmax), frozenset(map(int, listed.split(","))) if listed else frozenset())

    def __str__(self) -> str:
        """Return the snapshot as Postgres spells it."""
        return f"{self.xmin}:{self.xmax}:{','.join(map(str, sorted(self.open)))}"

    def sees(self, xid: int) -> bool:
        """Tell whether a transaction had ended."""
        return xid < self.xmin or (xid < self.xmax and xid not in self.open)


@dataclass(frozen=True, slots=True)
class Head:
    """A row of `audit.head`; the fields are its columns.

    Attributes:
        batch: number of the batch, from 0.
        era, cluster: which server's transaction numbers the snapshot speaks of.
        size: how many leaves the tree has with this batch.
        rows: SHA-256 over the places of the batch's rows, which the leaves do not hold.
        leaves: those of the batch that no full tile holds.
        sealed_at: by the database's clock.
        note: the checkpoint, signed.
        signature: by the same key, over all of this row.
    """

    batch: int
    era: int
    cluster: int
    snapshot: Snapshot
    size: int
    rows: bytes
    leaves: bytes
    sealed_at: datetime
    note: str
    signature: bytes

    @classmethod
    def of_row(cls, row: Sequence[Any]) -> Self:
        """Return a row of `SELECT_HEADS` as a value."""
        batch, era, cluster, snapshot, *rest = row
        return cls(batch, era, cluster, Snapshot.parse(snapshot), *rest)

    @property
    def checkpoint(self) -> Checkpoint:
        """Return what the note says.

        Raises:
            NoteError: it is no checkpoint.
        """
        return Checkpoint.parse(split_note(self.note)[0])

    def signed_bytes(self) -> bytes:
        """Return what `signature` is over; it begins as no checkpoint can.

        Raises:
            NoteError: the note is none.
        """
        lines = (
            "cloister audit head",
            f"batch {self.batch}",
            f"era {self.era}",
            f"cluster {self.cluster}",
            f"snapshot {self.snapshot}",
            f"rows {b64encode(self.rows).decode()}",
            f"sealed {format_time(self.sealed_at)}",
            split_note(self.note)[0],
        )
        return "\n".join(lines).encode()


COLUMNS: Final = sql.SQL(", ").join(sql.Identifier(field.name) for field in fields(Head))


_SELECT_HEADS: Final = sql.SQL(
    "SELECT batch, era, cluster, snapshot::text, size, rows, leaves, {sealed_at}, note, signature FROM audit.head"
)
# A time that Python cannot hold, such as infinity, becomes one that it can and that nobody signed: a head that somebody
# changed is shown and checked, and stops no command.
SELECT_HEADS: Final = _SELECT_HEADS.format(
    sealed_at=sql.SQL("least(greatest(sealed_at, '0002-01-01 00:00Z'), '9998-12-31 00:00Z') AS sealed_at")
)
# For who signs the next one: it stops there.
SELECT_EXACT_HEADS: Final = _SELECT_HEADS.format(sealed_at=sql.Identifier("sealed_at"))

# Three ways to be new, each a range of the index `event_by_transaction`: of a transaction that had not begun at the
# last head, of one that was under way, of a later era. So a transaction that stays open for hours costs nothing.
# The last condition keeps a row out that somebody wrote with a transaction number of the future.
_BATCH: Final = sql.SQL(
    "SELECT {columns} FROM ("
    " SELECT {event} FROM {source} WHERE era = {last_era} AND xid >= {xmax}::xid8"
    " UNION ALL SELECT {event} FROM {source} WHERE era = {last_era} AND xid = ANY({open}::xid8[])"
    " UNION ALL SELECT {event} FROM {source} WHERE era > {last_era} AND era <= {era}"
    ") batch WHERE (era < {era} OR pg_visible_in_snapshot(xid, {snapshot}))"
)
_READABLE: Final = sql.SQL("id, era, xid, recorded_at, leaf")  # of an event, by the sealer
EVENTS: Final = sql.SQL("audit.event")
PLACES: Final = sql.SQL("audit.place")  # also of events that retention took; for the reader
_NO_ERA: Final = -1
_NOTHING: Final = Snapshot(0, 0, frozenset())


def select_batch(
    columns: sql.Composable,
    *,
    after: Head | None,
    era: sql.Composable,
    snapshot: sql.Composable,
    event: sql.Composable = _READABLE,
    source: sql.Composable = EVENTS,
) -> sql.Composed:
    """Return the query for the rows of a batch, in no order.

    Args:
        columns: of `event`.
        after: the head before it.
        era: of the batch's own head.
        snapshot: likewise.
        event: columns of the log; as they are, those that the sealer may read.
        source: `PLACES` for batches of which retention may have taken events.
    """
    last = after.snapshot if after else _NOTHING
    return _BATCH.format(
        columns=columns,
        event=event,
        source=source,
        last_era=sql.Literal(after.era if after else _NO_ERA),
        xmax=sql.Literal(str(last.xmax)),
        open=sql.Literal([str(xid) for xid in sorted(last.open)]),
        era=era,
        snapshot=snapshot,
    )


def has_seen(head: Head, era: int, xid: int) -> bool:
    """Tell whether a row is in the batch of this head or in an earlier one."""
    return era < head.era or (era == head.era and head.snapshot.sees(xid))
