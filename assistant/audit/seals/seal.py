"""The sealer: turns what was committed into batches of a Merkle tree, each with a signed head. It changes no event.

One sealer leads, by an advisory lock that no other role can take away; the primary key of the heads decides
should two believe that they do. A batch is one transaction, and everything that the next one needs is read from the
database: a sealer may be killed at any point.
After each commit the sealer marks in a file beside its key what it sealed; a database that fell behind is not sealed.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from typing import Any, Final

import psycopg
from psycopg import sql
from pydantic import SecretStr

from assistant.audit.seals.checkpoint import Checkpoint, NoteError, open_note, split_note
from assistant.audit.seals.heads import (
    COLUMNS,
    FIRST_BATCH,
    LOCK_ID,
    ROW_PLACE,
    SELECT_EXACT_HEADS,
    SELECT_HOLDERS,
    Head,
    Snapshot,
    has_seen,
    select_batch,
)
from assistant.audit.seals.seal_key import Mark, SealKeyFile, SealKeys
from assistant.audit.seals.tree import TILE_HEIGHT, TILE_WIDTH, Tile, Tree, perfect_root, split_hashes
from assistant.database import TRANSIENT, connect
from assistant.errors import SettingsError
from assistant.repeating import is_set_within

_log = logging.getLogger(__name__)

TICK_SECONDS: Final = 0.1
HEARTBEAT_SECONDS: Final = 60.0
_PAUSE_SECONDS: Final = 1.0
_ROWS_AT_ONCE: Final = 10_000  # some 2 MB
_APPLICATION_NAME: Final = "cloister-audit-sealer"

_NOW: Final = (
    "SELECT pg_current_snapshot()::text, system_identifier, audit.current_era(), clock_timestamp() "
    "FROM pg_control_system()"
)

_INSERT_HEAD: Final = sql.SQL("INSERT INTO audit.head ({}) VALUES ({})").format(
    COLUMNS, sql.SQL(", ").join(sql.Placeholder() * 10)
)
_INSERT_TILES: Final = "INSERT INTO audit.tile SELECT * FROM unnest(%b::smallint[], %b::bigint[], %b::bytea[])"


@dataclass(slots=True)
class _State:
    """Where the log stands: its last head, and the tree up to there."""

    head: Head | None
    tree: Tree


class Sealer:
    """Seal until told to stop.

    Args:
        sealer_url: the database as the sealer.
        keys: the file of the key that signs.
        tick_seconds: how often is looked for new events.
        heartbeat_seconds: after so long without any, a head says that there were none.
    """

    def __init__(
        self,
        sealer_url: SecretStr,
        keys: SealKeyFile,
        *,
        tick_seconds: float = TICK_SECONDS,
        heartbeat_seconds: float = HEARTBEAT_SECONDS,
    ) -> None:
        self._sealer_url = sealer_url
        self._keys = keys
        self._tick_seconds = tick_seconds
        self._heartbeat_seconds = heartbeat_seconds
        self._state: _State | None = None
        self._sealed = 0.0  # when the last head was made, by this process's clock

    async def run(self, stop: asyncio.Event) -> None:
        """Lead and seal; wait for a database that is away and for another sealer that leads.

        Raises:
            SettingsError: the key cannot be used, or the log belongs to another key.
        """
        while not stop.is_set():
            try:
                async with await connect(
                    self._sealer_url, autocommit=True, application_name=_APPLICATION_NAME
                ) as connection:
                    await self._lead(connection, stop)
            except (*TRANSIENT, psycopg.errors.UniqueViolation) as error:
                _log.warning("Sealing was interrupted (%s); trying again.", type(error).__name__)
                await is_set_within(stop, _PAUSE_SECONDS)
            except psycopg.Error as error:  # such as a time in a head that no clock shows
                raise _not_ours(f"It cannot be read or added to ({type(error).__name__}).") from error

    async def seal(self) -> Head | None:
        """Seal what there is, once; None when there is nothing. For commands and tests.

        Raises:
            SettingsError: see `run`.
        """
        async with await connect(self._sealer_url, autocommit=True, application_name=_APPLICATION_NAME) as connection:
            await self._load(connection)
            return await self._seal_batch(connection, is_heartbeat=False)

    async def _lead(self, connection: psycopg.AsyncConnection, stop: asyncio.Event) -> None:
        # Tried again and again: a statement that waits for a lock would hold up the clean-up of the whole database.
        while not await self._may_lead(connection):
            if await is_set_within(stop, _PAUSE_SECONDS):
                return
        await self._load(connection)
        self._sealed = time.monotonic() - self._heartbeat_seconds  # the first head says that a sealer is there again
        due = time.monotonic()
        while not stop.is_set():
            await self._tick(connection)
            due = max(due + self._tick_seconds, time.monotonic())
            await is_set_within(stop, due - time.monotonic())

    async def _may_lead(self, connection: psycopg.AsyncConnection) -> bool:
        """Take the lock, or tell whether only sessions hold it that are no sealer's: every role may lock any number."""
        if await _scalar(connection, "SELECT pg_try_advisory_lock(%s)", LOCK_ID):
            return True
        rows = await (await connection.execute(SELECT_HOLDERS, [LOCK_ID])).fetchall()
        foreign = [(role, pid) for role, pid, is_sealer in rows if not is_sealer]
        if not foreign or len(foreign) < len(rows):
            return False
        for role, pid in foreign:
            _log.warning(
                "The role %s (process %d of the database) holds the sealer's lock; sealing goes on.", role, pid
            )
        return True

    async def _tick(self, connection: psycopg.AsyncConnection) -> None:
        is_due = time.monotonic() - self._sealed >= self._heartbeat_seconds
        if is_due or await self._has_work(connection):
            await self._seal_batch(connection, is_heartbeat=is_due)

    async def _has_work(self, connection: psycopg.AsyncConnection) -> bool:
        query = sql.SQL("SELECT EXISTS ({})").format(
            select_batch(
                sql.SQL("1"),
                after=self._loaded.head,
                era=sql.SQL("audit.current_era()"),
                snapshot=sql.SQL("pg_current_snapshot()"),
            )
        )
        return bool(await _scalar(connection, query))

    @property
    def _loaded(self) -> _State:
        if self._state is None:
            raise RuntimeError("The sealer has not read where the log stands.")
        return self._state

    async def _load(self, connection: psycopg.AsyncConnection) -> None:
        """Read where the log stands, and refuse to go on where that is not what this key signed."""
        await connection.execute("SET synchronous_commit = on")
        mark, row = await self._read_last(connection)
        if row is None:
            await self._compare_mark(connection, mark, None)
            self._keys.create()
            self._state = _State(None, Tree())
            return
        head = Head.of_row(row)
        try:
            tree = Tree.of_edges(head.size, await _read_edges(connection, head.size))
            text = open_note(head.note, self._keys.read().public)
        except ValueError as error:
            raise _not_ours(str(error)) from error
        if text != Checkpoint(head.checkpoint.origin, tree.size, tree.root()).text:
            raise _not_ours("Its tiles and heads have another root than the last head.")
        await self._compare_mark(connection, mark, Mark(head.batch, head.size, tree.root()), head.era)
        self._state = _State(head, tree)

    async def _read_last(self, connection: psycopg.AsyncConnection) -> tuple[Mark | None, tuple[Any, ...] | None]:
        """Return the mark and the last head as they were at one moment, also while another sealer is at work."""
        while True:
            mark = self._keys.read_mark()
            cursor = await connection.execute(sql.SQL("{} ORDER BY batch DESC LIMIT 1").format(SELECT_EXACT_HEADS))
            row = await cursor.fetchone()
            if self._keys.read_mark() == mark:
                return mark, row

    async def _compare_mark(
        self, connection: psycopg.AsyncConnection, mark: Mark | None, last: Mark | None, last_era: int = 0
    ) -> None:
        """Refuse a database that is behind the mark or differs from it, unless its operator began a new era."""
        if mark == last:
            return
        if mark is None:
            self._keys.set_mark(last)
            return
        # Between a commit and its mark the sealer may be killed: so the database may be one head ahead, and no more.
        if last is not None and last.batch == mark.batch + 1 and await _has_head(connection, mark):
            self._keys.advance_mark(last)
            return
        where = "has no head" if last is None else f"ends with head {last.batch} of {last.size} events"
        reason = f"The last head that was made here is {mark.batch} of {mark.size} events, and the database {where}"
        era = await _scalar(connection, "SELECT audit.current_era()")
        if not isinstance(era, int) or era <= last_era:
            raise _not_ours(f"{reason}, or differs from it there: it was set back or changed.")
        _log.warning("%s. A new era was begun, so the log goes on from there.", reason)
        self._keys.set_mark(last)

    async def _seal_batch(self, connection: psycopg.AsyncConnection, *, is_heartbeat: bool) -> Head | None:
        """Add a batch and its head in one transaction; None when nothing was new and no heartbeat is due."""
        state, self._state = self._loaded, None  # whatever goes wrong, where the log stands is read again
        await connection.set_isolation_level(psycopg.IsolationLevel.REPEATABLE_READ)
        async with connection.transaction():
            now = await (await connection.execute(_NOW)).fetchone()
            if now is None:
                raise psycopg.InternalError("The server did not say what it is.")
            draft = _draft(state, Snapshot.parse(now[0]), *now[1:])
            digest = sha256()
            begin = state.tree.size
            async for places, leaves in _read_unsealed(connection, state, draft):
                digest.update(places)
                await _insert_tiles(connection, state.tree.extend(leaves))
            size = state.tree.size
            if size == begin and not is_heartbeat:
                self._state = state
                return None
            keys = await self._keys_in_force(connection, state)
            newest = min(size - begin, size % TILE_WIDTH)
            checkpoint = Checkpoint(keys.current.name, size, state.tree.root())
            head = replace(
                draft,
                size=size,
                rows=digest.digest(),
                leaves=b"".join(state.tree.edge[size % TILE_WIDTH - newest :]),
                note=keys.current.sign_note(checkpoint.text),
            )
            head = replace(head, signature=keys.current.sign(head.signed_bytes()))
            await _insert_head(connection, head)
        self._keys.advance_mark(Mark(head.batch, size, checkpoint.root))
        self._state = _State(head, state.tree)
        self._sealed = time.monotonic()
        return head

    async def _keys_in_force(self, connection: psycopg.AsyncConnection, state: _State) -> SealKeys:
        """Return the keys; a pending one takes over once its announcement is in the tree that the old one signed."""
        keys = self._keys.read()
        if keys.pending is None or state.head is None:
            return keys
        cursor = await connection.execute(
            "SELECT era, xid::text FROM audit.event WHERE id = ANY(%s)", [list(keys.pending.event_ids)]
        )
        head = state.head
        if not any(has_seen(head, int(era), int(xid)) for era, xid in await cursor.fetchall()):
            return keys
        keys = self._keys.promote(keys.pending)
        _log.info("The audit log is sealed with a new key from batch %d on.", state.head.batch + 1)
        return keys


def _not_ours(reason: str) -> SettingsError:
    return SettingsError(
        f"The audit log is not what this installation sealed. {reason} Nothing is sealed until it is. Keep the "
        "database as it is, see that the sealing key belongs to it, and run `cloister audit verify` with an anchor. "
        "If you restored it from a backup yourself, say so: `cloister audit new-era`."
    )


def _draft(state: _State, snapshot: Snapshot, cluster: int, era: int, sealed_at: datetime) -> Head:
    """Return the head to be, without what the batch decides.

    Raises:
        SettingsError: the database was moved to another server; its transaction numbers mean nothing here.
    """
    last = state.head
    if last is not None and era == last.era and (cluster != last.cluster or snapshot.xmax < last.snapshot.xmax):
        raise SettingsError(
            "The audit log was restored to another server. Nothing is sealed until its operator says so: "
            "`cloister audit new-era`."
        )
    batch = FIRST_BATCH if last is None else last.batch + 1
    return Head(batch, era, cluster, snapshot, 0, b"", b"", sealed_at, "", b"")


async def _read_unsealed(
    connection: psycopg.AsyncConnection, state: _State, draft: Head
) -> AsyncIterator[tuple[bytes, Sequence[bytes]]]:
    """Yield the rows of a batch in their order, as places behind each other and as leaves."""
    columns = sql.SQL("{} AS place, leaf").format(ROW_PLACE)
    snapshot = sql.SQL("{}::pg_snapshot").format(sql.Literal(str(draft.snapshot)))
    batch = select_batch(columns, after=state.head, era=sql.Literal(draft.era), snapshot=snapshot)
    query = sql.SQL("{} ORDER BY era, xid, id").format(batch)
    async with connection.cursor("unsealed", binary=True) as cursor:
        await cursor.execute(query)
        while rows := await cursor.fetchmany(_ROWS_AT_ONCE):
            yield b"".join([place for place, _ in rows]), [leaf for _, leaf in rows]


async def _read_edges(connection: psycopg.AsyncConnection, size: int) -> list[list[bytes]]:
    """Return, by level, the hashes of the tile that is not full: the newest leaves, then the roots of full tiles."""
    begin = size - size % TILE_WIDTH
    cursor = await connection.execute("SELECT leaves FROM audit.head WHERE size > %s ORDER BY batch", [begin])
    edges = [split_hashes(b"".join([row[0] for row in await cursor.fetchall()]))]
    level = 1
    while count := size >> level * TILE_HEIGHT:
        cursor = await connection.execute(
            "SELECT data FROM audit.tile WHERE level = %s AND number >= %s AND number < %s ORDER BY number",
            [level - 1, count - count % TILE_WIDTH, count],
        )
        edges.append([perfect_root(split_hashes(row[0])) for row in await cursor.fetchall()])
        level += 1
    return edges


async def _has_head(connection: psycopg.AsyncConnection, mark: Mark) -> bool:
    """Tell whether the database has the marked head, with its size and root."""
    cursor = await connection.execute("SELECT size, note FROM audit.head WHERE batch = %s", [mark.batch])
    row = await cursor.fetchone()
    if row is None:
        return False
    try:
        checkpoint = Checkpoint.parse(split_note(row[1])[0])
    except NoteError:
        return False
    return row[0] == checkpoint.size == mark.size and checkpoint.root == mark.root


async def _insert_tiles(connection: psycopg.AsyncConnection, tiles: Sequence[Tile]) -> None:
    if tiles:
        await connection.execute(_INSERT_TILES, [list(column) for column in zip(*tiles, strict=True)])


async def _insert_head(connection: psycopg.AsyncConnection, head: Head) -> None:
    values = [getattr(head, column) for column in Head.__slots__]
    values[Head.__slots__.index("snapshot")] = str(head.snapshot)
    await connection.execute(_INSERT_HEAD, values)


async def _scalar(connection: psycopg.AsyncConnection, query: str | sql.Composed, *parameters: object) -> object:
    row = await (await connection.execute(query, parameters or None)).fetchone()
    return row[0] if row else None
