"""Stand in for held-back values in code: as long as they are, so that every place after them stays where it was."""

from __future__ import annotations

import re
from typing import Final

from policies.pseudonyms import Pseudonyms

_FILLER: Final = "x"  # a letter: valid inside names, strings and comments, and of no meaning anywhere
# Ends of lines as `str.splitlines` knows them, with the blanks that a line begins with: the shape, and no value.
_KEPT: Final = re.compile(r"[\n\r\v\f\x1c-\x1e\x85\u2028\u2029][ \t]*")


def filler_of(value: str) -> str:
    r"""Return what stands in the place of a value: as many characters, in as many lines.

    Examples:
        >>> filler_of("AKIA2E0A8F3B")
        'xxxxxxxxxxxx'
        >>> filler_of("ab\n  cd")
        'xx\n  xx'
    """
    pieces: list[str] = []
    done = 0
    for kept in _KEPT.finditer(value):
        pieces += (_FILLER * (kept.start() - done), kept.group())
        done = kept.end()
    return "".join((*pieces, _FILLER * (len(value) - done)))


class Fillers(Pseudonyms):
    """Give fillers where placeholders would be given: nothing is remembered, and nothing can be restored."""

    def placeholder(self, entity_type: str, value: str, *, is_restorable: bool) -> str:
        """Return the filler of a value."""
        del entity_type, is_restorable
        return filler_of(value)

    def reserve(self, placeholder: str) -> None:
        """Note nothing: no placeholder is ever issued here."""

    def reserve_in(self, text: str) -> None:
        """Note nothing either."""
