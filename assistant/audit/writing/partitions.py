"""Months ahead: empty partitions that the scheduler asks for, so that no event falls into the default one."""

from __future__ import annotations

from typing import Final

import psycopg
from pydantic import SecretStr

from assistant.database import connect
from assistant.errors import AuditUnavailableError

MONTHS_AHEAD: Final = 4  # a scheduler that rests for a whole season costs nothing


async def ensure_partitions(writer_url: SecretStr, months: int = MONTHS_AHEAD) -> int:
    """Create the partitions of this month and the next ones where they are missing; daily is often enough.

    Returns:
        How many were created.

    Raises:
        AuditUnavailableError: the database is away, or a long read of the log held the place; try again later.
    """
    try:
        async with await connect(writer_url, autocommit=True) as connection:
            row = await (await connection.execute("SELECT audit.ensure_partitions(%s)", [months])).fetchone()
    except psycopg.OperationalError as error:
        raise AuditUnavailableError(
            "The audit log's next months could not be prepared; it will be tried again."
        ) from error
    return int(row[0]) if row else 0
