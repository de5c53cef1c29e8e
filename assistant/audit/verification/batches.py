"""Check batch after batch: the tree grows by its rows, and must be what the head says and what the tiles hold."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from typing import Any, NamedTuple
from uuid import UUID

from assistant.audit.events import KeyRotated, Tag
from assistant.audit.seals.checkpoint import NoteError, NoteKey
from assistant.audit.seals.heads import Head
from assistant.audit.seals.seal_key import follow
from assistant.audit.seals.tree import TILE_WIDTH, Tile, Tree, split_hashes
from assistant.audit.verification.anchor import AnchorCheck, Reign
from assistant.audit.verification.checks import BATCH_CHECKS, TREE_CHECKS, Batch
from assistant.audit.verification.dealing import Dealer, Moments, Run
from assistant.audit.verification.dropped import DroppedCheck
from assistant.audit.verification.findings import Findings
from assistant.audit.verification.row_checks import parse_body
from assistant.audit.verification.stored_tiles import StoredTiles


class _Announced(NamedTuple):
    """An event that announces a key, and where it is."""

    leaf: int
    id: UUID
    event: KeyRotated


class BatchCheck:
    """Check the batches one after the other.

    Args:
        key: the public key of the log's first day.
        tiles: as the database has them.
        anchors: checkpoints from elsewhere, whose sizes are noted on the way.
        dropped: where it is noted what retention took.
        findings: where problems are noted.
    """

    def __init__(
        self, key: NoteKey, tiles: StoredTiles, anchors: AnchorCheck, dropped: DroppedCheck, findings: Findings
    ) -> None:
        self.reigns = [Reign(key, 0)]
        self._tiles = tiles
        self._anchors = anchors
        self._dropped = dropped
        self._findings = findings
        self._tree = Tree()
        self._moments = Moments()
        self._stored_edge: list[bytes] = []
        self._located: int | None = None  # the first leaf of the batch that differs from what is stored
        self._is_lost = False  # the tree is another one: comparing it further would tell the same again and again

    @property
    def size(self) -> int:
        """Return how many leaves the batches have so far."""
        return self._tree.size

    @property
    def newest_keys(self) -> list[NoteKey]:
        """Return the key in force and the one before: an event that the old one signed may be sealed under the new."""
        return [reign.key for reign in self.reigns[-2:]]

    async def check(self, head: Head, previous: Head | None, dealer: Dealer) -> None:
        """Take the rows of the next batch, and compare them with its head."""
        batch = Batch(head, previous, self._tree, begin=self._tree.size, key=self.reigns[-1].key)
        digest = sha256()
        announced: list[_Announced] = []
        self._located = None
        async for run in dealer.of_batch(head):
            digest.update(run.places)
            self._note_rows(run)
            earliest, latest = run.recorded()
            batch.add_run(self._moments.dated_back(run, earliest), latest)
            announced += self._note_events(batch, run)
            self._dropped.note_sealed(run, head)
            await self._grow(split_hashes(run.leaves))
        self._moments.add(head)
        self._follow_edge(head, previous)
        batch.places, batch.stored_edge = digest.digest(), self._stored_edge
        self._judge(batch)
        self._findings.heads += 1
        self._findings.events += self._tree.size - batch.begin
        self._change_keys(announced)

    def _note_rows(self, run: Run) -> None:
        for number, problem in run.problems:
            self._findings.add(problem.check, problem.message, leaf=self._tree.size + number, event=problem.event)

    def _note_events(self, batch: Batch, run: Run) -> Iterator[_Announced]:
        """Note what events of the batch say about eras, and yield those about keys."""
        for number, place, recorded, body in run.notable:
            document = parse_body(body)
            kind, data = document.get("type"), document.get("data")
            leaf = self._tree.size + number
            if kind == Tag.KEY_ROTATED:
                yield _Announced(leaf, place.id, _announcement(data))
            elif kind == Tag.LOG_RESTORED:
                batch.restored.add(place.era)
            elif kind == Tag.RETENTION_EXECUTED:
                self._dropped.note_event(data, self.newest_keys, recorded=recorded, leaf=leaf, event=place.id)

    def _judge(self, batch: Batch) -> None:
        is_lost = self._is_lost
        for name, check in BATCH_CHECKS.items():
            if is_lost and name in TREE_CHECKS:
                continue
            message = check(batch)
            if message:
                self._is_lost = self._is_lost or name in ("size", "root")
                leaf = self._located if self._located is not None else min(batch.begin, max(batch.head.size - 1, 0))
                self._findings.add(
                    name, f"Head {batch.head.batch}: {message}", leaf=leaf if name in TREE_CHECKS else None
                )

    def _change_keys(self, announced: Iterable[_Announced]) -> None:
        """Take over keys that the one in force announced. Anybody else's word changes nothing, and is told."""
        for each in announced:
            try:
                new = follow(each.event, self.reigns[-1].key)
            except NoteError as error:
                self._findings.warn("rotation", f"{error} The key in force stays.", leaf=each.leaf, event=each.id)
                continue
            if new != self.reigns[-1].key:
                self.reigns[-1].end = self._tree.size
                self.reigns.append(Reign(new, self._tree.size))

    async def _grow(self, leaves: Sequence[bytes]) -> None:
        """Add leaves to the tree, stopping at the sizes of anchors, and compare the tiles that become full."""
        begin, stops = self._tree.size, self._anchors.sizes
        cuts = [size - begin for size in sorted(stops) if begin < size < begin + len(leaves)]
        for cut, end in zip((0, *cuts), (*cuts, len(leaves)), strict=True):
            for tile in self._tree.extend(leaves[cut:end]):
                await self._check_tile(tile)
            if self._tree.size in stops:
                self._anchors.note_root(self._tree.size, self._tree.root())

    async def _check_tile(self, tile: Tile) -> None:
        if self._is_lost or self._located is not None:
            return
        stored = await self._tiles.read(tile.level, tile.number)
        if stored == tile.data:
            return
        width = TILE_WIDTH**tile.level
        leaf = tile.number * TILE_WIDTH * width
        if stored is not None:
            leaf += _first_difference(_hashes(stored), split_hashes(tile.data)) * width
        self._located = leaf
        self._findings.add("tile", f"The tile {tile.path} is missing or was changed.", leaf=leaf)

    def _follow_edge(self, head: Head, previous: Head | None) -> None:
        """Keep what the heads say the leaves beyond the last full tile are."""
        before = previous.size if previous else 0
        if head.size // TILE_WIDTH != before // TILE_WIDTH:
            self._stored_edge.clear()
        self._stored_edge += _hashes(head.leaves)
        edge = self._tree.edge
        if not self._is_lost and self._located is None and tuple(self._stored_edge) != edge:
            self._located = self._tree.size - len(edge) + _first_difference(self._stored_edge, edge)


def _announcement(data: Any) -> KeyRotated:
    names = ("old_key", "new_key", "signature")
    return KeyRotated(**{name: str(data.get(name)) if isinstance(data, dict) else "" for name in names})


def _hashes(data: bytes) -> list[bytes]:
    """Return stored hashes; none where somebody cut them."""
    try:
        return split_hashes(data)
    except ValueError:
        return []


def _first_difference(stored: Sequence[bytes], derived: Sequence[bytes]) -> int:
    pairs = zip(stored, derived, strict=False)
    return next((place for place, (one, other) in enumerate(pairs) if one != other), min(len(stored), len(derived)))
