"""One event as the log keeps it: the exact bytes that are hashed, and the columns that repeat them for searching.

The bytes are a subset of RFC 8785 (JSON Canonicalization Scheme): ASCII keys in order, no blanks, no fractions, whole
numbers up to 2^53, times as RFC 3339 in UTC with microseconds, lower-case hexadecimal. Absent values are left out.
"""

from __future__ import annotations

import json
import os
import re
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache
from hashlib import sha256
from operator import attrgetter
from types import NoneType
from typing import Any, Final, NamedTuple, Self
from uuid import UUID

import orjson

from assistant.audit.events import EVENT_TYPES, Cause, Event, Refusal
from assistant.audit.parts import FoundSpan, GuardReport, TurnPlace
from assistant.conversation import Role
from policies.verdict import Action

FORMAT_VERSION: Final = 2
OLD_VERSIONS: Final[Mapping[int, frozenset[str]]] = {1: frozenset({"host", "persona"})}
"""Formats that the log may hold besides, with the columns that their bodies do not have: those are empty."""
MOST_BODY_BYTES: Final = 16_384  # the table's own limit
_NONCE_BYTES: Final = 16  # so that the hash of a dropped body tells nothing about it
_LEAF_PREFIX: Final = b"\x00"  # RFC 6962 section 2.1: a leaf never looks like an inner node
_MOST_NAME_CHARS: Final = 120
_NOT_IN_A_NAME: Final = re.compile(r"[^\x21-\x7e]")
CANONICAL: Final = orjson.OPT_SORT_KEYS | orjson.OPT_STRICT_INTEGER  # how `orjson.dumps` spells a body
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

Plain = None | bool | int | str | UUID | list["Plain"] | dict[str, "Plain"]
"""What a body may hold: JSON without fractions; orjson spells a UUID with lower-case digits and hyphens."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Which process wrote a record."""

    host: str
    pid: int
    build: str

    @classmethod
    def here(cls, build: str) -> Self:
        """Return this process; `build` is the version of Cloister."""
        return cls(host=socket.gethostname(), pid=os.getpid(), build=build)


class Columns(NamedTuple):
    """What a search goes by; each stands in the body under the same name.

    Attributes:
        subject: the person whom the event is about; the actor, where it is about nobody else.
        severity: rank of the guard's strictest action, 0 (allowed) to 4 (blocked).
        host: the model host; of a refused way out, where it would have led.
        content_id: where the encrypted text lies, if one is kept.
    """

    subject: UUID | None
    actor: UUID | None
    thread_id: UUID | None
    turn_id: UUID | None
    rule: str | None
    severity: int | None
    model: str | None
    host: str | None
    persona: str | None
    content_id: UUID | None


class Record(NamedTuple):
    """A row as the writer sends it; the fields are the table's columns."""

    id: UUID
    occurred_at: datetime
    type: str
    subject: UUID | None
    actor: UUID | None
    thread_id: UUID | None
    turn_id: UUID | None
    rule: str | None
    severity: int | None
    model: str | None
    host: str | None
    persona: str | None
    content_id: UUID | None
    body: bytes
    leaf: bytes


def compose_record(event: Event, origin: Origin, now_nanoseconds: int) -> Record:
    """Give an event its id, its time and its bytes, once; whoever sends it again sends the same.

    Args:
        event: what happened.
        origin: the process that says so.
        now_nanoseconds: time since 1970, by the producer's clock.

    Raises:
        ValueError: the event is larger than the log takes, or holds a value that has no canonical form.
    """
    identifier = make_event_id(now_nanoseconds)
    seconds, microseconds = divmod(now_nanoseconds // 1000, 1_000_000)
    columns = _columns_of(event)
    tag = _TAGS[type(event)]
    document: dict[str, Plain] = {
        "v": FORMAT_VERSION,
        "id": identifier,
        "nonce": os.urandom(_NONCE_BYTES).hex(),
        "type": tag,
        "at": f"{_spell_second(seconds)}{microseconds:06d}Z",
        "outcome": _OUTCOMES[type(event)],
        "origin": _plain_origin(origin),
        "data": _DATA_OF[type(event)](event),
        **{name: item for name, item in zip(Columns._fields, columns, strict=True) if item is not None},
    }
    body = canonical_bytes(document)
    if len(body) > MOST_BODY_BYTES:
        raise ValueError(f"The event {tag!r} has {len(body)} bytes; at most {MOST_BODY_BYTES} are taken.")
    occurred_at = _EPOCH + timedelta(0, seconds, microseconds)
    return Record(identifier, occurred_at, tag, *columns, body, leaf_of(body))


def derive_record(body: bytes) -> Record:
    """Derive every column from the bytes alone, as a verifier does: a column that differs was changed.

    Raises:
        ValueError: the bytes are not a body in canonical form.
    """
    try:
        document = json.loads(body)
        if canonical_bytes(document) != body:
            raise ValueError("The body is not in canonical form.")
        stated = stated_columns(document)
        columns = Columns(
            subject=_uuid_or_none(stated.get("subject")),
            actor=_uuid_or_none(stated.get("actor")),
            thread_id=_uuid_or_none(stated.get("thread_id")),
            turn_id=_uuid_or_none(stated.get("turn_id")),
            rule=stated.get("rule"),
            severity=stated.get("severity"),
            model=stated.get("model"),
            host=stated.get("host"),
            persona=stated.get("persona"),
            content_id=_uuid_or_none(stated.get("content_id")),
        )
        occurred_at = datetime.fromisoformat(document["at"])
        return Record(UUID(document["id"]), occurred_at, document["type"], *columns, body, leaf_of(body))
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError("The body lacks what every event has.") from error


def stated_columns(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a body without what its format does not know: a column that came later is empty for earlier events."""
    version = document.get("v")
    unknown = OLD_VERSIONS.get(version, ()) if isinstance(version, int) else ()
    return {name: value for name, value in document.items() if name not in unknown} if unknown else document


def canonical_bytes(document: Mapping[str, Plain]) -> bytes:
    """Return the one spelling of a document.

    Raises:
        ValueError: it holds a number beyond 2^53, which not every JSON parser reads exactly (RFC 8785, 3.2.2.3).
    """
    try:
        return orjson.dumps(document, option=CANONICAL)
    except orjson.JSONEncodeError as error:
        raise ValueError(f"The document has no canonical form: {error}.") from error


def parse_body(body: bytes) -> Mapping[str, Any]:
    """Return what a stored body says; nothing where it is no JSON object: whoever may add events can add any bytes."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return document if isinstance(document, dict) else {}


def leaf_of(body: bytes) -> bytes:
    """Return the Merkle leaf of a body. Source: RFC 6962 section 2.1."""
    return sha256(_LEAF_PREFIX + body).digest()


def make_event_id(now_nanoseconds: int) -> UUID:
    """Make a UUID version 7: milliseconds, then the fraction of the millisecond, then 62 random bits.

    Source: RFC 9562 sections 5.7 and 6.2, method 3.
    """
    milliseconds, rest = divmod(now_nanoseconds, 1_000_000)
    fraction = rest * 4096 // 1_000_000
    random = int.from_bytes(os.urandom(8), "big") >> 2
    return UUID(int=milliseconds << 80 | 7 << 76 | fraction << 64 | 2 << 62 | random)


def first_id(moment: datetime) -> UUID:
    """Return the least id that an event of this millisecond or a later one can have."""
    milliseconds = (moment - _EPOCH) // timedelta(milliseconds=1)
    return UUID(int=max(0, milliseconds) << 80)


def format_time(moment: datetime) -> str:
    """Return a moment in UTC as RFC 3339 with microseconds."""
    return _spell_utc(moment.astimezone(UTC))


def _spell_utc(moment: datetime) -> str:
    return moment.isoformat(timespec="microseconds")[: -len("+00:00")] + "Z"


@lru_cache(16)
def _spell_second(seconds: int) -> str:
    """Return `2026-11-29T12:44:50.`: many events share their second, and spelling it is most of the work."""
    return _spell_utc(_EPOCH + timedelta(seconds=seconds))[: -len("000000Z")]


def as_name(text: str) -> str:
    """Return a text as a name: printable ASCII without blanks, at most 120 characters."""
    is_name = len(text) <= _MOST_NAME_CHARS and text.isascii() and text.isprintable() and " " not in text
    return str(text) if is_name else _NOT_IN_A_NAME.sub("_", text[:_MOST_NAME_CHARS])


def plain_of(value: object) -> Plain:
    """Return a value of an event as the body holds it.

    Raises:
        ValueError: it is of a type that has no canonical form, such as a fraction, bytes or a time.
    """
    convert = _CONVERTERS.get(type(value))
    if convert is None:
        raise ValueError(f"A value of type {type(value).__name__} has no canonical form.")
    return convert(value)


def _fields_as_plain(names: Sequence[str]) -> Callable[[object], dict[str, Plain]]:
    """Return what makes the fields that are there plain; made once a type, as every event comes through here."""
    get: Callable[[object], Any] = attrgetter(*names) if len(names) > 1 else lambda value: _each_of(value, names)

    def convert(value: object) -> dict[str, Plain]:
        plain: dict[str, Plain] = {}
        for name, item in zip(names, get(value), strict=True):
            kind = type(item)
            if kind is str:  # most are, and a call less is a tenth of the time
                plain[name] = as_name(item)
            elif item is not None:
                plain[name] = item if kind in _UNCHANGED else plain_of(item)
        return plain

    return convert


def _each_of(value: object, names: Sequence[str]) -> tuple[object, ...]:
    return tuple(getattr(value, name) for name in names)


def _fields_of(kind: type[GuardReport | FoundSpan | Origin]) -> Callable[[object], Plain]:
    return _fields_as_plain(tuple(field.name for field in fields(kind)))


_UNCHANGED: Final = frozenset((bool, int, UUID))
_CONVERTERS: Final[Mapping[type, Callable[[Any], Plain]]] = {
    **dict.fromkeys((NoneType, *_UNCHANGED), lambda value: value),
    **dict.fromkeys((str, Action, Cause, Refusal, Role), as_name),
    tuple: lambda value: [plain_of(item) for item in value],
    **{kind: _fields_of(kind) for kind in (GuardReport, FoundSpan, Origin)},
}


@cache
def _plain_origin(origin: Origin) -> Plain:
    return plain_of(origin)


_SEVERITIES: Final = {action: action.severity for action in Action}


def _columns_of(event: Event) -> Columns:
    turn: TurnPlace | None = getattr(event, "turn", None)
    guard: GuardReport | None = getattr(event, "guard", None)
    actor: UUID | None = turn.person_id if turn else getattr(event, "actor", None)
    model: str | None = getattr(event, "model", None)
    host: str | None = getattr(event, "host", None)
    persona: str | None = getattr(event, "persona", None)
    rule = guard.rule if guard else None
    return Columns(
        subject=getattr(event, "subject", actor),
        actor=actor,
        thread_id=turn.thread_id if turn else getattr(event, "thread_id", None),
        turn_id=turn.turn_id if turn else getattr(event, "turn_id", None),
        rule=as_name(rule) if rule else None,
        severity=_SEVERITIES[guard.action] if guard else None,
        model=as_name(model) if model else None,
        host=as_name(host) if host else None,
        persona=as_name(persona) if persona else None,
        content_id=getattr(event, "content_id", None),
    )


_DATA_OF: Final = {
    kind: _fields_as_plain(tuple(field.name for field in fields(kind) if field.name not in ("turn", *Columns._fields)))
    for kind in EVENT_TYPES
}
_TAGS: Final = {kind: kind.tag.value for kind in EVENT_TYPES}
_OUTCOMES: Final = {kind: kind.outcome.value for kind in EVENT_TYPES}


def _uuid_or_none(text: str | None) -> UUID | None:
    return None if text is None else UUID(text)
