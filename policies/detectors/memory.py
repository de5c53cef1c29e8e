"""Remember what was found in pieces of text, so that an unchanged file is not searched again at each key stroke.

A text is searched piece by piece. Where a piece begins, everything before is settled; so what it shows depends on
nothing but the last characters before it and itself, and these two are what it is remembered by: as a keyed hash, with
the places of its findings. No text is kept, and none can be told from a hash without the key, which never leaves here.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from policies.detectors.layers import BEHIND_CHARS
from policies.detectors.search import Search
from policies.verdict import Finding
from policies.views.fold import fold_bytes
from policies.views.undo import LINE_CHARS

_MOST_PIECES: Final = 32_768  # of some 200 bytes each; a hundred people with a hundred open files
_MOST_FINDINGS: Final = 200_000  # in all of them, of some 150 bytes each: a list of addresses holds little else
_GROWTH: Final = 4  # of a piece that settles nothing: what was searched before it is searched again
_RUN_PIECES: Final = 4  # of the longest size: what settles nothing in as much is a run
_BEFORE_CHARS: Final = BEHIND_CHARS + LINE_CHARS  # a line more: one that begins nowhere is joined with the next
_MOST_BEFORE_CHARS: Final = 64 * BEHIND_CHARS  # a character that is escaped three times takes some hundred
_SPELLED_CHARS: Final = 48  # of text for each mark at most, escapes of escapes and the colours of a terminal among them
_MARKS: Final = "&%\\\x1b"
_JOINTS: Final = re.compile(r"[\"'`][^\"'`\w,:;()\[\]{}]{1,90}(?=[\"'`])").findall  # of strings in code
_SEEN: Final = re.compile(r"[\x00-\xac\xae-\u02ff\u2010-\u2027]*").fullmatch  # others may be there and not be seen
_HASH_BYTES: Final = 16  # 128 bits: no two pieces will meet


@dataclass(frozen=True, slots=True)
class PieceSizes:
    """Where a text is cut, in characters, counted from where a piece begins.

    The cuts follow the text, so that behind a change they soon are where they were.

    Attributes:
        blank: the first blank line behind this ends a piece.
        line: without one, the first line end behind this.
        longest: without that, this many.
        last: as much as this at the end is not cut: to settle a piece costs as much as to search twice as much text.
    """

    blank: int = 512
    line: int = 1536
    longest: int = 4096
    last: int = 2048


@dataclass(frozen=True, slots=True)
class _Piece:
    """What a piece showed; places count from where it begins."""

    settled: int
    findings: tuple[Finding, ...]


class Memory:
    """What one policy found in which pieces. Threads may share it.

    Args:
        policy_version: under another policy nothing of this holds.
        open_search: begins the search of a text.
        sizes: of pieces; tests have smaller ones.
        most, most_findings: how many pieces are remembered, and findings in them; the longest unused is forgotten.
    """

    def __init__(
        self,
        policy_version: str,
        open_search: Callable[[], Search],
        *,
        sizes: PieceSizes = PieceSizes(),
        most: int = _MOST_PIECES,
        most_findings: int = _MOST_FINDINGS,
    ) -> None:
        self._version = policy_version.encode()
        self._open_search = open_search
        self._sizes = sizes
        self._most = most
        self._most_findings = most_findings
        self._findings = 0  # that are remembered
        self._key = secrets.token_bytes(32)
        self._pieces: OrderedDict[bytes, _Piece] = OrderedDict()
        self._lock = threading.Lock()
        self.searched_chars = 0  # for those who measure

    def __repr__(self) -> str:
        """Show how many, never what."""
        return f"Memory({len(self._pieces)} pieces)"

    def find(self, text: str) -> list[Finding]:
        """Return what a search of the whole text would find, in the order in which it would.

        Raises:
            RuleFailedError: a rule could not judge; nothing may pass, and nothing of it is remembered.
        """
        findings: list[Finding] = []
        start = 0
        while start < len(text):
            piece, end = self._next(text, start)
            findings += (finding.moved(start) for finding in piece.findings)
            start = end if end == len(text) else start + piece.settled
        return findings

    def _next(self, text: str, start: int) -> tuple[_Piece, int]:
        """Return the next piece that settles anything, and where it ends: a value may be longer than one."""
        before = self._before(text, start)
        end = self._border(text, start, start)
        while True:
            is_last = end == len(text)
            piece = self._piece(before, text[start:end], is_last=is_last)
            if piece.settled or is_last:
                return piece, end
            least = start + _GROWTH * (end - start)  # never quadratic
            is_run = end - start >= _RUN_PIECES * self._sizes.longest
            end = _behind_run(text, start, least) if is_run else self._border(text, start, least)

    def _before(self, text: str, start: int) -> str:
        """Return what is looked at before a place; more where it says less than it is long, such as in escapes."""
        chars = _BEFORE_CHARS
        while True:
            before = text[max(0, start - chars) : start]
            if chars >= min(start, _MOST_BEFORE_CHARS) or _says_enough(before):
                return before
            if self._open_search().least_chars(before) >= BEHIND_CHARS:
                return before
            chars *= 2

    def _border(self, text: str, start: int, least: int) -> int:
        sizes = self._sizes
        if len(text) - start <= sizes.last:
            return len(text)
        limit = max(start + sizes.longest, least)
        blank = text.find("\n\n", max(start + sizes.blank, least), limit)
        if blank >= 0:
            return blank + 2
        line = text.find("\n", max(start + sizes.line, least), limit)
        return line + 1 if line >= 0 else min(limit, len(text))

    def _piece(self, before: str, text: str, *, is_last: bool) -> _Piece:
        key = self._hash(before, text, is_last=is_last)
        with self._lock:
            known = self._pieces.get(key)
            if known is not None:
                self._pieces.move_to_end(key)
                return known
        self.searched_chars += len(text)
        search = self._open_search()
        search.resume(before)
        found = search.feed(text, is_last=is_last)
        shift = len(before)
        piece = _Piece(
            max(0, found.end - shift),
            tuple(one.moved(-shift) for one in found.findings),
        )
        self._remember(key, piece)
        return piece

    def _remember(self, key: bytes, piece: _Piece) -> None:
        with self._lock:
            if key not in self._pieces:  # another thread may have been faster
                self._findings += len(piece.findings)
            self._pieces[key] = piece
            while len(self._pieces) > self._most or self._findings > self._most_findings:
                _, forgotten = self._pieces.popitem(last=False)
                self._findings -= len(forgotten.findings)

    def _hash(self, before: str, text: str, *, is_last: bool) -> bytes:
        head = b"%b %d %d " % (self._version, len(before), is_last)
        data = head + before.encode("utf-8", "surrogatepass") + text.encode("utf-8", "surrogatepass")
        return hashlib.blake2b(data, key=self._key, digest_size=_HASH_BYTES).digest()


def _says_enough(before: str) -> bool:
    """Tell whether no view of a text can be shorter than what is looked at, whatever is undone in it."""
    seen = len(before) if before.isascii() or _SEEN(before) else len(fold_bytes(before))
    seen -= _SPELLED_CHARS * sum(map(before.count, _MARKS))
    return seen >= BEHIND_CHARS and seen - sum(map(len, _JOINTS(before))) >= BEHIND_CHARS


def _behind_run(text: str, start: int, least: int) -> int:
    """Return where a run surely ends that is longer than pieces are: to look for it again and again costs more.

    One without a line end is over with its line; of lines that join, nothing is known but that a blank one ends them.
    """
    sign = "\n\n" if "\n" in text[start:least] else "\n"
    found = text.find(sign, least)
    return len(text) if found < 0 else found + len(sign)
