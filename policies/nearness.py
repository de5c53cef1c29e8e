r"""Turn the words that must stand before a value into a pattern: `near: [ssn, social security]` in a rule.

What stands between word and value is the same for every kind of number, so it is written once, here: the end of a
compound, a handful of filler words ("my passport number is still ..."), and signs, one line end among them (JSON,
tables, `field: value`). A filler word holds no digit, so the words end exactly where the first token with a digit
begins: no guessing where the context stops and the value starts, which is what lets a stream release the words at once.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

_SHORT_WORD_LETTERS = 5  # up to here a word also occurs inside others: `tin` in `starting`
_CLOSED_WORD_LETTERS = 3  # so often that the search before all patterns asks for the sign behind the word, too
_CLOSED_WORDS = frozenset(
    ("permis", "conta", "numer", "ssin")
)  # longer, and inside `permission`, `container`, `numeric`, `missing`
_CLOSING_SIGNS = " :=\"'_-.#|(),>\t\n*`["
_CLOSING_ENDINGS = ("no", "nr", "num", "id", "code", "value")
_MIN_KEYWORD_CHARS = 3
_MIN_PLAIN_CHARS = 2
_COMMON_PARTS = frozenset(
    ("number", "code", "card", "address", "id", "no", "my", "of", "cc", "num", "file", "me", "us")
)  # they occur all over
_SIGN = "[^A-Za-z0-9À-ÿ\\x7f]"  # a DEL is none: it ends the names of pages in a manual of GNU
# Two or three capitals are more often the beginning of a value (`AB 12 34 56 C`) than a word.
_FILLER = "(?:[A-Za-zÀ-ÿ]?[a-zà-ÿ]{1,13}|[A-ZÀ-Þ]{5,13}|[aAIy]|NO|NR|ID|IS|OF|NUM|THE|FOR|MY|CODE|CARD|NAME|TYPE|DATE)"
_SIGNS = f"{_SIGN}{{1,12}}"
# Capitals that a bracket or a colon closes are a word all the same: `National Identification Number (NIN): ...`.
# `N°` is a word of a letter. What a form says in brackets may count: `Licence number (field 5): ...`.
_FILLERS = (
    rf"(?:[A-Za-zÀ-ÿ./ ]{{2,20}}[0-9]{{1,2}}[a-z]?\){_SIGN}{{1,4}})?"
    f"(?:{_FILLER}{_SIGN}{{1,5}}|[Nn][°º]{_SIGN}{{0,3}}|[A-Z/]{{2,12}} ?[):]{_SIGN}{{0,4}}){{0,8}}"
)
_SHORT_ENDINGS = "(?i:s|no|nr|num|number|nummer|id|code|value)?"
_COMPOUND_END = "[A-Za-zÀ-ÿ]{0,10}"
# RE2 ignores the case of plain letters alone, so the capitals of others stand beside them: `FÜHRERSCHEIN`.
_SPELLINGS = {
    "ä": "(?:[äÄ]|ae|a)",
    "ö": "(?:[öÖ]|oe|o)",
    "ü": "(?:[üÜ]|ue|u)",
    "ß": "(?:ß|ss)",
    "ø": "(?:[øØ]|oe|o)",
    "å": "(?:[åÅ]|aa|a)",
}
_LATIN_1_LAST = 0xFF


def near_pattern(words: Iterable[str], values: Iterable[str]) -> str:
    r"""Return the pattern of a value with one of these words before it.

    Args:
        words: plain words; a space stands for a space, `-`, `_`, `.` or nothing.
        values: patterns of the value, without groups that capture; `(?i)` in front of one ignores case.
    """
    short: list[str] = []
    long: list[str] = []
    words = tuple(words)
    for word in words:
        if _is_closed(word):
            continue
        letters = sum(character.isalpha() for character in word)
        (short if letters <= _SHORT_WORD_LETTERS else long).append(_spelled(word))
    contexts = []
    closed = [form for word in words if _is_closed(word) for form in _closed_forms(word)]
    if closed:
        contexts.append(f"(?:[^A-Za-zÀ-ÿ]|^)(?i:{'|'.join(map(_literal, closed))})(?i:ber|mer)?{_SIGN}{{0,11}}")
    if short:
        contexts.append(f"(?:[^A-Za-zÀ-ÿ]|^)(?i:{'|'.join(short)}){_SHORT_ENDINGS}{_SIGNS}")
    if long:
        contexts.append(f"(?i:{'|'.join(long)}){_COMPOUND_END}{_SIGNS}")
    return f"(?:{'|'.join(contexts)}){_FILLERS}({'|'.join(map(_caseless, values))})\\b"


def near_keywords(words: Iterable[str]) -> tuple[str, ...]:
    """Return for each word a part of it that every spelling has, for the search that runs before all patterns.

    Raises:
        ValueError: no part of a word is long enough; the message quotes the word.
    """
    keywords: dict[str, None] = {}
    for word in words:
        if _is_closed(word):
            keywords.update(dict.fromkeys(_closed_forms(word)))
            continue
        parts = re.split("[^a-z0-9]+", word.lower())
        longest = max(parts, key=lambda part: (part not in _COMMON_PARTS, len(part)))
        # `rx number` has two at least; what accents cut into pieces has no part that says anything.
        if len(longest) < (_MIN_PLAIN_CHARS if word.isascii() else _MIN_KEYWORD_CHARS):
            raise ValueError(f"{word!r} has no {_MIN_KEYWORD_CHARS} plain letters in a row")
        keywords[longest] = None
    return tuple(word for word in keywords if not any(other != word and other in word for other in keywords))


def _is_closed(word: str) -> bool:
    """Tell whether a word is too common inside others to be sought without what stands behind it."""
    return word in _CLOSED_WORDS or (len(word) <= _CLOSED_WORD_LETTERS and word.isascii() and word.isalnum())


def _closed_forms(word: str) -> tuple[str, ...]:
    return tuple(word + end for end in (*_CLOSING_SIGNS, *_CLOSING_ENDINGS))


def _literal(form: str) -> str:
    return "".join(character if character in " \t\n" else re.escape(character) for character in form)


def _caseless(value: str) -> str:
    return f"(?i:{value.removeprefix('(?i)')})" if value.startswith("(?i)") else value


def _spelled(word: str) -> str:
    return "".join(_letter(character) for character in word.lower())


def _letter(character: str) -> str:
    if character in " -.'":
        return "[ _.'-]{0,2}"
    if character in _SPELLINGS:
        return _SPELLINGS[character]
    plain = unicodedata.normalize("NFD", character)[0]
    if plain == character:
        return re.escape(character) if character.isascii() else f"[{character}{character.upper()}]"
    if ord(character) > _LATIN_1_LAST:
        return f"[{plain}\\x80-\\x9f]"  # policies/views/fold.py: what lies beyond Latin-1 becomes one of these
    return f"[{plain}{character}{character.upper()}]"
