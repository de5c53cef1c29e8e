"""Whether a value with signs that no token has is a secret: in quotes, or bare, behind a name that says so."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType

from policies.detectors.passwords import is_parameter_password
from policies.detectors.rarity import rarity
from policies.detectors.shapes import has_digit, is_jumbled, is_mixed, is_odd_secret

_ODD_SIGNS = frozenset("!@#$%^&*?|;,(){}[]")
_SIGNS_OF_CODE = frozenset("()[]{}|;,=<>\\")
_CODE = re.compile(
    r"\s|://|\\|%[sdrYmdHMS]|%[0-9A-Fa-f]{2}|[A-Za-z_]\(|\)[.;]|\$\{|\{\{|\{[A-Za-z_.]*[0-9]?\}|</?[a-z]|^[/.#<$%]"
    r"|\[[A-Za-z_]|\[\^|\[0-9|\(\?|[&?][A-Za-z_.]{1,24}=|[,;][A-Za-z_.]{1,24}[=:]|\$[0-9]\b|#[0-9a-f]{3,8}$|->|=>|::|&&|\|\|"
)  # single classes: linear
_MIN_CHARS = 8
_MIN_QUOTED_BITS = 6.0  # of the letters and digits
_MIN_BARE_BITS = 12.0
_MIN_BARE_SIGNS = 2
_MAX_BARE_CHARS = 48  # a longer jumble is code without spaces


def is_signed_secret(value: str) -> bool:
    """Tell whether a quoted value is a secret: letters, a digit and odd signs, drawn by lot, and no code."""
    return is_odd_secret(value) or (_is_signed(value) and _bits_of(value) >= _MIN_QUOTED_BITS)


def is_bare_signed_secret(value: str) -> bool:
    """Tell whether a value without quotes is one: besides, nothing in it that code writes."""
    if is_jumbled(value) and len(value) <= _MAX_BARE_CHARS and "=>" not in value:
        return True
    has_many_signs = sum(c in _ODD_SIGNS for c in value) >= _MIN_BARE_SIGNS
    return (
        (has_many_signs or is_mixed(value))
        and _SIGNS_OF_CODE.isdisjoint(value)
        and value[-1] not in ",.:?"
        and _is_signed(value)
        and _bits_of(value) >= _MIN_BARE_BITS
    )


def _is_signed(value: str) -> bool:
    return (
        len(value) >= _MIN_CHARS
        and has_digit(value)
        and not _ODD_SIGNS.isdisjoint(value)
        and _CODE.search(value) is None
        and is_parameter_password(value)
    )


def _bits_of(value: str) -> float:
    return rarity("".join(c for c in value if c.isascii() and c.isalnum()).encode("ascii"))


CHECKS: Mapping[str, Callable[[str], bool]] = MappingProxyType(
    {
        "signed-secret": is_signed_secret,
        "bare-signed-secret": is_bare_signed_secret,
    }
)
