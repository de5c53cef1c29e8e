"""Names of lines in an answer, such as `src/app.py:12-18`, made to open them: only of files that were attached.

A model that names a file or a line that there is not has it left as text: a link is a promise that something stands
behind it. What stands in a code block is code, and nothing is changed there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from assistant.answering.attached import AttachedFile
from assistant.answering.words import question_of
from assistant.conversation import Author
from assistant.history.values import StoredMessage

_LONGEST_LINE: Final = 10_000  # characters of an answer's line; a longer one is no sentence that cites
_CITE: Final = (
    r"(?:\./)?(?P<{0}path>(?:[\w.@+-]+/)*[\w.@+-]+)"
    r"(?::L?|\#L)(?P<{0}first>\d{{1,7}})(?:[-\u2013]L?(?P<{0}last>\d{{1,7}}))?"
)
_ALONE: Final = re.compile(_CITE.format(""))
_HINT: Final = re.compile(r":L?\d|#L\d")
_TOKEN: Final = re.compile(
    r"(?P<code>(?<!`)(?P<ticks>`{1,3})(?!`)(?P<inner>[^`\n]+)(?P=ticks)(?!`))"
    r"|(?P<link>\[(?P<label>[^\[\]\n]*)\]\([^()\s]*\))"
    # Only at the beginning of a word: else a word of n letters would be read n times.
    r"|(?<![\w/.@+\\#:~-])(?P<plain>" + _CITE.format("in_") + r")(?![\w/\\])"
)
_FENCE: Final = re.compile(r"\s*(?:[-*+>]\s+|\d{1,3}[.)]\s+)*(`{3,}|~{3,})(.*)")
_SPECIAL: Final = re.compile(r"([\\`*_\[\]<>])")


@dataclass(frozen=True, slots=True)
class _Place:
    message_id: UUID
    number: int  # of the file in its message
    file: AttachedFile


class CitedFiles:
    """The files of a conversation so far, by their names; of two with one name the later one counts."""

    def __init__(self) -> None:
        self._by_name: dict[str, _Place] = {}
        self._by_ending: dict[str, set[str]] = {}

    def __bool__(self) -> bool:
        """Tell whether there is one."""
        return bool(self._by_name)

    def add(self, message_id: UUID, files: Sequence[AttachedFile]) -> None:
        """Take the files that came with a message."""
        for number, file in enumerate(files):
            self._by_name[file.name] = _Place(message_id, number, file)
            self._by_ending.setdefault(_ending(file.name), set()).add(file.name)

    def link(self, text: str) -> str:
        """Return an answer whose names of lines lead to them."""
        return "\n".join(self._linked(line) if is_prose else line for line, is_prose in _lines(text))

    def _linked(self, line: str) -> str:
        return _TOKEN.sub(self._of_token, line) if len(line) <= _LONGEST_LINE else line

    def _of_token(self, found: re.Match[str]) -> str:
        whole = found[0]
        said = found["inner"] or found["label"] or found["plain"] or ""
        cite = _ALONE.fullmatch(said.strip("` ")) if found["link"] else _ALONE.fullmatch(said)
        path = self._path(cite) if cite else ""
        if not path:
            return whole
        if found["code"]:
            return f"[{whole}]({path})"
        return f"[{found['label'] if found['link'] else _literal(said)}]({path})"

    def _path(self, cite: re.Match[str]) -> str:
        """Return where the lines are shown; empty if there are none of this name."""
        place = self._find(cite["path"])
        first, last = int(cite["first"]), int(cite["last"] or cite["first"])
        if place is None or not 1 <= first <= last <= place.file.last:
            return ""
        return lines_path(place.message_id, place.number, first, last)

    def _find(self, name: str) -> _Place | None:
        """Return the file of this name, or the only one whose path ends with it."""
        if exact := self._by_name.get(name):
            return exact
        ends = [one for one in self._by_ending.get(_ending(name), ()) if one.endswith(f"/{name}")]
        return self._by_name[ends[0]] if len(ends) == 1 else None


def cited_files(stored: Iterable[StoredMessage]) -> CitedFiles:
    """Return the files of a whole conversation."""
    cited = CitedFiles()
    for entry in stored:
        if entry.message.author is Author.USER:
            cited.add(entry.message.id, question_of(entry.message.text, entry.detail).files)
    return cited


def lines_path(message_id: UUID, number: int, first: int, last: int) -> str:
    """Return the address that shows lines of a file of a message.

    >>> lines_path(UUID(int=7), 0, 12, 18)
    '/lines/00000000-0000-0000-0000-000000000007/0/12-18'
    """
    return f"/lines/{message_id}/{number}/{first}-{last}"


def may_cite(text: str) -> bool:
    """Tell whether an answer may name lines, cheaply."""
    return bool(_HINT.search(text))


def _lines(text: str) -> Iterable[tuple[str, bool]]:
    """Yield the lines of Markdown, and whether each is prose and not in a code block."""
    fence = ""
    for line in text.split("\n"):
        found = _FENCE.match(line)
        if not fence:
            if found and not (found[1][0] == "`" and "`" in found[2]):
                fence = found[1]
                yield line, False
            else:
                yield line, True
        else:
            if found and found[1].startswith(fence) and not found[2].strip():
                fence = ""
            yield line, False


def _ending(name: str) -> str:
    return name.rpartition("/")[2]


def _literal(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", text)
