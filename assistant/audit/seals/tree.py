"""The Merkle tree over the log: roots, tiles, proofs that a leaf is in it and that a later tree only added to it.

A tree of any size is a row of perfect subtrees, the largest first (a compact range): as many as its size has bits set.
Tiles cut the tree into pieces that never change: a full tile of level `n` holds 256 hashes, each the root of a perfect
subtree of 256^n leaves.

Source: RFC 6962 section 2.1 (tree and proofs), RFC 9162 sections 2.1.3.2 and 2.1.4.2 (how proofs are checked), and
https://c2sp.org/tlog-tiles (tiles and their paths).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from hashlib import sha256
from typing import Final, NamedTuple, Self

HASH_BYTES: Final = 32
TILE_HEIGHT: Final = 8
TILE_WIDTH: Final = 1 << TILE_HEIGHT
TILE_BYTES: Final = TILE_WIDTH * HASH_BYTES
EMPTY_ROOT: Final = sha256(b"").digest()
_NODE_PREFIX: Final = b"\x01"  # an inner node never looks like a leaf, whose prefix is 0

ReadNode = Callable[[int, int], bytes]
"""Return the root of the perfect subtree of 2^level leaves that begins at leaf index * 2^level: (level, index)."""


class Tile(NamedTuple):
    """A full tile; `level` and `number` as in C2SP, `data` of 8192 bytes."""

    level: int
    number: int
    data: bytes

    @property
    def path(self) -> str:
        """Return where a server of tiles has it."""
        return tile_path(self.level, self.number)


class Tree:
    """A growing tree of which only the right edge is kept: what the next leaves need, and the newest root."""

    def __init__(self) -> None:
        self.size = 0
        self._range: list[bytes] = []  # the compact range, the largest subtree first
        self._edges: list[list[bytes]] = [[]]  # by level of tiles: the hashes of the one that is not full yet

    @classmethod
    def of_edges(cls, size: int, edges: Sequence[Sequence[bytes]]) -> Self:
        """Return a tree again.

        Args:
            size: number of leaves.
            edges: by level of tiles, the hashes of the tile that is not full yet.

        Raises:
            ValueError: the edges are not those of a tree of this size.
        """
        expected = [size >> level * TILE_HEIGHT & TILE_WIDTH - 1 for level in range(len(edges))]
        if [len(edge) for edge in edges] != expected or size >> len(edges) * TILE_HEIGHT:
            raise ValueError(f"A tree of {size} leaves does not have these edges.")
        tree = cls()
        tree.size = size
        tree._edges = [list(edge) for edge in edges] or [[]]
        tree._range = [node for edge in reversed(tree._edges) for node in _perfect_roots(edge)]
        return tree

    @property
    def edge(self) -> tuple[bytes, ...]:
        """Return the newest leaves that no full tile holds."""
        return tuple(self._edges[0])

    def root(self) -> bytes:
        """Return the root over all leaves so far."""
        return fold(self._range)

    def extend(self, leaves: Iterable[bytes]) -> list[Tile]:
        """Add leaves, each the hash of an event's body; return the tiles that became full."""
        tiles: list[Tile] = []
        rest = leaves if isinstance(leaves, list) else list(leaves)
        at = 0
        while at < len(rest):
            if self.size % TILE_WIDTH == 0 and len(rest) - at >= TILE_WIDTH:  # a whole tile: its inner edge is not kept
                whole = rest[at : at + TILE_WIDTH]
                tiles.append(Tile(0, self.size >> TILE_HEIGHT, b"".join(whole)))
                self._add(TILE_HEIGHT, perfect_root(whole), tiles)
                at += TILE_WIDTH
            else:
                self._add(0, rest[at], tiles)
                at += 1
        return tiles

    def _add(self, height: int, node: bytes, tiles: list[Tile]) -> None:
        """Add a perfect subtree of 2^height leaves; the size is a multiple of that."""
        grown, subtree = self.size + (1 << height), self.size >> height
        if height % TILE_HEIGHT == 0:
            self._push(height // TILE_HEIGHT, node, tiles)
        self._range.append(node)
        while subtree & 1:  # two subtrees of one height become one that is higher
            right = self._range.pop()
            self._range[-1] = node = hash_children(self._range[-1], right)
            subtree >>= 1
            height += 1
            if height % TILE_HEIGHT == 0:
                self._push(height // TILE_HEIGHT, node, tiles)
        self.size = grown

    def _push(self, level: int, node: bytes, tiles: list[Tile]) -> None:
        """Add a hash to the tile of a level that is not full yet; the size is still that before the newest leaf."""
        if level == len(self._edges):
            self._edges.append([])
        edge = self._edges[level]
        edge.append(node)
        if len(edge) == TILE_WIDTH:
            tiles.append(Tile(level, self.size >> (level + 1) * TILE_HEIGHT, b"".join(edge)))
            edge.clear()


def hash_children(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node."""
    return sha256(_NODE_PREFIX + left + right).digest()


def fold(roots: Sequence[bytes]) -> bytes:
    """Return the root over the perfect subtrees of a compact range, the leftmost first."""
    if not roots:
        return EMPTY_ROOT
    root = roots[-1]
    for left in reversed(roots[:-1]):
        root = hash_children(left, root)
    return root


def perfect_root(hashes: Sequence[bytes]) -> bytes:
    """Return the root over 2^n hashes."""
    while len(hashes) > 1:
        level = b"".join(hashes)
        hashes = [
            sha256(_NODE_PREFIX + level[place : place + 2 * HASH_BYTES]).digest()
            for place in range(0, len(level), 2 * HASH_BYTES)
        ]
    return hashes[0]


def split_hashes(data: bytes) -> list[bytes]:
    """Return the hashes that lie one behind the other.

    Raises:
        ValueError: the last one is cut off.
    """
    if len(data) % HASH_BYTES:
        raise ValueError(f"{len(data)} bytes are no whole number of hashes.")
    return [data[place : place + HASH_BYTES] for place in range(0, len(data), HASH_BYTES)]


def range_nodes(begin: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield the perfect subtrees, as level and index, that cover the leaves from `begin` up to `end`, from the left."""
    while begin < end:
        level = (end - begin).bit_length() - 1
        if begin:
            level = min(level, (begin & -begin).bit_length() - 1)
        yield level, begin >> level
        begin += 1 << level


def root_of(size: int, read_node: ReadNode) -> bytes:
    """Return the root of the tree of the first `size` leaves."""
    return _range_root(0, size, read_node)


def inclusion_proof(index: int, size: int, read_node: ReadNode) -> list[bytes]:
    """Return the hashes that lead from a leaf to the root of a tree, the leaf's sibling first.

    Raises:
        ValueError: the tree has no such leaf.
    """
    if not 0 <= index < size:
        raise ValueError(f"A tree of {size} leaves has no leaf {index}.")
    proof: list[bytes] = []
    begin, end = 0, size
    while end - begin > 1:
        middle = begin + _split(end - begin)
        if index < middle:
            proof.append(_range_root(middle, end, read_node))
            end = middle
        else:
            proof.append(_range_root(begin, middle, read_node))
            begin = middle
    return proof[::-1]


def consistency_proof(old_size: int, new_size: int, read_node: ReadNode) -> list[bytes]:
    """Return the hashes that show that the new tree begins with the old one.

    Raises:
        ValueError: the old tree is larger than the new one, or empty: nothing is to be shown then.
    """
    if not 0 < old_size <= new_size:
        raise ValueError(f"There is no proof from {old_size} leaves to {new_size}.")
    proof: list[bytes] = []
    begin, end, is_whole = 0, new_size, True  # whole: the subtree is the old tree itself, which the checker has
    while old_size != end:
        middle = begin + _split(end - begin)
        if old_size <= middle:
            proof.append(_range_root(middle, end, read_node))
            end = middle
        else:
            proof.append(_range_root(begin, middle, read_node))
            begin, is_whole = middle, False
    if not is_whole:
        proof.append(_range_root(begin, end, read_node))
    return proof[::-1]


def is_included(index: int, size: int, leaf: bytes, proof: Sequence[bytes], root: bytes) -> bool:
    """Tell whether a proof shows that the tree with this root has the leaf. Source: RFC 9162 section 2.1.3.2."""
    if not 0 <= index < size:
        return False
    place, last, node = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            return False
        if place & 1 or place == last:
            node = hash_children(sibling, node)
            while not place & 1 and place:
                place >>= 1
                last >>= 1
        else:
            node = hash_children(node, sibling)
        place >>= 1
        last >>= 1
    return last == 0 and node == root


def is_consistent(old_size: int, new_size: int, proof: Sequence[bytes], old_root: bytes, new_root: bytes) -> bool:
    """Tell whether a proof shows that the new tree begins with the old one. Source: RFC 9162 section 2.1.4.2."""
    if old_size == new_size:
        return not proof and old_root == new_root
    if not 0 < old_size < new_size or not proof:
        return False
    path = [old_root, *proof] if old_size & old_size - 1 == 0 else list(proof)
    place, last = old_size - 1, new_size - 1
    while place & 1:
        place >>= 1
        last >>= 1
    old_node = new_node = path[0]
    for sibling in path[1:]:
        if last == 0:
            return False
        if place & 1 or place == last:
            old_node, new_node = hash_children(sibling, old_node), hash_children(sibling, new_node)
            while not place & 1 and place:
                place >>= 1
                last >>= 1
        else:
            new_node = hash_children(new_node, sibling)
        place >>= 1
        last >>= 1
    return last == 0 and old_node == old_root and new_node == new_root


def tile_of_node(level: int, index: int) -> tuple[int, int, int, int]:
    """Return where a node's hashes lie: level and number of the tile, and from which hash up to which."""
    tile_level, height = divmod(level, TILE_HEIGHT)
    number, begin = divmod(index << height, TILE_WIDTH)
    return tile_level, number, begin, begin + (1 << height)


def tile_path(level: int, number: int, width: int = TILE_WIDTH) -> str:
    """Return a tile's path, such as `tile/0/x001/x234/067` or, where it is not full, `tile/0/x001/067.p/5`."""
    groups = [f"{number % 1000:03d}"]
    while number := number // 1000:
        groups.insert(0, f"x{number % 1000:03d}")
    partial = "" if width == TILE_WIDTH else f".p/{width}"
    return f"tile/{level}/{'/'.join(groups)}{partial}"


def full_tiles(size: int) -> Iterator[tuple[int, int]]:
    """Yield level and how many tiles of it are full, for a tree of this size, while there are any."""
    level = 0
    while count := size >> (level + 1) * TILE_HEIGHT:
        yield level, count
        level += 1


def _perfect_roots(hashes: Sequence[bytes]) -> Iterator[bytes]:
    """Yield the roots of the perfect subtrees over some hashes, the largest first."""
    for level, index in range_nodes(0, len(hashes)):
        yield perfect_root(hashes[index << level : index + 1 << level])


def _range_root(begin: int, end: int, read_node: ReadNode) -> bytes:
    return fold([read_node(level, index) for level, index in range_nodes(begin, end)])


def _split(count: int) -> int:
    """Return the largest power of two below a number."""
    return 1 << (count - 1).bit_length() - 1
