"""A sample that nobody picked: the log itself says which events are looked at, and everybody can draw it again.

1. The population of a week is what was sealed from the first head of that week to the first head after it.
2. The seed is SHA-256 over the sample's spec and the checkpoint of the first head after the week. So the seed cannot be
   known before the population is closed, and whoever has that checkpoint, as an anchor has it, can check the seed.
3. Leaves are drawn from the seed without bias. Those that the spec does not ask for are passed over.
4. A larger sample begins with the smaller one: nobody gets another one by asking for another size.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from typing import Final, LiteralString
from uuid import UUID

import psycopg
from psycopg import sql
from pydantic import SecretStr

from assistant.audit.events import Tag
from assistant.audit.seals.checkpoint import split_note
from assistant.audit.seals.heads import PLACES, SELECT_HEADS, Head, select_batch
from assistant.database import connect, unreadable
from assistant.errors import BadInputError, NotFoundError
from policies.verdict import Action

MOST_WANTED: Final = 500
_MOST_TRIED: Final = 10_000  # leaves; the same for every size, or a larger sample could begin otherwise
_WORD_BYTES: Final = 8


class Population(StrEnum):
    """Which events of a week are sampled."""

    TURNS = "turns"  # every turn by its `turn:accepted`: finds what the guard did not see
    HITS = "hits"  # what was redacted or blocked


@dataclass(frozen=True, slots=True)
class Week:
    """A week as ISO 8601 counts them, in UTC."""

    name: str
    start: datetime
    end: datetime

    @classmethod
    def parse(cls, name: str) -> Week:
        """Read a week.

        >>> Week.parse("2026-W01").start.isoformat()
        '2025-12-29T00:00:00+00:00'

        Raises:
            BadInputError: it is none.
        """
        year, _, number = name.partition("-W")
        try:
            monday = datetime.fromisocalendar(int(year), int(number), 1).replace(tzinfo=UTC)
            week = cls(name, monday, monday + timedelta(days=7))
        except (ValueError, OverflowError):
            week = None
        if week is None or week.spelled != name:
            raise BadInputError(f"{name[:20]!r} is not a week: write it as 2026-W48.")
        return week

    @property
    def spelled(self) -> str:
        """Return the one spelling that a seed is made from."""
        year, number, _ = self.start.isocalendar()
        return f"{year:04}-W{number:02}"


@dataclass(frozen=True, slots=True)
class Drawn:
    """An event of a sample; `leaf` is its place in the tree."""

    leaf: int
    event_id: UUID
    turn_id: UUID | None
    subject: UUID | None


@dataclass(frozen=True, slots=True)
class Sample:
    """A sample, with everything that somebody needs to draw it again.

    Attributes:
        batch: number of the head that the seed is of.
        checkpoint: what that head signs: origin, size, root.
        first_leaf, end_leaf: the population, half-open.
        tried: how many leaves were drawn until there were enough.
    """

    week: str
    population: Population
    batch: int
    checkpoint: str
    seed: bytes
    first_leaf: int
    end_leaf: int
    drawn: tuple[Drawn, ...]
    tried: int


def seed_of(week: str, population: Population, checkpoint: str) -> bytes:
    """Return the seed of a sample."""
    spec = f"cloister sample v1\nweek {week}\npopulation {population.value}\n"
    return sha256(f"{spec}\n{checkpoint}".encode()).digest()


def leaves_from(seed: bytes, first: int, end: int) -> Iterator[int]:
    """Yield every leaf of a range once, in the order that the seed gives them.

    Words of 64 bits come from SHA-256 over seed and counter. A word beyond the last multiple of the range is passed
    over, so that each leaf is as likely as any other.
    """
    width = end - first
    if width <= 0:
        return
    limit = (1 << 8 * _WORD_BYTES) // width * width
    seen: set[int] = set()
    counter = 0
    while len(seen) < width:
        word = int.from_bytes(sha256(seed + counter.to_bytes(_WORD_BYTES)).digest()[:_WORD_BYTES])
        counter += 1
        if word < limit and (place := word % width) not in seen:
            seen.add(place)
            yield first + place


async def draw(reader_url: SecretStr, week: Week, population: Population, wanted: int) -> Sample:
    """Draw the sample of a week.

    Raises:
        BadInputError: the week is not over, or the size is none.
        NotFoundError: heads or events of it are missing.
        UnavailableError: the database does not answer.
    """
    if not 0 < wanted <= MOST_WANTED:
        raise BadInputError(f"A sample has between 1 and {MOST_WANTED} events.")
    try:
        async with await connect(reader_url, autocommit=True) as connection:
            await connection.set_isolation_level(psycopg.IsolationLevel.REPEATABLE_READ)
            await connection.set_read_only(True)
            async with connection.transaction():
                return await _Drawing(connection, week, population).draw(wanted)
    except (psycopg.OperationalError, psycopg.ProgrammingError) as error:
        raise unreadable(error, "The audit log cannot be read: the database does not answer.") from error


class _Drawing:
    """One draw, inside one moment of the log."""

    def __init__(self, connection: psycopg.AsyncConnection, week: Week, population: Population) -> None:
        self._connection = connection
        self._week = week
        self._population = population

    async def draw(self, wanted: int) -> Sample:
        opening, closing = await heads_around(self._connection, self._week)
        first = opening.size if opening.batch else 0  # what was there before the first head belongs to that week
        checkpoint = split_note(closing.note)[0]
        seed = seed_of(self._week.name, self._population, checkpoint)
        drawn: list[Drawn] = []
        tried = 0
        for leaf in leaves_from(seed, first, closing.size):
            if tried == _MOST_TRIED or len(drawn) == wanted:
                break
            tried += 1
            if (event := await self._event_at(leaf)) is not None:
                drawn.append(event)
        return Sample(
            self._week.name, self._population, closing.batch, checkpoint, seed, first, closing.size, tuple(drawn), tried
        )

    async def _event_at(self, leaf: int) -> Drawn | None:
        """Return the event at a leaf; none if the sample does not ask for such."""
        head = await _head(self._connection, "WHERE size > %s ORDER BY size, batch LIMIT 1", leaf)
        if head is None:
            raise NotFoundError(f"No head has leaf {leaf}; run `cloister audit verify`.")
        before = await _batch(self._connection, head.batch - 1) if head.batch else None
        ids = select_batch(
            sql.SQL("id"),
            after=before,
            era=sql.Literal(head.era),
            snapshot=sql.SQL("{}::pg_snapshot").format(sql.Literal(str(head.snapshot))),
            source=PLACES,
        )
        at = sql.SQL("{} ORDER BY era, xid, id OFFSET {} LIMIT 1").format(ids, leaf - (before.size if before else 0))
        cursor = await self._connection.execute(
            sql.SQL("SELECT id, type, severity, turn_id, subject FROM audit.event WHERE id = ({})").format(at)
        )
        row = await cursor.fetchone()
        if row is None:
            raise NotFoundError(f"The event at leaf {leaf} is missing or was dropped; run `cloister audit verify`.")
        event_id, kind, severity, turn_id, subject = row
        return Drawn(leaf, event_id, turn_id, subject) if self._is_wanted(kind, severity) else None

    def _is_wanted(self, kind: str, severity: int | None) -> bool:
        if self._population is Population.TURNS:
            return kind == Tag.TURN_ACCEPTED
        return severity is not None and severity >= Action.REDACT.severity


async def heads_around(connection: psycopg.AsyncConnection, week: Week) -> tuple[Head, Head]:
    """Return the first head of a week and the first after it: what was sealed between them is the week's.

    Raises:
        BadInputError: the week is not over, or nothing was sealed since.
        NotFoundError: a head is missing.
    """
    opening = await _first_head_since(connection, week.start)
    closing = await _first_head_since(connection, week.end)
    if closing is None or opening is None:
        raise BadInputError(
            f"The week {week.name} has no seed yet: that is of the first head after its end, which is "
            f"{week.end:%Y-%m-%d} UTC."
        )
    return opening, closing


async def _first_head_since(connection: psycopg.AsyncConnection, moment: datetime) -> Head | None:
    """Return the first head that was sealed at a moment or later; found by halving, for there is no index."""
    newest = await _head(connection, "ORDER BY batch DESC LIMIT 1")
    if newest is None or newest.sealed_at < moment:
        return None
    low, high = 0, newest.batch
    while low < high:
        middle = (low + high) // 2
        is_late = (await _batch(connection, middle)).sealed_at >= moment
        low, high = (low, middle) if is_late else (middle + 1, high)
    return await _batch(connection, low)


async def _batch(connection: psycopg.AsyncConnection, number: int) -> Head:
    head = await _head(connection, "WHERE batch = %s", number)
    if head is None:
        raise NotFoundError(f"Head {number} is missing; run `cloister audit verify`.")
    return head


async def _head(connection: psycopg.AsyncConnection, condition: LiteralString, *values: int) -> Head | None:
    query = sql.SQL("{} {}").format(SELECT_HEADS, sql.SQL(condition))
    row = await (await connection.execute(query, values)).fetchone()
    return Head.of_row(row) if row else None
