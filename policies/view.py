"""The form of a text that is scanned: one byte a character, so that an offset in one is an offset in the other.

Characters up to U+00FF are themselves (Latin-1). Every other one becomes one of 32 control bytes that no text needs,
chosen by its code point: the letters of a site's own rule meet those of a text, whatever the alphabet, and automata
stay a tenth of the size that UTF-8 would make them.
"""

from __future__ import annotations

_FIRST_CONTROL = 0x80  # the C1 controls U+0080 to U+009F
_CONTROLS = 32


class _Fold(dict[int, int]):
    """Map code points as `str.translate` asks for them, and remember."""

    def __missing__(self, code: int) -> int:
        folded = code if code <= 0xFF else _FIRST_CONTROL + ord(chr(code).lower()[0]) % _CONTROLS  # noqa: PLR2004 - Latin-1's last
        self[code] = folded
        return folded


_FOLD = _Fold()  # grows to at most the number of code points; it holds characters, never text


def view(text: str) -> bytes:
    """Return the text as it is scanned; lone surrogates are characters like any other."""
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return text.translate(_FOLD).encode("latin-1")


def well_formed(text: str) -> str:
    """Return the text with NUL and lone surrogates replaced, so that every later part can encode and store it.

    Each is one character before and after, so that offsets stay true and pieces do not matter.
    """
    if "\0" in text:
        text = text.replace("\0", "\ufffd")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return "".join("\ufffd" if "\ud800" <= character <= "\udfff" else character for character in text)
    return text
