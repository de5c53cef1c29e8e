"""Whether a value may be a password, a phrase or a code that is told in a sentence."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType

from policies.detectors.once import once
from policies.detectors.password_shapes import (
    CALL,
    LONG_DRAWN_CHARS,
    MIN_DRAWN_CHARS,
    STARTS_OF_CODE,
    STRONG_CLASSES,
    classes,
    has_odd_start,
    is_drawn_word,
    is_odd,
    is_strong,
)
from policies.detectors.password_words import (
    COUNT_STOPS,
    FUNCTION_WORDS,
    NO_SECRETS,
    PHRASE_STOPS,
    STARTS_OF_SENTENCES,
)
from policies.detectors.passwords import is_password
from policies.detectors.shapes import has_digit, is_drawn, is_no_example

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
    r"|q[1-4][-/]?(?:20)?[0-9]{2}|20[0-9]{2}-?[qQ][1-4]|id_[a-z0-9_]+|[A-Z]{2,8}-[0-9]{1,6}|(?i:ghsa(?:-[a-z0-9]{4}){3})|[^@\s]{1,64}@[a-z0-9-]+(?:\.[a-z0-9-]+)+|(?:[a-z0-9_-]+\.)+[a-z]{2,}"
    r"|(?:https?|ftp|sftp|ssh|smb|mailto):.*|[A-Za-z0-9_.-]*\.(?:pdf|docx?|xlsx?|csv|txt|zip|7z|png|jpe?g|ya?ml|json|py|sh|kdbx|pfx|p12|pem|crt|cer|der|cnf|conf|ini|html?)"
)
_CODE_OF_THINGS = re.compile(
    r"[A-Z]{1,6}[-/]?[0-9]+|[A-Za-z]{1,4}[-/.][A-Za-z0-9]{1,4}|[A-Za-z]+-[0-9]+|[0-9.,:/-]+[A-Za-z]{0,3}"
)
_MIXED = re.compile(r"[0-9]|[a-z][A-Z]")
_CAPITALS = re.compile(r"[A-Z0-9]*_[A-Z0-9_]*")
_SPACE_ESCAPED = re.compile(r"%(?:0[AaDd9]|20)")
_STYLE = re.compile(r"\$[a-z]+(?:-[a-z]+)+(?:[*/+,;)].*)?")  # a variable, `$bs-modal-margin*2`
_SETTING = re.compile(
    r"(?:[a-z]+[0-9]{0,4}[_-])*(?:password|passwd|passphrase)(?:[_-][a-z]+[0-9]{0,4})*|(?:pw|pass)(?:_[a-z]+)+_?\w*"
)
_OPTION = re.compile(r"[A-Z]{2,}(?:_[A-Z]{2,}){2,}\w*")  # `SSL_OP_NO_SSLv3`
_ENTITY = re.compile(r"&(?:#x?[0-9A-Fa-f]{2,6}|quot|apos|amp|lt|gt);?")
_MANUAL_SECTION = re.compile(r"[0-9][a-z]{0,2}\)")  # `passwd (5), shadow (5)`
_PARAMETER = re.compile(r"[A-Za-z]{1,6}=[0-9.]+")  # `scrypt (N=16384, r=8)`
_IMAGE = re.compile(r"[a-z][a-z0-9./_-]{2,60}:(?:latest|v?[0-9]{1,3}(?:\.[0-9]{1,4}){0,3})(?:-[a-z]+[0-9.]*)?")


@once
def is_said_password(value: str) -> bool:
    """Tell whether a word after "the password is" may be one: digits or signs that no word of a language has."""
    word = value.rstrip(".,;:!?)*_")
    if (
        _is_thing(value)
        or _CAPITALS.fullmatch(word)
        or CALL.fullmatch(word)
        or word.endswith(("'s", "=", "\\", "|"))
        or "){" in word  # a function's head
        or _SETTING.fullmatch(word)  # `password_pbkdf2_default_rounds`, `pw_enc_b64`
        or _STYLE.fullmatch(word)
        or _OPTION.fullmatch(word)
        or _ENTITY.search(word)  # another view shows what it stands for
        or ",sha256=" in word  # a file in the list of a package
        or "](" in word
    ):
        return False
    # What is written as `%0A` ends a word, and is judged where it is undone.
    if _SPACE_ESCAPED.search(value) or _MANUAL_SECTION.match(value) or _IMAGE.fullmatch(word):
        return False
    return is_password(word) and not value.startswith(STARTS_OF_CODE) and not has_odd_start(value) and is_odd(value)


def is_strong_password(value: str) -> bool:
    """Tell whether a word is a password though only a login is near: digits and three kinds of characters."""
    return "\\" not in value and is_said_password(value) and is_strong(value.rstrip(".,;:?"))


@once
def is_told_password(value: str) -> bool:
    """Tell whether a word told in a sentence is one beyond doubt: mixed, drawn by lot, or a word and two digits."""
    word = value.rstrip(".,;:!?)*_")
    if _MIXED.search(word) is None or "\\" in word or not is_said_password(value):  # the cheap question first
        return False
    is_word_and_number = _WORD_AND_NUMBER.fullmatch(word) is not None
    return is_word_and_number or is_strong(word) or (len(word) >= MIN_DRAWN_CHARS and is_drawn(word))


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
    return is_signed or (len(word) >= MIN_DRAWN_CHARS and is_drawn(word) and classes(word) >= STRONG_CLASSES)


def is_opening_password(value: str) -> bool:
    """Tell whether a word with which a file is opened is its password: besides, initials and digits of a person."""
    return is_linked_password(value) or re.fullmatch(r"[A-Z]{2,6}[0-9]{4,8}", value) is not None


def is_login_password(value: str) -> bool:
    """Tell whether a word behind the name of a login is its password: a number of three digits at least ends a word."""
    word = value.rstrip(".,;:?)_")
    if len(word) >= LONG_DRAWN_CHARS and is_drawn_word(word):
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
    return value.isdecimal() or (len(value) >= MIN_DRAWN_CHARS and is_drawn(value)) or is_told_password(value)


def is_wifi_key(value: str) -> bool:
    """Tell whether a word may be the key of a wireless network: eight characters and more, digits among them."""
    return len(value) >= MIN_DRAWN_CHARS and has_digit(value) and is_no_example(value) and not value.startswith("(")


def is_quoted_phrase(value: str) -> bool:
    """Tell whether quoted words after "the passphrase is" are one: no word of the trade or of a sentence among them."""
    words = re.split(r"[\s._-]+", value.lower().strip())
    is_label = len(words) == 2 or (len(words) == 3 and not NO_SECRETS.isdisjoint(words))  # noqa: PLR2004 - `Wiki password`
    is_phrase = not is_label and PHRASE_STOPS.isdisjoint(words)
    has_only_words = all(word.strip("!?.").isalnum() for word in words)
    if len(words) == 1:
        return is_password(value) and (is_odd(value) or value.isalpha())
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
