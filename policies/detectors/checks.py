"""What a pattern cannot say about a value: checksums, shapes, and whether it looks like a secret at all.

A check takes the value and tells whether it counts. A check that raises makes the guard refuse the text.
"""

from __future__ import annotations

import ipaddress
import json
import math
from base64 import b64decode, urlsafe_b64decode
from binascii import Error as Base64Error
from collections import Counter
from collections.abc import Callable, Mapping
from types import MappingProxyType

from policies.detectors import national_ids

_RARE_BITS = 3.2  # bits a character; words of a language and counting digits lie below, random base 62 of 24 above 3.9
_HEX_RARE_BITS = 2.9  # sixteen symbols hold at most 4 bits; random hexadecimal of 32 lies above 3.2
_HEX_DIGITS = frozenset("0123456789abcdefABCDEF")
_EXAMPLE_PARTS = ("example", "your", "placeholder", "dummy", "redacted", "xxxx", "****", "....", "----", "____")
_WORDS_OF_THE_TRADE = """
true false yes no on off none null nil undefined empty required optional string str text bytes bytearray int float bool
boolean object any secretstr password passwort passwd pass pwd secret token key credentials username user value default
test unset hidden incorrect correct wrong invalid valid expired missing changed reset changeme change_me stored hashed
encrypted encoded protected field input label type self this args kwargs params config settings environ env prompt never
always also only being too not the that what and for with from must should our their somewhere somehow easy weak strong
safe gone lost known unknown shared
"""
_NO_SECRETS = frozenset(_WORDS_OF_THE_TRADE.split())  # they stand where a password would, in code, forms and sentences
_FILE_ENDINGS_LIST = "png jpg jpeg gif svg webp ico js mjs ts tsx jsx css scss json yaml yml toml py rb md txt"
_FILE_ENDINGS = frozenset(_FILE_ENDINGS_LIST.split())
_VARIABLE_STARTS = ("password", "passwd", "pwd", "token", "secret")
_MIN_PASSWORD_CHARS = 4
_MIN_DIFFERENT_CHARS = 3  # `aaaa` and `xyxy` are fillings
_CARD_DIGITS = range(13, 20)  # ISO/IEC 7812-1
_PHONE_DIGITS = range(8, 16)  # ITU-T E.164 allows fifteen
_BARE_PHONE_MIN_DIGITS = 10
_LOWEST_MACHINE_NETWORK = 5  # 0 to 4 begin version numbers far more often than addresses
_IPV6_MIN_COLONS = 3  # fewer are times and ratios


def bits_of(text: str) -> float:
    """Return Shannon's entropy in bits a character."""
    counts = Counter(text)
    return -sum(count / len(text) * math.log2(count / len(text)) for count in counts.values()) if text else 0.0


def is_rare(value: str) -> bool:
    """Tell whether the characters are as mixed as a generated key's."""
    least = _HEX_RARE_BITS if _HEX_DIGITS.issuperset(value) else _RARE_BITS
    return bits_of(value) >= least


def has_digit(value: str) -> bool:
    """Tell whether a digit occurs."""
    return any("0" <= c <= "9" for c in value)


def is_mixed(value: str) -> bool:
    """Tell whether small letters, capitals and digits all occur."""
    return has_digit(value) and any(c.islower() for c in value) and any(c.isupper() for c in value)


def is_no_example(value: str) -> bool:
    """Tell whether the value does not say of itself that it is only an example."""
    low = value.lower()
    return not any(part in low for part in _EXAMPLE_PARTS) and len(set(low)) >= _MIN_DIFFERENT_CHARS


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


def is_jwt(value: str) -> bool:
    """Tell whether the first part is the header of a JSON Web Token (RFC 7519): JSON with `alg` or `enc`."""
    head = value.split(".", 1)[0]
    try:
        header = json.loads(urlsafe_b64decode(head + "=" * (-len(head) % 4)))
    except (ValueError, Base64Error, RecursionError):
        return False
    return isinstance(header, dict) and ("alg" in header or "enc" in header)


def is_basic_credentials(value: str) -> bool:
    """Tell whether the value is base64 of `user:password` (RFC 7617)."""
    try:
        return b":" in b64decode(value + "=" * (-len(value) % 4), validate=True)
    except (ValueError, Base64Error):
        return False


def is_iban(value: str) -> bool:
    """Tell whether the rest by 97 is 1 (ISO 13616-1:2020, ISO/IEC 7064)."""
    number = national_ids.letters_and_digits_of(value)
    rearranged = number[4:] + number[:4]
    return int("".join(str(int(c, 36)) for c in rearranged)) % 97 == 1


def is_payment_card(value: str) -> bool:
    """Tell whether digits, length and issuer are those of a payment card (ISO/IEC 7812-1)."""
    digits = "".join(map(str, national_ids.digits_of(value)))
    return len(digits) in _CARD_DIGITS and digits[0] in "23456" and national_ids.is_luhn(digits)


def is_public_ipv4(value: str) -> bool:
    """Tell whether the address could be a machine's: not a mask, not loopback, not unspecified, not documentation."""
    try:
        address = ipaddress.IPv4Address(value)
    except ValueError:
        return False
    first = int(value.split(".", 1)[0])
    return not (
        address.is_loopback
        or address.is_unspecified
        or address.is_multicast
        or first in {0, 255}
        or first < _LOWEST_MACHINE_NETWORK
    )


def is_ipv6(value: str) -> bool:
    """Tell whether it is an IPv6 address of some machine (RFC 4291)."""
    try:
        address = ipaddress.IPv6Address(value)
    except ValueError:
        return False
    return not (address.is_loopback or address.is_unspecified) and value.count(":") >= _IPV6_MIN_COLONS


def is_email(value: str) -> bool:
    """Tell whether an address is a person's: not git's own user, and no file name with an `@` in it."""
    local, _, domain = value.lower().rpartition("@")
    return local != "git" and domain.rpartition(".")[2] not in _FILE_ENDINGS and ".." not in local


def is_phone_number(value: str) -> bool:
    """Tell whether there are as many digits as a telephone number has (ITU-T E.164: at most 15), not all alike.

    Without any separator ten are needed: `+12345678` is more often the rest of a sum or of a diff.
    """
    digits = national_ids.digits_of(value)
    is_separated = any(c in " ./()-" for c in value)
    return (
        len(digits) in _PHONE_DIGITS
        and (is_separated or len(digits) >= _BARE_PHONE_MIN_DIGITS)
        and len(set(digits)) >= _MIN_DIFFERENT_CHARS
    )


CHECKS: Mapping[str, Callable[[str], bool]] = MappingProxyType(
    {
        "rare": is_rare,
        "digit": has_digit,
        "mixed": is_mixed,
        "no-example": is_no_example,
        "password": is_password,
        "bare-password": is_bare_password,
        "said-password": is_said_password,
        "jwt": is_jwt,
        "basic-credentials": is_basic_credentials,
        "iban": is_iban,
        "payment-card": is_payment_card,
        "ipv4": is_public_ipv4,
        "ipv6": is_ipv6,
        "email": is_email,
        "phone-number": is_phone_number,
        "luhn": national_ids.is_luhn,
        "us-ssn": national_ids.is_us_ssn,
        "de-tax-id": national_ids.is_de_tax_id,
        "fr-nir": national_ids.is_fr_nir,
        "es-dni": national_ids.is_es_dni,
        "it-codice-fiscale": national_ids.is_it_codice_fiscale,
        "uk-nhs": national_ids.is_uk_nhs,
        "se-personnummer": national_ids.is_se_personnummer,
        "nl-bsn": national_ids.is_nl_bsn,
        "pl-pesel": national_ids.is_pl_pesel,
        "br-cpf": national_ids.is_br_cpf,
        "ch-ahv": national_ids.is_ch_ahv,
        "be-national": national_ids.is_be_national,
        "in-aadhaar": national_ids.is_in_aadhaar,
        "fi-hetu": national_ids.is_fi_hetu,
    }
)
