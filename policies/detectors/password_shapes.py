"""How a password looks, wherever it stands: odd beside words, mixed, drawn by lot."""

from __future__ import annotations

import re
from itertools import pairwise

from policies.detectors.rarity import rarity
from policies.detectors.shapes import has_digit, is_drawn, is_jumbled

STARTS_OF_CODE = (":", "--", "(", "[", "{", "=", "|", ",")
STRONG_CLASSES = 3  # of small letters, capitals, digits, signs
_STRONG_CHARS = 6
_SIGNED_WORD = re.compile(
    r"_*[A-Za-zÀ-ÿ\x80-\x9f]+(?:[-_'./:+&,\\]{1,2}[A-Za-zÀ-ÿ\x80-\x9f]+)*[-'.:,;!?)\]}*&]*"
)  # words, joined or ended by signs; letters beyond Latin-1 are bytes 80 to 9F in a view
MIN_DRAWN_CHARS = 8  # shorter ones cannot be told from words
LONG_DRAWN_CHARS = 10
_NO_WORD_BITS = 6.0  # one word of a language in two hundred is spelled as oddly
CALL = re.compile(r"[A-Za-z_$][\w$.:>-]*[(\[].*|.*\(\)[;,:)]*|\(.*\)?|.*[a-z]\(.*")
_KEYWORD_ARGUMENT = re.compile(r"[A-Za-z_.-]+=[A-Za-z]*[0-9]{0,2}[(\[]?")
_SIGNS_OF_CODE = frozenset('()[]{}|\\/;=<>:,"')
_VERSION_OR_COUNT = re.compile(
    r"v?[0-9]+(?:\.[0-9x*]+)+(?:[a-z][0-9]{0,2}(?:[-+~][0-9]{1,3})?)?|[0-9]+(?:st|nd|rd|th|bits?|bytes?|chars?|ms|[smhdkKMG]B?|%)?|[0-9]+[-/][A-Za-z0-9/-]+"
    r"|[0-9]{1,2}[-:/.][0-9]{1,2}[-:/.0-9]*|\(?[0-9][0-9.,:)]*|"
    r"(?:sha|utf|iso|rfc|md|cve|oauth|ipv|python|php|java|tls|ssl|base|http|es|rs|hs|aes|pkcs|rc|win)"
    r"[-#_v]?[0-9][0-9./-]*"
    r"|[a-z]+[0-9]*-(?:encoded|encrypted|hashed|protected|based|bit|like|style|length|format|compatible|only|specific)"
    r"|(?-i:[A-Z]{2,5}[0-9]?(?:/[A-Z]{2,5}[0-9]?)+)|s-1-[0-9-]+|[a-z]+-x509|md5-[a-z]+"
    r"|[a-z0-9]+-(?:sha-?[0-9]+|md5|generation|classification)|(?:cram|scram|digest|hmac)-[a-z0-9-]+|[a-z]{2,8}[0-9]\.[0-9]",
    re.IGNORECASE,
)


def is_drawn_word(word: str) -> bool:
    """Tell whether letters, perhaps with digits and signs, are drawn by lot and spell nothing."""
    if len(word) < MIN_DRAWN_CHARS or not word.isascii():
        return False
    is_both = any(c.islower() for c in word) and any(c.isupper() for c in word[1:])
    return (is_both or (word.isalpha() and not word.istitle())) and is_drawn(word)


def classes(value: str) -> int:
    """Count which of small letters, capitals, digits and signs occur."""
    return sum(
        (
            any(c.islower() for c in value),
            any(c.isupper() for c in value),
            has_digit(value),
            any(not c.isalnum() for c in value),
        )
    )


def is_strong(value: str) -> bool:
    """Tell whether the value is mixed as passwords are, with a digit in it."""
    return has_digit(value) and len(value) >= _STRONG_CHARS and classes(value) >= STRONG_CLASSES


def is_odd(word: str) -> bool:
    """Tell whether a word is none of a language, of code, of numbers with units."""
    has_humps = word.isalpha() and sum(a.islower() and b.isupper() for a, b in pairwise(word)) > 2  # noqa: PLR2004 - more than names have
    if is_jumbled(word) or (is_drawn_word(word) and not word.endswith((")", "]", "(", "["))):
        return True
    has_oddity = has_digit(word) or any(not c.isalnum() for c in word) or has_humps
    return (
        has_oddity
        and (has_digit(word) or _SIGNS_OF_CODE.isdisjoint(word))
        and not word.startswith(("(", "[", "{"))
        and _KEYWORD_ARGUMENT.fullmatch(word) is None
        and (has_humps or _SIGNED_WORD.fullmatch(word) is None)
        and _VERSION_OR_COUNT.fullmatch(word) is None
        and any(c.isalnum() for c in word)
    )


def has_odd_start(value: str) -> bool:
    """Tell whether a value begins with a sign of an option or a tag and is not mixed enough to be generated."""
    return value.startswith(("-", "+", "!", "#", "?")) and (classes(value) < 4 or not has_digit(value))  # noqa: PLR2004 - all there are


def is_unspelled(word: str, least_bits: float = _NO_WORD_BITS) -> bool:
    """Tell whether letters spell little: enough where nothing but a password stands."""
    is_long = len(word) >= MIN_DRAWN_CHARS and word.isascii() and word.isalpha()
    return is_long and rarity(word.encode("ascii")) >= least_bits
