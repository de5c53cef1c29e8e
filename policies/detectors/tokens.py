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
from dataclasses import dataclass
from typing import Final

from policies.detectors.evidence import FAR_BITS, LOW_BITS, linked_bits, near_bits
from policies.detectors.explained import Form, form_of, is_explained
from policies.detectors.naming import BEFORE_CHARS, Kind, Link, NameReader, Naming, any_of
from policies.detectors.rarity import rarity
from policies.pseudonyms import is_placeholder
from policies.views.regex import Regex
from policies.views.undo import DRAWN_CLASS
from policies.words import ASSIGNED_TOKEN, PROVIDER_TOKEN, RARE_STRING, SAID_TOKEN, Words

RUN: Final = rb"[%s]{8,512}" % DRAWN_CLASS.encode("ascii")
"""A run of token characters; `TokenDetector.judge` wants it maximal."""

_RUNS: Final = re.compile(rb"[%s]{8,}" % DRAWN_CLASS.encode("ascii"))
_MAX_CHARS: Final = 512
_SCORES: Final = {PROVIDER_TOKEN: 0.85, ASSIGNED_TOKEN: 0.8, SAID_TOKEN: 0.75, RARE_STRING: 0.6}
_SERVICE: Final = Kind.PROVIDER | Kind.COMMON

# The value by itself
_DIGITS: Final = b"0123456789"
_DIGIT: Final = re.compile(rb"[0-9]")
_NOT_CAPITALS: Final = bytes(c for c in range(256) if not chr(c).isupper() or not chr(c).isascii())
_MIN_CHARS: Final = 8
_MIN_LETTERS_ONLY: Final = 10  # below, words and chance cannot be told apart without a digit
_MIN_SMALL_LETTERS_ONLY: Final = 16
_NO_DIGIT_BITS: Final = 6.0  # a name oddly spelled has no digit either
_ENCODED_BITS_A_CHAR: Final = 1.0  # base 64 has 2.3 on average, paths are below 0.5
_MIN_PATH_PART: Final = 16
_MAX_PADDING: Final = 2  # of base 64
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
    r"""(?:(?:^|\n)[ \t>"'+]*[A-Za-z0-9+/=_-]+["',;:\\n ]*|[A-Za-z0-9+/=_-]{56}|-----["',;:\\n ]*)\r?\n[ \t>"'+]*$"""
)

# A value that no word gives away
_RARE_FORMS: Final = frozenset((Form.MIXED, Form.LOWER))
_RARE_CHARS: Final = range(20, 65)
_RARE_BITS: Final = 45.0
_QUOTES: Final = frozenset((b'"', b"'", b"`"))
_SIGNS: Final = frozenset((b"=", b":", b"("))
_FREE_BEFORE: Final = frozenset((b"", b" ", b"\n", b"\t", b"`"))
_FREE_AFTER: Final = frozenset((b"", b" ", b"\n", b"\r", b"\t", b"`", b'"', b"'", b",", b"?", b"!", b";"))
_TORN_AFTER: Final = _FREE_AFTER - {b"", b" "}  # at the beginning of a text: the rest of an encoded line
_QUOTED_WORD: Final = Regex(r"""[A-Za-z] ["']$""")


@dataclass(frozen=True, slots=True)
class TokenFinding:
    """A value found: bytes `start` to `end`, half-open, the rule that found it, and how sure it is, from 0 to 1."""

    start: int
    end: int
    rule: str
    score: float


class TokenDetector:
    """Judges runs of token characters. Immutable, so threads may share it."""

    def __init__(self, words: Words) -> None:
        self._reader = NameReader(words)
        self._placeholder = any_of(words.placeholders)

    def judge_all(self, data: bytes, start: int) -> Iterator[tuple[int, int, TokenFinding]]:
        """Judge every maximal run of 8 to 512 characters from `start` on, and yield those found with their runs."""
        judge = self.judge
        for match in _RUNS.finditer(data, start):
            begin, end = match.span()
            if end - begin <= _MAX_CHARS:
                found = judge(data, begin, end)
                if found is not None:
                    yield begin, end, found

    def judge(self, data: bytes, start: int, end: int) -> TokenFinding | None:
        """Judge the maximal run `data[start:end]` by itself, the `BEFORE_CHARS` before it and the one byte after it."""
        run = data[start:end]
        if not _DIGIT.search(run) and not _may_be_letters_drawn(run):
            return None
        first, last, bits, is_path = _drawn_part(run)
        after = data[end : end + 1]
        if bits < LOW_BITS or after == b"(":
            return None
        value = run[first:last]
        form = form_of(value)
        if form is None:
            return None
        before = data[max(0, start - BEFORE_CHARS) : start] + run[:first]
        if before[-1:] == b"[" and after == b"]" and is_placeholder(f"[{run.decode('ascii')}]"):
            return None  # one of ours stands where a value stood; guarding twice changes nothing
        rule = self._rule(before, after, form, bits, value, is_path=is_path)
        if rule is None or _is_looked_up(before) or is_explained(value, self._placeholder):
            return None
        return TokenFinding(start + first, start + last, rule, _SCORES[rule])

    def _rule(self, before: bytes, after: bytes, form: Form, bits: float, value: bytes, *, is_path: bool) -> str | None:
        naming = self._reader.read(before)
        rule = _named_rule(naming, form, bits, value, is_path=is_path)
        if rule or form not in _RARE_FORMS or bits < _RARE_BITS or is_path or len(value) not in _RARE_CHARS:
            return rule
        name = naming.name
        is_harmless = name & (Kind.EXPLAINED | Kind.TAIL) or (name & Kind.FAINT and not name & Kind.STRONG)
        if is_harmless or not _DIGIT.search(value) or _is_readable(value):
            return None
        return RARE_STRING if _stands_alone(before, after) or _is_written_out(before, after, form) else None


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


def _drawn_part(run: bytes) -> tuple[int, int, float, bool]:
    """Return where the value stands in a run, its bits of chance, and whether it is the last part of a path."""
    first, last = _value_span(run)
    value = run[first:last]
    bits = rarity(value) if len(value) >= _MIN_CHARS else 0.0
    is_path = b"/" in value and bits < _ENCODED_BITS_A_CHAR * len(value) and value[-1:] != b"="
    if is_path:
        first += value.rfind(b"/") + 1
        value = run[first:last]
        bits = rarity(value) if len(value) >= _MIN_PATH_PART else 0.0
    return first, last, bits if _DIGIT.search(value) else bits - _NO_DIGIT_BITS, is_path


def _value_span(run: bytes) -> tuple[int, int]:
    """Return where the value stands in a run: behind `name=`, before the dots that end a sentence."""
    last = len(run.rstrip(b".~"))
    body = run[:last].rstrip(b"=")
    if last - len(body) > _MAX_PADDING:
        last = len(body)
    first = body.rfind(b"=") + 1
    while first < last and run[first] in b".~":
        first += 1
    return first, last


def _is_looked_up(before: bytes) -> bool:
    """Tell whether what follows is looked up, a sum by its own word, or a line of a block: the line before is a run."""
    if before.endswith(_EXPLAINING_ENDS):
        return True
    begins_line = before.rstrip(_LINE_BEGINS)[-1:] == b"\n"
    return begins_line and _BLOCK.search(before) is not None


def _named_rule(naming: Naming, form: Form, bits: float, value: bytes, *, is_path: bool) -> str | None:
    """Return the rule by which a value with words before it is a secret."""
    name = naming.name
    if name & (Kind.EXPLAINED | Kind.TAIL):
        return None
    if bits >= linked_bits(naming, form, value):
        rule = ASSIGNED_TOKEN if naming.link is Link.ASSIGNED else SAID_TOKEN
        if name & _SERVICE:
            rule = PROVIDER_TOKEN
    elif bits >= FAR_BITS and bits >= near_bits(naming, form, value):
        rule = PROVIDER_TOKEN
    else:
        return None
    if is_path and (form in {Form.UUID, Form.HEX} or not naming.line & (Kind.STRONG | Kind.WEAK)):
        return None  # the address of an object
    if not name & Kind.STRONG and ((form is Form.HEX and naming.is_pinned) or _is_readable(value)):
        return None
    return rule


def _stands_alone(before: bytes, after: bytes) -> bool:
    """Tell whether a very rare value stands free in a sentence, or is all there is."""
    if after not in _FREE_AFTER:
        return False
    if not before:
        return after not in _TORN_AFTER
    return before[-1:] in _FREE_BEFORE or _QUOTED_WORD.search(before) is not None


def _is_written_out(before: bytes, after: bytes, form: Form) -> bool:
    """Tell whether a very rare value is the whole right side of an assignment, whatever its name."""
    if form is not Form.MIXED:
        return False
    last = before[-1:]
    if last in _QUOTES:
        return after == last and before[:-1].rstrip(b" ")[-1:] in _SIGNS
    is_torn = not before[:-1].strip(_DIGITS)  # at the beginning of a text: the rest of `sha256=`
    return last == b"=" and after in _FREE_AFTER and not is_torn


def _is_readable(value: bytes) -> bool:
    """Tell whether the value is base 64 of a text: nothing was drawn, and the text is scanned by itself."""
    padded = value.translate(_FROM_URL) + b"=" * (-len(value) % 4)
    try:
        text = base64.b64decode(padded, validate=True)
    except ValueError:
        return False
    return text.isascii() and _UNPRINTABLE.search(text) is None


_FROM_URL: Final = bytes.maketrans(b"-_", b"+/")
