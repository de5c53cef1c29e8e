"""From a place in a view to the place in what it was made from."""

from __future__ import annotations

from bisect import bisect_left, bisect_right


class Offsets:
    """Where each byte of a view comes from, kept as segments of bytes whose sources follow one another.

    A segment begins at a view position and an origin; each of its bytes stands for `stride` characters of the origin,
    one after the other. A stride of 0 means that all its bytes stand for the same one character.
    """

    __slots__ = ("_origins", "_starts", "_strides")

    def __init__(self) -> None:
        self._starts: list[int] = [0]
        self._origins: list[int] = [0]
        self._strides: list[int] = [1]

    def add(self, start: int, origin: int, stride: int) -> None:
        """Let a segment begin; starts and origins must not go down."""
        if start == self._starts[-1]:  # the segment before is empty
            self._origins[-1], self._strides[-1] = origin, stride
        elif stride != 1 or self._strides[-1] != 1 or self._origins[-1] + start - self._starts[-1] != origin:
            self._starts.append(start)
            self._origins.append(origin)
            self._strides.append(stride)

    def first(self, place: int) -> int:
        """Return where the source of the byte at `place` begins; `place` may be the end of the view."""
        segment = bisect_right(self._starts, place) - 1
        return self._origins[segment] + (place - self._starts[segment]) * self._strides[segment]

    def behind(self, place: int) -> int:
        """Return where the source of the byte at `place` ends."""
        segment = bisect_right(self._starts, place) - 1
        stride = self._strides[segment]
        return self._origins[segment] + (place - self._starts[segment]) * stride + max(stride, 1)

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Return where the source of the bytes from `start` to `end` begins and ends."""
        if len(self._starts) == 1 and self._strides[0] == 1:  # mostly
            shift = self._origins[0] - self._starts[0]
            return start + shift, end + shift
        return self.first(start), self.behind(end - 1)

    def place_of(self, origin: int, end: int) -> int:
        """Return the first place in the view whose source does not begin before `origin`.

        Args:
            origin: a place in what the view was made from.
            end: the end of the view, returned where nothing comes from there on.
        """
        if len(self._starts) == 1 and self._strides[0] == 1:
            return min(max(self._starts[0] + origin - self._origins[0], self._starts[0]), end)
        segment = bisect_right(self._origins, origin) - 1
        # Segments of the same origin: the first of them may hold bytes that come from there.
        segment = min(segment, bisect_left(self._origins, origin))
        segment = max(segment, 0)
        while segment < len(self._starts):
            last = self._starts[segment + 1] if segment + 1 < len(self._starts) else end
            begin, stride = self._origins[segment], self._strides[segment]
            place = self._starts[segment]
            if begin < origin:
                place = place - (begin - origin) // stride if stride else last
            if place < last:
                return place
            segment += 1
        return end

    def forget(self, place: int) -> None:
        """Drop the segments that end before a place of the view."""
        segment = bisect_right(self._starts, place) - 1
        if segment > 0:
            del self._starts[:segment], self._origins[:segment], self._strides[:segment]
