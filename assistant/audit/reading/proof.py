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

from assistant.audit.seals.checkpoint import Checkpoint, NoteError, NoteKey, open_note
from assistant.audit.seals.heads import FIRST_BATCH, PLACES, SELECT_HEADS, Head, has_seen, select_batch
from assistant.audit.seals.nodes import StoredNodes
from assistant.audit.seals.tree import consistency_proof, inclusion_proof, is_included, root_of
from assistant.database import connect, unreadable
from assistant.errors import NotFoundError

_FIRST_LINE: Final = "c2sp.org/tlog-proof@v1"
_AWAY: Final = "The audit log cannot be read: the database does not answer. Ask again in a minute."


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
            return await read_newest(connection)
    except (psycopg.OperationalError, psycopg.ProgrammingError) as error:
        raise unreadable(error, _AWAY) from error


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
                head = await read_newest(connection)
                index, _ = await locate(connection, event_id, head)
                stored = StoredNodes(connection, head.size)
                nodes = await stored.read_for(lambda read: inclusion_proof(index, head.size, read))
                return Proof(index, inclusion_proof(index, head.size, lambda *node: nodes[node]), head.note)
    except (psycopg.OperationalError, psycopg.ProgrammingError) as error:
        raise unreadable(error, _AWAY) from error


async def prove_consistency(reader_url: SecretStr, old_size: int, new_size: int) -> list[bytes]:
    """Return the hashes that show whoever has the root of `old_size` leaves that the log of `new_size` begins so.

    Nothing is to be shown, so the list is empty, where the sizes are equal or the old one is zero.

    Raises:
        NotFoundError: the log has not so many events, or the old size is the larger one.
        UnavailableError: the database does not answer, or lacks a tile.
    """
    try:
        async with await connect(reader_url, autocommit=True) as connection:
            return await read_consistency(connection, old_size, new_size)
    except (psycopg.OperationalError, psycopg.ProgrammingError) as error:
        raise unreadable(error, _AWAY) from error


async def read_consistency(connection: psycopg.AsyncConnection, old_size: int, new_size: int) -> list[bytes]:
    """Return what `prove_consistency` does, over an open connection.

    Raises:
        NotFoundError: see there.
        UnavailableError: the log lacks a tile.
    """
    head = await read_newest(connection)
    if not 0 <= old_size <= new_size <= head.size:
        raise NotFoundError(f"The log has {head.size} sealed events: there is no proof from {old_size} to {new_size}.")
    if old_size in (0, new_size):
        return []
    nodes = await StoredNodes(connection, head.size).read_for(lambda read: consistency_proof(old_size, new_size, read))
    return consistency_proof(old_size, new_size, lambda *node: nodes[node])


async def read_root(connection: psycopg.AsyncConnection, size: int) -> bytes:
    """Return the root that the log had at a size, which may be one that no head has.

    Raises:
        NotFoundError: the log has not so many sealed events.
        UnavailableError: the log lacks a tile.
    """
    head = await read_newest(connection)
    if size > head.size:
        raise NotFoundError(f"The log has {head.size} sealed events, not {size}.")
    nodes = await StoredNodes(connection, head.size).read_for(lambda read: root_of(size, read))
    return root_of(size, lambda *node: nodes[node])


async def read_newest(connection: psycopg.AsyncConnection) -> Head:
    """Return the newest head over an open connection.

    Raises:
        NotFoundError: nothing was sealed yet.
    """
    row = await (await connection.execute(sql.SQL("{} ORDER BY batch DESC LIMIT 1").format(SELECT_HEADS))).fetchone()
    if row is None:
        raise NotFoundError("Nothing was sealed yet. Look whether the sealer runs.")
    return Head.of_row(row)


async def read_batch(connection: psycopg.AsyncConnection, batch: int) -> Head:
    """Return the head of a batch.

    Raises:
        NotFoundError: there is none.
    """
    row = await (await connection.execute(sql.SQL("{} WHERE batch = %s").format(SELECT_HEADS), [batch])).fetchone()
    if row is None:
        raise NotFoundError(f"Head {batch} is missing; run `cloister audit verify`.")
    return Head.of_row(row)


async def find_batch(connection: psycopg.AsyncConnection, era: int, xid: int, newest: Head) -> Head:
    """Return the first head that saw a transaction, by halving; the newest one did.

    Raises:
        NotFoundError: a head is missing.
    """
    low, high = FIRST_BATCH, newest
    while low < high.batch:
        middle = await read_batch(connection, (low + high.batch) // 2)
        low, high = (low, middle) if has_seen(middle, era, xid) else (middle.batch + 1, high)
    return high


async def locate(connection: psycopg.AsyncConnection, event_id: UUID, newest: Head) -> tuple[int, int]:
    """Return which leaf an event is, and the batch that has it: found by halving, then counted.

    Raises:
        NotFoundError: there is no such event, or no head has it yet.
    """
    cursor = await connection.execute("SELECT era, xid::text::bigint FROM audit.place WHERE id = %s", [event_id])
    row = await cursor.fetchone()
    if row is None:
        raise NotFoundError(f"There is no event {str(event_id)!r}.")
    era, xid = row
    if not has_seen(newest, era, xid):
        raise NotFoundError(f"The event {str(event_id)!r} is not sealed yet. Ask again in a second.")
    head = await find_batch(connection, era, xid, newest)
    before = await read_batch(connection, head.batch - 1) if head.batch > FIRST_BATCH else None
    batch = select_batch(
        sql.SQL("count(*)"),
        after=before,
        era=sql.Literal(head.era),
        snapshot=sql.SQL("{}::pg_snapshot").format(sql.Literal(str(head.snapshot))),
        source=PLACES,
    )
    place = sql.SQL("({}, {}::xid8, {})").format(sql.Literal(era), sql.Literal(str(xid)), sql.Literal(event_id))
    count = await (await connection.execute(sql.SQL("{} AND (era, xid, id) < {}").format(batch, place))).fetchone()
    return (before.size if before else 0) + (int(count[0]) if count else 0), head.batch
