"""Take events out of the log as a zip that an outsider checks without Cloister: the same question, the same bytes.

The zip has the bodies as they were sealed, the hashes that lead from them to a signed root, the checkpoint, the keys,
and `verify.py`. No clock is in it but that of the head, so whoever asks again under the same head gets the same file.
"""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
from base64 import b64encode
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import IO, Final, Protocol
from uuid import UUID

import psycopg
from psycopg import sql
from pydantic import SecretStr

from assistant.audit.events import ExportCreated, Tag
from assistant.audit.exports import spreadsheet
from assistant.audit.exports.export_query import KEY_EVENTS, ExportQuery
from assistant.audit.exports.export_zip import Draft, TimelessZip, sha256_of
from assistant.audit.exports.leaves import Leaf, Stretch, find_stretches, read_leaves
from assistant.audit.exports.offline import verify as offline
from assistant.audit.exports.sheaf import Sheaf
from assistant.audit.reading.proof import read_newest
from assistant.audit.record import format_time
from assistant.audit.seals.checkpoint import NoteKey
from assistant.audit.seals.heads import SELECT_HEADS, Head
from assistant.audit.seals.nodes import StoredNodes
from assistant.database import connect, unreadable
from assistant.errors import BadInputError

OnProgress = Callable[[int, int], None]
"""Told how many events were looked at, and how many there are to look at."""

_LEAST_REASON_CHARS: Final = 5
_VERIFIER: Final = Path(offline.__file__)
_PROOF_IN_MEMORY_BYTES: Final = 8 << 20


class AuditLog(Protocol):
    """What is told that there is an export, before there is one."""

    async def append(self, event: ExportCreated) -> None:
        """Return once the event is durable."""


@dataclass(frozen=True, slots=True)
class ExportRequest:
    """What somebody wants to have.

    Attributes:
        reason: why, in words; it stands in the file, and not in the log. A page guards it before it comes here.
        people: who somebody is, by id, where an unmasking allows it.
        actor: who asks; None: the operator, by a command.
        size: of the log, as an earlier head had it; None: the newest.
    """

    query: ExportQuery
    reason: str
    actor: UUID | None = None
    door: str = "command"
    size: int | None = None
    people: Mapping[UUID, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Exported:
    """What came of it; `sha256` is the digest of the zip, in hexadecimal."""

    events: int
    size: int
    zip_bytes: int
    sha256: str


async def create_export(
    reader_url: SecretStr,
    first_key: NoteKey,
    request: ExportRequest,
    audit: AuditLog,
    target: Path,
    *,
    table: Path | None = None,
    on_progress: OnProgress | None = None,
) -> Exported:
    """Write an export, have it recorded, and only then let it be found under its name.

    Args:
        reader_url: the database as the reader of the audit log.
        first_key: the public key of the log's first day.
        request: what is wanted, and why.
        audit: where it is recorded.
        target: the zip to be; nothing may lie there.
        table: the CSV to be, likewise; None: none is wanted.
        on_progress: see there.

    Raises:
        BadInputError: no reason, a target that exists or cannot be written, a size that no head has.
        NotFoundError: nothing was sealed yet.
        UnavailableError: the database went away, or the log is not what was sealed.
        AuditUnavailableError: it could not be recorded; there is no file then.
    """
    if len(request.reason.strip()) < _LEAST_REASON_CHARS:
        raise BadInputError("An export needs a reason, in words: who gets it, and for what.")
    with ExitStack() as drafts:
        draft = drafts.enter_context(Draft(target))
        table_draft = drafts.enter_context(Draft(table)) if table else None
        try:
            subject = await _subject_of(reader_url, request.query)
            exported = await _write(
                reader_url, first_key, request, draft, table_draft, on_progress=on_progress or _no_progress
            )
        except (psycopg.OperationalError, psycopg.ProgrammingError) as error:
            raise unreadable(error, "Nothing was exported: the database does not answer. Try again.") from error
        await audit.append(
            ExportCreated(
                actor=request.actor,
                subject=subject or request.actor,
                door=request.door,
                filters=request.query.filters,
                events=exported.events,
                size=exported.size,
                zip_bytes=exported.zip_bytes,
                zip_sha256=exported.sha256,
                has_table=table is not None,
            )
        )
        draft.keep()
        if table_draft is not None:
            table_draft.keep()
    return exported


async def _subject_of(reader_url: SecretStr, query: ExportQuery) -> UUID | None:
    """Return whose events are asked for: who sees in their own log that somebody did."""
    if query.person_id or not (query.reference or query.thread_id):
        return query.person_id
    turn = ExportQuery(reference=query.reference, thread_id=query.thread_id, types=frozenset({Tag.TURN_ACCEPTED}))
    whose = sql.SQL("SELECT subject FROM audit.event WHERE {} ORDER BY id LIMIT 1").format(turn.conditions()[0])
    async with await connect(reader_url, autocommit=True) as connection:
        row = await (await connection.execute(whose)).fetchone()
    subject: UUID | None = row[0] if row else None
    return subject


async def _write(
    reader_url: SecretStr,
    first_key: NoteKey,
    request: ExportRequest,
    draft: Draft,
    table: Draft | None,
    *,
    on_progress: OnProgress,
) -> Exported:
    async with await connect(reader_url, autocommit=True) as connection:
        await connection.set_isolation_level(psycopg.IsolationLevel.REPEATABLE_READ)
        await connection.set_read_only(True)
        async with connection.transaction():
            plan = await _plan(connection, request)
            with tempfile.SpooledTemporaryFile(_PROOF_IN_MEMORY_BYTES) as proof, TimelessZip(draft.file) as export:
                export.put("checkpoint", await _cosigned(connection, plan.head))
                sheaf = Sheaf(StoredNodes(connection, plan.head.size), proof)
                with export.open("events.jsonl") as events:
                    await _write_events(
                        connection, plan, sheaf, events, table.file if table else None, on_progress=on_progress
                    )
                await sheaf.finish(plan.head)
                export.put("keys.json", _json(sheaf.listed_keys(plan.head, first_key)))
                export.put("manifest.json", _json(_manifest(request, plan, sheaf)))
                await asyncio.to_thread(export.copy, "proof.bin", proof)
                export.put("verify.py", _VERIFIER.read_bytes())
    sha256 = await asyncio.to_thread(sha256_of, draft.file)
    return Exported(sheaf.events, plan.head.size, draft.file.seek(0, os.SEEK_END), sha256)


@dataclass(frozen=True, slots=True)
class _Plan:
    """What is read: up to which head, from where to where, what the manifest says that this is, and of what all."""

    head: Head
    stretches: Sequence[Stretch]
    query: Mapping[str, object]
    complete: range = range(0)

    @property
    def leaves(self) -> int:
        """Return how many events are looked at."""
        return sum(each.last.size - (each.after.size if each.after else 0) for each in self.stretches)


async def _plan(connection: psycopg.AsyncConnection, request: ExportRequest) -> _Plan:
    head = await _head_of_size(connection, request.size)
    query = request.query
    if query.is_filtered:
        stretches = await find_stretches(connection, [*query.conditions(), KEY_EVENTS], head)
        return _Plan(head, stretches, query.as_data())
    after = await _sealed_before(connection, query.since, head)
    last = await _sealed_before(connection, query.until, head) if query.until else head
    keys = await find_stretches(connection, [KEY_EVENTS], head)
    begin = after.size if after else 0
    end = max(begin, last.size if last else 0)
    stretches = [
        *(each for each in keys if each.last.size <= begin),
        *([Stretch(after, last, sql.SQL("true"))] if last and end > begin else []),
        *(each for each in keys if each.last.size > end),
    ]
    times = {f"sealed_{name}": value for name, value in query.as_data().items()}
    return _Plan(head, stretches, {"leaves": [begin, end], **times}, range(begin, end))


async def _head_of_size(connection: psycopg.AsyncConnection, size: int | None) -> Head:
    """Return the first head of a size: later ones say the same of a quiet time."""
    wanted = (await read_newest(connection)).size if size is None else size
    query = sql.SQL("{} WHERE size = %s ORDER BY batch LIMIT 1").format(SELECT_HEADS)
    row = await (await connection.execute(query, [wanted])).fetchone()
    if row is None:
        raise BadInputError(f"No head has {size} events. `cloister audit head` shows the newest.")
    return Head.of_row(row)


async def _sealed_before(connection: psycopg.AsyncConnection, moment: datetime | None, newest: Head) -> Head | None:
    """Return the last head before a time, of those up to one; None: there is none, or no time was named."""
    if moment is None:
        return None
    query = sql.SQL("{} WHERE sealed_at < %s AND batch <= %s ORDER BY batch DESC LIMIT 1").format(SELECT_HEADS)
    row = await (await connection.execute(query, [moment, newest.batch])).fetchone()
    return Head.of_row(row) if row else None


async def _cosigned(connection: psycopg.AsyncConnection, head: Head) -> bytes:
    cursor = await connection.execute(
        "SELECT line FROM audit.cosignature WHERE size = %s ORDER BY witness", [head.size]
    )
    lines = [row[0].removesuffix("\n") for row in await cursor.fetchall()]
    return (head.note + "".join(f"{line}\n" for line in lines)).encode()


async def _write_events(
    connection: psycopg.AsyncConnection,
    plan: _Plan,
    sheaf: Sheaf,
    events: IO[bytes],
    table: IO[bytes] | None,
    *,
    on_progress: OnProgress,
) -> None:
    done = 0
    if table is not None:
        table.write(spreadsheet.header())
    async for block in _read_plan(connection, plan):
        wanted = [leaf for leaf in block if leaf.body is not None]
        for leaf in block:
            if leaf.body is not None:
                await sheaf.add(leaf)
            elif leaf.number in plan.complete:
                sheaf.miss(leaf)
        await asyncio.to_thread(_write_block, wanted, events, table)
        done += len(block)
        on_progress(done, plan.leaves)


async def _read_plan(connection: psycopg.AsyncConnection, plan: _Plan) -> AsyncIterator[list[Leaf]]:
    for stretch in plan.stretches:
        async for block in read_leaves(connection, stretch):
            yield [_as_asked(leaf, plan.query) for leaf in block] if "case_id" in plan.query else block


def _as_asked(leaf: Leaf, query: Mapping[str, object]) -> Leaf:
    """Return a leaf without its body if an outsider's check would not find it asked for: one that only looks alike."""
    if leaf.body is None:
        return leaf
    try:
        fits = offline.fits(leaf.number, json.loads(leaf.body), query)
    except (ValueError, LookupError, TypeError, AttributeError):
        fits = False
    return leaf if fits else leaf._replace(body=None)


def _write_block(leaves: Sequence[Leaf], events: IO[bytes], table: IO[bytes] | None) -> None:
    bodies = [(leaf.number, leaf.body or b"") for leaf in leaves]
    events.write(b"".join([b'{"leaf":%d,"event":%b}\n' % each for each in bodies]))
    if table is not None:
        table.write(spreadsheet.table_lines(bodies))


def _manifest(request: ExportRequest, plan: _Plan, sheaf: Sheaf) -> dict[str, object]:
    checkpoint = plan.head.checkpoint
    return {
        "format": offline.FORMAT,
        "log": checkpoint.origin,
        "size": checkpoint.size,
        "root": b64encode(checkpoint.root).decode(),
        "sealed_at": format_time(plan.head.sealed_at),
        "reason": request.reason.strip(),
        "asked_by": {"door": request.door, "person_id": str(request.actor) if request.actor else None},
        "query": plan.query,
        "events": sheaf.events,
        "extent": [sheaf.first, sheaf.last],
        "dropped": sheaf.dropped,
        **({"people": {str(one): name for one, name in request.people.items()}} if request.people else {}),
        "made_by": f"cloister {version('cloister')}",
    }


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=True, sort_keys=True, indent=1).encode() + b"\n"


def _no_progress(done: int, total: int) -> None:
    del done, total
