"""Retention: months whose time is over lose what their events say; the tree over them stays and is still checked.

Of each event its place and its leaf are left. An event, signed by the sealing key, says how many there are of a month
and what they are; without it `verify` calls the log changed. What came late into a month stays until it is old itself,
and the next such event of the month speaks of all; where it lies, in a table of the month or in the default partition,
makes no difference. Nobody waits to write while what stays is copied, but for what came in the last moment. Who may run
this has the sealer's key and role, and the eraser's.
"""

from __future__ import annotations

import time
from base64 import b64decode, b64encode
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, Final, Self
from uuid import UUID, uuid4

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb
from pydantic import SecretStr

from assistant.audit.events import RetentionExecuted
from assistant.audit.record import Origin, Record, compose_record, first_id
from assistant.audit.seals.checkpoint import NoteKey, SecretNoteKey
from assistant.audit.seals.heads import ROW_PLACE
from assistant.database import connect
from assistant.errors import BadInputError, UnavailableError

FLOOR_DAYS: Final = 183  # the function in the database has the same one
_ROWS_AT_ONCE: Final = 10_000
_MONTHS: Final = 12
_LATEST_SECONDS: Final = int(datetime(9998, 12, 31, tzinfo=UTC).timestamp())  # an id may claim a later time

_PARTITIONS: Final = (
    "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid "
    "WHERE i.inhparent = 'audit.event'::regclass AND c.relname ~ '^event_[0-9]{4}_[0-9]{2}$' ORDER BY c.relname"
)
_APART: Final = "SELECT month FROM audit.months_apart(%s, %s)"
_MOST_APART: Final = 24  # in one go: each has an event of its own, and whoever writes events chooses how many there are
_LAST_HEAD: Final = (
    "SELECT batch, era, snapshot::text FROM audit.head "
    "WHERE sealed_at <= clock_timestamp() - make_interval(days => %s) ORDER BY batch DESC LIMIT 1"
)
# What was dropped of the month before, and what goes now: who checks the log sees both as one.
_GONE: Final = sql.SQL("""
    SELECT {place}, leaf, is_old FROM (
        SELECT id, xid, era, recorded_at, leaf, false AS is_old FROM audit.stub WHERE id >= {begin} AND id < {end}
        UNION ALL SELECT id, xid, era, recorded_at, leaf, true FROM audit.event
        WHERE id >= {begin} AND id < {end} AND NOT audit.stays(type)
            AND (era < {era} OR era = {era} AND pg_visible_in_snapshot(xid, {snapshot}::pg_snapshot))
    ) gone ORDER BY era, xid, id
""")

_OPEN_CASES: Final = sql.SQL("SELECT number FROM audit.open_cases({begin}, {end})")
_ORDER: Final = (
    "INSERT INTO audit.drop_order (id, month, keep_days, batch, events, word) VALUES (%s, %s, %s, %s, %s, %s)"
)


@dataclass(frozen=True, slots=True, order=True)
class Month:
    """A month in UTC, by the times that ids begin with."""

    year: int
    month: int

    @classmethod
    def of_id(cls, identifier: bytes) -> Self:
        """Return the month of an event's id."""
        seconds = min(int.from_bytes(identifier[:6], "big") // 1000, _LATEST_SECONDS)
        moment = datetime.fromtimestamp(seconds, UTC)
        return cls(moment.year, moment.month)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `2026-11`.

        Raises:
            ValueError: it is no month.
        """
        moment = datetime.strptime(text, "%Y-%m").replace(tzinfo=UTC)
        return cls(moment.year, moment.month)

    def __str__(self) -> str:
        """Return it as `2026-11`."""
        return f"{self.year:04d}-{self.month:02d}"

    @property
    def begin(self) -> datetime:
        """Return its first moment."""
        return datetime(self.year, self.month, 1, tzinfo=UTC)

    @property
    def end(self) -> datetime:
        """Return the first moment after it."""
        return datetime(self.year + self.month // _MONTHS, self.month % _MONTHS + 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class RetentionUrls:
    """The database as the sealer, who orders, and as the eraser, who drops."""

    sealer: SecretStr
    eraser: SecretStr


class Digest:
    """Count dropped events and hash their places and leaves, in the order of the tree."""

    def __init__(self) -> None:
        self.events = 0
        self._hash = sha256()

    def add(self, place: bytes, leaf: bytes) -> None:
        """Add the next event."""
        self.events += 1
        self._hash.update(place + leaf)

    def __str__(self) -> str:
        """Return the hash in hexadecimal."""
        return self._hash.hexdigest()


def sign_retention(month: Month, digest: Digest, keep_days: int, key: SecretNoteKey) -> RetentionExecuted:
    """Return the event by which the key in force says what was dropped."""
    signature = b64encode(key.sign(_statement(str(month), digest.events, str(digest)))).decode()
    return RetentionExecuted(
        month=str(month), events=digest.events, digest=str(digest), keep_days=keep_days, signature=signature
    )


def is_signed(event: RetentionExecuted, key: NoteKey) -> bool:
    """Tell whether the event is this key's word."""
    try:
        signature = b64decode(event.signature, validate=True)
    except ValueError:
        return False
    return key.has_signed(_statement(event.month, event.events, event.digest), signature)


async def list_due(reader_url: SecretStr, keep_days: int, now: datetime) -> list[Month]:
    """Return the months whose time is over, the oldest first; then those without a table that have old events.

    Of what lies in the default partition only the time counts when it was sealed: its ids may claim any.

    Raises:
        UnavailableError: the database does not answer.
    """
    try:
        async with await connect(reader_url, autocommit=True) as connection:
            rows = await (await connection.execute(_PARTITIONS)).fetchall()
            apart = await (await connection.execute(_APART, [keep_days, _MOST_APART])).fetchall()
    except psycopg.OperationalError as error:
        raise _away() from error
    months = [Month.parse(name.removeprefix("event_").replace("_", "-")) for (name,) in rows]
    due = [month for month in months if month.end <= now - timedelta(days=keep_days)]
    return [*due, *(Month.parse(name) for (name,) in apart)]


@dataclass(frozen=True, slots=True)
class Weighed:
    """What of a month may go.

    Attributes:
        batch: of the newest head that is old enough; what it has not sealed, stays. None: there is no such head.
        digest: over all that is gone of the month then, what was dropped before included.
        events: how many go now.
    """

    batch: int | None
    digest: Digest
    events: int


async def weigh_month(reader_url: SecretStr, month: Month, keep_days: int) -> Weighed:
    """Count and hash what of a month would be dropped now: an event counts from when it was sealed, whatever it says.

    Raises:
        UnavailableError: the database does not answer.
    """
    digest, events = Digest(), 0
    try:
        async with await connect(reader_url) as connection:
            head = await (await connection.execute(_LAST_HEAD, [keep_days])).fetchone()
            if head is None:
                return Weighed(None, digest, 0)
            batch, era, snapshot = head
            query = _GONE.format(
                place=ROW_PLACE, begin=first_id(month.begin), end=first_id(month.end), era=era, snapshot=snapshot
            )
            async with connection.cursor("gone", binary=True) as cursor:
                await cursor.execute(query)
                while rows := await cursor.fetchmany(_ROWS_AT_ONCE):
                    for place, leaf, is_old in rows:
                        digest.add(place, leaf)
                        events += is_old
    except psycopg.OperationalError as error:
        raise _away() from error
    return Weighed(batch, digest, events)


async def open_cases_in(reader_url: SecretStr, month: Month) -> list[int]:
    """Return the numbers of open cases that hold turns of a month: they keep it.

    Raises:
        UnavailableError: the database does not answer.
    """
    query = _OPEN_CASES.format(begin=first_id(month.begin), end=first_id(month.end))
    try:
        async with await connect(reader_url, autocommit=True) as connection:
            return [number for (number,) in await (await connection.execute(query)).fetchall()]
    except psycopg.OperationalError as error:
        raise _away() from error


async def drop_month(
    urls: RetentionUrls, key: SecretNoteKey, month: Month, weighed: Weighed, *, keep_days: int, origin: Origin
) -> int:
    """Drop what old events of a month say, and write the event that proves it; return how many they were.

    The sealer's role orders it, with the event that its key signed; the eraser's role carries out that order.

    Raises:
        BadInputError: the month's time is not over, or a hold or an open case forbids it.
        UnavailableError: the database does not answer.
    """
    event = sign_retention(month, weighed.digest, keep_days, key)
    order_id = uuid4()
    word = Jsonb(_entry_of(compose_record(event, origin, time.time_ns())))
    try:
        async with await connect(urls.sealer, autocommit=True) as connection:
            order = [order_id, str(month), keep_days, weighed.batch, weighed.events, word]
            await connection.execute(_ORDER, order)
        async with await connect(urls.eraser, autocommit=True) as connection:
            await connection.execute("SELECT audit.drop_month(%s)", [order_id])
    except psycopg.errors.LockNotAvailable as error:
        raise UnavailableError(f"{month} was not dropped: the log is being read as a whole. Try later.") from error
    except psycopg.OperationalError as error:
        if error.sqlstate and error.sqlstate.startswith(("55", "40")):  # not now: a hold, another drop in between
            raise _refused(month, error) from error
        raise _away() from error
    except psycopg.Error as error:
        raise _refused(month, error) from error
    return weighed.events


def _statement(month: str, events: int, digest: str) -> bytes:
    return f"cloister audit retention\n{month}\n{events}\n{digest}\n".encode()


def _entry_of(record: Record) -> dict[str, Any]:
    """Return a record as the functions of the database take one."""
    return {name: _plain(value) for name, value in record._asdict().items() if value is not None}


def _plain(value: object) -> object:
    if isinstance(value, bytes):
        return f"\\x{value.hex()}"
    return str(value) if isinstance(value, UUID | datetime) else value


def _refused(month: Month, error: psycopg.Error) -> BadInputError:
    return BadInputError(f"{month} was not dropped: {error.diag.message_primary or 'the database refused.'}")


def _away() -> UnavailableError:
    return UnavailableError("The audit log cannot be reached: the database does not answer. Ask again in a minute.")
