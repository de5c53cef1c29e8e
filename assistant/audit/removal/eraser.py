"""Holds, requests and erasures: the log's writer notes what persons said, the eraser carries out what was agreed.

Each call and its event are one transaction of the database, which checks itself what must hold. The eraser's role may
call three functions and read nothing, and none of them adds a word of its own.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, LiteralString
from uuid import UUID

import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb
from pydantic import SecretStr

from assistant.audit.events import (
    ErasureApproved,
    ErasureDenied,
    ErasureExecuted,
    ErasureRequested,
    ErasureWithdrawn,
    Event,
    HoldPlaced,
    HoldReleased,
)
from assistant.audit.parts import TextMark
from assistant.audit.record import Origin, compose_record
from assistant.database import connect
from assistant.errors import BadInputError, HeldError, NotFoundError, UnavailableError

_MOST_LISTED: Final = 500
_Step = ErasureDenied | ErasureApproved | ErasureWithdrawn | ErasureExecuted


class Scope(StrEnum):
    """What is held or erased."""

    THREAD = "thread"  # the texts of a conversation, in the log and in the history
    PERSON = "person"  # the same of all their conversations, and all that names them


class ErasureState(StrEnum):
    """How far a request came."""

    REQUESTED = "requested"
    DENIED = "denied"
    APPROVED = "approved"  # and not carried out yet: something came in between
    EXECUTED = "executed"
    WITHDRAWN = "withdrawn"  # before it was carried out


@dataclass(frozen=True, slots=True)
class Hold:
    """A legal hold; over once it has a time of release."""

    id: UUID
    scope: Scope
    subject_id: UUID
    placed_by: UUID
    placed_at: datetime
    released_by: UUID | None
    released_at: datetime | None


@dataclass(frozen=True, slots=True)
class ErasureRequest:
    """A request and what became of it."""

    id: UUID
    scope: Scope
    subject_id: UUID
    requested_by: UUID
    requested_at: datetime
    state: ErasureState
    decided_by: UUID | None
    decided_at: datetime | None
    withdrawn_by: UUID | None
    withdrawn_at: datetime | None


_HOLDS: Final = (
    "SELECT id, scope, subject_id, placed_by, placed_at, released_by, released_at FROM audit.hold "
    "WHERE released_at IS NULL OR %s ORDER BY placed_at DESC LIMIT %s"
)
_HOLD: Final = (
    "SELECT id, scope, subject_id, placed_by, placed_at, released_by, released_at FROM audit.hold WHERE id = %s"
)
_REQUEST_COLUMNS: Final = (
    "SELECT id, scope, subject_id, requested_by, requested_at, state, decided_by, decided_at, withdrawn_by, "
    "withdrawn_at FROM audit.erasure "
)
_REQUESTS: Final = (
    f"{_REQUEST_COLUMNS} WHERE state IN ('requested', 'approved') OR %s ORDER BY requested_at DESC LIMIT %s"
)
_REQUEST: Final = f"{_REQUEST_COLUMNS} WHERE id = %s"
_TOLD_DAYS: Final = 14  # for how long whoever was passed over is told
_WITHDRAWN: Final = (
    f"{_REQUEST_COLUMNS} WHERE state = 'withdrawn' AND %(person)s IN (requested_by, decided_by) "
    "AND withdrawn_by <> %(person)s AND withdrawn_at > clock_timestamp() - make_interval(days => %(days)s) "
    "ORDER BY withdrawn_at DESC LIMIT %(most)s"
)
# Whose a conversation is, as `audit.is_thread_of` knows it: an event or a key says so.
_THREADS_OF: Final = (
    "SELECT thread_id FROM audit.event WHERE thread_id = ANY(%(threads)s) AND actor = %(person)s "
    "AND type = 'turn:accepted' "
    "UNION SELECT thread_id FROM audit.dek WHERE thread_id = ANY(%(threads)s) AND person_id = %(person)s"
)


class Eraser:
    """Call the database's functions, and read what they left as the log's reader.

    Args:
        writer_url: the database as the log's writer, which notes what persons said.
        eraser_url: as the eraser, which carries it out.
        reader_url: as the reader.
        origin: this process.
    """

    def __init__(self, writer_url: SecretStr, eraser_url: SecretStr, reader_url: SecretStr, origin: Origin) -> None:
        self._writer_url = writer_url
        self._eraser_url = eraser_url
        self._reader_url = reader_url
        self._origin = origin

    async def place_hold(self, hold_id: UUID, scope: Scope, subject_id: UUID, mark: TextMark, by: UUID) -> None:
        """Forbid the erasure of a person or a conversation."""
        thread_id, person_id = _split(scope, subject_id)
        event = HoldPlaced(
            actor=by, subject=person_id, thread_id=thread_id, hold_id=hold_id, scope=scope.value, reason_mark=mark
        )
        await self._note("place_hold", hold_id, scope.value, subject_id, mark, by, self._entry(event))

    async def release_hold(self, hold: Hold, by: UUID) -> None:
        """End a hold.

        Raises:
            NotFoundError: it is over.
        """
        thread_id, person_id = _split(hold.scope, hold.subject_id)
        event = HoldReleased(actor=by, subject=person_id, thread_id=thread_id, hold_id=hold.id, scope=hold.scope.value)
        await self._note("order_release", hold.id, by, self._entry(event))
        await self._carry_out("release_hold", hold.id)

    async def request(self, request_id: UUID, scope: Scope, subject_id: UUID, mark: TextMark, by: UUID) -> None:
        """Ask for an erasure."""
        thread_id, person_id = _split(scope, subject_id)
        event = ErasureRequested(
            actor=by, subject=person_id, thread_id=thread_id, erasure_id=request_id, scope=scope.value, reason_mark=mark
        )
        await self._note("request_erasure", request_id, scope.value, subject_id, mark, by, self._entry(event))

    async def deny(self, request: ErasureRequest, by: UUID) -> None:
        """Decide that nothing is erased.

        Raises:
            NotFoundError: it is decided.
            BadInputError: `by` asked for it.
        """
        await self._note("deny_erasure", request.id, by, self._entry(_about(ErasureDenied, request, by)))

    async def withdraw(self, request: ErasureRequest, by: UUID) -> None:
        """Take a request back, agreed to or not, so that nothing is erased.

        Raises:
            NotFoundError: it was carried out, denied or withdrawn before.
            BadInputError: `by` neither asked for it nor may decide it.
            UnavailableError: it is being carried out at this moment, or the database is away.
        """
        try:
            await self._note("withdraw_erasure", request.id, by, self._entry(_about(ErasureWithdrawn, request, by)))
        except NotFoundError as error:
            raise NotFoundError("It is too late: it was carried out or is over. Look at what is over.") from error

    async def execute(self, request: ErasureRequest, by: UUID) -> int:
        """Note that a second person agrees, erase, and return how many texts are gone.

        What was agreed to and not carried out, because something came in between, is carried out now.

        Raises:
            HeldError: a hold forbids it; the request stays open.
            NotFoundError: it is decided, or was withdrawn.
            BadInputError: `by` asked for it, or the account is not switched off.
            UnavailableError: the database is away or busy; what was agreed to stays agreed to.
        """
        if request.state is ErasureState.REQUESTED:
            entries = (self._entry(_about(kind, request, by)) for kind in (ErasureApproved, ErasureExecuted))
            await self._note("approve_erasure", request.id, by, *entries)
        try:
            return int(str(await self._carry_out("execute_erasure", request.id)))
        except NotFoundError as error:
            raise NotFoundError(
                "Somebody withdrew it, or carried it out, before you did. Look at what is over."
            ) from error
        except UnavailableError as error:
            raise UnavailableError(
                "It is agreed to and not carried out: the database is away or busy. Approve it again in a minute."
            ) from error

    async def holds(self, *, with_released: bool = False) -> list[Hold]:
        """Return the holds in force, the newest first; with those that are over, if wanted."""
        rows = await self._read(_HOLDS, (with_released, _MOST_LISTED))
        return [Hold(**row | {"scope": Scope(row["scope"])}) for row in rows]

    async def hold(self, hold_id: UUID) -> Hold:
        """Return a hold.

        Raises:
            NotFoundError: there is none.
        """
        for row in await self._read(_HOLD, (hold_id,)):
            return Hold(**row | {"scope": Scope(row["scope"])})
        raise NotFoundError("There is no such hold.")

    async def requests(self, *, with_decided: bool = False) -> list[ErasureRequest]:
        """Return the open requests, the newest first; with those that were decided, if wanted."""
        return [_request_of(row) for row in await self._read(_REQUESTS, (with_decided, _MOST_LISTED))]

    async def withdrawn_from(self, person_id: UUID) -> list[ErasureRequest]:
        """Return what this person asked for or agreed to, and somebody else withdrew in the last two weeks."""
        values = {"person": person_id, "days": _TOLD_DAYS, "most": _MOST_LISTED}
        return [_request_of(row) for row in await self._read(_WITHDRAWN, values)]

    async def subjects_of(self, person_id: UUID, entries: Iterable[Hold | ErasureRequest]) -> frozenset[UUID]:
        """Return the ids by which some of these are about a person: their own, and those of their conversations."""
        threads = [entry.subject_id for entry in entries if entry.scope is Scope.THREAD]
        rows = await self._read(_THREADS_OF, {"threads": threads, "person": person_id}) if threads else ()
        return frozenset({person_id, *(row["thread_id"] for row in rows)})

    async def open_request(self, request_id: UUID) -> ErasureRequest:
        """Return a request that nobody decided, or that was agreed to and not carried out.

        Raises:
            NotFoundError: there is none.
        """
        for row in await self._read(_REQUEST, (request_id,)):
            if row["state"] in (ErasureState.REQUESTED, ErasureState.APPROVED):
                return _request_of(row)
        raise NotFoundError("There is no such open request.")

    async def _read(
        self, query: LiteralString, values: Sequence[object] | Mapping[str, object]
    ) -> list[dict[str, Any]]:
        try:
            async with (
                await connect(self._reader_url) as connection,
                connection.cursor(row_factory=dict_row) as cursor,
            ):
                return await (await cursor.execute(query, values)).fetchall()
        except psycopg.OperationalError as error:
            raise UnavailableError("The database does not answer. Try again in a minute.") from error

    def _entry(self, event: Event) -> Jsonb:
        """Return an event as the functions take it: the columns of its row."""
        record = compose_record(event, self._origin, time.time_ns())._asdict()
        plain = {name: f"\\x{value.hex()}" if isinstance(value, bytes) else value for name, value in record.items()}
        return Jsonb({name: value if value is None else str(value) for name, value in plain.items()})

    async def _note(self, function: str, *values: object) -> None:
        """Note what a person said, as the writer."""
        await _call(self._writer_url, function, *values)

    async def _carry_out(self, function: str, identifier: UUID) -> object:
        """Do what was noted, as the eraser."""
        return await _call(self._eraser_url, function, identifier)


async def _call(url: SecretStr, function: str, *values: object) -> object:
    places = ", ".join(["%s"] * len(values))
    try:
        async with await connect(url, autocommit=True) as connection:
            await connection.execute("SET synchronous_commit = on")
            cursor = await connection.execute(f"SELECT audit.{function}({places})".encode(), values)
            row = await cursor.fetchone()
    except psycopg.errors.NoDataFound as error:
        raise NotFoundError("There is no such open request or hold.") from error
    except psycopg.errors.ObjectInUse as error:
        raise HeldError("A legal hold forbids the erasure. Have it released first; the request stays.") from error
    except psycopg.errors.ObjectNotInPrerequisiteState as error:
        raise BadInputError("The account is still in use. Switch it off first; the request stays open.") from error
    except psycopg.errors.CheckViolation as error:
        raise BadInputError(_refusal_of(error)) from error
    except psycopg.errors.LockNotAvailable as error:
        raise UnavailableError("Nothing was changed: an erasure is going on. Look again in a minute.") from error
    except psycopg.OperationalError as error:
        raise UnavailableError("Nothing was changed: the database does not answer. Try again.") from error
    return row[0] if row else None


def _refusal_of(error: psycopg.errors.CheckViolation) -> str:
    """Return what a person reads: a constraint wants two persons, and functions say themselves what is wrong."""
    if error.diag.constraint_name:
        return "A second person decides: not the one who asked."
    return f"The database refuses: {error.diag.message_primary or 'something is missing.'}"


def _request_of(row: dict[str, Any]) -> ErasureRequest:
    return ErasureRequest(**row | {"scope": Scope(row["scope"]), "state": ErasureState(row["state"])})


def _about(kind: type[_Step], request: ErasureRequest, by: UUID) -> _Step:
    thread_id, person_id = _split(request.scope, request.subject_id)
    return kind(actor=by, subject=person_id, thread_id=thread_id, erasure_id=request.id, scope=request.scope.value)


def _split(scope: Scope, subject_id: UUID) -> tuple[UUID | None, UUID | None]:
    """Return conversation and person, one of them none."""
    return (subject_id, None) if scope == Scope.THREAD else (None, subject_id)
