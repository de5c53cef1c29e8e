"""Read the bytes of a file as text, or say in words why that is not possible."""

from __future__ import annotations

import codecs
from typing import Final

from assistant.errors import BadInputError

_WHAT_FITS: Final = "Text, Markdown and source code can be added."
# First bytes of what people try most. Source: the "magic" file of file(1), Wikipedia "List of file signatures".
_SIGNATURES: Final = (
    (b"%PDF-", "a PDF. Export it as text first."),
    (b"PK\x03\x04", "a ZIP archive or an Office document. Save it as text or Markdown first."),
    (b"\xd0\xcf\x11\xe0", "an old Office document. Save it as text first."),
    (b"{\\rtf", "a Rich Text document. Save it as plain text first."),
    (b"\x89PNG", "a picture."),
    (b"\xff\xd8\xff", "a picture."),
    (b"GIF8", "a picture."),
    (b"\x7fELF", "a program."),
    (b"MZ\x90\x00", "a program."),
    (b"\x1f\x8b", "compressed. Unpack it first."),
    (b"7z\xbc\xaf\x27\x1c", "compressed. Unpack it first."),
    (b"SQLite format 3\x00", "a database."),
)
_BYTE_ORDER_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_WINDOWS_1252_HOLES: Final = bytes((0x81, 0x8D, 0x8F, 0x90, 0x9D))  # unassigned there; real text has none of them
_CONTROL: Final = bytes(set(range(32)) - {9, 10, 12, 13, 27})  # tab, line feed, form feed, return, escape are text
_SNIFFED_BYTES: Final = 64 << 10


def decode_text(data: bytes) -> str:
    """Return the text of a file, with line feeds as line ends.

    Tried in this order: a byte order mark, UTF-8, UTF-16 without a mark, Windows-1252 (a superset of Latin-1 in print).

    Raises:
        BadInputError: the file is empty, or not a text.
    """
    for signature, words in _SIGNATURES:
        if data.startswith(signature):
            raise BadInputError(f"The file is {words} {_WHAT_FITS}")
    text = _decode(data).replace("\r\n", "\n").replace("\r", "\n")
    if "\x00" in text:
        raise _not_text()
    if not text.strip():
        raise BadInputError("The file holds no text, so there is nothing to add.")
    return text


def is_no_text(beginning: bytes) -> bool:
    """Tell by the beginning of a file, an even number of bytes, whether it is surely none that `decode_text` reads."""
    if any(beginning.startswith(signature) for signature, _ in _SIGNATURES):
        return True
    if b"\x00" not in beginning or any(beginning.startswith(mark) for mark, _ in _BYTE_ORDER_MARKS):
        return False
    try:
        _utf16_without_mark(beginning)
    except BadInputError:
        return True
    return False


def _decode(data: bytes) -> str:
    for mark, encoding in _BYTE_ORDER_MARKS:
        if data.startswith(mark):
            return _strictly(data, encoding)
    if b"\x00" in data:
        return _strictly(data, _utf16_without_mark(data))
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        if data.translate(None, _CONTROL + _WINDOWS_1252_HOLES) != data:
            raise _not_text() from None
        return _strictly(data, "cp1252")


def _utf16_without_mark(data: bytes) -> str:
    """Guess the byte order from where the zero bytes stand: Western text has one in every pair, on the same side."""
    sniffed = data[:_SNIFFED_BYTES]
    zeros_first, zeros_second = sniffed[0::2].count(0), sniffed[1::2].count(0)
    mostly = len(sniffed) // 4
    if len(data) % 2 == 0 and zeros_second > mostly and zeros_first == 0:
        return "utf-16-le"
    if len(data) % 2 == 0 and zeros_first > mostly and zeros_second == 0:
        return "utf-16-be"
    raise _not_text()


def _strictly(data: bytes, encoding: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        raise _not_text() from None


def _not_text() -> BadInputError:
    return BadInputError(f"The file is not a text that can be read. {_WHAT_FITS}")
