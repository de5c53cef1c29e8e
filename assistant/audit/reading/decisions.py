"""Which decided hits are read a second time: the log says it, as of a sample, and anybody can find it out again.

1. The population of a week is every final `hit:decided` sealed from the first head of that week to the first head after
   it; of a hit that was decided more than once, the last one.
2. The seed is SHA-256 over the draw's spec and the checkpoint of the first head after the week, as for a sample.
3. Each decision has a lot: SHA-256 over the seed and the id of its event. Those with the least lots are drawn, as many
   as the share asks for, rounded up. A larger share begins with the smaller one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final
from uuid import UUID

import psycopg
from psycopg import sql
from pydantic import SecretStr

from assistant.audit.events import Tag
from assistant.audit.reading.sample import Week, heads_around
from assistant.audit.record import parse_body
from assistant.audit.seals.checkpoint import split_note
from assistant.audit.seals.heads import FIRST_BATCH, Head, select_batch
from assistant.database import connect
from assistant.errors import UnavailableError

MOST_DRAWN: Final = 500  # of one week; nobody reads more
_MOST_RULE_CHARS: Final = 200  # no name of a rule is longer, and no table takes every character
_DECISIONS: Final = sql.SQL("SELECT id, body FROM audit.event WHERE type = {} AND id IN ({}) ORDER BY id")


@dataclass(frozen=True, slots=True)
class Decision:
    """A final decision about a hit, as the log has it.

    Attributes:
        event_id: of its `hit:decided`.
        subject: whose turn it is.
        proposed_by, decided_by: who decided, and who agreed; one person where no second one was needed.
    """

    event_id: UUID
    hit_id: UUID
    turn_id: UUID
    subject: UUID
    rule: str
    disposition: str
    proposed_by: UUID
    decided_by: UUID


@dataclass(frozen=True, slots=True)
class DecisionDraw:
    """What was drawn of a week, with everything that somebody needs to draw it again.

    Attributes:
        decisions: how many there were to draw from.
        batch: number of the head that the seed is of.
        checkpoint: what that head signs.
    """

    week: str
    percent: int
    decisions: int
    batch: int
    checkpoint: str
    seed: bytes
    drawn: tuple[Decision, ...]


def decisions_seed(week: str, checkpoint: str) -> bytes:
    """Return the seed of a week's draw."""
    return sha256(f"cloister second look v1\nweek {week}\n\n{checkpoint}".encode()).digest()


def choose(seed: bytes, decisions: Iterable[Decision], percent: int) -> tuple[Decision, ...]:
    """Return the decisions that are drawn, the least lot first."""
    by_lot = sorted(decisions, key=lambda one: sha256(seed + one.event_id.bytes).digest())
    return tuple(by_lot[: min(MOST_DRAWN, -(-len(by_lot) * percent // 100))])


async def draw_decisions(reader_url: SecretStr, week: Week, percent: int) -> DecisionDraw:
    """Draw the decisions of a week that are read a second time.

    Raises:
        BadInputError: the week is not over, or nothing was sealed since.
        NotFoundError: a head is missing.
        UnavailableError: the database does not answer.
    """
    try:
        async with await connect(reader_url, autocommit=True) as connection:
            await connection.set_isolation_level(psycopg.IsolationLevel.REPEATABLE_READ)
            await connection.set_read_only(True)
            async with connection.transaction():
                opening, closing = await heads_around(connection, week)
                decisions = await _read(connection, opening, closing)
    except psycopg.OperationalError as error:
        raise UnavailableError("The audit log cannot be read: the database does not answer.") from error
    checkpoint = split_note(closing.note)[0]
    seed = decisions_seed(week.name, checkpoint)
    drawn = choose(seed, decisions, percent)
    return DecisionDraw(week.name, percent, len(decisions), closing.batch, checkpoint, seed, drawn)


async def _read(connection: psycopg.AsyncConnection, opening: Head, closing: Head) -> Sequence[Decision]:
    if closing.batch == FIRST_BATCH:
        return ()  # the log began after the week
    batch = select_batch(
        sql.SQL("id"),
        after=opening if opening.batch > FIRST_BATCH else None,
        era=sql.Literal(closing.era),
        snapshot=sql.SQL("{}::pg_snapshot").format(sql.Literal(str(closing.snapshot))),
    )
    rows = await (await connection.execute(_DECISIONS.format(Tag.HIT_DECIDED.value, batch))).fetchall()
    last = {one.hit_id: one for event_id, body in rows if (one := _parse(event_id, body)) is not None}
    return tuple(last.values())


def _parse(event_id: UUID, body: bytes) -> Decision | None:
    """Return a final decision; none for another event, or one that nothing of the product wrote."""
    document = parse_body(body)
    said = document.get("data")
    if not isinstance(said, dict) or said.get("is_final") is not True:
        return None
    try:
        found = Decision(
            event_id=event_id,
            hit_id=UUID(said["hit_id"]),
            turn_id=UUID(document["turn_id"]),
            subject=UUID(said["about"]),
            rule=str(said["finding_rule"]),
            disposition=str(said["disposition"]),
            proposed_by=UUID(said["proposed_by"]),
            decided_by=UUID(document["actor"]),
        )
    except (KeyError, ValueError, TypeError, AttributeError):
        return None
    if not found.rule.isprintable() or len(found.rule) > _MOST_RULE_CHARS:
        return None
    return None if found.subject in {found.proposed_by, found.decided_by} else found
