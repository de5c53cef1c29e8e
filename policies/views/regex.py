"""RE2 over views: the only regular expressions with repetitions in them that meet untrusted text.

The wrapper that google-re2 ships makes a generator, a match and two bounds checks for each search, four times what the
search itself takes on a short text; this one calls the binding below it, whose results are the bare spans.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Self, TypeAlias

import re2
from re2 import _re2

from policies.views.fold import fold_bytes

Spans: TypeAlias = list[tuple[int, int]]
"""Start and end of the match, then of each group; -1 twice for a group that took no part."""

_MEMORY_BYTES = 64 << 20  # for an automaton of all rules; RE2's own 8 MiB would be flushed over and over
_ANYWHERE: Final = _re2.RE2.Anchor.UNANCHORED
_AT_START: Final = _re2.RE2.Anchor.ANCHOR_START
_NOT_FOUND: Final = (-1, -1)


class Regex:
    """A compiled pattern.

    Raises:
        re2.error: RE2 refuses the pattern.
    """

    __slots__ = ("_match", "groups")

    def __init__(self, pattern: str, *, is_case_sensitive: bool = True) -> None:
        compiled = re2.compile(fold_bytes(pattern), options=re2_options(is_case_sensitive=is_case_sensitive))
        self.groups: int = compiled.groups
        self._match = compiled._regexp.Match  # noqa: SLF001 - see the module's docstring

    def search(self, data: bytes, start: int = 0, end: int | None = None) -> Spans | None:
        r"""Return the leftmost match in `data[start:end]`; what stands around it still counts for `\b`, `^` and `$`."""
        spans: Spans = self._match(_ANYWHERE, data, start, len(data) if end is None else end)
        return None if spans[0] == _NOT_FOUND else spans

    def first(self, data: bytes, start: int) -> int:
        """Return where the leftmost match from `start` on begins; the data's length when there is none."""
        size = len(data)
        place: int = self._match(_ANYWHERE, data, start, size)[0][0]
        return size if place < 0 else place

    def match(self, data: bytes, start: int, end: int | None = None) -> Spans | None:
        """Return the match that begins at `start`, in `data[start:end]`."""
        spans: Spans = self._match(_AT_START, data, start, len(data) if end is None else min(end, len(data)))
        return None if spans[0] == _NOT_FOUND else spans


class PatternSet:
    """Patterns, all sought in one pass.

    Args:
        patterns: as views show them.
    """

    def __init__(self, patterns: Iterable[bytes], *, is_case_sensitive: bool = True) -> None:
        self._set = re2.Set.SearchSet(re2_options(is_case_sensitive=is_case_sensitive))
        for pattern in patterns:
            self._set.Add(pattern)
        self._set.Compile()

    @classmethod
    def of_words(cls, words: Iterable[bytes]) -> Self:
        """Return the set of words, whatever their case."""
        return cls(map(re2.escape, words), is_case_sensitive=False)

    def numbers_in(self, data: bytes) -> list[int]:
        """Return the numbers of the patterns that match anywhere, counted from 0 in the order in which they came."""
        return self._set.Match(data) or []


def re2_options(*, is_case_sensitive: bool) -> object:
    """Return how every pattern is compiled: over bytes, quietly, with memory for an automaton of many rules."""
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _MEMORY_BYTES
    options.encoding = re2.Options.Encoding.LATIN1
    options.case_sensitive = is_case_sensitive
    return options
