"""Exports that somebody asks for on a page: written by a worker, fetched by whoever asked, gone after a day.

The row says what is wanted and how far it is; the file lies in the data folder, which worker and console share.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, Protocol
from uuid import UUID, uuid4

from sqlalchemy import Row, Select, and_, func, literal, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlmodel import col

from assistant.audit.events import ExportDownloaded, Tag
from assistant.audit.exports.export import Exported, ExportRequest, OnProgress
from assistant.audit.exports.export_query import ExportQuery
from assistant.audit.log import AuditLog
from assistant.compliance.rights import DOOR, Gate
from assistant.compliance.tables import ExportRow
from assistant.compliance.texts import DeskTexts
from assistant.conversation import Person
from assistant.database import reading, transaction
from assistant.errors import BadInputError, CloisterError, NotFoundError, UnavailableError
from assistant.rights import Right

KEPT: Final = timedelta(days=1)
_MOST_WAITING: Final = 5  # of one person
_MOST_LISTED: Final = 50
_PROGRESS_SECONDS: Final = 0.5
_SILENT: Final = timedelta(minutes=2)  # a worker that wrote no progress for so long is gone
_MOST_ATTEMPTS: Final = 3
_ORPHANED: Final = timedelta(hours=1)


class ExportState(StrEnum):
    """How far an export is."""

    WAITING = "waiting"
    WRITING = "writing"
    READY = "ready"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Export:
    """An export as its page shows it.

    Attributes:
        query: what is asked for, as `ExportQuery.as_data` says it.
        looked_at, to_look_at: events, while it is written.
        trouble: why it failed.
        expires_at: when the file goes; none until it is ready.
    """

    id: UUID
    requested_by: UUID
    requested_at: datetime
    reason: str
    query: Mapping[str, Any]
    state: ExportState
    looked_at: int
    to_look_at: int
    events: int
    zip_bytes: int
    sha256: str
    trouble: str
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class AskedExport:
    """A request that was checked, and is not there yet."""

    id: UUID
    requested_by: UUID
    reason: str
    query: Mapping[str, object]

    async def leave(self, connection: AsyncConnection) -> None:
        """Leave it for a worker, once the transaction is committed.

        Raises:
            BadInputError: whoever asks has too many that wait.
        """
        one_at_a_time = func.pg_advisory_xact_lock(func.hashtextextended(f"exports of {self.requested_by}", 0))
        await connection.execute(select(one_at_a_time))  # or all would count before any is there
        await _require_room(connection, self.requested_by)
        row = {"id": self.id, "requested_by": self.requested_by, "reason": self.reason, "query": self.query}
        await connection.execute(insert(ExportRow).values(**row))


Write = Callable[[ExportRequest, Path, OnProgress], Awaitable[Exported]]
"""Writes one export to a file; `assistant.audit.exports.export` does it."""


@dataclass(frozen=True, slots=True)
class GrantedNames:
    """Who people are, and until when somebody may know it."""

    names: Mapping[UUID, str]
    until: datetime


class Names(Protocol):
    """Names that an unmasking allows; `GrantedLooks.names_for_export` gives them."""

    async def __call__(self, person_id: UUID, grant_id: UUID, case_id: UUID) -> GrantedNames:
        """Return them.

        Raises:
            NotAllowedError: the unmasking is not open now, or shows no names.
            NotFoundError: there is none of this person in this case.
        """


class Exports:
    """Ask for exports, write them, fetch them.

    Args:
        engine: where the rows lie.
        folder: where the files lie; made when the first is written.
        texts: guards reasons.
        audit: hears of each file that is fetched; writing one is noted by who writes it.
        gate: who may.
        names: who people are, where an unmasking allows it.
    """

    def __init__(
        self, engine: AsyncEngine, folder: Path, texts: DeskTexts, *, audit: AuditLog, gate: Gate, names: Names
    ) -> None:
        self._engine = engine
        self._folder = folder
        self._texts = texts
        self._audit = audit
        self._gate = gate
        self._names = names

    async def request(self, person: Person, query: ExportQuery, reason: str, *, unmask_id: UUID | None = None) -> UUID:
        """Ask for an export and return its id; a worker writes it soon.

        What is about whoever asks is left out, as everywhere at the desk: nobody reads here who looks into them.

        Args:
            person: who asks.
            query: what is wanted.
            reason: who gets it, and for what.
            unmask_id: of the case that is wanted, whose names are to be in it; looked at when it is written.

        Raises:
            BadInputError: the reason is too short or cannot be kept, a name to look for is none, it is about whoever
                asks, or they have too many that wait.
            NotAllowedError: this person may not export.
        """
        asked = await self.prepare(person, query, reason, unmask_id=unmask_id)
        async with transaction(self._engine) as connection:
            await asked.leave(connection)
        return asked.id

    async def prepare(
        self, person: Person, query: ExportQuery, reason: str, *, unmask_id: UUID | None = None
    ) -> AskedExport:
        """Return a request that is left for a worker in a transaction of the caller's; raises as `request` does."""
        await self._gate.require(person, Right.EXPORT_LOG)
        guarded = await self._texts.reason(person, reason)
        for name in filter(None, (query.rule, query.model, query.host, query.persona)):
            if await self._texts.note(person, name) != name:
                raise BadInputError("Nothing has such a name: it holds what the guard holds back. Look at it again.")
        if query.person_id == person.id:
            raise BadInputError("What is about yourself is in your own log, not in an export from here.")
        query = replace(query, without_person=person.id)
        return AskedExport(uuid4(), person.id, guarded, _as_json(query, unmask_id))

    async def list_own(self, person: Person) -> tuple[Export, ...]:
        """Return this person's exports, the latest first.

        Raises:
            NotAllowedError: this person may not export.
        """
        await self._gate.require(person, Right.EXPORT_LOG)
        query = _exports().where(col(ExportRow.requested_by) == person.id)
        async with reading(self._engine) as connection:
            rows = await connection.execute(query.order_by(col(ExportRow.requested_at).desc()).limit(_MOST_LISTED))
            return tuple([_export(row) for row in rows])

    async def fetch(self, person: Person, export_id: UUID) -> Path:
        """Return the file of this person's own export; noted first.

        Raises:
            NotAllowedError: this person may not export.
            NotFoundError: there is none, it is somebody else's, not ready, or gone.
        """
        await self._gate.require(person, Right.EXPORT_LOG)
        query = _exports().where(
            col(ExportRow.id) == export_id,
            col(ExportRow.requested_by) == person.id,
            col(ExportRow.state) == ExportState.READY.value,
            col(ExportRow.expires_at) > func.clock_timestamp(),
        )
        async with reading(self._engine) as connection:
            row = (await connection.execute(query)).one_or_none()
        file = self._folder / str(row.file) if row else None
        if row is None or file is None or not file.is_file():
            raise NotFoundError("There is no such export, or its file is gone. Ask for it again.")
        await self._audit.append(ExportDownloaded(actor=person.id, zip_sha256=row.sha256))
        return file

    async def has_waiting(self) -> bool:
        """Tell whether a worker has something to write."""
        async with transaction(self._engine) as connection:
            return await connection.scalar(select(col(ExportRow.id)).where(_IS_FREE).limit(1)) is not None

    async def write_next(self, write: Write) -> bool:
        """Write one export that waits; tell whether there was one. What fails says so to whoever asked."""
        taken = await self._take()
        if taken is None:
            return False
        export_id, request, attempts, unmask_id = taken
        file = f"{export_id}-{attempts}.zip"  # a new name at each attempt: the one before may still be at work
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        until: datetime | None = None
        try:
            if unmask_id and request.actor and request.query.case_id:
                granted = await self._names(request.actor, unmask_id, request.query.case_id)
                request, until = replace(request, people=granted.names), granted.until
            async with self._telling(export_id) as tell:
                exported = await write(request, self._folder / file, tell)
        except CloisterError as error:
            can_try_again = isinstance(error, UnavailableError) and attempts < _MOST_ATTEMPTS
            state = ExportState.WAITING if can_try_again else ExportState.FAILED
            await self._change(export_id, state=state.value, trouble=str(error))
            return not can_try_again  # the next look begins anew, some seconds later
        await self._change(
            export_id,
            state=ExportState.READY.value,
            trouble="",
            file=file,
            events=exported.events,
            zip_bytes=exported.zip_bytes,
            sha256=exported.sha256,
            # Names are not there for longer than somebody may look at them.
            expires_at=func.least(func.clock_timestamp() + literal(KEPT), until),
        )
        return True

    async def sweep(self) -> int:
        """Delete files that are over, give up what was tried too often, and return how many files are gone."""
        now = func.clock_timestamp()
        kept = select(col(ExportRow.file)).where(col(ExportRow.file) != "", col(ExportRow.expires_at) > now)
        async with transaction(self._engine) as connection:
            words = "It could not be written, several times. Ask for less, or tell your administrator."
            given_up = update(ExportRow).where(_IS_LOST, col(ExportRow.attempts) >= _MOST_ATTEMPTS)
            await connection.execute(given_up.values(state=ExportState.FAILED.value, trouble=words))
            known = set((await connection.execute(kept)).scalars())
        return await asyncio.to_thread(_delete_others, self._folder, known)

    async def _take(self) -> tuple[UUID, ExportRequest, int, UUID | None] | None:
        """Take the export that waits longest; return its id, what is wanted, which attempt it is, and the unmasking."""
        first = (
            select(col(ExportRow.id))
            .where(_IS_FREE)
            .order_by(col(ExportRow.requested_at))
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        async with transaction(self._engine) as connection:
            found = await connection.scalar(first)
            if found is None:
                return None
            row = (
                await connection.execute(
                    update(ExportRow)
                    .where(col(ExportRow.id) == found)
                    .values(
                        state=ExportState.WRITING.value,
                        attempts=col(ExportRow.attempts) + 1,
                        seen_at=func.clock_timestamp(),
                    )
                    .returning(*_COLUMNS)
                )
            ).one()
        request = ExportRequest(_of_json(row.query), row.reason, actor=row.requested_by, door=DOOR)
        unmask_id = UUID(row.query["unmask_id"]) if "unmask_id" in row.query else None
        return row.id, request, row.attempts, unmask_id

    @asynccontextmanager
    async def _telling(self, export_id: UUID) -> AsyncIterator[OnProgress]:
        """Give what is told of progress; it is written down twice a second."""
        latest = (0, 0)

        def tell(looked_at: int, to_look_at: int) -> None:
            nonlocal latest
            latest = (looked_at, to_look_at)

        async def keep_writing() -> None:
            while True:
                await asyncio.sleep(_PROGRESS_SECONDS)
                with contextlib.suppress(UnavailableError):
                    now = func.clock_timestamp()
                    await self._change(export_id, looked_at=latest[0], to_look_at=latest[1], seen_at=now)

        writing = asyncio.create_task(keep_writing())
        try:
            yield tell
        finally:
            writing.cancel()
            await asyncio.gather(writing, return_exceptions=True)

    async def _change(self, export_id: UUID, **values: object) -> None:
        async with transaction(self._engine) as connection:
            await connection.execute(update(ExportRow).where(col(ExportRow.id) == export_id).values(**values))


_COLUMNS: Final = tuple(ExportRow.__table__.columns)  # type: ignore[attr-defined]  # SQLModel's own
_IS_LOST: Final = and_(
    col(ExportRow.state) == ExportState.WRITING.value,
    col(ExportRow.seen_at) < func.clock_timestamp() - literal(_SILENT),
)
_IS_FREE: Final = and_(
    or_(col(ExportRow.state) == ExportState.WAITING.value, _IS_LOST), col(ExportRow.attempts) < _MOST_ATTEMPTS
)


async def _require_room(connection: AsyncConnection, person_id: UUID) -> None:
    waiting = select(func.count()).where(
        col(ExportRow.requested_by) == person_id,
        col(ExportRow.state).in_([ExportState.WAITING.value, ExportState.WRITING.value]),
    )
    if (await connection.scalar(waiting) or 0) >= _MOST_WAITING:
        raise BadInputError(f"{_MOST_WAITING} exports of yours wait already. Wait until one of them is ready.")


def _delete_others(folder: Path, known: Collection[str]) -> int:
    """Delete what no row knows; a file that is being written is young, whatever it is called."""
    oldest = time.time() - _ORPHANED.total_seconds()
    files = folder.iterdir() if folder.is_dir() else ()
    gone = [file for file in files if file.name not in known and file.stat().st_mtime < oldest]
    for file in gone:
        file.unlink(missing_ok=True)
    return len(gone)


def _exports() -> Select[Any]:
    return select(*_COLUMNS)


def _export(row: Row[Any]) -> Export:
    values = {field.name: getattr(row, field.name) for field in fields(Export)}
    return Export(**{**values, "state": ExportState(row.state)})


def _as_json(query: ExportQuery, unmask_id: UUID | None) -> dict[str, object]:
    said = dict(query.as_data())
    if unmask_id is not None:
        said["unmask_id"] = str(unmask_id)
    if query.reference:
        said["reference"] = query.reference
        del said["turn_tail"]
    return said


def _of_json(said: Mapping[str, Any]) -> ExportQuery:
    return ExportQuery(
        person_id=UUID(said["person_id"]) if "person_id" in said else None,
        thread_id=UUID(said["thread_id"]) if "thread_id" in said else None,
        reference=said.get("reference", ""),
        types=frozenset(map(Tag, said.get("types", ()))),
        rule=said.get("rule", ""),
        model=said.get("model", ""),
        host=said.get("host", ""),
        persona=said.get("persona", ""),
        case_id=UUID(said["case_id"]) if "case_id" in said else None,
        turn_ids=frozenset(map(UUID, said.get("turn_ids", ()))),
        since=datetime.fromisoformat(said["since"]) if "since" in said else None,
        until=datetime.fromisoformat(said["until"]) if "until" in said else None,
        without_person=UUID(said["without_person"]) if "without_person" in said else None,
    )
