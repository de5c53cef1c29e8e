"""What a value is by its form alone, and which forms are explained without any secret.

A form is a word for the judge: `hex` may be a checksum, `uuid` names something, `digits` count something; `mixed` is
what generators of keys write. None stands for a form that no context makes a secret: a file's name, a public key, the
beginning of an image, a placeholder.
"""

from __future__ import annotations

import re  # the patterns here are classes without nested repetition: linear as in RE2, and three times faster to call
from collections.abc import Callable
from enum import Enum
from typing import Final

from policies.detectors.rarity import is_filling


class Form(Enum):
    """What a value may be, by its characters."""

    DIGITS = "digits"
    HEX = "hex"
    UUID = "uuid"
    LOWER = "lower"  # small letters or capitals, with digits or without
    MIXED = "mixed"


_UUID: Final = re.compile(rb"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_HEX: Final = re.compile(rb"(?:0x)?(?:[0-9a-f]+|[0-9A-F]+)")
_NUMBER: Final = re.compile(rb"[0-9._+/=~-]+")  # versions, dates, ranges, addresses
_DATE_TIME: Final = re.compile(rb"(?:19|20)[0-9]{2}-?[01][0-9]-?[0-3][0-9](?:[T_-][0-9A-Z.+-]{0,24})?")
_FILE_NAME: Final = re.compile(
    rb"(?i:.*\.(?:py|pyc|pyi|js|mjs|cjs|ts|tsx|jsx|css|scss|json|ya?ml|toml|ini|cfg|conf|md|rst|txt|log|html?|xml|svg|png|jpe?g|gif"
    rb"|ico|webp|woff2?|ttf|eot|otf|pdf|zip|gz|xz|bz2|zst|tgz|tar|whl|egg|deb|rpm|apk|jar|war|so|a|o|h|hpp|hh|c|cc|cpp|cxx|go|rs"
    rb"|rb|java|kt|swift|php|sh|bash|bat|ps1|sql|db|sqlite|csv|tsv|lock|map|crt|cer|pem|pub|exe|dll|bin|img|iso|com|org|net|io|dev))"
)
# Public keys (RFC 4253 and 4880 in base 64),
# checksums of package managers, images and fonts in base 64, mangled symbols.
_PUBLIC_STARTS: Final = (
    b"AAAAB3NzaC1",
    b"AAAAC3NzaC1",
    b"AAAAE2VjZHNh",
    b"AAAAGnNrLX",
    b"mDME",
    b"mQEN",
    b"mQGN",
    b"mQGi",
    b"mQIN",
    b"sha1-",
    b"sha256-",
    b"sha384-",
    b"sha512-",
    b"sha1=",
    b"sha256=",
    b"sha512=",
    b"iVBORw0KGgo",
    b"R0lGOD",
    b"/9j/4",
    b"UklGR",
    b"d09GR",
    b"PHN2Zy",
    b"JVBERi0",
    b"GHSA-",
    b"_ZN",
    b"_ZS",
    b"_ZK",
    b"_ZT",
    b"__ZN",
    b"_RNv",
    b"_RIN",
)
_DER: Final = re.compile(
    rb"MI[GI][A-Za-z0-9+/]{2}"
)  # a DER sequence in base 64: certificates and keys, which have rules
_VERSION: Final = re.compile(rb"v?[0-9]{1,8}(?:\.[0-9]{1,8})+[-+~.a-z0-9]{0,16}")
_MODELS: Final = re.compile(rb"[A-Z0-9]{2,5}(?:[/,+][A-Z0-9]{2,5}){2,}")  # `R60/T60/R61`
_LETTER_PAIR: Final = re.compile(rb"[A-Za-z]{3}|[A-Za-z]{2}[0-9]+[A-Za-z]{2}")
_FLOATS: Final = re.compile(
    rb"-?[0-9.]+[dDeE][-+]?[0-9]{1,3}[-+0-9.eE]*"
)  # `3.0486e-03`, and one behind it on the next line
_FILE_AND_SUM: Final = re.compile(
    rb"(?:-|[A-Za-z0-9_/-]+\.[a-z]{1,5})(?:[0-9a-f]{40}|[0-9a-f]{64})"
)  # what a program said of a file
_MIN_DRAWING_DOTS: Final = 3
_NO_DRAWING: Final = re.compile(
    rb"[^0-9.,+MLHVCSQTAZmlhvcsqtaz-]|[A-Ya-y][A-Za-z]"
)  # commands are single letters, but `zm`
_LINES: Final = re.compile(rb"[HVMLhvml]")
_MIN_DRAWING_LINES: Final = 3
_UUID_CHARS: Final = 36


def form_of(value: bytes) -> Form | None:
    """Return the form of a value, None for versions, dates and ranges."""
    if _NUMBER.fullmatch(value):
        return Form.DIGITS if value.isdigit() else None
    if len(value) == _UUID_CHARS and _UUID.fullmatch(value):
        return Form.UUID
    if _HEX.fullmatch(value):
        return Form.HEX
    return Form.LOWER if value.islower() or value.isupper() else Form.MIXED


def is_explained(value: bytes, is_placeholder: Callable[[bytes], object]) -> bool:
    """Tell whether the value says of itself that it is no secret: an example, a filling, what anybody may know."""
    return bool(is_placeholder(value.lower())) or is_filling(value) or is_public(value)


def is_public(value: bytes) -> bool:
    """Tell whether the form is that of something that anybody may know."""
    if value.startswith(_PUBLIC_STARTS) or _DER.match(value) or _DATE_TIME.fullmatch(value):
        return True
    if _MODELS.fullmatch(value) or _FILE_AND_SUM.fullmatch(value):
        return True
    if len(_LINES.findall(value)) >= _MIN_DRAWING_LINES and _NO_DRAWING.search(value) is None:
        return True  # the path of an SVG
    if b"." not in value:
        return False
    return any(form.fullmatch(value) for form in (_FILE_NAME, _VERSION, _FLOATS)) or _is_drawing(value)


def _is_drawing(value: bytes) -> bool:
    """Tell whether it is a list of numbers with single letters between them, as in the path of an SVG."""
    return value.count(b".") >= _MIN_DRAWING_DOTS and _LETTER_PAIR.search(value) is None
