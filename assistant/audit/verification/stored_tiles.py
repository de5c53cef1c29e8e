"""The tiles that the database has, for comparing them with those that the events give."""

from __future__ import annotations

from typing import Final

import psycopg

from assistant.audit.seals.tree import full_tiles
from assistant.audit.verification.findings import Findings

_TILES_AT_ONCE: Final = 64


class StoredTiles:
    """The stored tiles, read some at a time."""

    def __init__(self, connection: psycopg.AsyncConnection) -> None:
        self._connection = connection
        self._ahead: dict[tuple[int, int], bytes] = {}

    async def read(self, level: int, number: int) -> bytes | None:
        """Return a tile; None where it is missing. Each is asked for once."""
        if (level, number) not in self._ahead:
            cursor = await self._connection.execute(
                "SELECT number, data FROM audit.tile WHERE level = %s AND number >= %s AND number < %s",
                [level, number, number + _TILES_AT_ONCE],
                binary=True,
            )
            self._ahead |= {(level, row[0]): row[1] for row in await cursor.fetchall()}
        return self._ahead.pop((level, number), None)


async def check_extra_tiles(connection: psycopg.AsyncConnection, size: int, findings: Findings) -> None:
    """Say which tiles there are that a log of this size does not have."""
    expected = dict(full_tiles(size))
    cursor = await connection.execute("SELECT level, max(number) FROM audit.tile GROUP BY level ORDER BY level")
    for level, last in await cursor.fetchall():
        if last >= expected.get(level, 0):
            findings.add("extra-tile", f"There is a tile {last} of level {level} that no head has.")
