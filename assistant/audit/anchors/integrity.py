"""How sure one may be of the log just now: read head, anchors and last verification, for the light over them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, LiteralString

import orjson
import psycopg
from psycopg import sql
from pydantic import SecretStr

from assistant.audit.anchors.anchoring import continues
from assistant.audit.anchors.keepers import AnchorFile
from assistant.audit.anchors.light import BROWSER_FRESH, AnchorState, Contradiction, Integrity, Verification
from assistant.audit.events import KeyRotated, Tag
from assistant.audit.reading.proof import read_newest
from assistant.audit.seals.checkpoint import NoteError, NoteKey, open_note, parse_signature, split_note
from assistant.audit.seals.heads import Head, select_batch
from assistant.audit.seals.seal_key import follow
from assistant.database import connect
from assistant.errors import UnavailableError

_NEWEST: Final = 200
_ANCHORS: Final = (Tag.ANCHOR_KEPT, Tag.ANCHOR_CONTRADICTED, Tag.HEAD_CONFIRMED, Tag.HEAD_CONTRADICTED)

_SELECT_EVENTS: Final[LiteralString] = (
    "SELECT recorded_at, body FROM audit.event WHERE type = %s ORDER BY id DESC LIMIT %s"
)
_SELECT_COSIGNATURES: Final[LiteralString] = (
    "SELECT DISTINCT ON (witness) witness, size, line FROM ("
    " SELECT witness, size, line FROM audit.cosignature ORDER BY size DESC, witness LIMIT %s) newest "
    "ORDER BY witness, size DESC"
)


async def read_integrity(
    reader_url: SecretStr,
    *,
    first_key: NoteKey | None = None,
    witnesses: Iterable[NoteKey] = (),
    anchor_file: Path | None = None,
) -> Integrity:
    """Return the state of the log's proofs.

    Args:
        reader_url: the database as the reader of the audit log.
        first_key: the log's public key of its first day.
        witnesses: keys of the witnesses in the settings; only their cosignatures count.
        anchor_file: the file of the settings; compared with the log where this process can read it.

    Raises:
        UnavailableError: the database does not answer.
    """
    try:
        async with await connect(reader_url, autocommit=True) as connection:
            await connection.set_isolation_level(psycopg.IsolationLevel.REPEATABLE_READ)
            await connection.set_read_only(True)
            async with connection.transaction():
                return await _read(connection, first_key, list(witnesses), anchor_file)
    except psycopg.Error as error:
        raise UnavailableError("The state of the audit log cannot be read: the database does not answer.") from error


async def _read(
    connection: psycopg.AsyncConnection, first_key: NoteKey | None, witnesses: list[NoteKey], anchor_file: Path | None
) -> Integrity:
    row = await (await connection.execute("SELECT clock_timestamp()")).fetchone()
    now = row[0] if row else datetime.now(UTC)
    told = {tag: await _read_events(connection, tag) for tag in _ANCHORS}
    verified = next(iter(await _read_events(connection, Tag.LOG_VERIFIED, 1)), None)
    last = Verification(bool(verified[1]["is_sound"]), int(verified[1]["size"]), verified[0]) if verified else None
    head = await _newest(connection)
    if head is None:
        return Integrity(now=now, verified=last)
    cosigned, beyond = await _read_cosignatures(connection, witnesses, head, now)
    contradictions = [*_contradictions(told, now), *beyond]
    if anchor_file is not None:
        contradictions += await _compare_file(connection, head, AnchorFile(anchor_file), now)
    fresh = {each.label for each in cosigned if each.is_fresh(now)}
    return Integrity(
        now=now,
        size=head.size,
        sealed_at=head.sealed_at,
        oldest_unsealed=await _oldest_unsealed(connection, head),
        is_signed=None if first_key is None else await _is_signed(connection, head, first_key),
        anchors=sorted([*cosigned, *_told_anchors(told)], key=lambda each: each.at, reverse=True),
        contradictions=contradictions,
        missing_witnesses=[key.name for key in witnesses if _label(key) not in fresh],
        verified=last,
    )


async def _newest(connection: psycopg.AsyncConnection) -> Head | None:
    row = await (await connection.execute("SELECT EXISTS (SELECT FROM audit.head)")).fetchone()
    return await read_newest(connection) if row and row[0] else None


async def _read_events(
    connection: psycopg.AsyncConnection, tag: Tag, most: int = _NEWEST
) -> list[tuple[datetime, Mapping[str, Any]]]:
    """Return the newest events of a type, the latest first: when, and what it says, with the actor."""
    cursor = await connection.execute(_SELECT_EVENTS, [tag.value, most])
    found = []
    for moment, body in await cursor.fetchall():
        document = orjson.loads(body)
        found.append((moment, document["data"] | {"actor": document.get("actor")}))
    return found


async def _oldest_unsealed(connection: psycopg.AsyncConnection, head: Head) -> datetime | None:
    query = select_batch(
        sql.SQL("min(recorded_at)"),
        after=head,
        era=sql.SQL("audit.current_era()"),
        snapshot=sql.SQL("pg_current_snapshot()"),
    )
    row = await (await connection.execute(query)).fetchone()
    return row[0] if row else None


async def _is_signed(connection: psycopg.AsyncConnection, head: Head, first_key: NoteKey) -> bool:
    """Tell whether the key in force signed a head, or the one before it, which still signs its successor's batch."""
    keys = [first_key]
    try:
        for _, data in reversed(await _read_events(connection, Tag.KEY_ROTATED)):
            key = follow(KeyRotated(**{name: data[name] for name in ("old_key", "new_key", "signature")}), keys[-1])
            keys += [key] if key != keys[-1] else []
        open_note(head.note, keys[-2:])
    except NoteError:
        return False
    return True


async def _read_cosignatures(
    connection: psycopg.AsyncConnection, witnesses: Sequence[NoteKey], head: Head, now: datetime
) -> tuple[list[AnchorState], list[Contradiction]]:
    """Return what witnesses of the settings cosigned last, and those that saw more than there is."""
    states: list[AnchorState] = []
    contradictions: list[Contradiction] = []
    keys = {_label(key): key for key in witnesses}
    cursor = await connection.execute(_SELECT_COSIGNATURES, [_NEWEST])
    for label, size, line in await cursor.fetchall():
        if label not in keys:
            continue
        if size > head.size:
            contradictions.append(Contradiction("witness", keys[label].name, size, now))
            continue
        seconds = await _cosigned_at(connection, keys[label], size, line)
        if seconds is not None:
            states.append(AnchorState("witness", label, size, datetime.fromtimestamp(seconds, UTC)))
    return states, contradictions


async def _cosigned_at(connection: psycopg.AsyncConnection, key: NoteKey, size: int, line: str) -> int | None:
    query = "SELECT note FROM audit.head WHERE size = %s ORDER BY batch LIMIT 1"
    row = await (await connection.execute(query, [size])).fetchone()
    try:
        return parse_signature(line.removesuffix("\n")).time_of(split_note(row[0])[0], key) if row else None
    except NoteError:
        return None


async def _compare_file(
    connection: psycopg.AsyncConnection, head: Head, file: AnchorFile, now: datetime
) -> list[Contradiction]:
    last = file.newest()
    if last is None or await continues(connection, head, last):
        return []
    return [Contradiction(file.kind, file.label, last.size, now)]


def _told_anchors(told: Mapping[Tag, Sequence[tuple[datetime, Mapping[str, Any]]]]) -> list[AnchorState]:
    """Return the newest state of files, syslog servers and browsers, as the log tells of them."""
    newest: dict[tuple[str, str], AnchorState] = {}
    for moment, data in told[Tag.ANCHOR_KEPT]:
        if data["kind"] != "witness":  # its cosignature says it better
            newest.setdefault(
                (data["kind"], data["anchor"]), AnchorState(data["kind"], data["anchor"], data["size"], moment)
            )
    for moment, data in told[Tag.HEAD_CONFIRMED]:
        actor = str(data["actor"])
        newest.setdefault(("browser", actor), AnchorState("browser", actor, data["size"], moment))
    return list(newest.values())


def _contradictions(
    told: Mapping[Tag, Sequence[tuple[datetime, Mapping[str, Any]]]], now: datetime
) -> list[Contradiction]:
    """Return each anchor that contradicted the log in the last days, once."""
    newest: dict[tuple[str, str], Contradiction] = {}
    for tag in (Tag.ANCHOR_CONTRADICTED, Tag.HEAD_CONTRADICTED):
        for moment, data in told[tag]:
            kind, label = data.get("kind", "browser"), str(data.get("anchor", data["actor"]))
            if now - moment <= BROWSER_FRESH:
                newest.setdefault((kind, label), Contradiction(kind, label, data["seen"], moment))
    return list(newest.values())


def _label(key: NoteKey) -> str:
    return f"{key.name}+{key.id.hex()}"
