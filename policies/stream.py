"""Guard a text that arrives in pieces, so that any split into pieces gives what guarding the whole text gives.

Held back is only what may still become a match: from the first place where the beginning of some rule's match reaches
the end of what has arrived. Everything before that place is settled, whatever comes; see
docs/decisions/0004-guard-streams.md for why that makes the result independent of the pieces.
"""

from __future__ import annotations

from policies.detectors.scan import Match, RuleFailedError, Scanner, findings_of
from policies.redaction import Redaction
from policies.verdict import Verdict

_CONTEXT_CHARS = 1  # `\b` and `^` look one character back


class StreamGuard:
    """The guard of one answer. `feed` returns what may be shown now; after a block or a failure, nothing more.

    What was shown before a block stays shown. The text of a blocked verdict is empty; what was shown is a beginning
    of what the text would have been with its findings replaced.
    """

    def __init__(self, scanner: Scanner, redaction: Redaction) -> None:
        self._scanner = scanner
        self._redaction = redaction
        self._text = ""  # a character of context, then what is held back
        self._context_chars = 0
        self._settled_chars = 0
        self._is_closed = False

    @property
    def held_chars(self) -> int:
        """Return how many characters are held back now."""
        return len(self._text) - self._context_chars

    @property
    def verdict_so_far(self) -> Verdict:
        """Return the verdict on what is settled."""
        return self._redaction.verdict

    @property
    def verdict(self) -> Verdict:
        """Return the verdict on the whole text.

        Raises:
            RuntimeError: the stream is not closed, so there is none yet.
        """
        if not self._is_closed:
            raise RuntimeError("The stream is still open; close it, or read verdict_so_far.")
        return self._redaction.verdict

    def feed(self, chunk: str) -> str:
        """Take the next piece and return what may be shown now.

        Raises:
            RuntimeError: the stream is closed.
        """
        if self._is_closed:
            raise RuntimeError("The stream is closed and takes nothing more.")
        return self._guarded(chunk, is_last=False)

    def close(self) -> str:
        """Return what may be shown of the rest. A second call returns nothing."""
        if self._is_closed:
            return ""
        self._is_closed = True
        return self._guarded("", is_last=True)

    def _guarded(self, chunk: str, *, is_last: bool) -> str:
        if self._redaction.failure:
            return ""
        try:
            return self._advance(chunk, is_last=is_last)
        except Exception as error:  # noqa: BLE001 - whatever fails in here, the text must not pass
            self._redaction.failure = failure_of(error)
            self._text = ""
            self._context_chars = 0
            return ""

    def _advance(self, chunk: str, *, is_last: bool) -> str:
        self._text += well_formed(chunk)
        data = self._text.encode("utf-8")
        start = len(self._text[: self._context_chars].encode("utf-8"))
        alive = len(data) if is_last else self._scanner.alive_from(data, start)
        matches = self._scanner.find(data, start)
        cut = _cut(alive, matches)
        if cut <= start:
            return ""
        settled = [match for match in matches if match.whole_start < cut]
        cut_chars = len(data[:cut].decode("utf-8"))
        piece = self._text[self._context_chars : cut_chars]
        findings = findings_of(data[start:cut], [_moved(match, -start) for match in settled])
        released = self._redaction.apply(piece, findings, offset=self._settled_chars)
        self._settled_chars += len(piece)
        context_from = max(0, cut_chars - _CONTEXT_CHARS)
        self._context_chars = cut_chars - context_from
        self._text = self._text[context_from:]
        return released


def well_formed(text: str) -> str:
    """Return the text with NUL and lone surrogates replaced, so that every later part can encode and store it.

    Each is one character before and after, so that offsets stay true and pieces do not matter.
    """
    if "\0" in text:
        text = text.replace("\0", "\ufffd")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return "".join("\ufffd" if "\ud800" <= character <= "\udfff" else character for character in text)
    return text


def failure_of(error: Exception) -> str:
    """Name a failure without a word of the text: the rule where it is known, and the kind of error."""
    return str(error) if isinstance(error, RuleFailedError) else type(error).__name__


def _cut(alive: int, matches: list[Match]) -> int:
    """Return up to where everything is settled: never inside a match."""
    cut = alive
    for match in reversed(matches):
        if match.whole_start < cut < match.whole_end:
            cut = match.whole_start
    return cut


def _moved(match: Match, by: int) -> Match:
    return Match(match.rule, match.start + by, match.end + by, match.whole_start + by, match.whole_end + by)
