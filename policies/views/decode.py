"""What base64 and hexadecimal runs say, where they say something that reads like text."""

from __future__ import annotations

import zlib
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Iterator
from dataclasses import dataclass

from policies.views.regex import Regex
from policies.views.undo import DRAWN_CLASS

_SPELLED_MAX_CHARS = 65  # of a run, with what stands before it
ENCODED_MIN_CHARS = 16  # twelve bytes: the shortest value that is worth hiding
_WHOLE_MAX_CHARS = 8_192  # longer ones are pieces of something longer still, as likely as not
DECODED_MAX_BYTES = 1 << 16  # of what a compressed run may grow to
_HEX = frozenset(b"0123456789abcdefABCDEF")
_BASE64_NOT = bytes(c for c in range(256) if not (chr(c).isascii() and (chr(c).isalnum() or chr(c) in "+/-_=")))
_URL_SAFE = bytes.maketrans(b"-_", b"+/")
_READABLE = bytes(range(32, 127)) + b"\t\n\r"
_READABLE_SHARE = 0.9
# Letters, digits and a few signs in groups of three bytes: what begins a group in base64 tells what its first byte is.
_SPELLED_GROUP = "[ILMNOQ-Za-e][A-Za-z0-9+/]"
_SPELLED = Regex(
    rf"(?:[^{DRAWN_CLASS}]|=|^)((?:{_SPELLED_GROUP}[A-Za-z0-9+/]{{2}}){{1,15}}"
    rf"{_SPELLED_GROUP}(?:==|[A-Za-z0-9+/]=|[A-Za-z0-9+/]{{2}}))(?:[^{DRAWN_CLASS}]|$)"
)
_GZIP = b"\x1f\x8b"
_GZIP_WINDOW_BITS = 31  # zlib: 15 bits of window, and a header of gzip


@dataclass(frozen=True, slots=True)
class Decoded:
    """What the bytes from `start` to `end` of a run say."""

    start: int
    end: int
    text: str


def decodings(run: bytes) -> Iterator[Decoded]:
    """Yield what a run of token characters may stand for, mostly nothing.

    A name with `=` before it and dots behind it are no part.
    """
    end = len(run.rstrip(b"."))
    start = run.rfind(b"=", 0, len(run[:end].rstrip(b"="))) + 1
    body = run[start:end]
    if len(body) < ENCODED_MIN_CHARS:
        return
    if _HEX.issuperset(body):
        if len(body) % 2 == 0 and (text := _readable(bytes.fromhex(body.decode("ascii")))):
            yield Decoded(start, end, text)
        return
    if body.translate(None, _BASE64_NOT) != body:
        return
    body = body.rstrip(b"=").translate(_URL_SAFE)
    for skipped in range(4 if len(run) > _WHOLE_MAX_CHARS else 1):  # a window may begin inside a group of four
        if text := _readable(_bytes_of(body[skipped:])):
            yield Decoded(start, end, text)
            return


def spelled_words(data: bytes, start: int) -> Iterator[Decoded]:
    """Yield what short runs of base64 say that end behind `start`: a number, or a word with a digit.

    By themselves most of them would be told by nothing; what stands before them may name them.
    """
    place = max(0, start - _SPELLED_MAX_CHARS)
    while (found := _SPELLED.search(data, place)) is not None:
        begin, end = found[1]
        place = end
        text = _readable(_bytes_of(data[begin:end].rstrip(b"=")))
        if end > start and text.isprintable() and any(character.isdigit() for character in text):
            yield Decoded(begin, end, text)


def _bytes_of(body: bytes) -> bytes:
    whole = len(body) - (len(body) % 4 == 1)
    try:
        decoded = b64decode(body[:whole] + b"=" * (-whole % 4), validate=True)
    except (ValueError, Base64Error):
        return b""
    return _inflated(decoded) if decoded[:2] == _GZIP else decoded


def _inflated(data: bytes) -> bytes:
    try:
        return zlib.decompressobj(_GZIP_WINDOW_BITS).decompress(data, DECODED_MAX_BYTES)
    except zlib.error:
        return b""


def _readable(data: bytes) -> str:
    """Return the bytes as text where nearly all of them are letters, digits and signs; UTF-16 counts too."""
    if data[1:2] == b"\0" and data[3:4] == b"\0":
        data = data.replace(b"\0", b"")
    if not data or len(data.translate(None, _READABLE)) > len(data) * (1 - _READABLE_SHARE):
        return ""
    return data.decode("utf-8", "replace")
