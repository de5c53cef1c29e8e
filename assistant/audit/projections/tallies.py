"""What the projector counted, for charts: rules by week, models by answers. No person is counted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple

from psycopg import sql

from assistant.audit.events import Tag
from assistant.audit.reader_pool import ReaderPool


class RuleWeek(NamedTuple):
    """How many values a rule found that did not simply pass, in the week that began on this Monday."""

    rule: str
    monday: date
    findings: int


class ModelVolume(NamedTuple):
    """How many answers a model completed."""

    model: str
    answers: int


@dataclass(frozen=True, slots=True)
class Counts:
    """What charts are drawn from.

    Attributes:
        until: up to when every sealed event was counted; None when none was yet.
    """

    rules: Sequence[RuleWeek]
    models: Sequence[ModelVolume]
    until: datetime | None


_RULES = sql.SQL(
    "SELECT rule, date_trunc('week', day)::date, sum(findings)::bigint FROM audit.tally "
    "WHERE rule <> '' AND day >= {} GROUP BY 1, 2 ORDER BY 1, 2"
)
_MODELS = sql.SQL(
    "SELECT model, sum(events)::bigint FROM audit.tally "
    "WHERE rule = '' AND type = {} AND model <> '' AND day >= {} GROUP BY 1 ORDER BY 2 DESC, 1"
)


class Tallies:
    """Read counts as the reader of the log."""

    def __init__(self, pool: ReaderPool) -> None:
        self._pool = pool

    async def read(self, *, since_monday: date, models_since: date) -> Counts:
        """Return the counts from these days on.

        Raises:
            TooBroadError: it takes longer than a page waits.
            UnavailableError: the database does not answer.
        """
        async with self._pool.moment() as connection:
            rules = await (await connection.execute(_RULES.format(since_monday))).fetchall()
            wanted = _MODELS.format(Tag.TURN_ANSWERED.value, models_since)
            models = await (await connection.execute(wanted)).fetchall()
            row = await (await connection.execute("SELECT until FROM audit.projection")).fetchone()
        return Counts(
            rules=[RuleWeek(str(rule), monday, int(findings)) for rule, monday, findings in rules],
            models=[ModelVolume(str(model), int(answers)) for model, answers in models],
            until=row[0] if row else None,
        )
