"""The inner form of numbers of accounts: IBAN, payment cards, BIC, securities and cryptographic addresses."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from types import MappingProxyType

from policies.detectors import countries
from policies.detectors.national_ids.checksums import (
    digits_of,
    is_luhn,
    is_mod_97_10,
    letters_and_digits_of,
)

_CARD_CHARS_MIN = 14  # grouped or not; shorter numbers need a word near them
_LEI_MIN_DIFFERENT = 4  # fewer are fillings
_BASE_58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_BASE_58_RIPPLE = "rpshnaf39wBUDNEGHJKLM4PQRST7VWXYZ2bcdeCg65jkm8oFqi1tuvAxyz"
_BASE_58_BYTES = 25  # a version, twenty bytes of hash and four of checksum
_BECH_32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_BECH_32_GENERATORS = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_BECH_32_SUMS = frozenset({1, 0x2BC830A3})  # BIP 173, BIP 350
# Issuers and lengths by ISO/IEC 7812 and the networks' own documents; Maestro's many lengths need a word (below).
_ISSUERS = re.compile(
    r"4\d{12}(?:\d{3}(?:\d{3})?)?"  # Visa
    r"|(?:5[1-5]\d\d|222[1-9]|22[3-9]\d|2[3-6]\d\d|27[01]\d|2720)\d{12}"  # Mastercard
    r"|3[47]\d{13}"  # American Express
    r"|(?:30[0-5]\d|3095|36\d\d|3[89]\d\d)\d{10}(?:\d\d)?"  # Diners Club
    r"|(?:6011|64[4-9]\d|65\d\d)\d{12}(?:\d{3})?"  # Discover
    r"|35(?:2[89]|[3-8]\d)\d{12}(?:\d{3})?"  # JCB
    r"|62\d{14,17}|81\d{14}"  # UnionPay
    r"|(?:220[0-4]|9792|5[08]\d\d|6[0-9]\d\d)\d{12}"  # Mir, Troy, Elo, Hipercard, RuPay, Maestro of sixteen
)
_NEAR_ISSUERS = re.compile(r"[1-9]\d{11,18}")


def is_iban(value: str) -> bool:
    """Tell whether country and length fit and the rest by 97 is 1 (ISO 13616-1:2020, ISO/IEC 7064)."""
    number = letters_and_digits_of(value)
    return countries.IBAN_CHARS.get(number[:2]) == len(number) and is_mod_97_10(number[4:] + number[:4])


def is_iban_of_any_length(value: str) -> bool:
    """Tell whether what is called an IBAN has a country and the right rest; countries join every year."""
    number = letters_and_digits_of(value)
    return number[:2] in countries.CODES and is_mod_97_10(number[4:] + number[:4])


def is_payment_card(value: str) -> bool:
    """Tell whether digits, length and issuer are those of a payment card (ISO/IEC 7812-1)."""
    number = "".join(map(str, digits_of(value)))
    return (
        len(number) >= _CARD_CHARS_MIN - (number[0] == "4")
        and _ISSUERS.fullmatch(number) is not None
        and len(set(number)) > 1
        and is_luhn(number)
    )


def is_card_number(value: str) -> bool:
    """Tell whether a number that is called a card's has a length and Luhn's digit for it (ISO/IEC 7812-1)."""
    number = "".join(map(str, digits_of(value)))
    return _NEAR_ISSUERS.fullmatch(number) is not None and is_luhn(number)


def is_bic(value: str) -> bool:
    """Tell whether the fifth and sixth letters are a country (ISO 9362)."""
    return value[4:6].upper() in countries.CODES


def is_isin(value: str) -> bool:
    """Check an ISIN: a country, letters as two digits, Luhn (ISO 6166)."""
    number = letters_and_digits_of(value)
    is_country = number[:2] in countries.CODES or number[:2] in {"XS", "EU", "XC", "XD"}
    return is_country and is_luhn("".join(str(int(c, 36)) for c in number))


def is_lei(value: str) -> bool:
    """Check a legal entity identifier: ISO/IEC 7064 MOD 97-10 (ISO 17442)."""
    return is_mod_97_10(value) and len(set(value)) > _LEI_MIN_DIFFERENT


def is_base58_address(value: str) -> bool:
    """Check an address of Bitcoin and its kin: the double SHA-256 in base 58."""
    return _is_base58_checked(value, _BASE_58)


def is_ripple_address(value: str) -> bool:
    """Check an address of the XRP ledger: as Bitcoin's, in an alphabet of its own."""
    return _is_base58_checked(value, _BASE_58_RIPPLE)


def is_bech32_address(value: str) -> bool:
    """Check a segregated witness address (BIP 173, BIP 350)."""
    prefix, _, data = value.lower().rpartition("1")
    if not prefix or not set(_BECH_32).issuperset(data):
        return False
    values = [*(ord(c) >> 5 for c in prefix), 0, *(ord(c) & 31 for c in prefix), *(_BECH_32.index(c) for c in data)]
    check = 1
    for item in values:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ item
        for bit, generator in enumerate(_BECH_32_GENERATORS):
            check ^= generator if top >> bit & 1 else 0
    return check in _BECH_32_SUMS


def _is_base58_checked(value: str, alphabet: str) -> bool:
    number = 0
    for character in value:
        if character not in alphabet:
            return False
        number = number * 58 + alphabet.index(character)
    if number.bit_length() > 8 * _BASE_58_BYTES:
        return False
    data = number.to_bytes(_BASE_58_BYTES, "big")
    return hashlib.sha256(hashlib.sha256(data[:-4]).digest()).digest()[:4] == data[-4:]


CHECKS: Mapping[str, Callable[[str], bool]] = MappingProxyType(
    {
        "iban": is_iban,
        "iban-of-any-length": is_iban_of_any_length,
        "payment-card": is_payment_card,
        "card-number": is_card_number,
        "bic": is_bic,
        "isin": is_isin,
        "lei": is_lei,
        "base58-address": is_base58_address,
        "ripple-address": is_ripple_address,
        "bech32-address": is_bech32_address,
    }
)
