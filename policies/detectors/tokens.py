"""Values without a form of their own, given away by what stands before them.

A run of token characters is judged in three steps, the cheap ones first: does it look drawn by lot (`rarity`), is its
form explained (`explained`), and what do the words before it say (`naming`). How much chance is asked for depends on
how plainly the words speak (`evidence`): a name such as `api_token` with a sign asks for little, a service's word in
the line for much, and a value that stands alone for nearly certainty. Nothing in the text can switch this off.
"""

from __future__ import annotations

import base64
import re  # single classes only; what grows with the text is RE2's
from collections.abc import Iterator
from typing import Final, NamedTuple

from policies.detectors.evidence import FAR_BITS, LEAST_BITS, LOW_BITS, is_named_harmless, linked_bits, near_bits
from policies.detectors.explained import Form, form_of, is_explained, is_public
from policies.detectors.naming import BEFORE_CHARS, Link, NameReader, Naming
from policies.detectors.rarity import is_filling, rarity
from policies.detectors.shapes import without_mark
from policies.detectors.wording import Kind, Wording, any_of
from policies.placeholders import PLACEHOLDER, PLACEHOLDER_MAX_CHARS
from policies.pseudonyms import is_placeholder
from policies.views.regex import Regex
from policies.views.undo import DRAWN_CLASS
from policies.words import ASSIGNED_TOKEN, PROVIDER_TOKEN, RARE_STRING, SAID_TOKEN, Words

RUN: Final = rb"[%s]{8,2048}" % DRAWN_CLASS.encode("ascii")
"""A run of token characters; `TokenDetector.judge` wants it maximal."""

# The runs that may be drawn by lot, found without a look at the others: a digit among eight characters, or a capital
# where none stands in a word, or many letters of one case. `_drawn` looks closer.
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
_DIGIT: Final = re.compile(rb"[0-9]")
_NOT_CAPITALS: Final = bytes(c for c in range(256) if not chr(c).isupper() or not chr(c).isascii())
_MIN_CHARS: Final = 8
_MIN_TYPED_CHARS: Final = 20
_MIN_TYPED_KINDS: Final = 8  # different characters
_TYPED_BITS: Final = 30.0  # given to rows of keys, which are explained unless their name is a secret's
_ROW: Final = re.compile(rb"(?i)abc|mno|xyz|123|321|789|987")  # single words: linear
_MIN_LETTERS_ONLY: Final = 10  # below, words and chance cannot be told apart without a digit
_MIN_SMALL_LETTERS_ONLY: Final = 16
_NO_DIGIT_BITS: Final = 6.0  # a name oddly spelled has no digit either
_ENCODED_BITS_A_CHAR: Final = 1.0  # base 64 has 2.3 on average, paths are below 0.5
_MIN_PATH_PART: Final = 16
_MIN_TAIL_CHARS: Final = 16
_TAIL_BITS: Final = 14.0  # of a drawn tail behind a spelled name: only plain words make it a secret
_MARKED_HEX: Final = re.compile(rb"^[A-Za-z]{1,4}(?=[0-9a-f]{24})")  # `PT3f9c…`
_SEPARATED: Final = re.compile(rb"[_.-]")
_NO_NAME: Final = re.compile(rb"[0-9][0-9A-Za-z_-]{0,8}[A-Za-z][0-9A-Za-z_+/-]{2}")  # a name begins with a letter
_MAX_PADDING: Final = 2  # of base 64
_UUID_CHARS: Final = 36
_MAX_ID_CHARS: Final = 72  # of the half before a colon
_ID_CHARS: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"
_MIN_SPELLED: Final = 24  # characters of hexadecimal
_FIRST_DIGITS: Final = b"234567"  # of printable ASCII in hexadecimal
_HEX_DIGITS: Final = b"0123456789abcdefABCDEF"
_RUN_ONLY: Final = re.compile(RUN).fullmatch
_UNPRINTABLE: Final = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")

# What stands right before and after it
_REFERENCES: Final = (b"${", b"{{", b"{{ ", b"$(")  # a name that is looked up
_ENCODINGS: Final = (b";base64,", b"&#x", b"\\x")
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
    b"sha512=",
)
_EXPLAINING_ENDS: Final = _REFERENCES + _ENCODINGS + _SUMS
_LINE_BEGINS: Final = b" \t>\"'+"
_BLOCK: Final = Regex(
    r"""(?:(?:^|\n)[ \t>"'+]*[A-Za-z0-9+/=_-]+["',;:\\n ]*|[A-Za-z0-9+/=_-]{56}|-----["',;:\\n ]*"""
    rf"""|{PLACEHOLDER}["',;:\\n ]*)\r?\n[ \t>"'+]*$"""
)

_ADDRESS_START: Final = re.compile(rb"//|[0-9]{2,5}/")  # behind `https:` or `host:`

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


class _Drawn(NamedTuple):
    """A value that looks drawn by lot.

    Attributes:
        start: its place in the run.
        bits: the evidence of chance.
        is_path: it is a part of a path.
        telling: the kinds of words in its line that make a part of a path a secret.
    """

    start: int
    value: bytes
    bits: float
    form: Form
    is_path: bool
    telling: int = Kind.STRONG


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
            if _MIN_CHARS <= end - begin <= _MAX_CHARS:
                seen = b"" if known is None else data[max(0, begin - _SEEN_CHARS) : end + 1]
                if known and seen in known:
                    found = _moved(known[seen], begin)
                else:
                    drawn = _drawn(data[begin:end])
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
        drawn = _drawn(data[start:end])
        return None if drawn is None else self._judge(data, start, end, drawn, self._reader.open(data))

    def _judge(self, data: bytes, start: int, end: int, drawn: _Drawn, wording: Wording) -> TokenFinding | None:
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
        if not is_key or len(value) < _MIN_TYPED_CHARS or len(set(value)) < _MIN_TYPED_KINDS:
            return False
        return not self._example(value.lower()) and not is_public(value)

    def _rule(self, naming: Naming, before: bytes, after: bytes, drawn: _Drawn) -> str | None:
        bits, form, value = drawn.bits, drawn.form, drawn.value
        if bits < LEAST_BITS[naming.link]:
            return None
        rule = _named_rule(naming, drawn)
        if rule or form not in _RARE_FORMS or bits < _RARE_BITS or drawn.is_path or len(value) not in _WRITTEN_CHARS:
            return rule
        if naming.is_harmless or not _DIGIT.search(value) or _spelled(value) is not None:
            return None
        if len(value) not in _RARE_CHARS and (_ENCODING.search(value) or not _SEPARATED.search(value)):
            return None  # data in base 64
        before = _before_id(before)
        return RARE_STRING if _stands_alone(before, after) or _is_written_out(before, after) else None


def _is_row(word: bytes) -> bool:
    """Tell whether a word is a row of different letters or digits, such as `abcdefgh`, that says nothing."""
    return len(set(word)) >= _MIN_CHARS and is_filling(word)


def _without_mark(value: bytes) -> bytes:
    return without_mark(value.decode("ascii")).encode("ascii")


def _before_id(before: bytes) -> bytes:
    """Return what stands before the number that is one value with its secret, `8143…:`; else all."""
    bare = before[:-1].rstrip(_DIGITS)
    is_id = before[-1:] == b":" and len(before) - len(bare) > _MIN_CHARS and not bare[-1:].isalnum()
    return bare if is_id else before


def _with_id(data: bytes, start: int) -> int:
    """Return where a value begins with the drawn half before its colon: `8143…:AAF…`, never with a name of a person."""
    if data[start - 1 : start] != b":":
        return start
    before = data[max(0, start - 1 - _MAX_ID_CHARS) : start - 1]
    half = before[len(before.rstrip(_ID_CHARS)) :]
    if len(half) < _MIN_CHARS or len(half) == _MAX_ID_CHARS or not _DIGIT.search(half):
        return start
    is_number = half.isdigit() and not is_filling(half)
    return start - 1 - len(half) if is_number or rarity(half) >= LOW_BITS else start


def _may_be_letters_drawn(run: bytes) -> bool:
    """Tell whether a run without a digit may be drawn by lot: letters of one case need length, others odd capitals."""
    if len(run) < _MIN_LETTERS_ONLY:
        return False
    body = run.rstrip(b"=.")
    value = body[body.rfind(b"=") + 1 :]
    if len(value) < _MIN_LETTERS_ONLY:
        return False
    if value.islower() or value.isupper():
        return len(value) >= _MIN_SMALL_LETTERS_ONLY and value.isalpha()
    capitals = len(value.translate(None, _NOT_CAPITALS))
    return 5 * capitals >= len(value) and value.count(b"_") + value.count(b".") <= 1


def _drawn(run: bytes) -> _Drawn | None:
    """Return the value in a run that looks drawn by lot; None when the run has none."""
    if not _DIGIT.search(run) and not _may_be_letters_drawn(run):
        return None
    first, last = _value_span(run)
    value = run[first:last]
    if value[0:_MIN_SPELLED:2].strip(_FIRST_DIGITS) == b"" and (told := _drawn_in(value)) is not None:
        return told._replace(start=first, value=value)
    bits = rarity(value) if len(value) >= _MIN_CHARS else 0.0
    is_address = _ADDRESS_START.match(value) is not None
    is_path = is_address or (b"/" in value and bits < _ENCODED_BITS_A_CHAR * len(value) and value[-1:] != b"=")
    if is_path:
        start, value, bits = _drawn_part(value)
        first += start
    if bits < _TAIL_BITS and (tailed := _drawn_tail(first, value, is_path=is_path)) is not None:
        return tailed
    if bits < _TYPED_BITS and _is_typed_by_rows(value):
        bits = _TYPED_BITS
    if bits < LOW_BITS:
        return None
    if not _DIGIT.search(value):
        bits -= _NO_DIGIT_BITS
    form = form_of(value) if bits >= LOW_BITS else None
    telling = Kind.STRONG if is_address else Kind.STRONG | Kind.WEAK  # `api` is the host of an object
    return None if form is None else _Drawn(first, value, bits, form, is_path, telling)


def _is_typed_by_rows(value: bytes) -> bool:
    """Tell whether a long value is made of rows of keys: neither drawn nor spelled; its name must say the rest."""
    return len(value) >= _MIN_TYPED_CHARS and _ROW.search(value) is not None and is_filling(value)


def _drawn_in(value: bytes) -> _Drawn | None:
    """Return the value drawn by lot that another spells in hexadecimal or base 64; None when it spells none."""
    text = _spelled(value)
    if text is None or len(text) < _MIN_CHARS or _RUN_ONLY(text) is None:
        return None
    drawn = _drawn(text)
    return None if drawn is None or drawn.start else drawn._replace(form=Form.MIXED)


def _drawn_part(path: bytes) -> tuple[int, bytes, float]:
    """Return the last part of a path that looks drawn by lot, where it stands, and its bits; the last if none does."""
    end = len(path)
    while end > 0:
        start = path.rfind(b"/", 0, end) + 1
        part = path[start:end]
        if len(part) >= _MIN_PATH_PART and (_DIGIT.search(part) or _may_be_letters_drawn(part)):
            bits = rarity(part)
            if bits >= FAR_BITS or end == len(path):
                return start, part, bits
        end = start - 1
    return len(path), b"", 0.0


def _drawn_tail(first: int, value: bytes, *, is_path: bool) -> _Drawn | None:
    """Return a value whose hexadecimal or UUID stands behind a spelled name, as in `service-3f9c…`."""
    tail = value[-_UUID_CHARS:]
    if form_of(tail) is not Form.UUID:
        tail = _MARKED_HEX.sub(b"", _SEPARATED.split(value)[-1])
        if len(tail) < _MIN_TAIL_CHARS or form_of(tail) is not Form.HEX:
            return None
    return _Drawn(first, value, _TAIL_BITS, Form.HEX, is_path) if len(tail) < len(value) else None


def _value_span(run: bytes) -> tuple[int, int]:
    """Return where the value stands in a run: behind `name=`, before the dots that end a sentence."""
    last = len(run.rstrip(b".~"))
    body = run[:last].rstrip(b"=")
    if last - len(body) > _MAX_PADDING:
        last = len(body)
    first = _behind_name(body)
    while first < last and run[first] in b".~":
        first += 1
    return first, last


def _behind_name(run: bytes) -> int:
    """Return where the value begins behind `name=`: a sign inside a value has what is drawn by lot before it."""
    first = run.rfind(b"=") + 1
    start = 0
    while start < first:
        end = run.index(b"=", start)
        part = run[start:end]
        if _NO_NAME.match(part) or (len(part) >= _MIN_CHARS and _DIGIT.search(part) and rarity(part) >= LOW_BITS):
            return start
        start = end + 1
    return first


def _is_looked_up(before: bytes) -> bool:
    """Tell whether what follows is looked up, a sum by its own word, or a line of a block: the line before is a run."""
    if before.endswith(_EXPLAINING_ENDS):
        return True
    begins_line = before.rstrip(_LINE_BEGINS)[-1:] == b"\n"
    return begins_line and _BLOCK.search(before) is not None


def _named_rule(naming: Naming, drawn: _Drawn) -> str | None:
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
    if not name & Kind.STRONG and ((form is Form.HEX and naming.is_pinned) or _is_of_words(value)):
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
    is_torn = not before[:-1].strip(_DIGITS)  # at the beginning of a text: the rest of `sha256=`
    return last == b"=" and after in _FREE_AFTER and not is_torn


def _is_of_words(value: bytes) -> bool:
    """Tell whether the value spells a text in which nothing was drawn; the text is scanned by itself."""
    return _spelled(value) is not None and _drawn_in(value) is None


def _spelled(value: bytes) -> bytes | None:
    """Return the text that hexadecimal or base 64 spells; None when it is no text."""
    try:
        if len(value) >= _MIN_SPELLED and not value.strip(_HEX_DIGITS):
            text = bytes.fromhex(value.decode("ascii"))
        else:
            text = base64.b64decode(value.translate(_FROM_URL) + b"=" * (-len(value) % 4), validate=True)
    except ValueError:
        return None
    return text if text.isascii() and _UNPRINTABLE.search(text) is None else None


_FROM_URL: Final = bytes.maketrans(b"-_", b"+/")
