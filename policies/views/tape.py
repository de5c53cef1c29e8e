"""A view that grows at one end and is forgotten at the other."""

from __future__ import annotations

from policies.views.offsets import Offsets


class Tape:
    """The part of a view that still matters. Places are counted from the beginning of the whole view.

    Attributes:
        data: the bytes that are kept.
        base: the place of the first of them.
        offsets: where they come from.
    """

    __slots__ = ("base", "data", "offsets")

    def __init__(self) -> None:
        self.data = b""
        self.base = 0
        self.offsets = Offsets()

    @property
    def end(self) -> int:
        """Return the place behind the last byte."""
        return self.base + len(self.data)

    def forget(self, place: int) -> None:
        """Drop what stands before a place."""
        if place > self.base:
            self.data = self.data[place - self.base :]
            self.base = place
            self.offsets.forget(place)
