"""Which part of a run of token characters looks drawn by lot, whatever stands around it.

The cheap steps come first: has it a digit or odd capitals, how rare is its spelling (`rarity`), what is its form
(`explained`). A path is looked at in its parts, hexadecimal and base 64 for what they spell.
"""

from __future__ import annotations

import base64
import re  # single classes only; what grows with the text is RE2's
from typing import Final, NamedTuple

from policies.detectors.evidence import FAR_BITS, LOW_BITS
from policies.detectors.explained import Form, form_of
from policies.detectors.rarity import is_filling, rarity
from policies.detectors.wording import Kind
from policies.views.undo import DRAWN_CLASS

RUN: Final = rb"[%s]{8,2048}" % DRAWN_CLASS.encode("ascii")
"""A run of token characters; `TokenDetector.judge` wants it maximal."""

DIGIT: Final = re.compile(rb"[0-9]")
_NOT_CAPITALS: Final = bytes(c for c in range(256) if not chr(c).isupper() or not chr(c).isascii())
MIN_CHARS: Final = 8
MIN_TYPED_CHARS: Final = 20
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
SEPARATED: Final = re.compile(rb"[_.-]")
_NO_NAME: Final = re.compile(rb"[0-9][0-9A-Za-z_-]{0,8}[A-Za-z][0-9A-Za-z_+/-]{2}")  # a name begins with a letter
_MAX_PADDING: Final = 2  # of base 64
_UUID_CHARS: Final = 36
_MIN_SPELLED: Final = 24  # characters of hexadecimal
_FIRST_DIGITS: Final = b"234567"  # of printable ASCII in hexadecimal
_HEX_DIGITS: Final = b"0123456789abcdefABCDEF"
_RUN_ONLY: Final = re.compile(RUN).fullmatch
_UNPRINTABLE: Final = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_ADDRESS_START: Final = re.compile(rb"//|[0-9]{2,5}/")  # behind `https:` or `host:`
_FROM_URL: Final = bytes.maketrans(b"-_", b"+/")


class Drawn(NamedTuple):
    """A value that looks drawn by lot.

    Attributes:
        start: its place in the run, bytes.
        value: its bytes.
        bits: the evidence of chance.
        form: what it is spelled like.
        is_path: it is a part of a path.
        telling: the kinds of words in its line that make a part of a path a secret.
    """

    start: int
    value: bytes
    bits: float
    form: Form
    is_path: bool
    telling: int = Kind.STRONG


def drawn_in(run: bytes) -> Drawn | None:
    """Return the value in a run that looks drawn by lot; None when the run has none."""
    if not DIGIT.search(run) and not _may_be_letters_drawn(run):
        return None
    first, last = _value_span(run)
    value = run[first:last]
    if value[0:_MIN_SPELLED:2].strip(_FIRST_DIGITS) == b"" and (told := _drawn_in_spelled(value)) is not None:
        return told._replace(start=first, value=value)
    bits = rarity(value) if len(value) >= MIN_CHARS else 0.0
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
    if not DIGIT.search(value):
        bits -= _NO_DIGIT_BITS
    form = form_of(value) if bits >= LOW_BITS else None
    telling = Kind.STRONG if is_address else Kind.STRONG | Kind.WEAK  # `api` is the host of an object
    return None if form is None else Drawn(first, value, bits, form, is_path, telling)


def is_of_words(value: bytes) -> bool:
    """Tell whether the value spells a text in which nothing was drawn; the text is scanned by itself."""
    return spelled(value) is not None and _drawn_in_spelled(value) is None


def spelled(value: bytes) -> bytes | None:
    """Return the text that hexadecimal or base 64 spells; None when it is no text."""
    try:
        if len(value) >= _MIN_SPELLED and not value.strip(_HEX_DIGITS):
            text = bytes.fromhex(value.decode("ascii"))
        else:
            text = base64.b64decode(value.translate(_FROM_URL) + b"=" * (-len(value) % 4), validate=True)
    except ValueError:
        return None
    return text if text.isascii() and _UNPRINTABLE.search(text) is None else None


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


def _is_typed_by_rows(value: bytes) -> bool:
    """Tell whether a long value is made of rows of keys: neither drawn nor spelled; its name must say the rest."""
    return len(value) >= MIN_TYPED_CHARS and _ROW.search(value) is not None and is_filling(value)


def _drawn_in_spelled(value: bytes) -> Drawn | None:
    """Return the value drawn by lot that another spells in hexadecimal or base 64; None when it spells none."""
    text = spelled(value)
    if text is None or len(text) < MIN_CHARS or _RUN_ONLY(text) is None:
        return None
    drawn = drawn_in(text)
    return None if drawn is None or drawn.start else drawn._replace(form=Form.MIXED)


def _drawn_part(path: bytes) -> tuple[int, bytes, float]:
    """Return the last part of a path that looks drawn by lot, where it stands, and its bits; the last if none does."""
    end = len(path)
    while end > 0:
        start = path.rfind(b"/", 0, end) + 1
        part = path[start:end]
        if len(part) >= _MIN_PATH_PART and (DIGIT.search(part) or _may_be_letters_drawn(part)):
            bits = rarity(part)
            if bits >= FAR_BITS or end == len(path):
                return start, part, bits
        end = start - 1
    return len(path), b"", 0.0


def _drawn_tail(first: int, value: bytes, *, is_path: bool) -> Drawn | None:
    """Return a value whose hexadecimal or UUID stands behind a spelled name, as in `service-3f9c…`."""
    tail = value[-_UUID_CHARS:]
    if form_of(tail) is not Form.UUID:
        tail = _MARKED_HEX.sub(b"", SEPARATED.split(value)[-1])
        if len(tail) < _MIN_TAIL_CHARS or form_of(tail) is not Form.HEX:
            return None
    return Drawn(first, value, _TAIL_BITS, Form.HEX, is_path) if len(tail) < len(value) else None


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
        if _NO_NAME.match(part) or (len(part) >= MIN_CHARS and DIGIT.search(part) and rarity(part) >= LOW_BITS):
            return start
        start = end + 1
    return first
