"""Guard a text that arrives in pieces, so that any split into pieces gives what guarding the whole text gives.

Held back is only what may still become a match: from the first place where the beginning of some rule's match reaches
the end of what has arrived. Everything before that place is settled, whatever comes; see
docs/decisions/0004-guard-streams.md for why that makes the result independent of the pieces.
"""

from __future__ import annotations

from policies.detectors.compiled import RuleFailedError
from policies.detectors.search import Search
from policies.redaction import Redaction
from policies.verdict import Verdict
from policies.views.fold import well_formed


class StreamGuard:
    """The guard of one answer. `feed` returns what may be shown now; after a block or a failure, nothing more.

    What was shown before a block stays shown. The text of a blocked verdict is empty; what was shown is a beginning
    of what the text would have been with its findings replaced.
    """

    def __init__(self, search: Search, redaction: Redaction) -> None:
        self._search = search
        self._redaction = redaction
        self._held = ""
        self._settled_chars = 0
        self._is_closed = False

    @property
    def held_chars(self) -> int:
        """Return how many characters are held back now."""
        return len(self._held)

    @property
    def held(self) -> str:
        """Return what is held back now: nobody has judged it yet, so it may go to a guard and nowhere else."""
        return self._held

    @property
    def is_blocked(self) -> bool:
        """Tell whether nothing more is shown; cheap, to be asked after each piece."""
        return self._redaction.is_blocked

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

    def close(self, rest: str = "") -> str:
        """Take the last piece, and return what may be shown of the rest. A second call returns nothing.

        Whoever has the last piece before it was fed gives it here: a look at what nothing follows asks less.

        Raises:
            RuntimeError: the stream is closed, and something comes after its end.
        """
        if self._is_closed:
            if rest:
                raise RuntimeError("The stream is closed and takes nothing more.")
            return ""
        self._is_closed = True
        return self._guarded(rest, is_last=True)

    def _guarded(self, chunk: str, *, is_last: bool) -> str:
        if self._redaction.failure:
            return ""
        try:
            return self._advance(chunk, is_last=is_last)
        except Exception as error:  # noqa: BLE001 - whatever fails in here, the text must not pass
            self._redaction.failure = failure_of(error)
            self._held = ""
            return ""

    def _advance(self, chunk: str, *, is_last: bool) -> str:
        chunk = well_formed(chunk)
        self._held += chunk
        settled = self._search.feed(chunk, is_last=is_last)
        chars = settled.end - self._settled_chars
        if chars <= 0:
            return ""
        piece, self._held = self._held[:chars], self._held[chars:]
        findings = [finding.moved(-self._settled_chars) for finding in settled.findings]
        released = self._redaction.apply(piece, findings, offset=self._settled_chars)
        self._settled_chars = settled.end
        return released


def failure_of(error: Exception) -> str:
    """Name a failure without a word of the text: the rule where it is known, and the kind of error."""
    return str(error) if isinstance(error, RuleFailedError) else type(error).__name__
