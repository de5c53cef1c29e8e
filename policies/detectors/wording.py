"""The words of a text and what they speak of, each looked up once however many values stand behind it.

A text is read in pieces: a run of small letters, of capitals, of digits. A word is a piece, or a few that stand side
by side or with one separator between them: `apiKey`, `api_key`, `API KEY`.
"""

from __future__ import annotations

import re  # classes without nested repetition only: linear whatever the text
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable
from typing import Final

import re2

from policies.placeholders import near_from, placeholders_in, spoken_from
from policies.views.regex import re2_options
from policies.words import Words

LOWER: Final = bytes(range(256)).decode("latin-1").lower().encode("latin-1")
"""Translates Latin-1 letters to small ones."""

SEPARATORS: Final = b"_-. "
"""May stand between the pieces of a word."""

PIECE: Final = re.compile(rb"[A-Z\xc0-\xde]?[a-z\xdf-\xff]+|[A-Z\xc0-\xde]+(?![a-z\xdf-\xff])|[0-9]+")

_MAX_PIECES: Final = 36  # of words; prose has some 30 before a value, encoded data a hundred
_MIN_SUFFIXED_CHARS: Final = 7  # `mytoken`: shorter ones are words
_SUFFIXES: Final = (b"token", b"secret", b"apikey", b"key", b"api", b"id")
_SERVICE_SUFFIXES: Final = (b"private", b"access", b"auth")  # behind a service's name alone
_MIN_HEAD_CHARS: Final = 6  # `sendgridprod`: a shorter service begins other words
_SHORT_WORD: Final = 6
_MIN_TELLING_CHARS: Final = 4  # a shorter service's word stands in any text; beside a secret's word it counts
_PLACEHOLDER: Final = re.compile(rb"\[[A-Z][A-Z0-9_]{0,51}\]")
_PLACEHOLDER_END: Final = re.compile(rb"[A-Z0-9_]{0,51}_[0-9]{1,10}\]")  # its beginning was before the text
_NOTHING: Final = r"[^\x00-\xff]"
_KEPT_PIECES: Final = 256  # more than stand before a value
_GAP_CHARS: Final = 24  # between what was read and what is asked about: a longer one is left out


class Kind:
    """What a name speaks of, as bits: plain integers, since a thousand of them are joined in a text."""

    NOTHING: Final = 0
    STRONG: Final = 1
    WEAK: Final = 2
    FAINT: Final = 4
    PROVIDER: Final = 8
    COMMON: Final = 16
    EXPLAINED: Final = 32
    CARRIER: Final = 64
    TAIL: Final = 128
    HANDED: Final = 256


_UNKNOWN: Final = (Kind.NOTHING, Kind.NOTHING, 1)  # a piece that no word begins with
_SERVICE: Final = Kind.PROVIDER | Kind.COMMON


def any_of(words: Iterable[bytes]) -> Callable[[bytes], object]:
    """Return a search for any of the words in bytes; it finds nothing when there are none.

    A set of one pattern only answers yes or no, which RE2 does ten times as fast as telling where.
    """
    searched = re2.Set.SearchSet(re2_options(is_case_sensitive=True))
    searched.Add((_alternation(words) or _NOTHING).encode("latin-1"))
    searched.Compile()
    search: Callable[[bytes], object] = searched.Match
    return search


def _alternation(words: Iterable[bytes]) -> str:
    ordered = sorted(words, key=lambda word: (-len(word), word))  # a longer word before its own beginning
    return "|".join(re.escape(word.decode("latin-1")) for word in ordered)


class Vocabulary:
    """What words speak of. Immutable, so threads may share it.

    Attributes:
        kinds: the kind of each word, in small letters without separators.
        beginnings: of words longer than they are.
        joinable: words and their beginnings.
        is_telling: whether a text, in small letters without separators, has the letters of a telling word.
        has_harmless: whether it has those of a word for what is no secret.
        has_short_service: whether it has those of a service too short to be telling.
    """

    def __init__(self, words: Words) -> None:
        self.kinds: dict[bytes, int] = {}
        for kind, listed in (
            (Kind.COMMON, words.common_providers),
            (Kind.PROVIDER, words.providers - words.common_providers),
            (Kind.FAINT, words.faint),
            (Kind.WEAK, words.weak),
            (Kind.CARRIER, words.carriers),
            (Kind.EXPLAINED, words.explained),
            (Kind.STRONG, words.strong),
        ):
            self.kinds.update(dict.fromkeys(listed, kind))  # a later list wins
        self.beginnings = frozenset(word[:end] for word in self.kinds for end in range(1, len(word)))
        self.joinable = self.beginnings | self.kinds.keys()
        heads = (word for word, kind in self.kinds.items() if kind == Kind.PROVIDER and len(word) >= _MIN_HEAD_CHARS)
        self._heads = frozenset(word[:_MIN_HEAD_CHARS] for word in heads)
        services = words.providers | words.common_providers
        telling = words.strong | words.weak | {word for word in services if len(word) >= _MIN_TELLING_CHARS}
        self.is_telling = any_of(telling)
        self.has_harmless = any_of(words.explained | words.faint | words.tails)
        self.has_short_service = any_of(word for word in words.providers if len(word) < _MIN_TELLING_CHARS)

    def glued(self, piece: bytes) -> int:
        """Return the kinds of words glued together in one case: `stripekey`, `mytoken`, `sendgridprod`."""
        if len(piece) < _MIN_SUFFIXED_CHARS:
            return Kind.NOTHING
        for suffix in _SUFFIXES:
            if piece.endswith(suffix):
                service = self.kinds.get(piece[: -len(suffix)], Kind.NOTHING) & _SERVICE
                if service or len(suffix) > len(b"key"):
                    return service | self.kinds.get(suffix, Kind.NOTHING)
        for suffix in _SERVICE_SUFFIXES:
            if piece.endswith(suffix) and (service := self.kinds.get(piece[: -len(suffix)], Kind.NOTHING) & _SERVICE):
                return service | Kind.WEAK
        return self._head(piece)

    def may_be_glued(self, piece: bytes, following: bytes) -> bool:
        """Tell whether a piece may be words glued together, or digits glued to the piece that follows."""
        if piece.endswith(_SUFFIXES + _SERVICE_SUFFIXES) or piece[:_MIN_HEAD_CHARS] in self._heads:
            return True
        return piece.isdigit() and following.endswith(_SUFFIXES)

    def _head(self, piece: bytes) -> int:
        """Return the kind of the service that a piece begins with."""
        if piece[:_MIN_HEAD_CHARS] not in self._heads:
            return Kind.NOTHING
        named = (self.kinds.get(piece[:end], Kind.NOTHING) for end in range(_MIN_HEAD_CHARS, len(piece)))
        return Kind.PROVIDER if any(kind == Kind.PROVIDER for kind in named) else Kind.NOTHING


class Wording:
    """The words of one text; it is asked about places in the order of the text, and reads on as far as it must.

    What a placeholder is called says nothing about the text around it, so its letters are blank.

    Attributes:
        data: the text without the letters of placeholders.
    """

    __slots__ = (
        "_begin",
        "_end",
        "_ends",
        "_low",
        "_placeholder_ends",
        "_placeholders",
        "_starts",
        "_vocabulary",
        "_words",
        "_written",
        "data",
    )

    def __init__(self, vocabulary: Vocabulary, data: bytes) -> None:
        self._written = data
        self.data = _blanked(data) if b"]" in data else data
        self._placeholders = placeholders_in(data)
        self._placeholder_ends = [end for _, end in self._placeholders]
        self._low = self.data.translate(LOWER)
        self._vocabulary = vocabulary
        self._begin = self._end = 0  # of what was read
        self._starts: list[int] = []  # of its pieces
        self._ends: list[int] = []
        self._words: list[tuple[int, int, int] | None] = []  # that begin with each piece

    def spoken_from(self, begin: int, end: int) -> int:
        """Return from where on the words in `data[begin:end]` may speak for a value behind them."""
        return spoken_from(self.data, self._placeholder_ends, begin, end) if self._placeholder_ends else begin

    def near_from(self, end: int, chars: int) -> int:
        """Return where what is near a place begins: so many characters before it, fewer with placeholders."""
        return near_from(self._written, self._placeholders, end, chars) if self._placeholders else max(0, end - chars)

    def placeholder_end(self, place: int) -> int:
        """Return where the last placeholder before a place ends; 0 when there is none."""
        last = bisect_right(self._placeholder_ends, place) - 1
        return self._placeholder_ends[last] if last >= 0 else 0

    def kinds(self, begin: int, end: int, name_start: int) -> int:
        """Return the kinds of the last words in `data[begin:end]`."""
        return self._kinds(begin, end, name_start, end)[1]

    def telling_kinds(self, begin: int, end: int, name_start: int) -> tuple[int, int]:
        """Return the kinds of the words in the last line of `data[begin:end]` and in all of it, if any of it tells."""
        if not self.is_telling(begin, end):
            return Kind.NOTHING, Kind.NOTHING
        return self._kinds(begin, end, name_start, self.data.rfind(b"\n", begin, end) + 1)

    def is_telling(self, begin: int, end: int) -> bool:
        """Tell whether `data[begin:end]` has the letters of a secret's word or a service's, in a longer word or not."""
        return bool(self._vocabulary.is_telling(self._low[begin:end].translate(None, SEPARATORS)))

    def may_be_harmless(self, begin: int, end: int) -> bool:
        """Tell whether `data[begin:end]` has the letters of a word for what is no secret."""
        return bool(self._vocabulary.has_harmless(self._low[begin:end].translate(None, SEPARATORS)))

    def has_short_service(self, begin: int, end: int) -> bool:
        """Tell whether `data[begin:end]` has the letters of a service's word that are too few to be telling."""
        return bool(self._vocabulary.has_short_service(self._low[begin:end].translate(None, SEPARATORS)))

    def _kinds(self, begin: int, end: int, name_start: int, line_start: int) -> tuple[int, int]:
        """Return the kinds from the line's start on, and all.

        Of overlapping words the longest that begins first counts. Before the name, short words count only where they
        stand free on one side at least: the letters of encoded data spell many.
        """
        self._read(begin, end)
        starts, words = self._starts, self._words
        count = bisect_left(starts, end)
        i = max(bisect_right(self._ends, begin), count - _MAX_PIECES)
        line = found = Kind.NOTHING
        while i < count:
            place = starts[i]
            word = words[i] if place > begin else None
            if word is None:
                word = self._word(i, count, begin, end)
                place = max(place, begin)
            kind = word[place < name_start]
            if kind:
                found |= kind
                if place >= line_start:
                    line |= kind
            i += word[2]
        return line, found

    def _read(self, begin: int, end: int) -> None:
        """Read on to `end`, from `begin` or earlier on."""
        if end <= self._end and begin >= self._begin:
            return
        starts, ends, words = self._starts, self._ends, self._words
        if begin < self._begin or begin > self._end + _GAP_CHARS:
            starts.clear()
            ends.clear()
            words.clear()
            self._begin = self._end = begin
        elif ends and ends[-1] == self._end:  # the last piece was perhaps torn
            self._end = starts.pop()
            ends.pop()
            del words[-2:]  # what was known of the piece before it took it for whole
            words += [None] * len(starts[-1:])
        if len(starts) > 2 * _KEPT_PIECES:
            self._begin = ends[-_KEPT_PIECES - 1]
            del starts[:-_KEPT_PIECES], ends[:-_KEPT_PIECES], words[:-_KEPT_PIECES]
        low, known, joinable = self._low, self._vocabulary.kinds, self._vocabulary.joinable
        may_be_glued = self._vocabulary.may_be_glued
        last = low[starts[-1] : ends[-1]] if starts else b""
        for piece in PIECE.finditer(self.data, self._end, end):
            start, behind = piece.span()
            letters = low[start:behind]
            joined = last + letters
            is_short = len(joined) < _MIN_SUFFIXED_CHARS
            if last and joined not in joinable and last not in known and (is_short or not may_be_glued(last, letters)):
                words[-1] = _UNKNOWN
            starts.append(start)
            ends.append(behind)
            words.append(None)
            last = letters
        self._end = end

    def _word(self, i: int, count: int, begin: int, end: int) -> tuple[int, int, int]:
        """Return the kind of the word that begins with a piece in a name, before the name, and how many pieces it has.

        It is kept for the next time when neither end of what was asked about had a say in it.
        """
        starts, ends, data, low = self._starts, self._ends, self.data, self._low
        known, beginnings = self._vocabulary.kinds, self._vocabulary.beginnings
        first, behind = starts[i], ends[i]
        first = max(first, begin)
        joined = low[first:behind]
        glued = joined if behind - first >= _MIN_SUFFIXED_CHARS else b""
        named, taken = known.get(joined, Kind.NOTHING), 1
        before = named
        if (
            named
            and behind - first < _SHORT_WORD
            and begin < first
            and behind < end
            and data[first - 1 : first].isalnum()
            and data[behind : behind + 1].isalnum()
        ):
            before = Kind.NOTHING
        j = i + 1
        while j < count and joined in beginnings:
            start = starts[j]
            if start - behind > 1 or (start > behind and data[behind] not in SEPARATORS):
                break
            behind = ends[j]
            more = low[start:behind]
            if joined.isdigit():
                glued = joined + more  # `3commaskey`
            joined += more
            j += 1
            if longer := known.get(joined):
                named, before, taken = longer, longer, j - i
        if glued and not before:
            before = self._vocabulary.glued(glued)
            named = named or before
        word = (named, before, taken)
        if starts[i] > begin and (j < count or (behind < end and joined not in beginnings)):
            self._words[i] = word
        return word


def _blanked(data: bytes) -> bytes:
    torn = _PLACEHOLDER_END.match(data)
    if torn is not None:
        data = b" " * (torn.end() - 1) + data[torn.end() - 1 :]
    return _PLACEHOLDER.sub(lambda found: b"[" + b" " * (len(found[0]) - 2) + b"]", data)
