"""How sure one may be of the log just now: read head, anchors and last verification, for the light over them."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, LiteralString, TypeAlias
from uuid import UUID

import psycopg
from psycopg import sql
from pydantic import SecretStr

from assistant.audit.anchors.anchoring import continues
from assistant.audit.anchors.keepers import AnchorFile
from assistant.audit.anchors.light import (
    BROWSER_FRESH,
    VERIFIED_FRESH,
    AnchorState,
    Contradiction,
    Integrity,
    Verification,
)
from assistant.audit.events import Tag
from assistant.audit.reading.heads_shown import read_announced
from assistant.audit.reading.proof import read_newest, read_root
from assistant.audit.reading.read import POSSIBLE_TIME
from assistant.audit.record import parse_body
from assistant.audit.seals.checkpoint import Checkpoint, NoteError, NoteKey, open_note, parse_signature, split_note
from assistant.audit.seals.heads import LOCK_ID, SELECT_HOLDERS, Head, select_batch
from assistant.database import connect, unreadable
from assistant.errors import UnavailableError

_Told: TypeAlias = tuple[datetime, Mapping[str, Any]]
"""An event that says something of an anchor: when it was recorded, and what it says."""

_NEWEST: Final = 200
_MOST_SHOWN: Final = 20
_MOST_REPORTS: Final = 2_000  # of browsers: false ones, which anybody there may file, must not push a true one out
_CLOCKS_APART: Final = timedelta(minutes=5)  # of a witness's machine; what it signs for later would be fresh for ever
_ANCHORS: Final = (Tag.ANCHOR_KEPT, Tag.ANCHOR_CONTRADICTED, Tag.HEAD_CONFIRMED, Tag.HEAD_CONTRADICTED)
_VOUCHED: Final = frozenset({Tag.ANCHOR_KEPT, Tag.LOG_VERIFIED})
_VOUCHING: Final = timedelta(minutes=1)  # the voucher of a bad check comes after it
_CONTRADICTIONS: Final = (Tag.ANCHOR_CONTRADICTED, Tag.HEAD_CONTRADICTED)
_KINDS: Final = frozenset({"witness", "file", "syslog"})
_UNREADABLE: Final[Mapping[str, Any]] = {"kind": "anchor", "anchor": "of an unreadable event", "seen": 0}

_SELECT_EVENTS: Final[LiteralString] = (
    f"SELECT {POSSIBLE_TIME.format('recorded_at')}, body FROM audit.event WHERE type = %s ORDER BY id DESC LIMIT %s"  # noqa: S608 - constants
)
# What the sealer's role vouches for, by when it did: neither the writer's clock nor any number of its events hides one.
_SELECT_VOUCHED: Final[LiteralString] = (
    "SELECT v.vouched_at, e.body "
    "FROM (SELECT * FROM audit.voucher WHERE type = %s ORDER BY vouched_at DESC LIMIT %s) v "
    "JOIN audit.event e ON e.id = v.event_id AND e.leaf = v.leaf AND e.type = v.type ORDER BY v.vouched_at DESC"
)
_SELECT_UNVOUCHED: Final = """
    SELECT count(*) FROM (SELECT id, leaf, recorded_at FROM audit.event WHERE type = %s ORDER BY id DESC LIMIT %s) e
    WHERE recorded_at > (SELECT min(vouched_at) FROM audit.voucher)
        AND recorded_at BETWEEN clock_timestamp() - %s AND clock_timestamp() - %s
        AND NOT EXISTS (SELECT FROM audit.voucher v WHERE v.event_id = e.id AND v.leaf = e.leaf)
"""
_SELECT_COSIGNATURES: Final[LiteralString] = (
    "SELECT DISTINCT ON (witness) witness, size, line FROM ("
    " SELECT witness, size, line FROM audit.cosignature ORDER BY size DESC, witness LIMIT %s) newest "
    "ORDER BY witness, size DESC"
)


def _is_kind(value: object) -> bool:
    return isinstance(value, str) and value in _KINDS


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_count(value: object) -> bool:
    return type(value) is int


def _is_flag(value: object) -> bool:
    return isinstance(value, bool)


def _is_person(value: object) -> bool:
    try:
        UUID(str(value))
    except ValueError:
        return False
    return True


_FORMS: Final[Mapping[Tag, Mapping[str, Callable[[object], bool]]]] = {
    Tag.ANCHOR_KEPT: {"kind": _is_kind, "anchor": _is_text, "size": _is_count},
    Tag.ANCHOR_CONTRADICTED: {"kind": _is_kind, "anchor": _is_text, "seen": _is_count},
    Tag.HEAD_CONFIRMED: {"actor": _is_person, "size": _is_count},
    Tag.HEAD_CONTRADICTED: {"actor": _is_person, "seen": _is_count},
    Tag.LOG_VERIFIED: {"is_sound": _is_flag, "size": _is_count},
}


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
        away = "The state of the audit log cannot be read: the database does not answer."
        raise unreadable(error, away) from error


async def _read(
    connection: psycopg.AsyncConnection, first_key: NoteKey | None, witnesses: list[NoteKey], anchor_file: Path | None
) -> Integrity:
    row = await (await connection.execute("SELECT clock_timestamp()")).fetchone()
    now = row[0] if row else datetime.now(UTC)
    told = {tag: await _read_events(connection, tag) for tag in _ANCHORS}
    last = await _read_verified(connection)
    head = await _newest(connection)
    if head is None:
        return Integrity(now=now, verified=last, unvouched=await _count_unvouched(connection))
    cosigned, beyond = await _read_cosignatures(connection, witnesses, head, now)
    proved, unproved = await _sort_browsers(connection, head, first_key, told[Tag.HEAD_CONTRADICTED])
    contradictions = [*_contradictions([*told[Tag.ANCHOR_CONTRADICTED], *proved], now), *beyond]
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
        intruders=await _intruders(connection),
        unproved=_contradictions(unproved, now)[:_MOST_SHOWN],
        unvouched=await _count_unvouched(connection),
    )


async def _sort_browsers(
    connection: psycopg.AsyncConnection, head: Head, first_key: NoteKey | None, told: Sequence[_Told]
) -> tuple[list[_Told], list[_Told]]:
    """Part what people's browsers reported: what this log's keys signed and differs from it, and mere words."""
    proved: list[_Told] = []
    unproved: list[_Told] = []
    if not told:
        return proved, unproved
    keys = await _known_keys(connection, first_key)
    for each in told:
        is_proof = await _contradicts(connection, head, keys, each[1])
        (proved if is_proof else unproved).append(each)
    return proved, unproved


async def _contradicts(
    connection: psycopg.AsyncConnection, head: Head, keys: Sequence[NoteKey], said: Mapping[str, Any]
) -> bool:
    """Tell whether what a browser kept is by one of the log's keys, and the log is another one."""
    try:
        root, raw = (b64decode(str(said.get(name)), validate=True) for name in ("root", "signature"))
    except ValueError:
        return False
    signed = [key for key in keys if key.has_signed(Checkpoint(key.name, said["seen"], root).text.encode(), raw[4:])]
    if not signed:
        return False
    if said["seen"] > head.size:
        return True
    try:
        return await read_root(connection, said["seen"]) != root
    except UnavailableError:  # a tile is missing
        return True


async def _known_keys(connection: psycopg.AsyncConnection, first_key: NoteKey | None) -> list[NoteKey]:
    """Return the log's keys of all times; none where the first is not known."""
    if first_key is None:
        return []
    return [first_key, *(NoteKey.parse(each.new_key) for each in await read_announced(connection, first_key))]


async def _intruders(connection: psycopg.AsyncConnection) -> list[str]:
    rows = await (await connection.execute(SELECT_HOLDERS, [LOCK_ID])).fetchall()
    return [f"The role {role} (process {pid} of the database)" for role, pid, is_sealer in rows if not is_sealer]


async def _newest(connection: psycopg.AsyncConnection) -> Head | None:
    row = await (await connection.execute("SELECT EXISTS (SELECT FROM audit.head)")).fetchone()
    return await read_newest(connection) if row and row[0] else None


async def _read_verified(connection: psycopg.AsyncConnection) -> Verification | None:
    """Return the newest check of the log: one that the sealer vouches for, or that found a change, whoever says so."""
    vouched = await _read_events(connection, Tag.LOG_VERIFIED)
    told = await _read_events(connection, Tag.LOG_VERIFIED, needs_voucher=False)
    # Where nothing was ever vouched for, as in a log of an older version, the newest check speaks for itself.
    later = [each for each in told if each[0] > vouched[0][0]] if vouched else told[:1]
    newest = next((each for each in later if not each[1]["is_sound"]), None) or next(iter(vouched), None)
    return Verification(newest[1]["is_sound"], newest[1]["size"], newest[0]) if newest else None


async def _read_events(
    connection: psycopg.AsyncConnection, tag: Tag, *, needs_voucher: bool | None = None
) -> list[tuple[datetime, Mapping[str, Any]]]:
    """Return the newest events of a type, the latest first: when, and what it says, with the actor.

    Without `needs_voucher` their type says whether they count with the sealer's word only.

    What has not the form of its type is not by the product and says nothing; where it says that the log is another one,
    it is heard all the same, so that nobody hides such a word behind some without form.
    """
    most = _MOST_REPORTS if tag is Tag.HEAD_CONTRADICTED else _NEWEST
    is_vouched = tag in _VOUCHED if needs_voucher is None else needs_voucher
    query = _SELECT_VOUCHED if is_vouched else _SELECT_EVENTS
    cursor = await connection.execute(query, [tag.value, most])
    found: list[tuple[datetime, Mapping[str, Any]]] = []
    for moment, body in await cursor.fetchall():
        document = parse_body(body)
        data = document.get("data")
        said = {**(data if isinstance(data, Mapping) else {}), "actor": document.get("actor")}
        if all(has_form(said.get(name)) for name, has_form in _FORMS[tag].items()):
            found.append((moment, said))
        elif tag in _CONTRADICTIONS:
            found.append((moment, _UNREADABLE))
    return found


async def _count_unvouched(connection: psycopg.AsyncConnection) -> int:
    """Return how many events of late say what counts with a voucher, and have none."""
    found = 0
    for tag in sorted(_VOUCHED):
        values = [tag.value, _NEWEST, VERIFIED_FRESH, _VOUCHING]
        row = await (await connection.execute(_SELECT_UNVOUCHED, values)).fetchone()
        found += row[0] if row else 0
    return found


async def _oldest_unsealed(connection: psycopg.AsyncConnection, head: Head) -> datetime | None:
    query = select_batch(
        sql.SQL("min(least(greatest(recorded_at, '0002-01-01 00:00Z'), '9998-12-31 00:00Z'))"),
        after=head,
        era=sql.SQL("audit.current_era()"),
        snapshot=sql.SQL("pg_current_snapshot()"),
    )
    row = await (await connection.execute(query)).fetchone()
    return row[0] if row else None


async def _is_signed(connection: psycopg.AsyncConnection, head: Head, first_key: NoteKey) -> bool:
    """Tell whether the key in force signed a head, or the one before it, which still signs its successor's batch."""
    keys = await _known_keys(connection, first_key)
    try:
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
        if seconds is not None and seconds <= (now + _CLOCKS_APART).timestamp():
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
        newest.setdefault(("browser", data["actor"]), AnchorState("browser", data["actor"], data["size"], moment))
    return list(newest.values())


def _contradictions(told: Sequence[_Told], now: datetime) -> list[Contradiction]:
    """Return each anchor that contradicted the log in the last days, once."""
    newest: dict[tuple[str, str], Contradiction] = {}
    for moment, data in told:
        kind, label = data.get("kind", "browser"), data.get("anchor") or data["actor"]
        if now - moment <= BROWSER_FRESH:
            newest.setdefault((kind, label), Contradiction(kind, label, data["seen"], moment))
    return list(newest.values())


def _label(key: NoteKey) -> str:
    return f"{key.name}+{key.id.hex()}"
