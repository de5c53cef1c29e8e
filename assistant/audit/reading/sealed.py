"""Whether events are sealed: each with a proof that is made and checked here, under the newest head."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

import psycopg

from assistant.audit.reader_pool import ReaderPool
from assistant.audit.reading.heads_shown import read_signed
from assistant.audit.reading.proof import locate, read_newest
from assistant.audit.reading.read import StoredEvent
from assistant.audit.record import leaf_of
from assistant.audit.seals.checkpoint import Checkpoint, NoteKey, split_note
from assistant.audit.seals.heads import Head
from assistant.audit.seals.nodes import StoredNodes
from assistant.audit.seals.tree import inclusion_proof, is_included
from assistant.errors import NotFoundError


@dataclass(frozen=True, slots=True)
class Sealed:
    """Where an event stands in the tree.

    Attributes:
        batch: the number of the head that sealed it.
        index: which leaf it is.
        size: of the tree that the proof leads to.
        is_proven: the body's hash leads to the root of that tree.
        is_signed: one of the log's keys signed that root; None where this process knows no key.
    """

    batch: int
    index: int
    size: int
    is_proven: bool
    is_signed: bool | None


class SealChecks:
    """Make and check proofs for a page.

    Args:
        pool: connections of the audit reader.
        first_key: returns the log's public key of its first day; without it no signature is checked.
    """

    def __init__(self, pool: ReaderPool, first_key: Callable[[], NoteKey | None]) -> None:
        self._pool = pool
        self._first_key = first_key

    async def check(self, events: Sequence[StoredEvent]) -> Mapping[UUID, Sealed]:
        """Return where each event stands, by id; one that no head has yet is left out.

        Raises:
            UnavailableError: the database does not answer.
        """
        found: dict[UUID, Sealed] = {}
        async with self._pool.moment() as connection:
            try:
                head = await read_newest(connection)
            except NotFoundError:
                return found
            is_signed = await read_signed(connection, head, self._first_key())
            nodes = StoredNodes(connection, head.size)
            for event in events:
                try:
                    found[event.id] = await _check_one(connection, nodes, event, head, is_signed=is_signed)
                except NotFoundError:
                    continue
        return found


async def _check_one(
    connection: psycopg.AsyncConnection, stored: StoredNodes, event: StoredEvent, head: Head, *, is_signed: bool | None
) -> Sealed:
    index, batch = await locate(connection, event.id, head)
    nodes = await stored.read_for(lambda read: inclusion_proof(index, head.size, read))
    proof = inclusion_proof(index, head.size, lambda *node: nodes[node])
    root = Checkpoint.parse(split_note(head.note)[0]).root
    is_proven = is_included(index, head.size, leaf_of(event.body), proof, root)
    return Sealed(batch, index, head.size, is_proven, is_signed)
