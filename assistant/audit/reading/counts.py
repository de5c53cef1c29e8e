"""How often each rule held something back, counted from the log: rules and numbers, no turn and nobody's name."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import psycopg
from psycopg import sql
from pydantic import SecretStr

from assistant.audit.events import Tag
from assistant.audit.record import first_id
from assistant.database import connect, unreadable
from assistant.errors import UnavailableError
from policies.verdict import Action

_PATIENCE_SECONDS: Final = 5  # a month of a large company is read in two; a page does not wait for longer
_JUDGED: Final = (
    Tag.TURN_GUARDED,
    Tag.PROMPT_BLOCKED,
    Tag.TURN_ANSWERED,
    Tag.ANSWER_BLOCKED,
    Tag.TURN_INTERRUPTED,
)

# An event without a finding has no rule, so that the partial index leaves most of the log unread.
_COUNT: Final = sql.SQL("""
    SELECT finding ->> 'rule', count(*)
    FROM audit.event, jsonb_array_elements(convert_from(body, 'UTF8')::jsonb #> '{{data,guard,findings}}') AS finding
    WHERE rule IS NOT NULL AND id >= {since} AND type = ANY({types}) AND finding ->> 'action' <> {allowed}
    GROUP BY 1
""")


class FindingCounts:
    """Count findings as the reader role, over a connection of its own that ends with the count."""

    def __init__(self, reader_url: SecretStr, *, patience_seconds: float = _PATIENCE_SECONDS) -> None:
        self._reader_url = reader_url
        self._patience_seconds = patience_seconds

    async def count_findings(self, since: datetime) -> dict[str, int]:
        """Return how many values each rule held back since then, at most 32 a text: the log keeps no more.

        Raises:
            UnavailableError: the log cannot be read, or counting takes too long.
        """
        query = _COUNT.format(since=first_id(since), types=[tag.value for tag in _JUDGED], allowed=Action.ALLOW.value)
        try:
            async with await connect(self._reader_url) as connection:
                await connection.set_read_only(True)
                patience = sql.SQL("SET LOCAL statement_timeout = {}").format(int(self._patience_seconds * 1000))
                await connection.execute(patience)
                rows = await (await connection.execute(query)).fetchall()
        except psycopg.DataError as error:
            raise UnavailableError(
                "The findings could not be counted: an event is not by the product. Run `cloister audit verify`."
            ) from error
        except (psycopg.OperationalError, psycopg.ProgrammingError) as error:  # QueryCanceled is one
            raise unreadable(error, "The findings could not be counted in time. Ask again in a minute.") from error
        return {str(rule): int(count) for rule, count in rows}
