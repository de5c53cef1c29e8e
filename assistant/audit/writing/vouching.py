"""Events that the light over the log rests on: written as all events are, and vouched for by the sealer's role.

The writer's password is every page's and worker's, so what it alone says of the log's state proves nothing. Bad news
needs no voucher: whoever makes it up has the log checked once more.
"""

from __future__ import annotations

from typing import Final, Protocol

import psycopg
from pydantic import SecretStr

from assistant.audit.events import AnchorKept, Event, LogVerified
from assistant.audit.record import Record
from assistant.database import connect
from assistant.errors import AuditUnavailableError

_VOUCH: Final = "INSERT INTO audit.voucher (event_id, type, leaf) VALUES (%s, %s, %s)"


class Records(Protocol):
    """The log as it is written; `Appender` does it."""

    def compose(self, event: Event) -> Record:
        """Return an event as it will be stored."""

    async def append_record(self, record: Record) -> None:
        """Return once a record is durable.

        Raises:
            AuditUnavailableError: it cannot be made durable now.
        """


class VouchedLog:
    """Write events and vouch for them.

    Args:
        records: who writes them.
        sealer_url: the database as the sealer.
    """

    def __init__(self, records: Records, sealer_url: SecretStr) -> None:
        self._records = records
        self._sealer_url = sealer_url

    async def append(self, event: Event) -> None:
        """Return once an event is durable, and with it that it counts.

        Good news come after their voucher: however this ends, the log has none that nobody vouches for, which the light
        would take for a forgery. A voucher without its event says nothing. Bad news come first, and count without one.

        Raises:
            AuditUnavailableError: one of the two cannot be made durable now.
        """
        record = self._records.compose(event)
        if isinstance(event, AnchorKept) or (isinstance(event, LogVerified) and event.is_sound):
            await self._vouch(record)
        await self._records.append_record(record)
        if isinstance(event, LogVerified) and not event.is_sound:
            await self._vouch(record)  # then no flood of events hides it

    async def _vouch(self, record: Record) -> None:
        try:
            async with await connect(self._sealer_url, autocommit=True) as connection:
                await connection.execute("SET synchronous_commit = on")
                await connection.execute(_VOUCH, [record.id, record.type, record.leaf])
        except psycopg.Error as error:  # also of a database that was not brought to this version
            raise AuditUnavailableError(
                "Nobody vouches for this: the database is away, or older than this program. Try again in a minute."
            ) from error
