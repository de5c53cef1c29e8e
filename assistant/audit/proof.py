"""Prove that one event is in the log: where it stands, the path to a signed root, and both as one file.

Source: https://c2sp.org/tlog-proof.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Self
from uuid import UUID

import psycopg
from psycopg import sql
from pydantic import SecretStr

from assistant.audit.checkpoint import Checkpoint, NoteError, NoteKey, open_note
from assistant.audit.heads import FIRST_BATCH, SELECT_HEADS, Head, has_seen, select_batch
from assistant.audit.tree import (
    TILE_WIDTH,
    inclusion_proof,
    is_included,
    perfect_root,
    split_hashes,
    tile_of_node,
)
from assistant.database import connect
from assistant.errors import NotFoundError, UnavailableError

_FIRST_LINE: Final = "c2sp.org/tlog-proof@v1"


@dataclass(frozen=True, slots=True)
class Proof:
    """That an event is leaf `index` of the log which the checkpoint is of."""

    index: int
    hashes: Sequence[bytes]
    checkpoint: str

    def __str__(self) -> str:
        """Return the file's content."""
        lines = [_FIRST_LINE, f"index {self.index}", *(b64encode(each).decode() for each in self.hashes)]
        return "".join(f"{line}\n" for line in lines) + f"\n{self.checkpoint}"

    @classmethod
    def parse(cls, content: str) -> Self:
        """Read a file.

        Raises:
            NoteError: it is no proof.
        """
        head, _, checkpoint = content.partition("\n\n")
        first, *lines = head.split("\n")
        if lines and lines[0].startswith("extra "):
            del lines[0]
        word, _, index = lines[0].partition(" ") if lines else ("", "", "")
        if first != _FIRST_LINE or word != "index" or not index.isdecimal() or str(int(index)) != index:
            raise NoteError("This is no proof of a log.")
        try:
            return cls(int(index), [b64decode(line, validate=True) for line in lines[1:]], checkpoint)
        except ValueError as error:
            raise NoteError("A hash of the proof cannot be read.") from error

    def shows(self, leaf: bytes, keys: Sequence[NoteKey]) -> bool:
        """Tell whether one of these keys signed a log that has the leaf there."""
        try:
            checkpoint = Checkpoint.parse(open_note(self.checkpoint, keys))
        except NoteError:
            return False
        return is_included(self.index, checkpoint.size, leaf, self.hashes, checkpoint.root)


async def read_head(reader_url: SecretStr) -> Head:
    """Return the newest head.

    Raises:
        NotFoundError: nothing was sealed yet.
        UnavailableError: the database does not answer.
    """
    try:
        async with await connect(reader_url, autocommit=True) as connection:
            return await newest_head(connection)
    except psycopg.OperationalError as error:
        raise _away() from error


async def prove(reader_url: SecretStr, event_id: UUID) -> Proof:
    """Return the proof that an event is in the log, under the newest head.

    Raises:
        NotFoundError: there is no such event, or no head has it yet.
        UnavailableError: the database does not answer.
    """
    try:
        async with await connect(reader_url, autocommit=True) as connection:
            await connection.set_isolation_level(psycopg.IsolationLevel.REPEATABLE_READ)
            async with connection.transaction():
                head = await newest_head(connection)
                index, _ = await locate(connection, event_id, head)
                nodes = await read_nodes(connection, index, head.size)
                return Proof(
                    index, inclusion_proof(index, head.size, lambda level, number: nodes[level, number]), head.note
                )
    except psycopg.OperationalError as error:
        raise _away() from error


async def newest_head(connection: psycopg.AsyncConnection) -> Head:
    """Return the newest head that a connection sees.

    Raises:
        NotFoundError: nothing was sealed yet.
    """
    row = await (await connection.execute(sql.SQL("{} ORDER BY batch DESC LIMIT 1").format(SELECT_HEADS))).fetchone()
    if row is None:
        raise NotFoundError("Nothing was sealed yet. Look whether the sealer runs.")
    return Head.of_row(row)


async def _head(connection: psycopg.AsyncConnection, batch: int) -> Head:
    row = await (await connection.execute(sql.SQL("{} WHERE batch = %s").format(SELECT_HEADS), [batch])).fetchone()
    if row is None:
        raise NotFoundError(f"Head {batch} is missing; run `cloister audit verify`.")
    return Head.of_row(row)


async def locate(connection: psycopg.AsyncConnection, event_id: UUID, newest: Head) -> tuple[int, int]:
    """Return which leaf an event is, and the batch that has it: found by halving, then counted.

    Raises:
        NotFoundError: there is no such event, or no head has it yet.
    """
    cursor = await connection.execute("SELECT era, xid::text::bigint FROM audit.event WHERE id = %s", [event_id])
    row = await cursor.fetchone()
    if row is None:
        raise NotFoundError(f"There is no event {str(event_id)!r}.")
    era, xid = row
    if not has_seen(newest, era, xid):
        raise NotFoundError(f"The event {str(event_id)!r} is not sealed yet. Ask again in a second.")
    low, high = FIRST_BATCH, newest.batch
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if has_seen(await _head(connection, middle), era, xid) else (middle + 1, high)
    head = await _head(connection, low)
    before = await _head(connection, low - 1) if low > FIRST_BATCH else None
    batch = select_batch(
        sql.SQL("count(*)"),
        after=before,
        era=sql.Literal(head.era),
        snapshot=sql.SQL("{}::pg_snapshot").format(sql.Literal(str(head.snapshot))),
    )
    place = sql.SQL("({}, {}::xid8, {})").format(sql.Literal(era), sql.Literal(str(xid)), sql.Literal(event_id))
    count = await (await connection.execute(sql.SQL("{} AND (era, xid, id) < {}").format(batch, place))).fetchone()
    return (before.size if before else 0) + (int(count[0]) if count else 0), low


async def read_nodes(connection: psycopg.AsyncConnection, index: int, size: int) -> dict[tuple[int, int], bytes]:
    """Return the perfect subtrees that the proof is made of, from tiles and from the leaves of the last heads."""
    needed: list[tuple[int, int]] = []

    def note(level: int, number: int) -> bytes:
        needed.append((level, number))
        return b""

    inclusion_proof(index, size, note)
    return {(level, number): await _read_node(connection, level, number, size) for level, number in needed}


async def _read_node(connection: psycopg.AsyncConnection, level: int, number: int, size: int) -> bytes:
    tile_level, tile, begin, end = tile_of_node(level, number)
    cursor = await connection.execute(
        "SELECT data FROM audit.tile WHERE level = %s AND number = %s", [tile_level, tile]
    )
    row = await cursor.fetchone()
    if row is not None:
        return perfect_root(split_hashes(row[0])[begin:end])
    if tile_level == 0:  # not full yet: the heads have its leaves
        cursor = await connection.execute(
            "SELECT leaves FROM audit.head WHERE size > %s ORDER BY batch", [size - size % TILE_WIDTH]
        )
        leaves = split_hashes(b"".join([row[0] for row in await cursor.fetchall()]))
        return perfect_root(leaves[begin:end])
    # Not full yet, of a higher level: its hashes are the roots of the tiles below.
    first = tile * TILE_WIDTH
    cursor = await connection.execute(
        "SELECT data FROM audit.tile WHERE level = %s AND number >= %s AND number < %s ORDER BY number",
        [tile_level - 1, first + begin, first + end],
    )
    return perfect_root([perfect_root(split_hashes(row[0])) for row in await cursor.fetchall()])


def _away() -> UnavailableError:
    return UnavailableError("The audit log cannot be read: the database does not answer. Ask again in a minute.")
