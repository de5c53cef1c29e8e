"""Whether a value may be a password: in quotes, bare, in an address or a command."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType

from policies.detectors.once import once
from policies.detectors.password_shapes import (
    CALL,
    LONG_DRAWN_CHARS,
    STARTS_OF_CODE,
    has_odd_start,
    is_drawn_word,
    is_odd,
    is_strong,
    is_unspelled,
)
from policies.detectors.password_words import (
    FUNCTION_WORDS,
    NO_SECRETS,
    PHRASE_STOPS,
)
from policies.detectors.shapes import has_digit, is_drawn, is_jumbled, is_no_example

_VARIABLE_STARTS = ("password", "passwd", "pwd", "token", "secret", "user", "env", "config", "args", "self", "var")
_TEMPLATES = ("${", "{{", "}}", "%(", "$(", "<%", "#{", "@{", "{0}", "{}", "\\f", "\\&", "&lt;", "[[", ".html#")
_TEMPLATE_STARTS = frozenset("<$%{[*@&")
_PATH_STARTS = ("/", "./", "../", "~/", "http://", "https://", "file:", "\\\\", "urn:", "arn:", "ref+", "vault:")
_MIN_PASSWORD_CHARS = 4
_NAME_OF_CODE = re.compile(r"[A-Za-z_$][\w$]*(?:(?:\.|::|->|\?\.)[A-Za-z_$][\w$]*)+(?::[A-Za-z_]\w*)?[;,:]?")
_WORDS_AND_NUMBER = re.compile(r"[A-Z][a-z]{2,}\.[a-z]{3,}[0-9]{1,4}|[a-z]{3,}\.[a-z]{3,}[0-9]{2,4}")  # Violet.falcon53
_MIN_CHAIN_WORDS = 4  # of a passphrase without a digit
_NO_NAME_BITS = 12.0  # three names of code in a thousand are
_NAMED_CIPHER = re.compile(r"\{(?:aes|aes256|3des|xor)\}|OBF:1|ENC\(", re.IGNORECASE)
_CONSTANT = re.compile(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+|[a-z]+[0-9]?(?:_[a-z]+)+_?[0-9]?")
_ESCAPES = re.compile(r"\\[nrtx0u]|(?:\\u[0-9A-Fa-f]{4})+|&[a-z]{2,6};|%[sdr]")
_VARIABLE = re.compile(
    r"[@%]{1,2}[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+[@%]{0,2}(?:[a-z][a-z0-9_]*:?)?"
)  # of a template, `@DB1_PASSWORD`
_ACCOUNT = re.compile(r"[A-Za-z_][\w.-]*:[x*!]{1,2}:[0-9]+:")  # a line of passwd(5), without a password
_VERSION = re.compile(r"[~^]?[0-9]{1,3}(?:\.[0-9]{1,3}){2}")  # of a package whose name ends with `-password`
_NUMBER_OF_CODE = re.compile(
    r"0x[0-9A-Fa-f]{1,8}|[0-9]+[;,}](?:(?:get|set|var|let|const|function|async|return)\b.*|[A-Za-z_$][\w$.]*[=(].*|\\.*)?"
)  # `7681,this.op=519`, `7681}get`
_SUM = re.compile(r"[0-9.]+(?:[-+*/][0-9.]+)+")  # to be worked out
_CHOICE = re.compile(r"[A-Za-z_.]+\?[!\w.]{1,20}:[!\w.]{1,20}[,;})].*")  # `o?1:0,size:2`, minified
_ELEMENT = re.compile(r"([A-Za-z_]+)\[")  # of a variable
_ABOUT_PARTS = ("password", "passwort", "passwd", "passphrase")
_FORMAT = re.compile(r"%%|%[-+#0-9.]{0,8}(?:hh?|ll?|[jztL])?[diouxXeEfgGcspr]")  # of printf


@once
def is_password(value: str) -> bool:
    """Tell whether a quoted value may be a password: no word of the trade, no variable, no example."""
    word = value.strip()
    low = word.lower().rstrip(".:!?*")
    is_template = any(mark in word for mark in _TEMPLATES) or (word[:1] in _TEMPLATE_STARTS and not is_strong(word))
    is_format = "%" in word and not any(c.isalnum() for c in _FORMAT.sub("", word))
    is_template = (is_template or is_format) and not is_jumbled(word)
    is_sentence = any(c.isspace() for c in word) and not _is_strong_phrase(word)
    is_path = word.startswith(_PATH_STARTS)
    is_key = _is_name_of_code(word) or (_CONSTANT.fullmatch(word) is not None and not _is_drawn_constant(word))
    is_word = low in NO_SECRETS or any(part in low for part in _ABOUT_PARTS)
    is_about = is_word and not has_digit(word)
    is_other = any(form.fullmatch(word) for form in (_VARIABLE, _VERSION)) or _ACCOUNT.match(word)
    return (
        len(word) >= _MIN_PASSWORD_CHARS
        and low not in NO_SECRETS
        and not (is_about or is_other or is_template or is_sentence or is_path or is_key or _ESCAPES.fullmatch(word))
        and not word.endswith("...")
        and is_no_example(word)
    )


def _is_name_of_code(word: str) -> bool:
    """Tell whether a word with dots in it is a name such as `settings.PASSWORD`, neither drawn nor `Violet.falcon5`."""
    if _NAME_OF_CODE.fullmatch(word) is None:
        return False
    return _WORDS_AND_NUMBER.fullmatch(word) is None and not is_drawn_word(word)


def _is_drawn_constant(word: str) -> bool:
    """Tell whether a word in the form of a constant, `FUQ5_6Z2KDW`, was drawn by lot."""
    return has_digit(word) and len(word) >= LONG_DRAWN_CHARS and is_drawn(word)


def _is_strong_phrase(value: str) -> bool:
    """Tell whether a value with spaces may be one: a digit, few words, and none that sentences are made of."""
    words = value.lower().split()
    return has_digit(value) and len(words) <= 4 and PHRASE_STOPS.isdisjoint(words)  # noqa: PLR2004 - more are a sentence


def is_odd_password(value: str) -> bool:
    """Tell whether a value is a password even where words often stand: it has digits, or signs that words lack."""
    return (
        is_password(value)
        and not any(c.isspace() for c in value)
        and (is_odd(value) or _is_number(value) or is_unspelled(value))
    )


def is_bare_password(value: str) -> bool:
    """Tell whether an unquoted value may be a password: besides, no code, no path, no plain word."""
    if not is_password(value) or has_odd_start(value):
        return False
    word = value.rstrip(";,")
    if word.isidentifier() and word.lower().startswith(_VARIABLE_STARTS):
        return False  # `password1 = password2`
    if _CHOICE.fullmatch(word):
        return False
    if (element := _ELEMENT.match(word)) and element[1].lower() in _VARIABLE_STARTS:
        return False  # `passwd = passwd[1:-1].replace(…`
    is_call = CALL.fullmatch(word) is not None and not _has_brackets_inside(word)
    is_code = (is_call or value.startswith(STARTS_OF_CODE)) and not is_jumbled(word)
    return (
        not is_code
        and re.fullmatch(r"[0-9]+;.*", word) is None
        and _NUMBER_OF_CODE.fullmatch(value) is None
        and not word.endswith(("(", "[", "{", "]", "],", "))", "):"))
        and (is_odd(word) or _is_pin(word) or is_unspelled(word, _NO_NAME_BITS))
    )


def _has_brackets_inside(word: str) -> bool:
    """Tell whether brackets are signs of a generated password rather than those of a call."""
    return is_strong(word) and "()" not in word and not word.endswith((")", "]", "(", "[")) and "," not in word


def _is_pin(word: str) -> bool:
    return word.isdecimal() and 6 <= len(word) <= 32 and len(set(word)) > 3  # noqa: PLR2004 - fewer digits are settings


def _is_number(word: str) -> bool:
    """Tell whether a word is a long number, such as the key that a router has on its back."""
    return word.isdecimal() and len(word) > 12 and _is_pin(word)  # noqa: PLR2004 - up to twelve are dates and times


def is_parameter_password(value: str) -> bool:
    """Tell whether `;password=` or `&password=` is followed by one and not by code."""
    return is_password(value) and CALL.fullmatch(value) is None and not value.startswith(("=", "!"))


def is_url_password(value: str) -> bool:
    """Tell whether what stands between `user:` and `@host` is a password and no port, word or template."""
    is_port = re.fullmatch(r"[0-9]{1,5}(?:/.*)?", value) is not None and not (value.isdecimal() and len(value) > 4)  # noqa: PLR2004 - of four digits are ports
    is_named = has_digit(value) and _is_name_of_code(value) and is_no_example(value)  # no code stands in an address
    return not is_port and not value.startswith("//") and (is_named or is_password(value)) and _is_no_short_word(value)


def _is_no_short_word(value: str) -> bool:
    """Tell whether a part of an address is longer than the words of examples; a slash needs a digit beside it."""
    return is_odd(value) or (len(value) > 5 and "/" not in value)  # noqa: PLR2004 - `scott`, `admin`


def is_command_password(value: str) -> bool:
    """Tell whether the argument of a command is a password: no option, variable, number of a port or file."""
    is_port = value.isdecimal() and len(value) <= 5  # noqa: PLR2004 - ports have at most five digits
    is_mapping = re.fullmatch(r"[0-9:.]+(?:/(?:tcp|udp))?", value) is not None
    is_prose = value.lower() in FUNCTION_WORDS  # `usermod -p to unlock it`, in a manual
    is_other = is_port or is_mapping or is_prose or value.startswith(("-", "\\", "(", "`"))
    return is_password(value) and not is_other


def is_placed_password(value: str) -> bool:
    """Tell whether an argument where calls take a password is one: digits, signs, or letters that spell little."""
    word = value.strip()
    return is_password(word) and not _SUM.fullmatch(word) and (is_odd(word) or _is_pin(word) or is_unspelled(word))


def is_element_password(value: str) -> bool:
    """Tell whether the content of an element is a password, or the cipher text of a program that names its cipher."""
    return _NAMED_CIPHER.match(value) is not None or is_bare_password(value)


CHECKS: Mapping[str, Callable[[str], bool]] = MappingProxyType(
    {
        "password": is_password,
        "odd-password": is_odd_password,
        "bare-password": is_bare_password,
        "parameter-password": is_parameter_password,
        "url-password": is_url_password,
        "command-password": is_command_password,
        "placed-password": is_placed_password,
        "element-password": is_element_password,
    }
)
