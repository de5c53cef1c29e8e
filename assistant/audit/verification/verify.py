"""Verify the whole log: read heads, events and tiles in one moment, derive everything again, and say what differs.

The verifier trusts one thing: the public key of the log's first day. What a superuser could do and nothing inside the
database shows, such as cutting off the tail or sealing everything anew with a stolen key, an anchor shows: a
checkpoint that lies elsewhere.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any, Final, Self
from uuid import UUID

import psycopg
from psycopg import sql
from pydantic import SecretStr

from assistant.audit.events import Tag
from assistant.audit.log_connection import LogConnection
from assistant.audit.record import parse_body
from assistant.audit.seals.checkpoint import NoteKey
from assistant.audit.seals.heads import PLACE, SELECT_HEADS, Head, Snapshot
from assistant.audit.verification.anchor import Anchor, AnchorCheck
from assistant.audit.verification.batches import BatchCheck
from assistant.audit.verification.checks import is_possible, microseconds_of
from assistant.audit.verification.content_check import check_contents
from assistant.audit.verification.cosignatures import CosignatureCheck
from assistant.audit.verification.dealing import Dealer, Run
from assistant.audit.verification.dropped import DroppedCheck
from assistant.audit.verification.findings import Findings
from assistant.audit.verification.schema_check import check_schema
from assistant.audit.verification.slice_readers import SliceReaders
from assistant.audit.verification.slices import plan_slices
from assistant.audit.verification.stored_tiles import StoredTiles, check_extra_tiles
from assistant.database import connect, is_gone
from assistant.errors import UnavailableError
from assistant.keys import Keys

_HEADS_AT_ONCE: Final = 500
_COUNT: Final = "SELECT (SELECT count(*) FROM audit.event) + (SELECT count(*) FROM audit.stub)"
_NOW: Final = "SELECT pg_current_snapshot()::text, audit.current_era(), clock_timestamp(), pg_export_snapshot()"


@dataclass(frozen=True, slots=True)
class _Now:
    """The moment of the database that is looked at."""

    snapshot: Snapshot
    era: int
    time: datetime
    name: str

    @classmethod
    async def of(cls, connection: psycopg.AsyncConnection) -> Self:
        row = await (await connection.execute(_NOW)).fetchone()
        if row is None:
            raise psycopg.InternalError("The server did not say what it is.")
        return cls(Snapshot.parse(row[0]), *row[1:])


class Verifier(LogConnection):
    """Verify; use it as `async with`.

    Args:
        reader_url: the database as the reader of the audit log.
        key: the public key of the log's first day.
        anchors: checkpoints from elsewhere.
        witnesses: public keys of witnesses, whose cosignatures are then checked.
        is_quick: look at all but the columns and the spelling of events: hashes, kinds, heads, tiles, texts and keys.
        keys: the installation's, to see whether those of the kept texts open.
        processes: how many read and check rows beside this one; 0: a thread does.
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
        processes: int = 0,
    ) -> None:
        super().__init__(reader_url)
        self._key = key
        self._witnesses = witnesses
        self._is_quick = is_quick
        self._keys = keys
        self._processes = processes
        self._findings = Findings()
        self._anchors = AnchorCheck(anchors, witnesses, self._findings)
        self._dropped = DroppedCheck(self._findings)
        self._readers: SliceReaders | None = None
        self._rows = 0

    async def __aenter__(self) -> Self:
        """Start the processes, and connect.

        Raises:
            UnavailableError: the database cannot be reached as the reader.
        """
        self._readers = SliceReaders(self._reader_url, self._processes)
        try:
            return await super().__aenter__()
        except BaseException:
            self._readers.close()
            raise

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Disconnect, and end the processes."""
        if self._readers is not None:
            self._readers.close()
        await super().__aexit__(kind, error, trace)

    async def verify(self) -> Findings:
        """Return what was found.

        Raises:
            UnavailableError: the database went away, or refuses.
            BadInputError: an anchor is of another log.
        """
        self._anchors.require_log(self._key.name)
        if self._readers is None:
            raise _away()
        try:
            async with self._open.transaction():
                await check_schema(self._open, self._findings)
                if not self._findings.found:  # else nothing could be read to its end
                    await self._verify(self._open, self._readers)
        except psycopg.Error as error:
            if not is_gone(error):
                raise _away() from error
            self._findings.add("schema", f"Something of the log is gone: {error.diag.message_primary or error}.")
        return self._findings

    async def _verify(self, connection: psycopg.AsyncConnection, readers: SliceReaders) -> None:
        now = await _Now.of(connection)
        counting = asyncio.create_task(_count_rows(self._reader_url, now.name))
        try:
            queries = await plan_slices(connection, is_quick=self._is_quick)
            async with aclosing(readers.read(now.name, queries)) as slices:
                await self._verify_slices(connection, Dealer(self._dropped.watch(slices)), now)
            self._check_count(await counting)
        finally:
            counting.cancel()
            await asyncio.gather(counting, return_exceptions=True)

    async def _verify_slices(self, connection: psycopg.AsyncConnection, dealer: Dealer, now: _Now) -> None:
        findings = self._findings
        cosignatures = CosignatureCheck(connection, self._witnesses, findings)
        batches = BatchCheck(self._key, StoredTiles(connection), self._anchors, self._dropped, findings)
        previous: Head | None = None
        async for head in _read_heads(connection):
            await batches.check(head, previous, dealer)
            await cosignatures.check(head)
            if previous is not None:
                self._note_silence(head.sealed_at - previous.sealed_at)
            previous = head
        await cosignatures.check_rest()
        await check_extra_tiles(connection, previous.size if previous else 0, findings)
        await self._check_unsealed(dealer, now, batches.newest_keys)
        self._dropped.check()
        if previous is not None:
            self._note_silence(now.time - previous.sealed_at)
        self._anchors.check(batches.size, batches.reigns)
        await check_contents(connection, findings, self._keys)
        self._rows = findings.events + findings.unsealed
        findings.size = batches.size
        findings.keys = [str(reign.key) for reign in batches.reigns]

    def _note_silence(self, silence: timedelta) -> None:
        self._findings.longest_silence_seconds = max(self._findings.longest_silence_seconds, silence.total_seconds())

    async def _check_unsealed(self, dealer: Dealer, now: _Now, keys: Sequence[NoteKey]) -> None:
        """Look at what no head has yet: it is new, or comes from no transaction that there was."""
        async for run in dealer.rest():
            self._dropped.note_unsealed(run)
            for _, place, recorded, body in run.notable:
                document = parse_body(body)
                if document.get("type") == Tag.RETENTION_EXECUTED:  # of the last tenth of a second
                    self._dropped.note_event(document.get("data"), keys, recorded=recorded, leaf=None, event=place.id)
            for _, problem in run.problems:
                self._findings.add(problem.check, problem.message, event=problem.event)
            self._check_unsealed_run(run, now)

    def _check_unsealed_run(self, run: Run, now: _Now) -> None:
        for raw, xid, era, recorded in PLACE.iter_unpack(run.places):
            if era > now.era or (era == now.era and xid >= now.snapshot.xmax):
                self._findings.add(
                    "future",
                    "An event says that a transaction wrote it that has not been yet: it will never be sealed.",
                    event=UUID(bytes=raw),
                )
            self._findings.unsealed += 1
            if not is_possible(recorded, now.time):
                self._findings.add(
                    "recorded", "An event says that it was recorded at a time that cannot be.", event=UUID(bytes=raw)
                )
                continue
            age = (microseconds_of(now.time) - recorded) / 1_000_000
            self._findings.oldest_unsealed_seconds = max(self._findings.oldest_unsealed_seconds, age)

    def _check_count(self, count: int) -> None:
        """Compare with the table itself: the order comes from an index, and who may do anything can hide rows there."""
        if count != self._rows:
            self._findings.add(
                "count", f"The log has {count} events, and its index by transaction shows {self._rows} of them."
            )


async def _count_rows(reader_url: SecretStr, snapshot: str) -> int:
    """Count events without an index, in the moment that another connection holds open."""
    async with await connect(reader_url, autocommit=True) as connection:
        await connection.set_isolation_level(psycopg.IsolationLevel.REPEATABLE_READ)
        async with connection.transaction():
            await connection.execute(sql.SQL("SET TRANSACTION SNAPSHOT {}").format(sql.Literal(snapshot)))
            for way in ("indexscan", "indexonlyscan", "bitmapscan"):
                await connection.execute(sql.SQL("SET LOCAL {} = off").format(sql.Identifier(f"enable_{way}")))
            row: Any = await (await connection.execute(_COUNT)).fetchone()
            return int(row[0])


async def _read_heads(connection: psycopg.AsyncConnection) -> AsyncIterator[Head]:
    async with connection.cursor("heads", binary=True) as cursor:
        await cursor.execute(sql.SQL("{} ORDER BY batch").format(SELECT_HEADS))
        while rows := await cursor.fetchmany(_HEADS_AT_ONCE):
            for row in rows:
                yield Head.of_row(row)


def _away() -> UnavailableError:
    return UnavailableError("The audit log cannot be checked: the database does not answer, or refuses to.")
