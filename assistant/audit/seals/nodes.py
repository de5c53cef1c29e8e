"""The tree as the database has it: any node, from stored tiles and from the leaves of the last heads."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Final

import psycopg

from assistant.audit.seals.tree import TILE_WIDTH, ReadNode, perfect_root, split_hashes, tile_of_node
from assistant.errors import UnavailableError

_MOST_KEPT: Final = 256  # tiles, of 8 KiB: a proof of neighbours asks for the same ones

Node = tuple[int, int]  # level and index


class StoredNodes:
    """Read nodes of the log's tree over one connection, in one moment of the database.

    Args:
        connection: as the reader.
        size: how many leaves the tree has.
    """

    def __init__(self, connection: psycopg.AsyncConnection, size: int) -> None:
        self._connection = connection
        self._size = size
        self._tiles: OrderedDict[Node, list[bytes]] = OrderedDict()

    async def read(self, level: int, index: int) -> bytes:
        """Return the root of the perfect subtree of 2^level leaves that begins at leaf index * 2^level.

        Raises:
            UnavailableError: the log lacks it.
        """
        tile_level, number, begin, end = tile_of_node(level, index)
        hashes = await self._read_tile(tile_level, number)
        if len(hashes) < end:
            raise UnavailableError(
                f"The tree of the audit log lacks tile {number} of level {tile_level}. Run `cloister audit verify`."
            )
        return perfect_root(hashes[begin:end])

    async def read_for(self, build: Callable[[ReadNode], object]) -> dict[Node, bytes]:
        """Return the nodes that a proof is made of.

        Args:
            build: makes the proof, by asking for each node.

        Raises:
            UnavailableError: see `read`.
        """
        return {node: await self.read(*node) for node in _asked_for(build)}

    async def _read_tile(self, level: int, number: int) -> list[bytes]:
        """Return the hashes of a tile, also of one that is not full yet."""
        if (level, number) in self._tiles:
            self._tiles.move_to_end((level, number))
            return self._tiles[level, number]
        found = await self._full_tile(level, number)
        if found is None:
            found = await (self._newest_leaves() if level == 0 else self._roots_below(level, number))
        self._tiles[level, number] = found
        if len(self._tiles) > _MOST_KEPT:
            self._tiles.popitem(last=False)
        return found

    async def _full_tile(self, level: int, number: int) -> list[bytes] | None:
        cursor = await self._connection.execute(
            "SELECT data FROM audit.tile WHERE level = %s AND number = %s", [level, number], binary=True
        )
        row = await cursor.fetchone()
        return split_hashes(row[0]) if row else None

    async def _newest_leaves(self) -> list[bytes]:
        """Return the leaves that no full tile has: the heads have them."""
        cursor = await self._connection.execute(
            "SELECT leaves FROM audit.head WHERE size > %s ORDER BY batch",
            [self._size - self._size % TILE_WIDTH],
            binary=True,
        )
        return split_hashes(b"".join([row[0] for row in await cursor.fetchall()]))

    async def _roots_below(self, level: int, number: int) -> list[bytes]:
        """Return the hashes of a tile of a higher level that is not full: the roots of the tiles below it."""
        first = number * TILE_WIDTH
        cursor = await self._connection.execute(
            "SELECT data FROM audit.tile WHERE level = %s AND number >= %s AND number < %s ORDER BY number",
            [level - 1, first, first + TILE_WIDTH],
            binary=True,
        )
        rows = await cursor.fetchall()
        # Up to 255 tiles, some 50 ms of hashing: a page that asks for a proof must not hold up what streams beside it.
        return await asyncio.to_thread(lambda: [perfect_root(split_hashes(row[0])) for row in rows])


def _asked_for(build: Callable[[ReadNode], object]) -> Iterable[Node]:
    needed: list[Node] = []

    def note(level: int, index: int) -> bytes:
        needed.append((level, index))
        return b""

    build(note)
    return needed
