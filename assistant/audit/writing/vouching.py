"""Events that the light over the log rests on: written as all events are, and vouched for by the sealer's role.

The writer's password is every page's and worker's, so what it alone says of the log's state proves nothing.
"""

from __future__ import annotations

from typing import Final, Protocol

import psycopg
from pydantic import SecretStr

from assistant.audit.events import Event
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

        Raises:
            AuditUnavailableError: one of the two cannot be made durable now.
        """
        record = self._records.compose(event)
        await self._records.append_record(record)
        try:
            async with await connect(self._sealer_url, autocommit=True) as connection:
                await connection.execute("SET synchronous_commit = on")
                await connection.execute(_VOUCH, [record.id, record.type, record.leaf])
        except psycopg.Error as error:  # also of a database that was not brought to this version
            raise AuditUnavailableError(
                "Nobody vouches for this: the database is away, or older than this program. Try again in a minute."
            ) from error
