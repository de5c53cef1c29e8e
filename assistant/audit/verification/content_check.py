"""Whether every text that an event came with is there as it was sealed, and its key with it.

Part of a verification: read in the verifier's own moment of the database. No text is decrypted. A text may be missing
where an event says that it was erased, and only then.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

import orjson
import psycopg
from psycopg.rows import class_row

from assistant.audit.events import Tag
from assistant.audit.reading.read import POSSIBLE_TIME
from assistant.audit.verification.findings import Findings
from assistant.audit.writing.content import ContentKind, KeyWrap
from assistant.keys import Keys

_ROWS_AT_ONCE: Final = 2_000
_KINDS: Final[Mapping[str, str]] = {
    Tag.TURN_GUARDED: ContentKind.PROMPT,
    Tag.PROMPT_BLOCKED: ContentKind.PROMPT,
    Tag.TURN_CALLED: ContentKind.CALLS,
    Tag.TURN_ANSWERED: ContentKind.ANSWER,
    Tag.ANSWER_BLOCKED: ContentKind.ANSWER,
    Tag.TURN_INTERRUPTED: ContentKind.ANSWER,
}

_RECORDED_AT: Final = POSSIBLE_TIME.format("recorded_at")
_SELECT: Final = f"""
    SELECT e.id, e.type, e.thread_id, e.turn_id, e.subject, {_RECORDED_AT}, e.body,
        c.id IS NOT NULL AS is_there, sha256(c.sealed) AS digest,
        (c.thread_id, c.turn_id) IS NOT DISTINCT FROM (e.thread_id, e.turn_id) AS is_in_place, c.kind,
        d.wrapped IS NOT NULL AND d.thread_id = c.thread_id AS has_key
    FROM audit.event e LEFT JOIN audit.content c ON c.id = e.content_id LEFT JOIN audit.dek d ON d.id = c.dek_id
    WHERE e.content_id IS NOT NULL
"""  # noqa: S608 - constants
_SELECT_EXTRA: Final = """
    SELECT c.id FROM audit.content c WHERE NOT EXISTS (SELECT FROM audit.event e WHERE e.content_id = c.id)
"""
_SELECT_ERASURES: Final = f"SELECT {_RECORDED_AT}, thread_id, subject, body FROM audit.event WHERE type = %s"  # noqa: S608 - constants
_SELECT_DROPPED: Final = "SELECT body FROM audit.event WHERE type = %s"
_SELECT_KEYS: Final = (
    "SELECT id, thread_id, person_id, wrapped, EXISTS (SELECT FROM audit.content c WHERE c.dek_id = d.id) "
    "FROM audit.dek d WHERE wrapped IS NOT NULL"
)


class _Committed(NamedTuple):
    """An event that came with a text, and what is there of it."""

    id: UUID
    type: str
    thread_id: UUID | None
    turn_id: UUID | None
    subject: UUID | None
    recorded_at: datetime
    body: bytes
    is_there: bool
    digest: bytes | None
    is_in_place: bool
    kind: str | None
    has_key: bool | None


async def check_contents(connection: psycopg.AsyncConnection, findings: Findings, keys: Keys | None = None) -> None:
    """Add what is wrong with texts and keys to the findings; with the installation's keys also which do not open."""
    erased = await _read_erasures(connection)
    async with connection.cursor("contents", binary=True, row_factory=class_row(_Committed)) as cursor:
        await cursor.execute(_SELECT)
        while rows := await cursor.fetchmany(_ROWS_AT_ONCE):
            for row in rows:
                for name, check in CONTENT_CHECKS.items():
                    if (message := check(row)) and not (name in _EXPLAINED and erased.explains(row)):
                        findings.add(name, message, event=row.id)
    async with connection.cursor("extra_contents") as extra:
        await extra.execute(_SELECT_EXTRA)
        async for (identifier,) in extra:
            findings.add("content-extra", f"There is a text {identifier} that no event came with.")
    if keys is not None:
        await _check_keys(connection, findings, KeyWrap(keys))


@dataclass(slots=True)
class _Erasures:
    """When each conversation and each person was last erased, and which events came later than that, without a text."""

    last: dict[tuple[str, UUID], datetime] = field(default_factory=dict)
    late: set[UUID] = field(default_factory=set)

    def explains(self, row: _Committed) -> bool:
        """Tell whether a text was sealed before its conversation or its person was erased.

        An event that waited on a disk meanwhile is recorded after the erasure, and another one says that of it.
        """
        about = (("thread", row.thread_id), ("person", row.subject))
        times = [self.last.get((scope, subject)) for scope, subject in about if subject]
        is_late = row.id in self.late and not row.is_there
        return any(moment is not None and (is_late or row.recorded_at < moment) for moment in times)


async def _read_erasures(connection: psycopg.AsyncConnection) -> _Erasures:
    found = _Erasures()
    cursor = await connection.execute(_SELECT_ERASURES, [Tag.ERASURE_EXECUTED.value])
    for recorded_at, thread_id, subject, body in await cursor.fetchall():
        scope = _data_of(body).get("scope")
        about = {"thread": thread_id, "person": subject}.get(str(scope))
        if about is not None:
            known = found.last.get((str(scope), about))
            found.last[str(scope), about] = recorded_at if known is None else max(known, recorded_at)
    cursor = await connection.execute(_SELECT_DROPPED, [Tag.TEXT_DROPPED.value])
    found.late = {_uuid_of(_data_of(body).get("event_id")) for (body,) in await cursor.fetchall()}
    return found


async def _check_keys(connection: psycopg.AsyncConnection, findings: Findings, wrap: KeyWrap) -> None:
    async with connection.cursor("keys", binary=True) as cursor:
        await cursor.execute(_SELECT_KEYS)
        async for identifier, thread_id, person_id, wrapped, is_used in cursor:
            try:
                wrap.open(identifier, thread_id, person_id, wrapped)
            except ValueError:
                if is_used:
                    words = "of a conversation's texts was changed, or made with the password of the log's writer."
                    findings.add("content-key", f"The key {identifier} {words}")
                else:  # nothing that was sealed depends on it
                    words = "of no text does not open. Whoever has the password of the log's writer can make one."
                    findings.warn("content-key", f"The key {identifier} {words}")


def _uuid_of(value: object) -> UUID:
    """Return an id as far as it is still one; the body's own check says that it was changed."""
    try:
        return UUID(str(value))
    except ValueError:
        return UUID(int=0)


def _missing(row: _Committed) -> str:
    return "" if row.is_there else "The text that this event came with is missing, and no event says why."


def _digest(row: _Committed) -> str:
    if row.digest is None or row.digest.hex() == _promised(row.body):
        return ""
    return "The text that this event came with is another one."


def _place(row: _Committed) -> str:
    if not row.is_there or (row.is_in_place and row.kind == _KINDS.get(row.type)):
        return ""
    return "The text that this event came with is filed under another turn or kind."


def _key(row: _Committed) -> str:
    return "" if not row.is_there or row.has_key else "The key of this event's text is missing, and no event says why."


_EXPLAINED: Final = frozenset({"content-missing", "content-key"})
"""What an erasure leaves behind; a text that is there must be the right one, also of a person who was erased."""

CONTENT_CHECKS: Final[Mapping[str, Callable[[_Committed], str]]] = {
    "content-missing": _missing,
    "content-digest": _digest,
    "content-place": _place,
    "content-key": _key,
}


def _promised(body: bytes) -> str | None:
    """Return the digest that an event names."""
    return _data_of(body).get("content_digest")


def _data_of(body: bytes) -> Mapping[str, Any]:
    """Return what an event says beside its columns, as far as its bytes are still an event's."""
    try:
        data = orjson.loads(body)["data"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return {}
    return data if isinstance(data, dict) else {}
