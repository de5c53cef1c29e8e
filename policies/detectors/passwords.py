"""Whether a value may be a password: in quotes, bare, or said in a sentence."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from policies.detectors.shapes import has_digit, is_no_example

_WORDS_OF_THE_TRADE = """
true false yes no on off none null nil undefined empty required optional string str text bytes bytearray int float bool
boolean object any secretstr password passwort passwd pass pwd secret token key credentials username user value default
test unset hidden incorrect correct wrong invalid valid expired missing changed reset changeme change_me stored hashed
encrypted encoded protected field input label type self this args kwargs params config settings environ env prompt never
always also only being too not the that what and for with from must should our their somewhere somehow easy weak strong
safe gone lost known unknown shared
"""
_NO_SECRETS = frozenset(_WORDS_OF_THE_TRADE.split())  # they stand where a password would, in code, forms and sentences
_VARIABLE_STARTS = ("password", "passwd", "pwd", "token", "secret")
_MIN_PASSWORD_CHARS = 4


def is_password(value: str) -> bool:
    """Tell whether a quoted value may be a password: no word of the trade, no variable, no example."""
    low = value.lower()
    is_template = any(mark in value for mark in ("${", "{{", "%(", "$(", "<%")) or value[:1] in {"<", "$", "%", "{"}
    is_sentence = any(c.isspace() for c in value) and not has_digit(value)
    is_path = value.startswith(("/", "./", "~/", "http://", "https://"))
    is_word = low in _NO_SECRETS or is_template or is_sentence or is_path
    return len(value) >= _MIN_PASSWORD_CHARS and not is_word and is_no_example(value)


def is_bare_password(value: str) -> bool:
    """Tell whether an unquoted value may be a password: besides, no code, no path, no plain word."""
    if not is_password(value) or any(c in value for c in "()[]{}") or value.startswith("--"):
        return False
    if value.isidentifier() and value.lower().startswith(_VARIABLE_STARTS):
        return False  # `password1 = password2`
    is_chain = "." in value and all(part.isidentifier() for part in value.split("."))
    has_sign = any(not (c.isalnum() or c in "_-.:/") for c in value)
    return not is_chain and (has_digit(value) or has_sign)


def is_said_password(value: str) -> bool:
    """Tell whether a word after "the password is" may be one: digits, signs, or capitals inside."""
    word = value.rstrip(".,;:!?")
    is_odd = has_digit(word) or any(not c.isalnum() and c not in "-'_./" for c in word) or word[1:] != word[1:].lower()
    return is_odd and not word[1:].isupper() and is_password(word)


CHECKS: Mapping[str, Callable[[str], bool]] = MappingProxyType(
    {
        "password": is_password,
        "bare-password": is_bare_password,
        "said-password": is_said_password,
    }
)
