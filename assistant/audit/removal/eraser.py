"""Holds, requests and erasures as the eraser, a role that may call five functions and read nothing.

Each call and its event are one transaction of the database, which checks itself what must hold.
"""

from __future__ import annotations

import time
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
    Event,
    HoldPlaced,
    HoldReleased,
)
from assistant.audit.parts import TextMark
from assistant.audit.record import Origin, compose_record
from assistant.database import connect
from assistant.errors import BadInputError, HeldError, NotFoundError, UnavailableError

_MOST_LISTED: Final = 500


class Scope(StrEnum):
    """What is held or erased."""

    THREAD = "thread"  # the texts of a conversation, in the log and in the history
    PERSON = "person"  # the same of all their conversations, and all that names them


class ErasureState(StrEnum):
    """How far a request came."""

    REQUESTED = "requested"
    DENIED = "denied"
    EXECUTED = "executed"


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


_HOLDS: Final = (
    "SELECT id, scope, subject_id, placed_by, placed_at, released_by, released_at FROM audit.hold "
    "WHERE released_at IS NULL OR %s ORDER BY placed_at DESC LIMIT %s"
)
_HOLD: Final = (
    "SELECT id, scope, subject_id, placed_by, placed_at, released_by, released_at FROM audit.hold WHERE id = %s"
)
_REQUEST_COLUMNS: Final = (
    "SELECT id, scope, subject_id, requested_by, requested_at, state, decided_by, decided_at FROM audit.erasure "
)
_REQUESTS: Final = f"{_REQUEST_COLUMNS} WHERE state = 'requested' OR %s ORDER BY requested_at DESC LIMIT %s"
_REQUEST: Final = f"{_REQUEST_COLUMNS} WHERE id = %s"


class Eraser:
    """Call the database's functions, and read what they left as the log's reader.

    Args:
        eraser_url: the database as the eraser.
        reader_url: as the reader.
        origin: this process.
    """

    def __init__(self, eraser_url: SecretStr, reader_url: SecretStr, origin: Origin) -> None:
        self._eraser_url = eraser_url
        self._reader_url = reader_url
        self._origin = origin

    async def place_hold(self, hold_id: UUID, scope: Scope, subject_id: UUID, mark: TextMark, by: UUID) -> None:
        """Forbid the erasure of a person or a conversation."""
        thread_id, person_id = _split(scope, subject_id)
        event = HoldPlaced(
            actor=by, subject=person_id, thread_id=thread_id, hold_id=hold_id, scope=scope.value, reason_mark=mark
        )
        await self._call("place_hold", hold_id, scope.value, subject_id, mark, by, self._entry(event))

    async def release_hold(self, hold: Hold, by: UUID) -> None:
        """End a hold.

        Raises:
            NotFoundError: it is over.
        """
        thread_id, person_id = _split(hold.scope, hold.subject_id)
        event = HoldReleased(actor=by, subject=person_id, thread_id=thread_id, hold_id=hold.id, scope=hold.scope.value)
        await self._call("release_hold", hold.id, by, self._entry(event))

    async def request(self, request_id: UUID, scope: Scope, subject_id: UUID, mark: TextMark, by: UUID) -> None:
        """Ask for an erasure."""
        thread_id, person_id = _split(scope, subject_id)
        event = ErasureRequested(
            actor=by, subject=person_id, thread_id=thread_id, erasure_id=request_id, scope=scope.value, reason_mark=mark
        )
        await self._call("request_erasure", request_id, scope.value, subject_id, mark, by, self._entry(event))

    async def deny(self, request: ErasureRequest, by: UUID) -> None:
        """Decide that nothing is erased.

        Raises:
            NotFoundError: it is decided.
            BadInputError: `by` asked for it.
        """
        await self._call("deny_erasure", request.id, by, self._entry(_about(ErasureDenied, request, by)))

    async def execute(self, request: ErasureRequest, by: UUID) -> int:
        """Erase, and return how many texts are gone.

        Raises:
            HeldError: a hold forbids it; the request stays open.
            NotFoundError: it is decided.
            BadInputError: `by` asked for it, or the account is not switched off.
        """
        entries = (self._entry(_about(kind, request, by)) for kind in (ErasureApproved, ErasureExecuted))
        return int(str(await self._call("execute_erasure", request.id, by, *entries)))

    async def holds(self, *, with_released: bool = False) -> list[Hold]:
        """Return the holds in force, the newest first; with those that are over, if wanted."""
        rows = await self._read(_HOLDS, with_released, _MOST_LISTED)
        return [Hold(**row | {"scope": Scope(row["scope"])}) for row in rows]

    async def hold(self, hold_id: UUID) -> Hold:
        """Return a hold.

        Raises:
            NotFoundError: there is none.
        """
        for row in await self._read(_HOLD, hold_id):
            return Hold(**row | {"scope": Scope(row["scope"])})
        raise NotFoundError("There is no such hold.")

    async def requests(self, *, with_decided: bool = False) -> list[ErasureRequest]:
        """Return the open requests, the newest first; with those that were decided, if wanted."""
        return [_request_of(row) for row in await self._read(_REQUESTS, with_decided, _MOST_LISTED)]

    async def open_request(self, request_id: UUID) -> ErasureRequest:
        """Return a request that nobody decided.

        Raises:
            NotFoundError: there is none.
        """
        for row in await self._read(_REQUEST, request_id):
            if row["state"] == ErasureState.REQUESTED:
                return _request_of(row)
        raise NotFoundError("There is no such open request.")

    async def _read(self, query: LiteralString, *values: object) -> list[dict[str, Any]]:
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

    async def _call(self, function: str, *values: object) -> object:
        places = ", ".join(["%s"] * len(values))
        try:
            async with await connect(self._eraser_url, autocommit=True) as connection:
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
            raise BadInputError("A second person decides: not the one who asked.") from error
        except psycopg.OperationalError as error:
            raise UnavailableError("Nothing was changed: the database does not answer. Try again.") from error
        return row[0] if row else None


def _request_of(row: dict[str, Any]) -> ErasureRequest:
    return ErasureRequest(**row | {"scope": Scope(row["scope"]), "state": ErasureState(row["state"])})


def _about(
    kind: type[ErasureDenied | ErasureApproved | ErasureExecuted], request: ErasureRequest, by: UUID
) -> ErasureDenied | ErasureApproved | ErasureExecuted:
    thread_id, person_id = _split(request.scope, request.subject_id)
    return kind(actor=by, subject=person_id, thread_id=thread_id, erasure_id=request.id, scope=request.scope.value)


def _split(scope: Scope, subject_id: UUID) -> tuple[UUID | None, UUID | None]:
    """Return conversation and person, one of them none."""
    return (subject_id, None) if scope == Scope.THREAD else (None, subject_id)
