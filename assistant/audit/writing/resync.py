"""Find the next whole frame of a spool behind one that was damaged: a changed length must not hide what follows it."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from struct import Struct
from typing import Final

FRAME: Final = Struct(">II")
"""The head of a frame: how many bytes follow, and their CRC-32."""

_WINDOW_BYTES: Final = 1 << 20
# Whoever may write the file can make every fourth byte look like a length. What is not found within this much of work
# (some seconds) is left to a person, as the file is in any case.
_MOST_SUMMED_BYTES: Final = 4 << 30

Read = Callable[[int, int], bytes]
"""Returns so many bytes of the file from an offset on; fewer at its end."""


def parse_length(head: bytes, offset: int, least: int, most: int, size: int) -> int | None:
    """Return how many bytes follow the head of a frame; None where that cannot be."""
    if len(head) < FRAME.size:
        return None
    length = int(FRAME.unpack(head)[0])
    return length if least < length <= most and offset + FRAME.size + length <= size else None


def find_frame(read: Read, begin: int, size: int, bounds: tuple[int, int], opens: Callable[[int], bool]) -> int | None:
    """Return the first offset from `begin` on where a frame is whole; None if there is none.

    Args:
        begin: where to look first.
        read: reads the file.
        size: of the file, as far as it counts.
        bounds: a frame has more bytes than the first and at most the second, which is below 2^24.
        opens: tells whether a frame whose checksum fits can be opened at this offset.
    """
    summed = 0
    for start in range(begin, size, _WINDOW_BYTES):
        window = read(start, _WINDOW_BYTES + FRAME.size - 1)
        at = window.find(b"\0")
        while 0 <= at < _WINDOW_BYTES:
            offset = start + at
            length = parse_length(window[at : at + FRAME.size], offset, *bounds, size)
            if length is not None:
                summed += length
                if summed > _MOST_SUMMED_BYTES:
                    return None
                checksum = FRAME.unpack_from(window, at)[1]
                if zlib.crc32(read(offset + FRAME.size, length)) == checksum and opens(offset):
                    return offset
            at = window.find(b"\0", at + 1)
    return None
