"""What an export is made of while its events come by: the hashes between them, their root, the keys they announce."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from typing import IO

import orjson

from assistant.audit.events import KeyRotated, Tag
from assistant.audit.exports.leaves import Leaf
from assistant.audit.exports.offline.verify import Tree
from assistant.audit.record import leaf_of
from assistant.audit.seals.checkpoint import NoteError, NoteKey, open_note
from assistant.audit.seals.heads import Head
from assistant.audit.seals.nodes import StoredNodes
from assistant.audit.seals.seal_key import follow
from assistant.audit.seals.tree import range_nodes
from assistant.errors import UnavailableError


@dataclass(slots=True)
class Sheaf:
    """The events of an export as they come, the hashes that fill the gaps between them, and the keys they announce."""

    stored: StoredNodes
    proof: IO[bytes]
    tree: Tree = field(default_factory=Tree)
    first: int = 0
    last: int = 0
    events: int = 0
    announcements: list[tuple[Leaf, dict[str, str]]] = field(default_factory=list)
    dropped: list[list[int]] = field(default_factory=list)

    async def add(self, leaf: Leaf) -> None:
        """Add the next event."""
        if self.tree.size < leaf.number:
            await self._fill(leaf.number)
        body = leaf.body or b""
        self.tree.push(0, leaf_of(body))
        self.first = self.first if self.events else leaf.number
        self.last = leaf.number + 1
        self.events += 1
        if b'"type":"key:rotated"' in body and (document := orjson.loads(body))["type"] == Tag.KEY_ROTATED:
            self.announcements.append((leaf, document.get("data")))

    def miss(self, leaf: Leaf) -> None:
        """Note an event that was asked for and whose body is gone: retention took it, and its hash stays."""
        if not self.dropped or self.dropped[-1][1] != leaf.number:
            self.dropped.append([leaf.number, leaf.number])
        self.dropped[-1][1] = leaf.number + 1

    async def finish(self, head: Head) -> None:
        """Fill the last gap, and refuse a log whose events lead elsewhere than to what was sealed."""
        await self._fill(head.size)
        if self.tree.root() != head.checkpoint.root:
            raise UnavailableError(
                "Nothing was exported: the events do not lead to the root that was sealed. Run `cloister audit verify`."
            )

    def listed_keys(self, head: Head, first_key: NoteKey) -> list[dict[str, object]]:
        """Return the keys that the log had up to a head, whose signature is looked at.

        Anybody who may write to the log can write an announcement; one that the key in force did not sign is none.
        """
        keys = [first_key]
        listed: list[dict[str, object]] = [_listed(first_key, None, 0)]
        for leaf, data in self.announcements:
            with contextlib.suppress(NoteError, TypeError):
                key = follow(KeyRotated(**data), keys[-1])
                if key != keys[-1]:
                    keys.append(key)
                    listed.append(_listed(key, leaf.number, leaf.batch_size))
        try:
            open_note(head.note, keys[-2:])
        except NoteError as error:
            raise UnavailableError(
                f"Nothing was exported: the newest head is not signed by this log's key ({error}). "
                "Run `cloister audit verify`."
            ) from error
        return listed

    async def _fill(self, end: int) -> None:
        for level, index in range_nodes(self.tree.size, end):
            node = await self.stored.read(level, index)
            self.tree.push(level, node)
            self.proof.write(node)


def _listed(key: NoteKey, leaf: int | None, size: int) -> dict[str, object]:
    return {"key": str(key), "announced_by_leaf": leaf, "after_size": size}
