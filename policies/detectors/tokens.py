"""Values without a form of their own, given away by what stands before them.

A run of token characters is judged in three steps, the cheap ones first: does it look drawn by lot (`rarity`), is its
form explained (`explained`), and what do the words before it say (`naming`). How much chance is asked for depends on
how plainly the words speak (`evidence`): a name such as `api_token` with a sign asks for little, a service's word in
the line for much, and a value that stands alone for nearly certainty. Nothing in the text can switch this off.
"""

from __future__ import annotations

import re  # single classes only; what grows with the text is RE2's
from collections.abc import Iterator
from typing import Final, NamedTuple

from policies.detectors.drawn import (
    DIGIT,
    MIN_CHARS,
    MIN_TYPED_CHARS,
    SEPARATED,
    Drawn,
    drawn_in,
    is_of_words,
    spelled,
)
from policies.detectors.evidence import FAR_BITS, LEAST_BITS, LOW_BITS, is_named_harmless, linked_bits, near_bits
from policies.detectors.explained import Form, is_explained, is_public
from policies.detectors.naming import BEFORE_CHARS, Link, NameReader, Naming
from policies.detectors.rarity import is_filling, rarity
from policies.detectors.shapes import without_mark
from policies.detectors.wording import Kind, Wording, any_of
from policies.placeholders import PLACEHOLDER, PLACEHOLDER_MAX_CHARS
from policies.pseudonyms import is_placeholder
from policies.views.regex import Regex
from policies.views.undo import DRAWN_CLASS
from policies.words import ASSIGNED_TOKEN, PROVIDER_TOKEN, RARE_STRING, SAID_TOKEN, Words

# The runs that may be drawn by lot, found without a look at the others: a digit among eight characters, or a capital
# where none stands in a word, or many letters of one case. `drawn_in` looks closer.
_ANY: Final = f"[{DRAWN_CLASS}]"
_CANDIDATES: Final = Regex(
    _ANY
    + "*(?:"
    + "|".join(
        (
            *(f"{_ANY}{{{before}}}[0-9]{_ANY}{{{7 - before}}}" for before in range(8)),
            f"[A-Z]{_ANY}*[A-Z]{_ANY}*[a-z]",
            f"[A-Z]{_ANY}*[a-z]{_ANY}*[A-Z]",
            f"[a-z]{_ANY}*[A-Z]{_ANY}*[A-Z]",
            "[a-z]{16}",
            "[A-Z]{16}",
        )
    )
    + f"){_ANY}*"
)
_SEEN_CHARS: Final = BEFORE_CHARS + PLACEHOLDER_MAX_CHARS  # before a run: what is read, and a placeholder torn by it
_MAX_CHARS: Final = 2048  # tokens that hold signed claims have more than a thousand
_SCORES: Final = {PROVIDER_TOKEN: 0.85, ASSIGNED_TOKEN: 0.8, SAID_TOKEN: 0.75, RARE_STRING: 0.6}
_SERVICE: Final = Kind.PROVIDER | Kind.COMMON

# The value by itself
_DIGITS: Final = b"0123456789"
_MIN_TYPED_KINDS: Final = 8  # different characters
_ALPHABET: Final = b"abcdefghijklmnopqrstuvwxyz"
_MAX_ID_CHARS: Final = 72  # of the half before a colon
_ID_CHARS: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"

# What stands right before and after it
_REFERENCES: Final = (b"${", b"{{", b"{{ ", b"$(")  # a name that is looked up
_ENCODINGS: Final = (b";base64,", b"&#x", b"\\x", b"$Id: ", b"$Id:  ")  # the last two: git names a file's content
_SUMS: Final = (
    b"md5:",
    b"sha1:",
    b"sha256:",
    b"sha384:",
    b"sha512:",
    b"h1:",
    b"md5=",
    b"sha1=",
    b"sha256=",
    b"sha384=",
    b"sha512=",
)
_EXPLAINING_ENDS: Final = _REFERENCES + _ENCODINGS + _SUMS
# A file's name before a value as long as SHA-256, SHA-384 or SHA-512 in base 64 or hexadecimal
_FILE: Final = re.compile(
    rb"\.(?:m?js|css|map|woff2?|json|py|so|dll|exe|zip|gz|tgz|whl|jar|deb|rpm|png|svg)[\"'`]?\s?[:=,]\s?[\"'`]?\Z"
)
_SUM_CHARS: Final = frozenset((40, 43, 44, 64, 86, 88, 96, 128))
_LINE_BEGINS: Final = b" \t>\"'+"
_BLOCK: Final = Regex(
    r"""(?:(?:^|\n)[ \t>"'+]*[A-Za-z0-9+/=_-]+["',;:\\n ]*|[A-Za-z0-9+/=_-]{56}|-----["',;:\\n ]*"""
    rf"""|{PLACEHOLDER}["',;:\\n ]*)\r?\n[ \t>"'+]*$"""
)


# A part of an address that is a key: right behind the host of an API, its version, or a word that says so
_ADDRESS: Final = Regex(
    r"""(?i)//(?:[a-z0-9-]{1,63}[.-]){0,6}(?:[a-z]{0,12}apis?[0-9]?|rpc|mainnet|testnet|devnet|sepolia|holesky|goerli"""
    r"""|gateway|nodes?|v[0-9])[.-][a-z0-9.-]{1,80}(?::[0-9]{2,5})?"""
    r"""(?:(?:/[a-z0-9._~-]{1,40}){0,4}?/(?:v?[0-9]{1,2}(?:\.[0-9]{1,2})?|apis?|json|xml|rest|bot|rpc|ws|ext|forecast|eth|ethereum|polygon|bsc|solana"""
    r"""|arbitrum|optimism|base|avalanche|mainnet|(?:api|access|auth|app|user)?[_-]?(?:key|token)|auth|secret))?/$"""
    r"""|//[^\s/"'<>]{4,80}/apis?/(?:(?:v[0-9.]{1,4}|json|xml|rest|ip)/){0,3}$"""
    r"""|//[^\s/"'<>]{4,80}/(?:inputs?|collect|ping|send|notify|deploy|trigger|beacon)/$"""
)

# A value that no word gives away
_RARE_FORMS: Final = frozenset((Form.MIXED, Form.LOWER))
_ENCODING: Final = re.compile(rb"[+/=]")
_RARE_CHARS: Final = range(20, 65)
_WRITTEN_CHARS: Final = range(20, 257)  # a signed token is longer than a key
_RARE_BITS: Final = 45.0
_QUOTES: Final = frozenset((b'"', b"'", b"`"))
_SIGNS: Final = frozenset((b"=", b":", b"("))
_MADE: Final = Regex(
    r"""(?:\b[A-Z][A-Za-z0-9_.]*|\b(?:init|configure|connect|setup|login))\([^()\n]*$"""
)  # a further argument
_FREE_BEFORE: Final = frozenset((b"", b" ", b"\n", b"\t", b"`"))
_FREE_AFTER: Final = frozenset((b"", b" ", b"\n", b"\r", b"\t", b"`", b'"', b"'", b",", b"?", b"!", b";"))
_TORN_AFTER: Final = _FREE_AFTER - {b"", b" "}  # at the beginning of a text: the rest of an encoded line
_QUOTED_WORD: Final = Regex(r"""[A-Za-z] ["']$""")


class TokenFinding(NamedTuple):
    """A value found: bytes `start` to `end`, half-open, the rule that found it, and how sure it is, from 0 to 1."""

    start: int
    end: int
    rule: str
    score: float


def _moved(found: TokenFinding | None, by: int) -> TokenFinding | None:
    return None if found is None else found._replace(start=found.start + by, end=found.end + by)


class TokenDetector:
    """Judges runs of token characters. Immutable, so threads may share it."""

    def __init__(self, words: Words) -> None:
        self._reader = NameReader(words)
        self._placeholder = any_of(words.placeholders)
        self._example = any_of(word for word in words.placeholders if not _is_row(word))

    def judge_all(
        self, data: bytes, start: int, known: dict[bytes, TokenFinding | None] | None = None
    ) -> Iterator[tuple[int, int, TokenFinding]]:
        """Judge every maximal run of 8 to 2,048 characters from `start` on, and yield those found with their runs.

        Args:
            data: the view.
            start: runs begin here or later.
            known: what was found before in runs with the same text around them, places counted from where they begin;
                None where no other view is looked at.
        """
        wording: Wording | None = None
        candidate = _CANDIDATES.search(data, start)
        while candidate is not None:
            begin, end = candidate[0]
            if MIN_CHARS <= end - begin <= _MAX_CHARS:
                seen = b"" if known is None else data[max(0, begin - _SEEN_CHARS) : end + 1]
                if known and seen in known:
                    found = _moved(known[seen], begin)
                else:
                    drawn = drawn_in(data[begin:end])
                    if drawn is not None and wording is None:
                        wording = self._reader.open(data)  # most texts have nothing that asks for their words
                    found = None if drawn is None or wording is None else self._judge(data, begin, end, drawn, wording)
                    if known is not None:
                        known[seen] = _moved(found, -begin)
                if found is not None:
                    yield begin, end, found
            candidate = _CANDIDATES.search(data, end)

    def is_telling(self, label: bytes) -> bool:
        """Tell whether a label has the letters of a word that makes a value a secret."""
        return self._reader.open(label).is_telling(0, len(label))

    def judge(self, data: bytes, start: int, end: int) -> TokenFinding | None:
        """Judge the maximal run `data[start:end]` by itself, the `BEFORE_CHARS` before it and the one byte after it."""
        drawn = drawn_in(data[start:end])
        return None if drawn is None else self._judge(data, start, end, drawn, self._reader.open(data))

    def _judge(self, data: bytes, start: int, end: int, drawn: Drawn, wording: Wording) -> TokenFinding | None:
        after = data[end : end + 1]
        if after == b"(":
            return None
        first = start + drawn.start
        before = data[max(0, start - BEFORE_CHARS) : first]
        if before[-1:] == b"[" and after == b"]" and is_placeholder(f"[{data[start:end].decode('ascii')}]"):
            return None  # one of ours stands where a value stood; guarding twice changes nothing
        is_key = drawn.is_path and drawn.bits >= FAR_BITS and _ADDRESS.search(before) is not None
        naming = self._reader.read(wording, first)
        rule = PROVIDER_TOKEN if is_key else self._rule(naming, before, after, drawn)
        if rule is None or _is_looked_up(before):
            return None
        if len(drawn.value) in _SUM_CHARS and not naming.name & Kind.STRONG and _FILE.search(before):
            return None
        if is_explained(_without_mark(drawn.value), self._placeholder) and not self._is_typed(naming, drawn.value):
            return None
        return TokenFinding(_with_id(data, first), first + len(drawn.value), rule, _SCORES[rule])

    def _is_typed(self, naming: Naming, value: bytes) -> bool:
        """Tell whether somebody typed a key by rows, `a1b2c3d4…`, under a secret's name: it may as well be true."""
        is_service = bool(naming.name & _SERVICE)
        is_secret = bool(naming.name & Kind.STRONG)
        if naming.link is Link.ASSIGNED:
            is_key = is_secret or (is_service and bool(naming.name & Kind.WEAK))
        else:
            is_key = is_secret and is_service
        if not is_key or len(value) < MIN_TYPED_CHARS or len(set(value)) < _MIN_TYPED_KINDS:
            return False
        low = value.lower()
        return not self._example(low) and not is_public(value) and _ALPHABET not in low

    def _rule(self, naming: Naming, before: bytes, after: bytes, drawn: Drawn) -> str | None:
        bits, form, value = drawn.bits, drawn.form, drawn.value
        if bits < LEAST_BITS[naming.link]:
            return None
        rule = _named_rule(naming, drawn)
        if rule or form not in _RARE_FORMS or bits < _RARE_BITS or drawn.is_path or len(value) not in _WRITTEN_CHARS:
            return rule
        if naming.is_harmless or not DIGIT.search(value) or spelled(value) is not None:
            return None
        if len(value) not in _RARE_CHARS and (_ENCODING.search(value) or not SEPARATED.search(value)):
            return None  # data in base 64
        before = _before_id(before)
        return RARE_STRING if _stands_alone(before, after) or _is_written_out(before, after) else None


def _is_row(word: bytes) -> bool:
    """Tell whether a word is a row of different letters or digits, such as `abcdefgh`, that says nothing."""
    return len(set(word)) >= MIN_CHARS and is_filling(word)


def _without_mark(value: bytes) -> bytes:
    return without_mark(value.decode("ascii")).encode("ascii")


def _before_id(before: bytes) -> bytes:
    """Return what stands before the number that is one value with its secret, `8143…:`; else all."""
    bare = before[:-1].rstrip(_DIGITS)
    is_id = before[-1:] == b":" and len(before) - len(bare) > MIN_CHARS and not bare[-1:].isalnum()
    return bare if is_id else before


def _with_id(data: bytes, start: int) -> int:
    """Return where a value begins with the drawn half before its colon: `8143…:AAF…`, never with a name of a person."""
    if data[start - 1 : start] != b":":
        return start
    before = data[max(0, start - 1 - _MAX_ID_CHARS) : start - 1]
    half = before[len(before.rstrip(_ID_CHARS)) :]
    if len(half) < MIN_CHARS or len(half) == _MAX_ID_CHARS or not DIGIT.search(half):
        return start
    is_number = half.isdigit() and not is_filling(half)
    return start - 1 - len(half) if is_number or rarity(half) >= LOW_BITS else start


def _is_looked_up(before: bytes) -> bool:
    """Tell whether what follows is looked up, a sum by its own word, or a line of a block: the line before is a run."""
    if before.endswith(_EXPLAINING_ENDS):
        return True
    begins_line = before.rstrip(_LINE_BEGINS)[-1:] == b"\n"
    return begins_line and _BLOCK.search(before) is not None


def _named_rule(naming: Naming, drawn: Drawn) -> str | None:
    """Return the rule by which a value with words before it is a secret."""
    bits, form, value = drawn.bits, drawn.form, drawn.value
    if naming.is_silent:
        return None
    name = naming.name
    if is_named_harmless(naming, form):
        return None
    if bits >= linked_bits(naming, form, value):
        rule = ASSIGNED_TOKEN if naming.link is Link.ASSIGNED else SAID_TOKEN
        if name & _SERVICE:
            rule = PROVIDER_TOKEN
    elif bits >= FAR_BITS and bits >= near_bits(naming, form, value):
        rule = PROVIDER_TOKEN
    else:
        return None
    if drawn.is_path and (form in {Form.UUID, Form.HEX} or not naming.line & drawn.telling):
        return None  # the address of an object
    if not name & Kind.STRONG and ((form is Form.HEX and naming.is_pinned) or is_of_words(value)):
        return None
    return rule


def _stands_alone(before: bytes, after: bytes) -> bool:
    """Tell whether a very rare value stands free in a sentence, or is all there is."""
    if after not in _FREE_AFTER:
        return False
    if not before:
        return after not in _TORN_AFTER
    return before[-1:] in _FREE_BEFORE or _QUOTED_WORD.search(before) is not None


def _is_written_out(before: bytes, after: bytes) -> bool:
    """Tell whether a very rare value is the whole right side of an assignment, whatever its name."""
    last = before[-1:]
    if last in _QUOTES:
        sign = before[:-1].rstrip(b" ")[-1:]
        return after == last and (sign in _SIGNS or (sign == b"," and _MADE.search(before) is not None))
    is_torn = any(name.endswith(before) for name in _SUMS)  # at the beginning of a text: the rest of `sha256=`
    return last == b"=" and after in _FREE_AFTER and not is_torn
