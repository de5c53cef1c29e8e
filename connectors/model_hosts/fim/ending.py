"""Where a filling ends: in the middle of a line with the line, elsewhere with the block that the cursor stands in."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Self

from connectors.model_hosts.values import Gap

MOST_LINES: Final = 24  # what fits beside the code it is read with
# What editors put behind the cursor by themselves: it does not make the rest of the line somebody's text.
_CLOSERS: Final = re.compile(r"[\s)\]}>;:,'\"`]*")
_INDENT: Final = re.compile(r"[ \t]*")


@dataclass(frozen=True, slots=True)
class EndRules:
    """When a filling is complete.

    Attributes:
        stops: it ends before the first of these.
        is_one_line: it ends with its line.
        is_before_line: the cursor stands before a line that is there: what is filled in ends with a line end.
        indent: of the line with the cursor: a line that is indented less is no part of it.
        next_line: the next line of the file that holds something: the model begins to repeat what is there.
    """

    stops: tuple[str, ...] = ()
    is_one_line: bool = False
    is_before_line: bool = False
    indent: int = 0
    next_line: str = ""

    @classmethod
    def of(cls, gap: Gap, stops: Iterable[str] = ()) -> Self:
        """Return the rules for a gap."""
        rest, _, following = gap.suffix.partition("\n")
        line = gap.prefix[gap.prefix.rfind("\n") + 1 :]
        has_rest = _CLOSERS.fullmatch(rest) is None
        is_before_line = has_rest and not line.strip()
        next_lines = (rest, *following.split("\n")) if is_before_line else following.split("\n")
        return cls(
            stops=tuple(dict.fromkeys(stop for stop in stops if stop)),
            is_one_line=has_rest and not is_before_line,
            is_before_line=is_before_line,
            indent=_indent(line),
            next_line=next((one.strip() for one in next_lines if one.strip()), ""),
        )


class Ending:
    """Take what a model writes in pieces, and give out what belongs to the filling as soon as that is sure.

    How the text is cut into pieces does not change what comes out.
    """

    def __init__(self, rules: EndRules) -> None:
        self._rules = rules
        self._stop = re.compile("|".join(map(re.escape, rules.stops))) if rules.stops else None
        self._text = ""
        self._given = 0
        self.is_over = False

    @property
    def chars(self) -> int:
        """Return how much the model wrote, whatever was given out of it."""
        return len(self._text)

    def feed(self, piece: str) -> str:
        """Take the next piece and return what is sure; nothing once it is over."""
        if self.is_over:
            return ""
        self._text += piece
        end = self._end(is_last=False)
        if end is not None:
            self.is_over = True
            return self._give(end)
        return self._give(self._sure())

    def close(self) -> str:
        """Take the end of what the model wrote, and return what is left of the filling."""
        if self.is_over:
            return ""
        self.is_over = True
        end = self._end(is_last=True)
        return self._give(len(self._text) if end is None else end)

    def _give(self, end: int) -> str:
        given, self._given = self._text[self._given : end], max(self._given, end)
        return given

    def _end(self, *, is_last: bool) -> int | None:
        """Return where the filling ends, as far as that can be told."""
        stop = self._stop.search(self._text) if self._stop else None
        end = stop.start() if stop else None
        text = self._text[: self._unbegun if end is None and not is_last else end]
        if self._rules.is_one_line:
            line_end = text.find("\n")
            return line_end if line_end >= 0 else end
        lines_end = self._lines_end(text, is_last=is_last or stop is not None)
        return end if lines_end is None else lines_end

    @property
    def _unbegun(self) -> int:
        """Return up to where the text cannot be the beginning of a stop."""
        return len(self._text) - max((_begun(self._text, stop) for stop in self._rules.stops), default=0)

    def _lines_end(self, text: str, *, is_last: bool) -> int | None:
        lines = text.split("\n")
        kept_end = len(lines[0])
        place = kept_end + 1
        is_after_blank = not lines[0].strip()
        for number, line in enumerate(lines[1:], 1):
            is_whole = is_last or number < len(lines) - 1
            if line.strip():
                is_new_block = is_after_blank and bool(text[:kept_end].strip())
                if self._is_outside(line, is_after_blank=is_new_block) or number >= MOST_LINES:
                    return kept_end + self._rules.is_before_line
                if is_whole and self._repeats(line):
                    return kept_end + self._rules.is_before_line
                kept_end = place + len(line)
                is_after_blank = False
            elif is_whole:
                is_after_blank = True
            place += len(line) + 1
        return None

    def _is_outside(self, line: str, *, is_after_blank: bool) -> bool:
        indent = _indent(line)
        return indent < self._rules.indent or (is_after_blank and indent <= self._rules.indent)

    def _repeats(self, line: str) -> bool:
        return bool(self._rules.next_line) and line.strip() == self._rules.next_line

    def _sure(self) -> int:
        """Return up to where the text stays, whatever comes."""
        sure = self._unbegun
        before, line_end, last = self._text[:sure].rpartition("\n")
        if self._rules.is_one_line or not line_end:
            return sure
        if not last.strip() or self._rules.next_line.startswith(last.strip()):
            return _before_blank(before)  # the line may turn out to be outside, or the blank ones before it the last
        return sure


def _indent(line: str) -> int:
    found = _INDENT.match(line)
    return found.end() if found else 0


def _begun(text: str, stop: str) -> int:
    """Return how many characters at the end of a text may be the beginning of a stop."""
    return next((size for size in range(min(len(stop) - 1, len(text)), 0, -1) if text.endswith(stop[:size])), 0)


def _before_blank(text: str) -> int:
    """Return where the last line of a text ends that is not blank."""
    lines = text.split("\n")
    while len(lines) > 1 and not lines[-1].strip():
        lines.pop()
    return len("\n".join(lines))
