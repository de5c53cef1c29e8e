"""The Merkle tree as RFC 6962 section 2.1 defines it, word by word: a second implementation to compare with."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256


def leaf(data: bytes) -> bytes:
    return sha256(b"\x00" + data).digest()


def head(leaves: Sequence[bytes]) -> bytes:
    """MTH over the hashes of leaves."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    split = _split(len(leaves))
    return sha256(b"\x01" + head(leaves[:split]) + head(leaves[split:])).digest()


def path(place: int, leaves: Sequence[bytes]) -> list[bytes]:
    """PATH of section 2.1.1."""
    if len(leaves) == 1:
        return []
    split = _split(len(leaves))
    if place < split:
        return [*path(place, leaves[:split]), head(leaves[split:])]
    return [*path(place - split, leaves[split:]), head(leaves[:split])]


def proof(size: int, leaves: Sequence[bytes], *, is_whole: bool = True) -> list[bytes]:
    """PROOF and SUBPROOF of section 2.1.2."""
    if size == len(leaves):
        return [] if is_whole else [head(leaves)]
    split = _split(len(leaves))
    if size <= split:
        return [*proof(size, leaves[:split], is_whole=is_whole), head(leaves[split:])]
    return [*proof(size - split, leaves[split:], is_whole=False), head(leaves[:split])]


def tile(level: int, number: int, leaves: Sequence[bytes]) -> bytes:
    """The tile of https://c2sp.org/tlog-tiles: roots of 256 neighbouring perfect subtrees."""
    width = 256**level
    begin = number * 256 * width
    return b"".join(head(leaves[place : place + width]) for place in range(begin, begin + 256 * width, width))


def _split(count: int) -> int:
    power = 1
    while 2 * power < count:
        power *= 2
    return power
