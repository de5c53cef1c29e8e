"""The folded view of a text: one byte a character, disguise of single characters taken off.

Characters that nobody sees (zero-width, directional, combining) are gone; full-width, mathematical and other compatible
forms are what they stand for (NFKC); letters of other alphabets that look like ASCII are ASCII. Letters of Latin-1 are
themselves. Every other character becomes one of 32 control bytes that no text needs, chosen by its code point: the
letters of a site's own rule meet those of a text, whatever the alphabet, and automata stay a tenth of the size that
UTF-8 would make them.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

from policies.views.offsets import Offsets

_FIRST_CONTROL = 0x80  # the C1 controls U+0080 to U+009F
_CONTROLS = 32
_LATIN_1_LAST = 0xFF
_ASCII_LAST = 0x7F
_SOFT_HYPHEN = 0xAD
_LONGEST_FORM = 4  # a compatible form of more characters is a ligature of words
_UNSEEN = frozenset({"Cf", "Mn", "Me"})
_UNSEEN_LETTERS = frozenset("\u115f\u1160\u3164\uffa0")  # Hangul fillers: default-ignorable, yet letters by category
# What looks like ASCII, alphabet by alphabet. Source: Unicode Technical Standard #39, confusables, the single letters.
# fmt: off
_LOOK_ALIKES: Mapping[str, str] = {
    "!": "ǃ", '"': "“”„‟″", "'": "‘’‚‛′‵", "*": "⁎∗", "+": "᛭➕", "-": "‐‑‒–—―−⁃﹘➖", ".": "․۔", "/": "⁄∕⧸╱",
    "2": "Ƨ", "3": "ЗӠƷ", "5": "Ƽ", "6": "Б", "8": "Ȣ", ":": "ː꞉∶׃", "<": "‹", "=": "꓿᐀", ">": "›",
    "A": "АΑᎪⲀꓮ", "B": "ВΒᏴⲂꓐ", "C": "СҪϹᏟⲤꓚ", "D": "ԀᎠꓓ", "E": "ЕΕᎬⲈꓰ", "F": "Ϝꓝ", "G": "ԌᏀꓖ", "H": "НҢҺΗᎻⲎꓧ",
    "I": "ІӀΙⲒꓲ", "J": "ЈͿᎫꓙ", "K": "КΚᏦⲔꓗ", "L": "ᏞԼꓡ", "M": "МΜᎷⲘꓟ", "N": "ΝⲚꓠ", "O": "ОӨΟΘՕⲞꓳ",
    "P": "РΡᏢⲢꓑ", "Q": "Ԛ", "R": "Ꭱꓣ", "S": "ЅՏᏚꓢ", "T": "ТΤᎢⲦꓔ", "U": "Սꓴ", "V": "ѴᏙꓦ", "W": "ԜᎳꓪ",
    "X": "ХҲΧⲬꓫ", "Y": "УҮΥᎽⲨꓬ", "Z": "ΖᏃꓜ", "\\": "∖⧵", "^": "＾ˆ", "_": "ˍ", "a": "аӑαɑ", "b": "ЬЪβᏏʙ",
    "c": "сҫϲⲥᴄ", "d": "ԁժᴅ", "e": "еҽεᴇ", "f": "ֆꜰƒ", "g": "ԍցɡɢ", "h": "һћհʜɦ", "i": "іїιիıɩɪ", "j": "јϳյᴊȷ",
    "k": "кқκᴋ", "l": "ӏլʟǀ", "m": "мᴍ", "n": "пԥηոɴ", "o": "оөοσօⲟᴏ", "p": "рρքⲣᴘ", "q": "ԛզգ", "r": "гʀ",
    "s": "ѕςꜱ", "t": "тτᴛ", "u": "џцυμսᴜʋ", "v": "ѵνᴠ", "w": "ԝѡωաᴡɯ", "x": "хҳχ᙮", "y": "уүўγʏ", "z": "ζᴢ",
    "|": "∣", "~": "˜∼",
}
# fmt: on
_PLAIN = {letter: plain for plain, letters in _LOOK_ALIKES.items() for letter in letters}


class _Fold(dict[int, str]):
    """Map code points as `str.translate` asks for them, and remember."""

    def __missing__(self, code: int) -> str:
        folded = self[code] = _folded(chr(code))
        return folded


def _folded(character: str) -> str:  # noqa: PLR0911 - one return for each kind of character
    """Return what a character becomes: none, one or up to four characters of Latin-1."""
    code = ord(character)
    if code <= _LATIN_1_LAST and code != _SOFT_HYPHEN:
        return " " if character == "\xa0" else character
    if character in _PLAIN:
        return _PLAIN[character]
    category = unicodedata.category(character)
    if category in _UNSEEN or character in _UNSEEN_LETTERS:
        return ""
    if category in {"Zs", "Zl", "Zp"}:
        return " " if category == "Zs" else "\n"
    if category == "Nd":
        return str(unicodedata.digit(character))
    plain = "".join(_PLAIN.get(letter, letter) for letter in unicodedata.normalize("NFKC", character))
    if plain != character and len(plain) <= _LONGEST_FORM and all(ord(letter) <= _ASCII_LAST for letter in plain):
        return plain
    lowered = character.lower()[0]
    return chr(_FIRST_CONTROL + ord(lowered) % _CONTROLS)


_FOLD = _Fold()  # grows to at most the number of code points; it holds characters, never text


def fold_bytes(text: str) -> bytes:
    """Return the folded text alone; lone surrogates are characters like any other."""
    if text.isascii():
        return text.encode("ascii")
    return text.translate(_FOLD).encode("latin-1")


def fold(text: str, place: int, origin: int, offsets: Offsets) -> bytes:
    """Return the folded text and note where its bytes come from.

    Args:
        text: the next piece of a text.
        place: where the piece begins in the view.
        origin: where it begins in the whole text.
        offsets: takes the segments.
    """
    offsets.add(place, origin, 1)
    if text.isascii():
        return text.encode("ascii")
    data = text.translate(_FOLD).encode("latin-1")
    unusual = "".join(character for character in set(text) if len(_FOLD[ord(character)]) != 1)
    if unusual:
        passed = 0  # by how much the view is behind the text, negative when it is ahead
        for match in re.finditer("[" + re.escape(unusual) + "]", text):
            index = match.start()
            size = len(_FOLD[ord(text[index])])
            if size:
                offsets.add(place + index - passed, origin + index, 0)
            passed += 1 - size
            offsets.add(place + index + 1 - passed, origin + index + 1, 1)
    return data


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
