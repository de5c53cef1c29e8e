r"""What the words before a value say of it: is it named as a secret, beside a service, or as something harmless?

A name and its value are linked in one of four ways, the closest wins: *assigned* by a sign (`X_TOKEN = "…"`,
`<token>…`, `| key | …`, `--header 'X-Api-Key: …`), *said* with a verb (`our X key is …`, `der Schlüssel lautet …`),
*adjacent* (`--token …`, `#define KEY "…"`), or merely *near*.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final

from policies.detectors.wording import LOWER, PIECE, SEPARATORS, Kind, Vocabulary, Wording
from policies.placeholders import PLACEHOLDER_MAX_CHARS
from policies.views.regex import Regex
from policies.words import Words

BEFORE_CHARS: Final = 160
_NEAR_CHARS: Final = 80
_SAID_CHARS: Final = 70
# Read backwards from the value: what opens it, the sign, what closes the name.
_OPENING: Final = b"\"'`\\*"
_BRACKETS: Final = b"[{(<*"
_SPACES: Final = b" \t\r\n"
_SIGN: Final = b"=:>|,;<!+?.&-%"
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
    r"""(?i)(?:</?(?:t[dhr]|thead|tbody|code|kbd|samp|tt|pre|p|b|i|u|em|strong|span|font|mark|dd|dt|div|li|string|key)"""
    r"""(?:\s[^<>]{0,60})?>\s{0,24}){1,12}["'`]?$"""
)
# A further part of a list, a further argument of a call: the name stands before the first.
_ITEM: Final = Regex(r"""[A-Za-z0-9_"'\]][ \t]*:[ \t]*(?:\r?\n[ \t]*-[ \t][^\n]+)*\r?\n[ \t]*-$""")
_PAIR: Final = Regex(r"""\n[ \t]*-[ \t]+["']?[^\s"':]+:$""")  # `- user:…`
_OPTION: Final = Regex(r"\s(?:--?(?:k|p|key|apikey|api|auth|authkey|pass|token)|-[at])$")
_ELEMENT: Final = Regex(r"""[A-Za-z0-9_"'\]][ \t]*[:=]\s{0,4}\[\s{0,24}(?:["'][^"'\n]+["'][ \t]*,\s*)+["']$""")
_ARGUMENT: Final = Regex(
    r"""[A-Za-z_$][A-Za-z0-9_$.:>-]{0,60}\(\s*(?:(?:"[^"\n]*"|'[^'\n]*'|[A-Za-z0-9_.$@]+)[ \t]*,\s*)+"""
    r"""["'`]$"""
)
_CALLEE: Final = Regex(
    r"(?i:\.new|client|api|sdk|auth(?:enticate|orize)?[a-z]{0,12}|login|bot|gateway|credentials?|connector|wrapper)(?:[Vv][0-9])?(?:\.(?:new|create|connect))?\("
)
_MAKER: Final = Regex(  # what is made of a key alone
    r"(?:(?i:\bset_?[a-z_]{0,16}(?:api|key|token|auth))|Client|A(?:PI|pi)|S(?:DK|dk)|Bot|Gateway|Connector|\bauth\s?=\s?)(?:V[0-9])?(?:\.(?:new|create|connect))?\("
)
_DRAWN_ARGUMENT: Final = Regex(r"""["'][^"'\n]*[0-9][^"'\n]*["'][ \t]*,""")
_CLASS: Final = Regex(r"(?:^|[^A-Za-z0-9_])[A-Z][A-Za-z0-9]*\(")  # `Coda("…")`: the service itself is made
_LABEL_ABOVE: Final = Regex(r"""(?:^|\n)[ \t>#*-]{0,8}([A-Za-z][A-Za-z _-]{2,30})[*:]{0,3}[ \t]*\r?\n[ \t]*["'`]?$""")
_CONSTANT: Final = Regex(r"(?:^|[\s;])[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+$")
_OWN_KEY: Final = Regex(r"(?:^|[^A-Za-z0-9_.-])[A-Za-z][A-Za-z0-9_.-]*(?:[_-](?i:key|license|licence)|Key|License)$")
_ASKED: Final = Regex(r"""(?i)//[^\s"'<>?]*\bapi[^\s"'<>?]*\?[^\s"'<>]*$""")
_ATTRIBUTE: Final = Regex(
    r"""<[A-Za-z][^\s<>]*\s(?:[^<>]*\s)?(?:[a-z]+:)?(?:name|key|id)=["']([^"'<>]+)["'][^<>]*>\s*$"""
)
_USER_FLAGS: Final = (b"-u", b"--user")
_CALLERS: Final = (b"curl", b"wget", b"http")
_MAX_HANDING_CHARS: Final = 40
_MAX_HANDING_WORDS: Final = 4
_IMAGE: Final = Regex(r"[a-z0-9]/[a-z0-9._-]+:$")
_SENTENCE_ENDS: Final = frozenset((b"", b".", b"!", b"?", b":", b",", b")", b"-"))
_PINS: Final = frozenset((b"@", b"#"))


class Link(IntEnum):
    """How close a name stands to the value."""

    NEAR = 0
    ADJACENT = 1
    SAID = 2
    ASSIGNED = 3
    HANDED = 4  # said, in the form of `I put … in as the key`: what it is comes after it


_LOOSE: Final = frozenset((Link.NEAR, Link.ADJACENT))


class Naming:
    """What is said before a value; whatever costs more than a glance waits until it is asked for.

    Attributes:
        link: how the value is linked to its name.
        is_pinned: the value stands right behind `@`, `#` or `acme/image:`, as the commit that something is pinned to.
    """

    __slots__ = (
        "_around",
        "_begin",
        "_end",
        "_excuse_begin",
        "_name",
        "_reader",
        "_seen",
        "_span",
        "_wording",
        "is_pinned",
        "link",
    )

    def __init__(self, reader: NameReader, wording: Wording, end: int) -> None:
        begin = max(0, end - BEFORE_CHARS)
        before = wording.data[begin:end]
        self.link, start, behind = reader.linked(before)
        self.is_pinned = before[-1:] in _PINS or (before[-1:] == b":" and _IMAGE.search(before) is not None)
        self._reader = reader
        self._wording = wording
        self._begin, self._end = begin, end
        self._span = begin + start, begin + behind  # of the name
        self._excuse_begin = end  # from here on, words may excuse the value, beside those of its name
        placeholder_end = wording.placeholder_end(end)
        if placeholder_end and self._span[0] <= placeholder_end < end:
            self._excuse_begin = max(begin, self._span[0] - PLACEHOLDER_MAX_CHARS)
            if placeholder_end > self._span[1]:  # what stands before belongs to what stood there
                self._span = placeholder_end, placeholder_end
        self._name: int | None = None
        self._seen: tuple[int, int] | None = None
        self._around: int | None = None

    @property
    def name(self) -> int:
        """The kinds of words in the linked name alone."""
        if self._name is None:
            self._name = self._reader.name(self._wording, self.link, *self._span, self._end)
        return self._name

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
            near = self._wording.near_from(self._end, BEFORE_CHARS)
            begin = self._wording.spoken_from(near, self._end)
            self._around = self._wording.telling_kinds(begin, self._end, self._span[0])[1] | self.name
        return self._around

    @property
    def is_asked(self) -> bool:
        """The value stands in the query of an API's address."""
        return _ASKED.search(self._wording.data[self._begin : self._end]) is not None

    @property
    def is_option(self) -> bool:
        """The name is an option of a command: `-k …`."""
        start, end = self._span
        return _OPTION.search(self._wording.data[max(0, start - 1) : end]) is not None

    @property
    def is_constant(self) -> bool:
        """The name is written as a constant's or a variable's of the environment: `X_KEY`."""
        return _CONSTANT.search(self._wording.data[slice(*self._span)]) is not None

    @property
    def is_own_key(self) -> bool:
        """The name is one word that says whose key it is: `acme_key`, `acmeKey`."""
        return _OWN_KEY.search(self._wording.data[slice(*self._span)]) is not None

    @property
    def is_harmless(self) -> bool:
        """The name speaks of something that may look drawn by lot and is no secret."""
        if self._excuse_begin < self._end and _is_harmless(
            self._wording.kinds(self._excuse_begin, self._end, self._end)
        ):
            return True
        if self._name is None and not self._wording.may_be_harmless(*self._span):
            return False
        return _is_harmless(self.name)

    @property
    def is_silent(self) -> bool:
        """No word can make the value a secret that is neither assigned nor said to be anything."""
        if self.link not in _LOOSE:
            return False
        start, end = self._span
        begin = self._wording.spoken_from(max(self._begin, self._end - _NEAR_CHARS), self._end)
        if self.link is Link.NEAR:
            return not self._wording.is_telling(begin, self._end)
        is_telling = self._wording.is_telling(min(begin, start), self._end)
        return not is_telling and not self._wording.has_short_service(start, end)

    def _look(self) -> tuple[int, int]:
        if self._seen is None:
            begin = max(self._begin, self._end - _NEAR_CHARS)
            spoken = self._wording.spoken_from(begin, self._end)
            line, near = self._wording.telling_kinds(spoken, self._end, self._span[0])
            if spoken > begin:  # words before a placeholder still excuse
                near |= self._wording.telling_kinds(begin, self._end, self._span[0])[1] & Kind.EXPLAINED
            self._seen = line | self.name, near | self.name
        return self._seen


class NameReader:
    """Reads the text before a value. Immutable, so threads may share it."""

    def __init__(self, words: Words) -> None:
        self._vocabulary = Vocabulary(words)
        self._tails = words.tails
        self._copulas = words.copulas
        self._handed, self._speakers, self._told = words.handed, words.speakers, words.told

    def open(self, data: bytes) -> Wording:
        """Return the words of a text, in which values are asked about in order."""
        return Wording(self._vocabulary, data)

    def read(self, wording: Wording, end: int) -> Naming:
        """Return what the last `BEFORE_CHARS` before a value that begins at `end` say."""
        return Naming(self, wording, end)

    def name(self, wording: Wording, link: Link, start: int, end: int, value: int) -> int:
        """Return the kinds of the words in a name that is linked to the value that begins at `value`."""
        if link is Link.NEAR:
            return Kind.NOTHING
        if start == end == value:
            return Kind.STRONG  # the user of a call, such as `curl -u`
        written = wording.data[start:end]
        name = self._vocabulary.kinds.get(written.translate(LOWER, SEPARATORS), Kind.NOTHING)
        if not name:
            # Behind a word nothing says that the text is a name: the letters of encoded data spell short words.
            name = wording.kinds(start, end, end if link is Link.ADJACENT else start)
        if link is Link.HANDED:
            return name | Kind.HANDED
        if link is not Link.SAID and name and self._has_tail(written):
            name |= Kind.TAIL
        if link is Link.ASSIGNED and b"(" in (called := wording.data[start : end + 1]):
            if _MAKER.search(called) is not None:
                name = name & ~Kind.FAINT | Kind.WEAK | Kind.PROVIDER
            elif _CALLEE.search(called) is not None:
                name = name & ~Kind.FAINT | Kind.WEAK
            elif _CLASS.search(called) is not None:
                name = name & ~Kind.FAINT | (Kind.PROVIDER if name & Kind.COMMON else Kind.NOTHING)
        return name

    def linked(self, before: bytes) -> tuple[Link, int, int]:
        """Return how a value is linked to its name, and where in the text before it the name stands."""
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
            # `setx X_KEY …`, `ENV X_TOKEN …`; what headers define is known to all
            is_constant = not bare[start:].startswith(b"#define") and _CONSTANT.search(bare) is not None
            start = start if is_constant else max(start, end - _MAX_ADJACENT_CHARS)
            if (option := _OPTION.search(bare)) is not None:  # what it is an option of is no part of the name
                start = option[0][0] + 1
            return Link.ASSIGNED if is_constant else Link.ADJACENT, start, end
        else:
            begins_line = before.rstrip(_OPENING + b" \t")[-1:] == b"\n"
            label = _LABEL_ABOVE.search(before) if begins_line else None  # `API Key` alone on the line above
            return (Link.NEAR, 0, 0) if label is None else (Link.ADJACENT, *label[1])
        start, end = _name_span(rest)
        if is_called and rest[:start].rstrip(_SPACES)[-1:] in _SIGN_ENDS_SET:  # `X_TOKEN = decoded("…")`
            start = _name_span(rest[:start].rstrip(_SPACES).rstrip(_SIGN))[0]
        return link, start, end

    def _without_copulas(self, text: bytes) -> bytes | None:
        """Return the text before the verb that it ends with; None when it ends with none."""
        found = None
        for _ in range(_MAX_COPULAS):
            at = max(text.rfind(b" "), text.rfind(b"\n")) + 1
            if text[at:].translate(LOWER) not in self._copulas or not at:
                break
            text = found = text[:at].rstrip(_SPACES)
        return found

    def _is_handed(self, text: bytes) -> bool:
        """Tell whether the text ends with who puts the value somewhere, `I put`, or is told to: `Paste`."""
        at = max(text.rfind(b" "), text.rfind(b"\n")) + 1
        last = text[at:].translate(LOWER)
        if last in self._told and text[:at].rstrip(_SPACES)[-1:] in _SENTENCE_ENDS:
            return True
        if last not in self._handed:
            return False
        before = text[-_MAX_HANDING_CHARS:].translate(LOWER).split()[-_MAX_HANDING_WORDS:-1]
        return not self._speakers.isdisjoint(before)

    def _has_tail(self, name: bytes) -> bool:
        last = PIECE.findall(name[-_MAX_TAIL_CHARS:])
        return bool(last) and last[-1].translate(LOWER) in self._tails


def _is_harmless(name: int) -> bool:
    return bool(name & (Kind.EXPLAINED | Kind.TAIL)) or name & (Kind.FAINT | Kind.STRONG) == Kind.FAINT


def _marked(before: bytes, text: bytes, bare: bytes) -> tuple[Link, int, int] | None:
    """Return the name of a value in a cell of its own, `<th>X key</th><td><code>…`, of a call's user, or in a list."""
    if bare[-1:] == b">" and (cell := _MARKUP.search(text)) is not None and cell[0][0]:
        return Link.ASSIGNED, *_name_span(text[: cell[0][0]])
    if bare[-1:] == b">" and (attribute := _ATTRIBUTE.search(bare)) is not None:
        return Link.ASSIGNED, *attribute[1]
    if bare.endswith(_USER_FLAGS) and any(caller in before for caller in _CALLERS):
        return Link.ASSIGNED, len(before), len(before)
    return _listed(text, bare)


def _listed(text: bytes, bare: bytes) -> tuple[Link, int, int] | None:
    """Return the name of a value that stands in a list, or behind other arguments of a call."""
    if bare[-1:] == b"-":
        found = _ITEM.search(bare)
    elif text[-1:] == b":" and (pair := _PAIR.search(text)) is not None:
        found = _ITEM.search(text[: text.index(b"-", pair[0][0]) + 1])
    elif bare[-1:] == b",":
        found = _ELEMENT.search(text)
        if found is None and (found := _ARGUMENT.search(text)) is not None:
            start, end = found[0][0], len(bare) - 1
            if _DRAWN_ARGUMENT.search(bare, start) is not None:  # its letters spell short words
                end = text.index(b"(", start)
            if text[:start].rstrip(_SPACES)[-1:] in _SIGN_ENDS_SET:  # `X_TOKEN = fetch("X", "…")`
                start = _name_span(text[:start].rstrip(_SPACES).rstrip(_SIGN))[0]
            return Link.ASSIGNED, start, end
    else:
        return None
    return None if found is None else (Link.ASSIGNED, *_name_span(text[: found[0][0] + 1]))


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
