"""Files of a message: quoted for the model, their lines numbered after the guard, and read again from what is kept.

A number stands before each line because a small model that has to count lines cites wrong ones. The guard judges the
file without them: a value over several lines is none any more once numbers stand in it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from assistant.conversation import Attachment
from policies.verdict import Verdict

_BETWEEN: Final = "\n\n"
_HEAD: Final = "File "
_LINES_ABOVE: Final = 2  # its name, and the fence
_FENCE: Final = re.compile(r"`{3,}")
_NUMBERED: Final = re.compile(r"([1-9][0-9]{0,6})\|(?: (.*))?")
_NUMBER: Final = re.compile(r"^[1-9][0-9]{0,6}\|(?: |$)", re.MULTILINE)


def quote(attachment: Attachment) -> str:
    """Return a file under its name, fenced so that it cannot end its own block."""
    fence = "`" * (_longest_run_of_backticks(attachment.text) + 3)
    name, text = " ".join(attachment.name.split()), attachment.text.removesuffix("\n")  # the end of a line begins none
    return f"{_HEAD}{name}:\n{fence}\n{text}\n{fence}"


def number_lines(quoted: str, verdict: Verdict) -> str:
    """Return a guarded quotation with the number that each line has in the file, whatever was taken out above it.

    Args:
        quoted: as it was judged.
        verdict: on it; it lets the quotation pass.
    """
    guarded = verdict.text.split("\n")
    numbers = _numbers(quoted, verdict)
    last = max(numbers) - 1 if numbers else 0  # the closing fence follows it
    return "\n".join(
        _numbered(number - _LINES_ABOVE, line) if _LINES_ABOVE < number <= last else line
        for number, line in zip(numbers, guarded, strict=True)
    )


def without_numbers(kept: str) -> str:
    """Return a kept message without the numbers before its lines, where a value over several lines is one again."""
    return _NUMBER.sub("", kept)


def number_again(kept: str, verdict: Verdict) -> str:
    """Return what a verdict on `without_numbers(kept)` lets pass, its lines under the numbers that they have in it."""
    heads = [found[0] if (found := _NUMBER.match(line)) else "" for line in kept.split("\n")]
    guarded = verdict.text.split("\n")
    numbers = _numbers(without_numbers(kept), verdict)
    return "\n".join(heads[number - 1] + line for number, line in zip(numbers, guarded, strict=True))


def _numbered(number: int, line: str) -> str:
    return f"{number}| {line}" if line else f"{number}|"


def _numbers(quoted: str, verdict: Verdict) -> list[int]:
    """Return in which line of the quotation each line of its guarded form begins, from 1; no placeholder has two."""
    numbers, line, done = [1], 1, 0
    for start, end in [*_spans_held(verdict), (len(quoted), len(quoted))]:
        for _ in range(quoted.count("\n", done, start)):
            line += 1
            numbers.append(line)
        line += quoted.count("\n", start, end)
        done = end
    return numbers


def _spans_held(verdict: Verdict) -> list[tuple[int, int]]:
    return sorted((decision.finding.start, decision.finding.end) for decision in verdict.held_back)


@dataclass(frozen=True, slots=True)
class AttachedFile:
    """A file as the conversation keeps it: guarded.

    Attributes:
        lines: by their numbers in the file; what was held back over several lines leaves out all but the first.
        last: the number of the last line; kept, because every name of lines in an answer is held against it.
    """

    name: str
    lines: Mapping[int, str]
    last: int = field(init=False)

    def __post_init__(self) -> None:
        """Look for the last line once."""
        object.__setattr__(self, "last", max(self.lines, default=0))


def split_message(text: str, count: int) -> tuple[str, tuple[AttachedFile, ...]]:
    """Return the text before the quoted files at the end of a kept message, and the files.

    Args:
        text: the message.
        count: how many files came with it; if there are not as many, all of it is text.
    """
    files: list[AttachedFile] = []
    rest = text
    for _ in range(count):
        found = _last_quotation(rest)
        if found is None:
            return text, ()
        rest, file = found
        files.append(file)
    return rest, tuple(reversed(files))


def _last_quotation(text: str) -> tuple[str, AttachedFile] | None:
    """Return what stands before the last quotation, and its file: no line in it can be the fence around it."""
    above, _, fence = text.rpartition("\n")
    if not _FENCE.fullmatch(fence):
        return None
    opening = above.rfind(f"\n{fence}\n")
    head_start = above.rfind("\n", 0, opening) + 1 if opening > 0 else -1
    head = above[head_start:opening] if head_start >= 0 else ""
    if not (head.startswith(_HEAD) and head.endswith(":")):
        return None
    before = above[:head_start]
    if before and not before.endswith(_BETWEEN):
        return None
    content = above[opening + len(fence) + 2 :]
    file = AttachedFile(head.removeprefix(_HEAD).removesuffix(":"), _lines(content))
    return before.removesuffix(_BETWEEN), file


def _lines(content: str) -> dict[int, str]:
    """Return the lines under their numbers.

    A line without one belongs to a value over several lines, which its owner reads in place of the placeholder.
    """
    lines = content.split("\n")
    numbered: dict[int, str] = {}
    number = 0
    for line in lines:
        found = _NUMBERED.fullmatch(line)
        if int(found[1]) <= number if found else not number:
            return dict(enumerate(lines, start=1))  # nobody numbered them, or somebody else did
        number = int(found[1]) if found else number + 1
        numbered[number] = (found[2] or "") if found else line
    return numbered


def _longest_run_of_backticks(text: str) -> int:
    return max(map(len, re.findall(r"`+", text)), default=0)
