r"""What the words before a value say of it: is it named as a secret, beside a service, or as something harmless?

A name and its value are linked in one of four ways, the closest wins: *assigned* by a sign (`X_TOKEN = "…"`,
`<token>…`, `| key | …`, `--header 'X-Api-Key: …`), *said* with a verb (`our X key is …`, `der Schlüssel lautet …`),
*adjacent* (`--token …`, `#define KEY "…"`), or merely *near*.
"""

from __future__ import annotations

import re  # classes without nested repetition only; what is matched is at most 200 characters long
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, Protocol

import re2

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
_USER_FLAGS: Final = (b"-u", b"--user")
_CALLERS: Final = (b"curl", b"wget", b"http")
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


class Link(IntEnum):
    """How close a name stands to the value."""

    NEAR = 0
    ADJACENT = 1
    SAID = 2
    ASSIGNED = 3


@dataclass(frozen=True, slots=True)
class Naming:
    """What is said before a value: `name` by the linked name alone, `line` by its line, `near` and `around` by more.

    `is_pinned`: the value stands right behind `@` or `#`, as the commit that an action or an address is pinned to.
    """

    link: Link
    name: int
    line: int
    near: int
    around: int
    is_pinned: bool


class _Span(Protocol):
    def span(self, group: int = 0) -> tuple[int, int]: ...


class _Regex(Protocol):
    def search(self, text: bytes, pos: int | None = None, endpos: int | None = None) -> _Span | None: ...


def compile_latin(pattern: str) -> _Regex:
    """Compile a pattern over bytes, each of them a Latin-1 character."""
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    options.log_errors = False
    options.max_mem = 32 << 20
    compiled: _Regex = re2.compile(pattern.encode("latin-1"), options)
    return compiled


def any_of(words: Iterable[bytes], *patterns: str) -> Callable[[bytes], object]:
    """Return a search for any of the words, or of the patterns, in bytes; it finds nothing when there are none."""
    return compile_latin("|".join(filter(None, (_alternation(words), *patterns))) or _NOTHING).search


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
        self._has_word = any_of(telling, r"curl.{0,99}(?:u|user)")

    def read(self, before: bytes, *, is_telling: bool = False) -> Naming | None:
        """Return what the text before a value says; None when it has no word of ours, unless it must tell."""
        before = before[-BEFORE_CHARS:]
        if not is_telling and not self._has_word(before.translate(_LOWER, _SEPARATORS)):
            return None
        link, start, end = self._linked(before)
        near_start = len(before) - _NEAR_CHARS
        line_start = max(near_start, before.rfind(b"\n") + 1)
        name = line = near = around = Kind.NOTHING
        for place, kind in self._words_in(before, start):
            around |= kind
            if place >= near_start:
                near |= kind
            if place >= line_start:
                line |= kind
            if start <= place < end:
                name |= kind
        if link is not Link.SAID and self._has_tail(before[start:end]):
            name |= Kind.TAIL
        if link is Link.ASSIGNED and start == end == len(before):
            name = Kind.STRONG  # the user of a call, such as `curl -u`
        return Naming(link, name, line, near, around, before[-1:] in {b"@", b"#"})

    def _linked(self, before: bytes) -> tuple[Link, int, int]:
        """Return how the value is linked, and where in the text its name stands."""
        text = _without_scheme(before)
        bare = _unquoted(text)
        if bare.endswith(_USER_FLAGS) and any(caller in before for caller in _CALLERS):
            return Link.ASSIGNED, len(before), len(before)
        verb = self._without_copulas(bare.rstrip(b":=" + _SPACES))
        if verb is not None:
            return Link.SAID, _sentence_start(verb), len(verb)
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
