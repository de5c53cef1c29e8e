"""Verify the whole log: read heads, events and tiles in one moment, derive everything again, and say what differs.

The verifier trusts one thing: the public key of the log's first day. What a superuser could do and nothing inside the
database shows, such as cutting off the tail or sealing everything anew with a stolen key, an anchor shows: a
checkpoint that lies elsewhere.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from bisect import bisect_left, bisect_right
from collections.abc import AsyncIterator, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self
from uuid import UUID

import psycopg
from psycopg import sql
from pydantic import SecretStr

from assistant.audit.checkpoint import (
    Checkpoint,
    NoteError,
    NoteKey,
    Signature,
    check_signatures,
    parse_signature,
    split_note,
)
from assistant.audit.checks import (
    BATCH_CHECKS,
    HASH_CHECKS,
    ROW_CHECKS,
    TREE_CHECKS,
    Batch,
    Row,
    is_possible,
    microseconds_of,
    parse_body,
)
from assistant.audit.content_check import check_contents
from assistant.audit.events import KeyRotated, Tag
from assistant.audit.findings import Findings
from assistant.audit.heads import PLACE, ROW_PLACE, SELECT_ANY_HEADS, Head, Place, Snapshot
from assistant.audit.seal_key import follow
from assistant.audit.tree import TILE_WIDTH, Tile, Tree, full_tiles, split_hashes
from assistant.database import connect, connect_blocking
from assistant.errors import BadInputError, UnavailableError
from assistant.keys import Keys

_ROWS_AT_ONCE: Final = 2_000
_HEADS_AT_ONCE: Final = 500
_TILES_AT_ONCE: Final = 64
_TYPE: Final = 2  # among the columns
_NOTES: Final = re.compile(r"(?:[^\n]+\n)+\n(?:— [^\n]+\n)+")

_SELECT_ROWS: Final = sql.SQL(
    "SELECT {place}, leaf, body, id::text, "
    """to_char(occurred_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), type, """
    "subject::text, actor::text, thread_id::text, turn_id::text, rule, severity, model, host, persona, "
    "content_id::text FROM audit.event ORDER BY era, xid, id"
).format(place=ROW_PLACE)
_SELECT_HASHES: Final = sql.SQL(
    "SELECT {place}, leaf, body, id::text, '', type FROM audit.event ORDER BY era, xid, id"
).format(place=ROW_PLACE)
_NOW: Final = "SELECT pg_current_snapshot()::text, audit.current_era(), clock_timestamp(), pg_export_snapshot()"


@dataclass(frozen=True, slots=True)
class Anchor:
    """A checkpoint of this log that was kept elsewhere.

    Attributes:
        label: what the report calls it, such as its file.
    """

    label: str
    text: str
    signatures: Sequence[Signature]
    checkpoint: Checkpoint

    @classmethod
    def parse(cls, label: str, note: str) -> Self:
        """Read a signed checkpoint.

        Raises:
            BadInputError: it is none.
        """
        try:
            text, signatures = split_note(note)
            return cls(label, text, signatures, Checkpoint.parse(text))
        except NoteError as error:
            raise BadInputError(f"The anchor {label!r} is no signed checkpoint. {error}") from error


def read_anchors(file: Path) -> list[Anchor]:
    """Return the checkpoints in a file, one behind the other as `cloister audit head >> file` collects them.

    Raises:
        BadInputError: it cannot be read, or holds something else.
    """
    try:
        content = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInputError(f"The anchor {str(file)!r} cannot be read: {type(error).__name__}.") from error
    notes = _NOTES.findall(content)
    if not notes or "".join(notes) != content:
        raise BadInputError(f"The file {str(file)!r} holds something else than signed checkpoints.")
    return [Anchor.parse(f"{file.name}, {number}", note) for number, note in enumerate(notes, 1)]


@dataclass(slots=True)
class _Reign:
    """A key, and from which size to which it signs; the sizes where keys change belong to both."""

    key: NoteKey
    begin: int
    end: int | None = None

    def covers(self, size: int) -> bool:
        return self.begin <= size and (self.end is None or size <= self.end)


class Verifier:
    """Verify over one connection; use it as `async with`.

    Args:
        reader_url: the database as the reader of the audit log.
        key: the public key of the log's first day.
        anchors: checkpoints from elsewhere.
        witnesses: public keys of witnesses, whose cosignatures are then checked.
        is_quick: look at hashes, heads and tiles, and derive no columns.
        keys: the installation's, to see whether those of the kept texts open.
    """

    def __init__(
        self,
        reader_url: SecretStr,
        key: NoteKey,
        *,
        anchors: Sequence[Anchor] = (),
        witnesses: Sequence[NoteKey] = (),
        is_quick: bool = False,
        keys: Keys | None = None,
    ) -> None:
        self._reader_url = reader_url
        self._keys = keys
        self._anchors = anchors
        self._witnesses = witnesses
        self._is_quick = is_quick
        names = HASH_CHECKS if is_quick else tuple(ROW_CHECKS)
        self._row_checks = [(name, ROW_CHECKS[name]) for name in names if name in ROW_CHECKS]
        self._findings = Findings()
        self._tree = Tree()
        self._reigns = [_Reign(key, 0)]
        self._moments = _Moments()
        self._stored_edge: list[bytes] = []
        self._located: int | None = None  # the first leaf of the batch that differs from what is stored
        self._is_lost = False  # the tree is another one: comparing it further would tell the same again and again
        self._roots: dict[int, bytes] = {}  # at the sizes of anchors
        self._connection: psycopg.AsyncConnection | None = None

    async def __aenter__(self) -> Self:
        """Connect.

        Raises:
            UnavailableError: the database cannot be reached as the reader.
        """
        try:
            self._connection = await connect(self._reader_url, autocommit=True)
            await self._connection.set_isolation_level(psycopg.IsolationLevel.REPEATABLE_READ)
            await self._connection.set_read_only(True)
        except psycopg.Error as error:
            raise _away() from error
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Disconnect."""
        if self._connection is not None:
            await self._connection.close()

    async def verify(self) -> Findings:
        """Return what was found.

        Raises:
            UnavailableError: the database went away, or refuses.
            BadInputError: an anchor is of another log.
        """
        key = self._reigns[0].key
        for anchor in self._anchors:
            if anchor.checkpoint.origin != key.name:
                raise BadInputError(
                    f"The anchor {anchor.label!r} is of the log {anchor.checkpoint.origin!r}, not of {key.name!r}."
                )
        if self._connection is None:
            raise _away()
        try:
            async with self._connection.transaction():
                await self._verify(self._connection)
        except psycopg.Error as error:
            raise _away() from error
        return self._findings

    async def _verify(self, connection: psycopg.AsyncConnection) -> None:
        now = await (await connection.execute(_NOW)).fetchone()
        if now is None:
            raise psycopg.InternalError("The server did not say what it is.")
        rows = _Rows(self._reader_url, now[3], _SELECT_HASHES if self._is_quick else _SELECT_ROWS)
        try:
            await self._verify_rows(connection, rows, Snapshot.parse(now[0]), now[1], now[2])
        finally:
            await rows.close()

    async def _verify_rows(
        self, connection: psycopg.AsyncConnection, rows: _Rows, snapshot: Snapshot, era: int, moment: datetime
    ) -> None:
        cosignatures = _Cosignatures(connection, self._witnesses, self._findings)
        tiles = _Tiles(connection)
        previous: Head | None = None
        async for head in _read_heads(connection):
            await self._check_batch(head, previous, rows, tiles)
            await cosignatures.check(head)
            if previous is not None:
                self._note_silence(head.sealed_at - previous.sealed_at)
            previous = head
        await cosignatures.check_rest()
        await self._check_extra_tiles(connection, previous.size if previous else 0)
        await self._check_unsealed(rows, snapshot, era, moment)
        if previous is not None:
            self._note_silence(moment - previous.sealed_at)
        self._check_anchors()
        await check_contents(connection, self._findings, self._keys)
        self._findings.size = self._tree.size
        self._findings.keys = [str(reign.key) for reign in self._reigns]

    async def _check_batch(self, head: Head, previous: Head | None, rows: _Rows, tiles: _Tiles) -> None:
        begin, digest, dated_back = self._tree.size, sha256(), 0
        latest: int | None = None
        announced: list[KeyRotated] = []
        restored: set[int] = set()
        self._located = None
        async for taken in rows.of_batch(head):
            self._check_rows(taken, self._tree.size)
            places = b"".join([row.place for row in taken])
            digest.update(places)
            dated_back = max(dated_back, self._moments.dated_back(places))
            latest = _latest(places, latest)
            announced += [_announcement(row) for row in taken if row.type == Tag.KEY_ROTATED]
            restored |= {Place.parse(row.place).era for row in taken if _is_restored(row)}
            await self._grow([row.leaf for row in taken], tiles)
        self._moments.add(head)
        self._follow_edge(head, previous)
        batch = Batch(
            head=head,
            previous=previous,
            tree=self._tree,
            begin=begin,
            places=digest.digest(),
            dated_back=dated_back,
            latest=latest,
            stored_edge=self._stored_edge,
            key=self._reigns[-1].key,
            announced=announced,
            restored=frozenset(restored),
        )
        self._judge(batch)
        self._findings.heads += 1
        self._findings.events += self._tree.size - begin
        self._change_keys(announced)

    def _judge(self, batch: Batch) -> None:
        is_lost = self._is_lost
        for name, check in BATCH_CHECKS.items():
            if is_lost and name in TREE_CHECKS:
                continue
            message = check(batch)
            if message:
                self._is_lost = self._is_lost or name in ("size", "root")
                leaf = self._located if self._located is not None else min(batch.begin, max(batch.head.size - 1, 0))
                self._findings.add(
                    name, f"Head {batch.head.batch}: {message}", leaf=leaf if name in TREE_CHECKS else None
                )

    def _change_keys(self, announced: Iterable[KeyRotated]) -> None:
        for each in announced:
            try:
                new = follow(each, self._reigns[-1].key)
            except NoteError:
                continue  # a check says so
            if new == self._reigns[-1].key:
                continue
            self._reigns[-1].end = self._tree.size
            self._reigns.append(_Reign(new, self._tree.size))

    def _check_rows(self, rows: Sequence[Row], begin: int | None) -> None:
        for number, row in enumerate(rows):
            document = {} if self._is_quick else parse_body(row.body)
            for name, check in self._row_checks:
                message = check(row, document)
                if message:
                    place = Place.parse(row.place)
                    leaf = None if begin is None else begin + number
                    self._findings.add(name, message, leaf=leaf, event=place.id)

    async def _grow(self, leaves: Sequence[bytes], tiles: _Tiles) -> None:
        """Add leaves to the tree, stopping at the sizes of anchors, and compare the tiles that become full."""
        begin = self._tree.size
        stops = {anchor.checkpoint.size for anchor in self._anchors}
        cuts = [size - begin for size in sorted(stops) if begin < size < begin + len(leaves)]
        for cut, end in zip((0, *cuts), (*cuts, len(leaves)), strict=True):
            for tile in self._tree.extend(leaves[cut:end]):
                await self._check_tile(tile, tiles)
            if self._tree.size in stops:
                self._roots[self._tree.size] = self._tree.root()

    async def _check_tile(self, tile: Tile, tiles: _Tiles) -> None:
        if self._is_lost or self._located is not None:
            return
        stored = await tiles.read(tile.level, tile.number)
        if stored == tile.data:
            return
        width = TILE_WIDTH**tile.level
        leaf = tile.number * TILE_WIDTH * width
        if stored is not None:
            leaf += _first_difference(_hashes(stored), split_hashes(tile.data)) * width
        self._located = leaf
        self._findings.add("tile", f"The tile {tile.path} is missing or was changed.", leaf=leaf)

    def _follow_edge(self, head: Head, previous: Head | None) -> None:
        """Keep what the heads say the leaves beyond the last full tile are."""
        before = previous.size if previous else 0
        if head.size // TILE_WIDTH != before // TILE_WIDTH:
            self._stored_edge.clear()
        self._stored_edge += _hashes(head.leaves)
        edge = self._tree.edge
        if not self._is_lost and self._located is None and tuple(self._stored_edge) != edge:
            self._located = self._tree.size - len(edge) + _first_difference(self._stored_edge, edge)

    def _note_silence(self, silence: timedelta) -> None:
        self._findings.longest_silence_seconds = max(self._findings.longest_silence_seconds, silence.total_seconds())

    async def _check_extra_tiles(self, connection: psycopg.AsyncConnection, size: int) -> None:
        expected = dict(full_tiles(size))
        cursor = await connection.execute("SELECT level, max(number) FROM audit.tile GROUP BY level ORDER BY level")
        for level, last in await cursor.fetchall():
            if last >= expected.get(level, 0):
                self._findings.add("extra-tile", f"There is a tile {last} of level {level} that no head has.")

    async def _check_unsealed(self, rows: _Rows, now: Snapshot, era: int, moment: datetime) -> None:
        """Look at what no head has yet: it is new, or comes from no transaction that there was."""
        async for rest in rows.rest():
            self._check_rows(rest, None)
            for row in rest:
                identifier, xid, row_era, recorded = PLACE.unpack(row.place)
                if row_era > era or (row_era == era and xid >= now.xmax):
                    self._findings.add(
                        "future",
                        "An event says that a transaction wrote it that has not been yet: it will never be sealed.",
                        event=UUID(bytes=identifier),
                    )
                self._findings.unsealed += 1
                if not is_possible(recorded, moment):
                    self._findings.add(
                        "recorded",
                        "An event says that it was recorded at a time that cannot be.",
                        event=UUID(bytes=identifier),
                    )
                    continue
                age = (microseconds_of(moment) - recorded) / 1_000_000
                self._findings.oldest_unsealed_seconds = max(self._findings.oldest_unsealed_seconds, age)

    def _check_anchors(self) -> None:
        for anchor in self._anchors:
            before = self._findings.found
            size = anchor.checkpoint.size
            keys = [reign.key for reign in self._reigns if reign.covers(size)]
            try:
                signed = check_signatures(anchor.text, anchor.signatures, keys)
                witnessed = check_signatures(anchor.text, anchor.signatures, self._witnesses)
            except NoteError as error:
                signed = witnessed = {}
                self._findings.add("anchor-key", f"The anchor {anchor.label!r} cannot be trusted: {error}")
            if not signed:
                self._findings.add(
                    "anchor-key", f"No key that this log had at size {size} has signed the anchor {anchor.label!r}."
                )
            self._findings.cosignatures += len(witnessed)
            if size > self._tree.size:
                self._findings.add(
                    "anchor-size",
                    f"The anchor {anchor.label!r} saw {size} events and the log has {self._tree.size}: it was cut off, "
                    "or set back.",
                    leaf=self._tree.size,
                )
            elif anchor.checkpoint.root != (self._roots.get(size) if size else Tree().root()):
                self._findings.add(
                    "anchor-root", f"The anchor {anchor.label!r} saw another log: its first {size} events were others."
                )
            self._findings.anchors += self._findings.found == before


class _Rows:
    """The events in the order of era, transaction and id, dealt out to the batches that have them.

    They are read by a thread over a connection of its own, a block ahead, in the same moment of the database.
    """

    def __init__(self, reader_url: SecretStr, snapshot: str, query: sql.Composed) -> None:
        self._thread = ThreadPoolExecutor(1, "audit-events")
        self._connection: psycopg.Connection | None = None
        self._cursor: psycopg.ServerCursor[Any] | None = None
        self._block: list[tuple[int, int, Row]] = []
        self._at = 0
        self._waiting: list[tuple[int, int, Row]] = []  # of transactions that ended after a head that came after them
        self._next = self._thread.submit(
            self._open, reader_url, snapshot, query
        )  # the last: the thread sets what is above

    async def close(self) -> None:
        """End the thread and its connection."""
        with contextlib.suppress(psycopg.Error):
            await asyncio.wrap_future(self._next)
        with contextlib.suppress(psycopg.Error):
            await asyncio.wrap_future(self._thread.submit(self._end))
        self._thread.shutdown()

    async def of_batch(self, head: Head) -> AsyncIterator[list[Row]]:
        """Yield the rows of a batch, in their order and in blocks."""
        era, sees, xmax = head.era, head.snapshot.sees, head.snapshot.xmax
        if self._waiting:
            waiting, self._waiting = self._waiting, []
            taken = []
            for entry in waiting:
                if entry[0] < era or (entry[0] == era and sees(entry[1])):
                    taken.append(entry[2])
                else:
                    self._waiting.append(entry)
            yield taken
        while await self._fill():
            taken, block, at = [], self._block, self._at
            if not head.snapshot.open and block[-1][:2] < (era, xmax):  # all of the block: most are like this
                self._at = len(block)
                yield [row for _, _, row in block[at:]]
                continue
            while at < len(block):
                row_era, xid, row = block[at]
                if row_era > era or (row_era == era and xid >= xmax):
                    break
                if row_era < era or sees(xid):
                    taken.append(row)
                else:
                    self._waiting.append(block[at])
                at += 1
            self._at = at
            yield taken
            if at < len(block):
                return

    async def rest(self) -> AsyncIterator[list[Row]]:
        """Yield the rows that no batch has."""
        yield [row for _, _, row in self._waiting]
        while await self._fill():
            yield [row for _, _, row in self._block[self._at :]]
            self._at = len(self._block)

    async def _fill(self) -> bool:
        if self._at == len(self._block):
            found = await asyncio.wrap_future(self._next)
            if found:
                self._next = self._thread.submit(self._fetch)
            unpack, block = PLACE.unpack, []
            for row in found:
                _, xid, era, _ = unpack(row[0])
                columns = row[3:]
                block.append((era, xid, Row(row[0], row[1], row[2], columns[_TYPE], columns)))
            self._block, self._at = block, 0
        return bool(self._block)

    def _open(self, reader_url: SecretStr, snapshot: str, query: sql.Composed) -> list[tuple[Any, ...]]:
        self._connection = connect_blocking(reader_url)
        self._connection.set_isolation_level(psycopg.IsolationLevel.REPEATABLE_READ)
        self._connection.set_read_only(True)
        self._connection.execute(sql.SQL("SET TRANSACTION SNAPSHOT {}").format(sql.Literal(snapshot)))
        self._cursor = self._connection.cursor("events", binary=True)
        self._cursor.execute(query)
        return self._fetch()

    def _end(self) -> None:
        if self._connection is not None:
            with self._connection:  # closes it, whatever becomes of the cursor
                if self._cursor is not None:
                    self._cursor.close()

    def _fetch(self) -> list[tuple[Any, ...]]:
        return self._cursor.fetchmany(_ROWS_AT_ONCE) if self._cursor else []


class _Moments:
    """When heads were made: a row was recorded after each head that its transaction's number is not before.

    Of heads that nothing new can stand before, only the newest is kept.
    """

    def __init__(self) -> None:
        self._era = 0
        self._last: Snapshot | None = None
        self._numbers: list[int] = []  # the first transaction that had not begun
        self._times: list[int] = []

    def add(self, head: Head) -> None:
        """Keep a head for the batches after it."""
        if head.era != self._era:
            self._numbers.clear()
            self._times.clear()
        self._era, self._last = head.era, head.snapshot
        place = bisect_left(self._numbers, head.snapshot.xmax)  # a log that was changed may go back
        self._numbers[place:] = [head.snapshot.xmax]
        self._times[place:] = [microseconds_of(head.sealed_at)]
        done = bisect_right(self._numbers, head.snapshot.xmin) - 1
        if done > 0:
            del self._numbers[:done]
            del self._times[:done]

    def dated_back(self, places: bytes) -> int:
        """Return how long before such a head one of these rows claims to be recorded, at most."""
        if self._last is None:
            return 0
        most, xmax, newest = 0, self._last.xmax, self._times[-1]
        for _, xid, era, recorded in PLACE.iter_unpack(places):
            if era < self._era:
                continue
            if era > self._era or xid >= xmax:  # a later era began after every head of this one
                most = max(most, newest - recorded)
            elif place := bisect_right(self._numbers, xid):
                most = max(most, self._times[place - 1] - recorded)
        return most


class _Tiles:
    """The stored tiles, read some at a time."""

    def __init__(self, connection: psycopg.AsyncConnection) -> None:
        self._connection = connection
        self._ahead: dict[tuple[int, int], bytes] = {}

    async def read(self, level: int, number: int) -> bytes | None:
        """Return a tile; None where it is missing. Each is asked for once."""
        if (level, number) not in self._ahead:
            cursor = await self._connection.execute(
                "SELECT number, data FROM audit.tile WHERE level = %s AND number >= %s AND number < %s",
                [level, number, number + _TILES_AT_ONCE],
                binary=True,
            )
            self._ahead |= {(level, row[0]): row[1] for row in await cursor.fetchall()}
        return self._ahead.pop((level, number), None)


class _Cosignatures:
    """What witnesses said, compared with the heads as they come."""

    def __init__(self, connection: psycopg.AsyncConnection, witnesses: Sequence[NoteKey], findings: Findings) -> None:
        self._rows = self._read(connection)
        self._witnesses = witnesses
        self._findings = findings
        self._next: tuple[int, str, str] | None = None
        self._has_begun = False

    async def check(self, head: Head) -> None:
        """Look at the cosignatures of this head's size."""
        while (entry := await self._peek()) and entry[0] <= head.size:
            self._next = None
            if entry[0] < head.size:
                self._findings.add(
                    "cosignature", f"A cosignature is over {entry[0]} events, and no head has that size."
                )
            else:
                self._judge(head, entry[1], entry[2])

    async def check_rest(self) -> None:
        """Look at those that are larger than the log."""
        while entry := await self._peek():
            self._next = None
            self._findings.add("cosignature", f"A witness saw {entry[0]} events; the log has fewer.")

    def _judge(self, head: Head, witness: str, line: str) -> None:
        try:
            signature = parse_signature(line.removesuffix("\n"))
            if witness != f"{signature.name}+{signature.key_id.hex()}":
                raise NoteError(f"It is filed under {witness!r}.")  # noqa: TRY301 - told as what the parser raises
            signed = check_signatures(split_note(head.note)[0], [signature], self._witnesses)
        except NoteError as error:
            self._findings.add("cosignature", f"A cosignature over {head.size} events cannot be trusted: {error}")
            return
        self._findings.cosignatures += len(signed)
        self._findings.unchecked_cosignatures += not signed

    async def _peek(self) -> tuple[int, str, str] | None:
        if self._next is None:
            self._next = await anext(self._rows, None)
        return self._next

    @staticmethod
    async def _read(connection: psycopg.AsyncConnection) -> AsyncIterator[tuple[int, str, str]]:
        async with connection.cursor("cosignatures") as cursor:
            await cursor.execute("SELECT size, witness, line FROM audit.cosignature ORDER BY size, witness")
            while rows := await cursor.fetchmany(_HEADS_AT_ONCE):
                for row in rows:
                    yield row


async def _read_heads(connection: psycopg.AsyncConnection) -> AsyncIterator[Head]:
    async with connection.cursor("heads", binary=True) as cursor:
        await cursor.execute(sql.SQL("{} ORDER BY batch").format(SELECT_ANY_HEADS))
        while rows := await cursor.fetchmany(_HEADS_AT_ONCE):
            for row in rows:
                yield Head.of_row(row)


def _latest(places: bytes, so_far: int | None) -> int | None:
    times = [recorded for _, _, _, recorded in PLACE.iter_unpack(places)]
    if so_far is not None:
        times.append(so_far)
    return max(times, default=None)


def _is_restored(row: Row) -> bool:
    return row.type == Tag.LOG_RESTORED and parse_body(row.body).get("type") == Tag.LOG_RESTORED


def _announcement(row: Row) -> KeyRotated:
    data: Any = parse_body(row.body).get("data")
    names = ("old_key", "new_key", "signature")
    fields = {name: str(data.get(name)) if isinstance(data, dict) else "" for name in names}
    return KeyRotated(**fields)


def _hashes(data: bytes) -> list[bytes]:
    """Return stored hashes; none where somebody cut them."""
    try:
        return split_hashes(data)
    except ValueError:
        return []


def _first_difference(stored: Sequence[bytes], derived: Sequence[bytes]) -> int:
    pairs = zip(stored, derived, strict=False)
    return next((place for place, (one, other) in enumerate(pairs) if one != other), min(len(stored), len(derived)))


def _away() -> UnavailableError:
    return UnavailableError("The audit log cannot be checked: the database does not answer, or refuses to.")
