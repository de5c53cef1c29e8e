r"""What the words before a value say of it: is it named as a secret, beside a service, or as something harmless?

A name and its value are linked in one of four ways, the closest wins: *assigned* by a sign (`X_TOKEN = "…"`,
`<token>…`, `| key | …`, `--header 'X-Api-Key: …`), *said* with a verb (`our X key is …`, `der Schlüssel lautet …`),
*adjacent* (`--token …`, `#define KEY "…"`), or merely *near*.
"""

from __future__ import annotations

import re  # classes without nested repetition only; what is matched is at most 200 characters long
from collections.abc import Callable, Iterable, Iterator
from enum import IntEnum
from typing import Final

import re2

from policies.views.regex import Regex, re2_options
from policies.words import Words

BEFORE_CHARS: Final = 160
_NEAR_CHARS: Final = 80
_MAX_PIECES: Final = 36  # of words; prose has some 30 in so many characters, encoded data a hundred
_SAID_CHARS: Final = 70
_MIN_SUFFIXED_CHARS: Final = 7  # `mytoken`: shorter ones are words

# Latin-1 letters in small; separators are deleted for the first look.
_LOWER: Final = bytes(range(256)).decode("latin-1").lower().encode("latin-1")
_SEPARATORS: Final = b"_-. "
_PIECE: Final = re.compile(rb"[A-Z\xc0-\xde]?[a-z\xdf-\xff]+|[A-Z\xc0-\xde]+(?![a-z\xdf-\xff])|[0-9]+")

# Read backwards from the value: what opens it, the sign, what closes the name.
_OPENING: Final = b"\"'`\\*"
_BRACKETS: Final = b"[{(<*"
_SPACES: Final = b" \t\r\n"
_SIGN: Final = b"=:>|,;<!+?.&-"
_CLOSING: Final = b" \t\"'`[]){}>*_?!\\"
_SIGN_ENDS: Final = b"=:>|,;"  # `=`, `:=`, `=>`, `->`, `:`, `|`, `,`
_STRING_PREFIXES: Final = frozenset(
    (b"b", b"B", b"u", b"U", b"r", b"R", b"f", b"F", b"L", b"@", b"N", b"$", b"rb", b"br")
)
_BOUNDARIES: Final = b"\n\r(),;{}[]<>|&?\"'`="
_TO_LINES: Final = bytes(10 if c in _BOUNDARIES else c for c in range(256))
_SCHEMES: Final = frozenset((b"bearer", b"basic", b"token", b"apikey", b"key", b"bot", b"digest", b"oauth", b"api-key"))
_IDENTIFIER: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.@%-"
_MAX_NAME_CHARS: Final = 56
_MAX_ADJACENT_CHARS: Final = 32
_MAX_TAIL_CHARS: Final = 24
_MAX_COPULAS: Final = 3
_SIGN_ENDS_SET: Final = frozenset(bytes((c,)) for c in _SIGN_ENDS)
_MARKUP: Final = Regex(
    r"""(?i)(?:</?(?:t[dhr]|thead|tbody|code|kbd|samp|tt|pre|p|b|i|u|em|strong|span|font|mark|dd|dt|div|li|string)"""
    r"""(?:\s[^<>]{0,60})?>\s{0,24}){1,12}["'`]?$"""
)
_USER_FLAGS: Final = (b"-u", b"--user")
_CALLERS: Final = (b"curl", b"wget", b"http")
_MAX_HANDING_CHARS: Final = 40
_MAX_HANDING_WORDS: Final = 4
_PINS: Final = frozenset((b"@", b"#"))
_PLACEHOLDERS: Final = re.compile(rb"\[[A-Z][A-Z0-9_]{0,51}\]|^[A-Z0-9_]{0,51}_[0-9]{1,10}\]")  # one may be cut
_NOTHING: Final = r"[^\x00-\xff]"
_SHORT_WORD: Final = 6
_MIN_TELLING_CHARS: Final = 4  # a shorter service's word stands in any text; beside a secret's word it counts


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


class Link(IntEnum):
    """How close a name stands to the value."""

    NEAR = 0
    ADJACENT = 1
    SAID = 2
    ASSIGNED = 3
    HANDED = 4  # said, in the form of `I put … in as the key`: what it is comes after it


class Naming:
    """What is said before a value.

    Attributes:
        link: how the value is linked to its name.
        name: the kinds of words in the linked name alone.
        is_pinned: the value stands right behind `@` or `#`, as the commit that an action or an address is pinned to.
    """

    __slots__ = ("_around", "_before", "_name_start", "_reader", "_seen", "is_pinned", "link", "name")

    def __init__(self, reader: NameReader, before: bytes, link: Link, name: int, name_start: int) -> None:
        self._reader = reader
        self._before = before
        self._name_start = name_start
        self._seen: tuple[int, int] | None = None
        self._around: int | None = None
        self.link = link
        self.name = name
        self.is_pinned = before[-1:] in _PINS

    @property
    def line(self) -> int:
        """The kinds of words in the line."""
        return self._look()[0]

    @property
    def near(self) -> int:
        """The kinds of words in the last `_NEAR_CHARS`, over lines."""
        return self._look()[1]

    @property
    def around(self) -> int:
        """The kinds of all words."""
        if self._around is None:
            self._around = self._reader.look(self._before, self._name_start)[1] | self.name
        return self._around

    def _look(self) -> tuple[int, int]:
        # Most values are decided by their name: a wider look costs ten times as much, so it waits until it is asked.
        if self._seen is None:
            skipped = max(0, len(self._before) - _NEAR_CHARS)
            line, near = self._reader.look(self._before[skipped:], self._name_start - skipped)
            self._seen = line | self.name, near | self.name
        return self._seen


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


class NameReader:
    """Reads the text before a value. Immutable, so threads may share it."""

    def __init__(self, words: Words) -> None:
        self._kinds: dict[bytes, int] = {}
        for kind, listed in (
            (Kind.COMMON, words.common_providers),
            (Kind.PROVIDER, words.providers - words.common_providers),
            (Kind.FAINT, words.faint),
            (Kind.WEAK, words.weak),
            (Kind.CARRIER, words.carriers),
            (Kind.EXPLAINED, words.explained),
            (Kind.STRONG, words.strong),
        ):
            self._kinds.update(dict.fromkeys(listed, kind))  # a later list wins
        self._beginnings = frozenset(word[:end] for word in self._kinds for end in range(1, len(word)))
        self._tails = words.tails
        services = words.providers | words.common_providers
        telling = words.strong | words.weak | {word for word in services if len(word) >= _MIN_TELLING_CHARS}
        self._copulas = words.copulas
        self._handed, self._speakers = words.handed, words.speakers
        self._has_word = any_of(telling)

    def read(self, before: bytes) -> Naming:
        """Return what the last `BEFORE_CHARS` before a value say."""
        before = before[-BEFORE_CHARS:]
        if b"]" in before:
            before = _PLACEHOLDERS.sub(_blanked, before)  # what one is called says nothing about the text around it
        link, start, end = self._linked(before)
        if link is Link.NEAR:
            return Naming(self, before, link, Kind.NOTHING, start)
        if start == end == len(before):
            return Naming(self, before, link, Kind.STRONG, start)  # the user of a call, such as `curl -u`
        written = before[start:end]
        name = self._kinds.get(written.translate(_LOWER, _SEPARATORS), Kind.NOTHING)
        if not name:
            # Behind a word nothing says that the text is a name: the letters of encoded data spell short words.
            for _, kind in self._words_in(written, len(written) if link is Link.ADJACENT else 0):
                name |= kind
        if link is Link.HANDED:
            return Naming(self, before, Link.SAID, name | Kind.HANDED, start)
        if link is not Link.SAID and name and self._has_tail(written):
            name |= Kind.TAIL
        return Naming(self, before, link, name, start)

    def look(self, before: bytes, name_start: int) -> tuple[int, int]:
        """Return the kinds of the words in the last line, and in all of the text before a value."""
        line = found = Kind.NOTHING
        if not self._has_word(before.translate(_LOWER, _SEPARATORS)):
            return line, found
        line_start = before.rfind(b"\n") + 1
        for place, kind in self._words_in(before, name_start):
            found |= kind
            if place >= line_start:
                line |= kind
        return line, found

    def _linked(self, before: bytes) -> tuple[Link, int, int]:
        """Return how the value is linked, and where in the text its name stands."""
        text = _without_scheme(before)
        bare = _unquoted(text)
        if (marked := _marked(before, text, bare)) is not None:
            return marked
        verb = self._without_copulas(bare.rstrip(b":=" + _SPACES))
        if verb is not None:
            return Link.SAID, _sentence_start(verb), len(verb)
        if self._is_handed(bare):
            return Link.HANDED, _sentence_start(bare), len(bare)
        is_called = text.rstrip(_OPENING + _SPACES).endswith(b"(")
        if bare[-1:] in _SIGN_ENDS_SET or is_called:
            link, rest = Link.ASSIGNED, bare if is_called else bare.rstrip(_SIGN)
        elif bare != before and b"\n" not in before[len(bare) :]:
            start, end = _name_span(bare)
            return Link.ADJACENT, max(start, end - _MAX_ADJACENT_CHARS), end
        else:
            return Link.NEAR, 0, 0
        start, end = _name_span(rest)
        if is_called and rest[:start].rstrip(_SPACES)[-1:] in _SIGN_ENDS_SET:  # `X_TOKEN = decoded("…")`
            start = _name_span(rest[:start].rstrip(_SPACES).rstrip(_SIGN))[0]
        return link, start, end

    def _without_copulas(self, text: bytes) -> bytes | None:
        """Return the text before the verb that it ends with; None when it ends with none."""
        found = None
        for _ in range(_MAX_COPULAS):
            at = max(text.rfind(b" "), text.rfind(b"\n")) + 1
            if text[at:].translate(_LOWER) not in self._copulas or not at:
                break
            text = found = text[:at].rstrip(_SPACES)
        return found

    def _is_handed(self, text: bytes) -> bool:
        """Tell whether the text ends with somebody who puts the value somewhere: `I put`, `ich habe`."""
        last = text[text.rfind(b" ") + 1 :]
        if last.translate(_LOWER) not in self._handed:
            return False
        before = text[-_MAX_HANDING_CHARS:].translate(_LOWER).split()[-_MAX_HANDING_WORDS:-1]
        return not self._speakers.isdisjoint(before)

    def _has_tail(self, name: bytes) -> bool:
        last = _PIECE.findall(name[-_MAX_TAIL_CHARS:])
        return bool(last) and last[-1].translate(_LOWER) in self._tails

    def _words_in(self, text: bytes, name_start: int) -> Iterator[tuple[int, int]]:
        """Yield place and kind of all words in a text; of overlapping words the longest that begins first counts.

        Before the name, short words count only where they stand free on one side at least: the letters of encoded
        data spell many.
        """
        spans = [m.span() for m in _PIECE.finditer(text)][-_MAX_PIECES:]
        low = text.translate(_LOWER)
        known, beginnings = self._kinds, self._beginnings
        i, count = 0, len(spans)
        while i < count:
            first, last_end = spans[i]
            joined = low[first:last_end]
            glued = joined if last_end - first >= _MIN_SUFFIXED_CHARS else b""
            kind, taken = known.get(joined, 0), 1
            if kind and last_end - first < _SHORT_WORD and first < name_start and _is_inside(text, first, last_end):
                kind = Kind.NOTHING
            j = i + 1
            while j < count and joined in beginnings:
                start, end = spans[j]
                if start - last_end > 1 or (start > last_end and text[last_end] not in _SEPARATORS):
                    break
                if joined.isdigit():
                    glued = joined + low[start:end]  # `3commaskey`
                joined += low[start:end]
                last_end = end
                j += 1
                if longer := known.get(joined):
                    kind, taken = longer, j - i
            if kind or (glued and (kind := self._glued(glued))):
                yield first, kind
            i += taken

    def _glued(self, piece: bytes) -> int:
        """Return the kinds of words glued together in one case: `stripekey`, `mytoken`."""
        if len(piece) < _MIN_SUFFIXED_CHARS:
            return Kind.NOTHING
        for suffix in (b"token", b"secret", b"apikey", b"key", b"api", b"id"):
            if piece.endswith(suffix):
                service = self._kinds.get(piece[: -len(suffix)], Kind.NOTHING) & (Kind.PROVIDER | Kind.COMMON)
                if service or len(suffix) > len(b"key"):
                    return service | self._kinds.get(suffix, Kind.NOTHING)
        return Kind.NOTHING


def _blanked(placeholder: re.Match[bytes]) -> bytes:
    return b"[" + b" " * (len(placeholder[0]) - 2) + b"]"


def _marked(before: bytes, text: bytes, bare: bytes) -> tuple[Link, int, int] | None:
    """Return the name of a value in a cell of its own, `<th>X key</th><td><code>…`, or of a call's user."""
    if bare[-1:] == b">" and (cell := _MARKUP.search(text)) is not None and cell[0][0]:
        return Link.ASSIGNED, *_name_span(text[: cell[0][0]])
    if bare.endswith(_USER_FLAGS) and any(caller in before for caller in _CALLERS):
        return Link.ASSIGNED, len(before), len(before)
    return None


def _is_inside(text: bytes, start: int, end: int) -> bool:
    return text[start - 1 : start].isalnum() and text[end : end + 1].isalnum()


def _sentence_start(text: bytes) -> int:
    """Return where the last sentence of a text begins, or its last line, at most `_SAID_CHARS` before its end."""
    ends = (text.rfind(b"\n"), text.rfind(b". "), text.rfind(b"? "), text.rfind(b"! "))
    return max(len(text) - _SAID_CHARS, 0, *(end + 1 for end in ends))


def _without_scheme(text: bytes) -> bytes:
    """Return the text without the `Bearer ` or the `id:` that stands between a sign and a value."""
    if text.endswith(b" "):
        bare = text.rstrip(b" ")
        at = max(bare.rfind(b" "), bare.rfind(b'"'), bare.rfind(b"'"), bare.rfind(b"=")) + 1
        if bare[at:].lower() in _SCHEMES and bare[:at].rstrip(b" \"'")[-1:] in {b":", b"=", b","}:
            return bare[:at]
    elif text.endswith(b":"):
        bare = text[:-1].rstrip(_IDENTIFIER)
        if (
            bare[-1:] in {b"=", b'"', b"'"}
            and len(bare) < len(text) - 1
            and bare.rstrip(b"\"' ")[-1:] in _SIGN_ENDS_SET
        ):
            return bare
    return text


def _unquoted(text: bytes) -> bytes:
    """Return the text without the quotes, prefixes and brackets that open a value, and the spaces before them."""
    bare = text.rstrip(_OPENING)
    if len(bare) < len(text):
        for chars in (2, 1):
            if bare[-chars:] in _STRING_PREFIXES and not bare[: len(bare) - chars][-1:].isalnum():
                bare = bare[:-chars]
                break
    elif text.endswith(b"<![CDATA["):
        bare = text[: -len(b"<![CDATA[")]
    return bare.rstrip(_SPACES + _BRACKETS + _OPENING)


def _name_span(text: bytes) -> tuple[int, int]:
    """Return where the name at the end of a text stands: back to a boundary, without what closes it."""
    bare = text.rstrip(_CLOSING)
    if b"]" in text[len(bare) :]:
        bare = bare.rstrip(b"0123456789").rstrip(b"[")  # `char token[33]`
    if b"'static" in bare:
        return max(0, len(bare) - _MAX_NAME_CHARS), len(bare)  # Rust: `TOKEN: &'static str`
    start = bare.translate(_TO_LINES).rfind(b"\n") + 1
    return max(start, len(bare) - _MAX_NAME_CHARS), len(bare)
