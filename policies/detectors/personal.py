"""The inner form of personal data that belongs to no one country."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping
from types import MappingProxyType

from policies.detectors import national_ids

_FILE_ENDINGS_LIST = "png jpg jpeg gif svg webp ico js mjs ts tsx jsx css scss json yaml yml toml py rb md txt"
_FILE_ENDINGS = frozenset(_FILE_ENDINGS_LIST.split())
_MIN_DIFFERENT_CHARS = 3  # `aaaa` and `xyxy` are fillings
_CARD_DIGITS = range(13, 20)  # ISO/IEC 7812-1
_PHONE_DIGITS = range(8, 16)  # ITU-T E.164 allows fifteen
_BARE_PHONE_MIN_DIGITS = 10
_LOWEST_MACHINE_NETWORK = 5  # 0 to 4 begin version numbers far more often than addresses
_IPV6_MIN_COLONS = 3  # fewer are times and ratios


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
        "iban": is_iban,
        "payment-card": is_payment_card,
        "ipv4": is_public_ipv4,
        "ipv6": is_ipv6,
        "email": is_email,
        "phone-number": is_phone_number,
    }
)
