"""Whether a value may be a password: in quotes, bare, in a command, said in a sentence."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from itertools import pairwise
from types import MappingProxyType

from policies.detectors.once import once
from policies.detectors.password_words import (
    COUNT_STOPS,
    FUNCTION_WORDS,
    NO_SECRETS,
    PHRASE_STOPS,
    STARTS_OF_SENTENCES,
)
from policies.detectors.rarity import rarity
from policies.detectors.shapes import has_digit, is_drawn, is_jumbled, is_no_example

_VARIABLE_STARTS = ("password", "passwd", "pwd", "token", "secret", "user", "env", "config", "args", "self", "var")
_TEMPLATES = ("${", "{{", "}}", "%(", "$(", "<%", "#{", "@{", "{0}", "{}", "\\f", "\\&", "&lt;", "[[")
_TEMPLATE_STARTS = frozenset("<$%{[*@&")
_PATH_STARTS = ("/", "./", "../", "~/", "http://", "https://", "file:", "\\\\", "urn:", "arn:", "ref+", "vault:")
_STARTS_OF_CODE = (":", "--", "(", "[", "{", "=", "|", ",")
_MIN_PASSWORD_CHARS = 4
_STRONG_CLASSES = 3  # of small letters, capitals, digits, signs
_STRONG_CHARS = 6
_SIGNED_WORD = re.compile(
    r"_*[A-Za-zÀ-ÿ]+(?:[-_'./:+&,\\]{1,2}[A-Za-zÀ-ÿ]+)*[-'.:,;!?)\]}*&]*"
)  # words, joined or ended by signs
_NAME_OF_CODE = re.compile(r"[A-Za-z_$][\w$]*(?:(?:\.|::|->|\?\.)[A-Za-z_$][\w$]*)+[;,]?")
_WORDS_AND_NUMBER = re.compile(r"[A-Z][a-z]{2,}\.[a-z]{3,}[0-9]{1,4}|[a-z]{3,}\.[a-z]{3,}[0-9]{2,4}")  # Violet.falcon53
_MIN_DRAWN_CHARS = 8  # shorter ones cannot be told from words
_LONG_DRAWN_CHARS = 10
_MIN_CHAIN_WORDS = 4  # of a passphrase without a digit
_WORD_AND_NUMBER = re.compile(r"[A-Za-zÀ-ÿ]{4,24}[0-9]{2,8}[!.?$%&#*+@-]?")  # himbeer926
_DIGITS_INSIDE = re.compile(
    r"[a-z]{1,12}[0-9]{1,8}[a-z]{1,12}[0-9]{0,4}|[0-9]{1,6}[a-z]{2,12}[0-9]{1,6}[a-z]{0,6}|[0-9]{4,8}[a-z]{3,8}"
)  # s79cv
_SIGNED_NUMBER = re.compile(r"[A-Za-zÀ-ÿ]{4,24}[0-9]{2,6}[!$%&#*+@]{1,2}")  # Bonjour02!
_LONG_NUMBER = re.compile(r"[A-Za-zÀ-ÿ]{4,24}[0-9]{3,6}[!$%&#*+@]?")  # drpiwr6152
_NAME_AND_NUMBER = re.compile(r"[A-Z][a-zà-ÿ]{3,16}(?:[013-9][0-9]{3}|2[1-9][0-9]{2})")  # Garten6097, no year
_THING = re.compile(
    r"(?i:server|srv|host|node|web|db|sql|pc|laptop|notebook|desktop|printer|drucker|router|switch|port|vlan|room"
    r"|raum|ticket|version|release|build|notes|rev|windows|win|office|microsoft|android|galaxy|iphone|ipad|ios|macos|ubuntu|debian"
    r"|centos|fedora|java|python|php|nodejs|playstation|xbox|oauth|fido|wpa|sha|aes|rsa|utf|argon|ipv|base|rfc|iso|din|cve"
    r"|covid|bip|pbkdf|ed|curve|chapter|kapitel|figure|table|page|seite|step|schritt|line|zeile|error|code|http|user"
    r"|bitlocker|keepass|outlook|exchange|sharepoint|teams|vm|esx|nas|ap|box|excel|word|libreoffice|acrobat|photoshop|autocad|keycloak|tailwind|node|team|gruppe|group|bitwarden|lastpass|mysql|mariadb|postgres|postgresql|mongodb|redis|grafana|jenkins|gitlab|firefox|chrome|q|tls|ssl|hmac-?sha|ecdh|ceph|tar|gzip|log4j|office365|web3|s3|ec2)"
    r"[-_]?[0-9]{1,6}(?:[.][0-9]{1,3})*[a-z]{0,4}"
    r"|q[1-4][-/]?(?:20)?[0-9]{2}|20[0-9]{2}-?[qQ][1-4]|id_[a-z0-9_]+|[A-Z]{2,8}-[0-9]{1,6}|[^@\s]{1,64}@[a-z0-9-]+(?:\.[a-z0-9-]+)+|(?:[a-z0-9_-]+\.)+[a-z]{2,}"
    r"|(?:https?|ftp|sftp|ssh|smb|mailto):.*|[A-Za-z0-9_.-]*\.(?:pdf|docx?|xlsx?|csv|txt|zip|7z|png|jpe?g|ya?ml|json|py|sh|kdbx|pfx)"
)
_CODE_OF_THINGS = re.compile(
    r"[A-Z]{1,6}[-/]?[0-9]+|[A-Za-z]{1,4}[-/.][A-Za-z0-9]{1,4}|[A-Za-z]+-[0-9]+|[0-9.,:/-]+[A-Za-z]{0,3}"
)
_NO_WORD_BITS = 6.0  # one word of a language in two hundred is spelled as oddly
_NO_NAME_BITS = 12.0  # three names of code in a thousand are
_NAMED_CIPHER = re.compile(r"\{(?:aes|aes256|3des|xor)\}|OBF:1|ENC\(", re.IGNORECASE)
_MIXED = re.compile(r"[0-9]|[a-z][A-Z]")
_CALL = re.compile(r"[A-Za-z_$][\w$.:>-]*[(\[].*|.*\(\)[;,:)]*|\(.*\)?|.*[a-z]\(.*")
_CONSTANT = re.compile(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+|[a-z]+[0-9]?(?:_[a-z]+)+[0-9]?")
_CAPITALS = re.compile(r"[A-Z0-9]*_[A-Z0-9_]*")
_KEYWORD_ARGUMENT = re.compile(r"[A-Za-z_.-]+=[A-Za-z]*[0-9]{0,2}[(\[]?")
_SIGNS_OF_CODE = frozenset('()[]{}|\\/;=<>:,"')
_VERSION_OR_COUNT = re.compile(
    r"v?[0-9]+(?:\.[0-9x*]+)+|[0-9]+(?:st|nd|rd|th|bits?|bytes?|chars?|ms|[smhdkKMG]B?|%)?|[0-9]+[-/][A-Za-z0-9/-]+"
    r"|[0-9]{1,2}[-:/.][0-9]{1,2}[-:/.0-9]*|\(?[0-9][0-9.,:)]*|"
    r"(?:sha|utf|iso|rfc|md|cve|oauth|ipv|python|php|java|tls|ssl|base|http|es|rs|hs|aes|pkcs|rc|win)"
    r"[-#_v]?[0-9][0-9./-]*"
    r"|[a-z]+[0-9]*-(?:encoded|encrypted|hashed|protected|based|bit|like|style|length)",
    re.IGNORECASE,
)
_ESCAPES = re.compile(r"\\[nrtx0u]|&[a-z]{2,6};|%[sdr]")
_FORMAT = re.compile(r"%%|%[-+#0-9.]{0,8}(?:hh?|ll?|[jztL])?[diouxXeEfgGcspr]")  # of printf
_SPACE_ESCAPED = re.compile(r"%(?:0[AaDd9]|20)")
_MANUAL_SECTION = re.compile(r"[0-9][a-z]{0,2}\)")  # `passwd (5), shadow (5)`
_PARAMETER = re.compile(r"[A-Za-z]{1,6}=[0-9.]+")  # `scrypt (N=16384, r=8)`
_IMAGE = re.compile(r"[a-z][a-z0-9./_-]{2,60}:(?:latest|v?[0-9]{1,3}(?:\.[0-9]{1,4}){0,3})(?:-[a-z]+[0-9.]*)?")


@once
def is_password(value: str) -> bool:
    """Tell whether a quoted value may be a password: no word of the trade, no variable, no example."""
    word = value.strip()
    low = word.lower().rstrip(".:!?*")
    is_template = any(mark in word for mark in _TEMPLATES) or (word[:1] in _TEMPLATE_STARTS and not _is_strong(word))
    is_format = "%" in word and not any(c.isalnum() for c in _FORMAT.sub("", word))
    is_template = (is_template or is_format) and not is_jumbled(word)
    is_sentence = any(c.isspace() for c in word) and not _is_strong_phrase(word)
    is_path = word.startswith(_PATH_STARTS)
    is_key = _is_name_of_code(word) or (_CONSTANT.fullmatch(word) is not None and not _is_drawn_constant(word))
    is_word = low in NO_SECRETS or any(part in low for part in ("password", "passwort", "passwd", "passphrase"))
    is_about = is_word and not has_digit(word)
    return (
        len(word) >= _MIN_PASSWORD_CHARS
        and low not in NO_SECRETS
        and not (is_about or is_template or is_sentence or is_path or is_key or _ESCAPES.fullmatch(word))
        and not word.endswith("...")
        and is_no_example(word)
    )


def _is_name_of_code(word: str) -> bool:
    """Tell whether a word with dots in it is a name such as `settings.PASSWORD`, neither drawn nor `Violet.falcon5`."""
    if _NAME_OF_CODE.fullmatch(word) is None:
        return False
    return _WORDS_AND_NUMBER.fullmatch(word) is None and not _is_drawn_word(word)


def _is_drawn_constant(word: str) -> bool:
    """Tell whether a word in the form of a constant, `FUQ5_6Z2KDW`, was drawn by lot."""
    return has_digit(word) and len(word) >= _LONG_DRAWN_CHARS and is_drawn(word)


def _is_drawn_word(word: str) -> bool:
    """Tell whether letters, perhaps with digits and signs, are drawn by lot and spell nothing."""
    if len(word) < _MIN_DRAWN_CHARS or not word.isascii():
        return False
    is_both = any(c.islower() for c in word) and any(c.isupper() for c in word[1:])
    return (is_both or (word.isalpha() and not word.istitle())) and is_drawn(word)


def _classes(value: str) -> int:
    """Count which of small letters, capitals, digits and signs occur."""
    return sum(
        (
            any(c.islower() for c in value),
            any(c.isupper() for c in value),
            has_digit(value),
            any(not c.isalnum() for c in value),
        )
    )


def _is_strong(value: str) -> bool:
    """Tell whether the value is mixed as passwords are, with a digit in it."""
    return has_digit(value) and len(value) >= _STRONG_CHARS and _classes(value) >= _STRONG_CLASSES


def _is_strong_phrase(value: str) -> bool:
    """Tell whether a value with spaces may be one: a digit, few words, and none that sentences are made of."""
    words = value.lower().split()
    return has_digit(value) and len(words) <= 4 and PHRASE_STOPS.isdisjoint(words)  # noqa: PLR2004 - more are a sentence


def is_odd_password(value: str) -> bool:
    """Tell whether a value is a password even where words often stand: it has digits, or signs that words lack."""
    return (
        is_password(value)
        and not any(c.isspace() for c in value)
        and (_is_odd(value) or _is_number(value) or _is_unspelled(value))
    )


def _is_odd(word: str) -> bool:
    """Tell whether a word is none of a language, of code, of numbers with units."""
    has_humps = word.isalpha() and sum(a.islower() and b.isupper() for a, b in pairwise(word)) > 2  # noqa: PLR2004 - more than names have
    if is_jumbled(word) or (_is_drawn_word(word) and not word.endswith((")", "]", "(", "["))):
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


def is_bare_password(value: str) -> bool:
    """Tell whether an unquoted value may be a password: besides, no code, no path, no plain word."""
    if not is_password(value) or _has_odd_start(value):
        return False
    word = value.rstrip(";,")
    if word.isidentifier() and word.lower().startswith(_VARIABLE_STARTS):
        return False  # `password1 = password2`
    is_call = _CALL.fullmatch(word) is not None and not _has_brackets_inside(word)
    is_code = (is_call or value.startswith(_STARTS_OF_CODE)) and not is_jumbled(word)
    return (
        not is_code
        and re.fullmatch(r"[0-9]+;.*", word) is None
        and not word.endswith(("(", "[", "{", "]", "],", "))", "):"))
        and (_is_odd(word) or _is_pin(word) or _is_unspelled(word, _NO_NAME_BITS))
    )


def _has_odd_start(value: str) -> bool:
    """Tell whether a value begins with a sign of an option or a tag and is not mixed enough to be generated."""
    return value.startswith(("-", "+", "!", "#", "?")) and (_classes(value) < 4 or not has_digit(value))  # noqa: PLR2004 - all there are


def _has_brackets_inside(word: str) -> bool:
    """Tell whether brackets are signs of a generated password rather than those of a call."""
    return _is_strong(word) and "()" not in word and not word.endswith((")", "]", "(", "[")) and "," not in word


def _is_pin(word: str) -> bool:
    return word.isdecimal() and 6 <= len(word) <= 32 and len(set(word)) > 3  # noqa: PLR2004 - fewer digits are settings


def _is_number(word: str) -> bool:
    """Tell whether a word is a long number, such as the key that a router has on its back."""
    return word.isdecimal() and len(word) > 12 and _is_pin(word)  # noqa: PLR2004 - up to twelve are dates and times


def is_parameter_password(value: str) -> bool:
    """Tell whether `;password=` or `&password=` is followed by one and not by code."""
    return is_password(value) and _CALL.fullmatch(value) is None and not value.startswith(("=", "!"))


def is_url_password(value: str) -> bool:
    """Tell whether what stands between `user:` and `@host` is a password and no port, word or template."""
    is_port = re.fullmatch(r"[0-9]{1,5}(?:/.*)?", value) is not None and not (value.isdecimal() and len(value) > 4)  # noqa: PLR2004 - of four digits are ports
    is_named = has_digit(value) and _is_name_of_code(value) and is_no_example(value)  # no code stands in an address
    return not is_port and not value.startswith("//") and (is_named or is_password(value)) and _is_no_short_word(value)


def _is_no_short_word(value: str) -> bool:
    """Tell whether a part of an address is longer than the words of examples; a slash needs a digit beside it."""
    return _is_odd(value) or (len(value) > 5 and "/" not in value)  # noqa: PLR2004 - `scott`, `admin`


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
    return is_password(word) and (_is_odd(word) or _is_pin(word) or _is_unspelled(word))


def _is_unspelled(word: str, least_bits: float = _NO_WORD_BITS) -> bool:
    """Tell whether letters spell little: enough where nothing but a password stands."""
    is_long = len(word) >= _MIN_DRAWN_CHARS and word.isascii() and word.isalpha()
    return is_long and rarity(word.encode("ascii")) >= least_bits


def is_element_password(value: str) -> bool:
    """Tell whether the content of an element is a password, or the cipher text of a program that names its cipher."""
    return _NAMED_CIPHER.match(value) is not None or is_bare_password(value)


@once
def is_said_password(value: str) -> bool:
    """Tell whether a word after "the password is" may be one: digits or signs that no word of a language has."""
    word = value.rstrip(".,;:!?)*_")
    if (
        _is_thing(value)
        or _CAPITALS.fullmatch(word)
        or _CALL.fullmatch(word)
        or word.endswith(("'s", "=", "\\", "|"))
        or "](" in word
    ):
        return False
    # What is written as `%0A` ends a word, and is judged where it is undone.
    if _SPACE_ESCAPED.search(value) or _MANUAL_SECTION.match(value) or _IMAGE.fullmatch(word):
        return False
    return is_password(word) and not value.startswith(_STARTS_OF_CODE) and not _has_odd_start(value) and _is_odd(value)


def is_strong_password(value: str) -> bool:
    """Tell whether a word is a password though only a login is near: digits and three kinds of characters."""
    return "\\" not in value and is_said_password(value) and _is_strong(value.rstrip(".,;:?"))


@once
def is_told_password(value: str) -> bool:
    """Tell whether a word told in a sentence is one beyond doubt: mixed, drawn by lot, or a word and two digits."""
    word = value.rstrip(".,;:!?)*_")
    if _MIXED.search(word) is None or "\\" in word or not is_said_password(value):  # the cheap question first
        return False
    is_word_and_number = _WORD_AND_NUMBER.fullmatch(word) is not None
    return is_word_and_number or _is_strong(word) or (len(word) >= _MIN_DRAWN_CHARS and is_drawn(word))


@once
def is_linked_password(value: str) -> bool:
    """Tell whether a word that a verb or a sign joins to a word for passwords is one: besides, `s79cv`."""
    if _is_thing(value):
        return False
    word = value.rstrip(".,;:!?)*_")
    if _PARAMETER.fullmatch(word):
        return False
    if word.isalnum() and sum(c.isdecimal() for c in word) < 2 and not is_drawn(word):  # noqa: PLR2004 - `KeePass2`
        return False
    return is_told_password(value) or (_DIGITS_INSIDE.fullmatch(word) is not None and is_said_password(value))


def is_far_password(value: str) -> bool:
    """Tell whether a word is a password that only stands in a sentence with a word for one: nothing else looks so."""
    word = value.rstrip(".,;:?)_")
    if _is_thing(value) or _CODE_OF_THINGS.fullmatch(word) or not is_told_password(value):
        return False
    is_signed = _SIGNED_NUMBER.fullmatch(word) is not None or _NAME_AND_NUMBER.fullmatch(word) is not None
    return is_signed or (len(word) >= _MIN_DRAWN_CHARS and is_drawn(word) and _classes(word) >= _STRONG_CLASSES)


def is_opening_password(value: str) -> bool:
    """Tell whether a word with which a file is opened is its password: besides, initials and digits of a person."""
    return is_linked_password(value) or re.fullmatch(r"[A-Z]{2,6}[0-9]{4,8}", value) is not None


def is_login_password(value: str) -> bool:
    """Tell whether a word behind the name of a login is its password: a number of three digits at least ends a word."""
    word = value.rstrip(".,;:?)_")
    if len(word) >= _LONG_DRAWN_CHARS and _is_drawn_word(word):
        return is_linked_password(value)
    return is_far_password(value) or (_LONG_NUMBER.fullmatch(word) is not None and is_linked_password(value))


def _is_thing(value: str) -> bool:
    """Tell whether a word with a digit names a machine, a product, a file, a ticket or a mailbox."""
    word = value.rstrip(".,;:?)!" if value.islower() else ".,;:?)")
    return _THING.fullmatch(word) is not None


def is_told_phrase(value: str) -> bool:
    """Tell whether words behind "the passphrase is" are one: three and more, a number among them, no sentence."""
    words = value.lower().split()
    return any(word.isdecimal() for word in words) and COUNT_STOPS.isdisjoint(words) and is_no_example(value)


def is_phrase_of_words(value: str) -> bool:
    """Tell whether words behind "the passphrase is" are one: no two speak of passphrases or join a sentence of one."""
    words = value.lower().split()
    joining = sum(word in FUNCTION_WORDS for word in words)
    return (
        len(set(words)) > 2  # noqa: PLR2004 - two are a name
        and NO_SECRETS.isdisjoint(words)
        and words[0] not in STARTS_OF_SENTENCES
        and joining * 2 <= len(words)
    )


def is_told_seed(value: str) -> bool:
    """Tell whether twelve words and more are those of a wallet: none joins a sentence, hardly two agree."""
    words = value.lower().replace(",", " ").split()
    joining = sum(word in PHRASE_STOPS or len(word) < 3 for word in words)  # noqa: PLR2004 - words of phrases have three
    return joining == 0 and len(set(words)) >= len(words) - 2


def is_code_number(value: str) -> bool:
    """Tell whether digits may be a code where counts and years stand as well."""
    return is_pin(value) and re.fullmatch(r"(?:19|20)[0-9]{2}|[0-9]0{2,}", value) is None


def is_recovery_code(value: str) -> bool:
    """Tell whether groups of letters and digits may be a code for recovery."""
    return has_digit(value) and is_no_example(value) and (any(c in " -" for c in value) or _is_mixed_code(value))


def _is_mixed_code(value: str) -> bool:
    return value.isdecimal() or (len(value) >= _MIN_DRAWN_CHARS and is_drawn(value)) or is_told_password(value)


def is_wifi_key(value: str) -> bool:
    """Tell whether a word may be the key of a wireless network: eight characters and more, digits among them."""
    return len(value) >= _MIN_DRAWN_CHARS and has_digit(value) and is_no_example(value) and not value.startswith("(")


def is_quoted_phrase(value: str) -> bool:
    """Tell whether quoted words after "the passphrase is" are one: no word of the trade or of a sentence among them."""
    words = re.split(r"[\s._-]+", value.lower().strip())
    is_label = len(words) == 2 or (len(words) == 3 and not NO_SECRETS.isdisjoint(words))  # noqa: PLR2004 - `Wiki password`
    is_phrase = not is_label and PHRASE_STOPS.isdisjoint(words)
    has_only_words = all(word.strip("!?.").isalnum() for word in words)
    if len(words) == 1:
        return is_password(value) and (_is_odd(value) or value.isalpha())
    return is_phrase and has_only_words and is_no_example(value)


def is_pin(value: str) -> bool:
    """Tell whether digits may be somebody's PIN: not all alike, and no version."""
    return len(set(value)) > 1 and value not in {"1234", "0000"} and not _is_version(value)


def _is_version(value: str) -> bool:
    """Tell whether numbers stand between dots, not all of two digits as those of a combination."""
    parts = value.split(".")
    return len(parts) > 2 and any(len(part) == 1 for part in parts)  # noqa: PLR2004 - two may be a number with a fraction


def is_security_answer(value: str) -> bool:
    """Tell whether a word answers a security question: a name or something with digits."""
    word = value.lower()
    return word not in NO_SECRETS and word not in PHRASE_STOPS and (value[:1].isupper() or has_digit(value))


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
        "said-password": is_said_password,
        "strong-password": is_strong_password,
        "told-password": is_told_password,
        "linked-password": is_linked_password,
        "far-password": is_far_password,
        "opening-password": is_opening_password,
        "login-password": is_login_password,
        "told-phrase": is_told_phrase,
        "phrase-of-words": is_phrase_of_words,
        "told-seed": is_told_seed,
        "code-number": is_code_number,
        "recovery-code": is_recovery_code,
        "wifi-key": is_wifi_key,
        "quoted-phrase": is_quoted_phrase,
        "pin": is_pin,
        "security-answer": is_security_answer,
    }
)
