"""The inner form of numbers of accounts: IBAN, payment cards, BIC, securities and cryptographic addresses."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType

from policies.detectors import countries
from policies.detectors.national_ids.americas import is_mx_clabe
from policies.detectors.national_ids.checksums import (
    digits_of,
    is_luhn,
    is_mod_97_10,
    is_varied,
    letters_and_digits_of,
    number_of,
    weighted,
)
from policies.detectors.national_ids.western_europe import is_fr_rib

_CARD_CHARS_MIN = 14  # grouped or not; shorter numbers need a word near them
_LEI_MIN_DIFFERENT = 4  # fewer are fillings
_BASE_58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_BASE_58_RIPPLE = "rpshnaf39wBUDNEGHJKLM4PQRST7VWXYZ2bcdeCg65jkm8oFqi1tuvAxyz"
_BASE_58_BYTES = range(25, 28)  # a version of one to three bytes, twenty of hash and four of checksum
_RIPPLE_X_BYTES = range(25, 36)  # X-addresses hold a tag, too (XLS-5d)
_BECH_32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_BECH_32_GENERATORS = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_BECH_32_SUMS = frozenset({1, 0x2BC830A3})  # BIP 173, BIP 350
_CASH_GENERATORS = (0x98F2BC8E61, 0x79B76D99E2, 0xF33E5FB3C4, 0xAE2EABE2A8, 0x1E4F43E470)
_CASH_PREFIX = "bitcoincash"  # what an address without a prefix means
_SS_58_SUM_BYTES = 2
_CRC_16 = 0x1021  # XMODEM's, of Stellar (SEP-23) and TON (TEP-2)
_ALGORAND_SUM_BYTES = 4
_CASH_CHARS, _TON_CHARS, _STELLAR_CHARS, _ALGORAND_CHARS, _MONERO_CHARS = 42, 48, 56, 58, 95
# Banks that have a CLABE (ABM), as hundreds.
_CLABE_BANKS_LIST = (
    "002 006 009 012 014 019 021 030 032 036 037 042 044 058 059 060 062 072 103 106 108 110 112 113 116 124 126 "
    "127 128 129 130 131 132 133 136 137 138 140 141 143 145 147 148 150 151 152 154 155 156 157 158 160 166 168 "
    "600 638 646 652 659 661 670 677 680 683 684 685 699 703 706 710 722 723 728"
)
_CLABE_BANKS = frozenset(_CLABE_BANKS_LIST.split())
_CZ_PREFIX_WEIGHTS = (10, 5, 8, 4, 2, 1)
_CZ_WEIGHTS = (6, 3, 7, 9, 10, 5, 8, 4, 2, 1)
_HU_WEIGHTS = (9, 7, 3, 1, 9, 7, 3, 1, 9, 7, 3, 1, 9, 7, 3, 1)
_NO_WEIGHTS = (5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1)
_ES_WEIGHTS = (1, 2, 4, 8, 5, 10, 9, 7, 3, 6)
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
_NEAR_ISSUERS = re.compile(r"[1-9]\d{11,18}|06\d{10,17}")


def is_iban(value: str) -> bool:
    """Tell whether country and length fit and the rest by 97 is 1 (ISO 13616-1:2020, ISO/IEC 7064)."""
    number = letters_and_digits_of(value)
    return countries.IBAN_CHARS.get(number[:2]) == len(number) and is_mod_97_10(number[4:] + number[:4])


def is_iban_of_any_length(value: str) -> bool:
    """Tell whether what is called an IBAN has a country and the right rest; countries join every year."""
    number = letters_and_digits_of(value)
    return number[:2] in countries.CODES and is_mod_97_10(number[4:] + number[:4])


def is_iban_in_small_letters(value: str) -> bool:
    """Tell whether letters stand only where the country has them, as the rest by 97 alone meets a checksum in hex."""
    number = letters_and_digits_of(value)
    form = countries.IBAN_FORMS.get(number[:2])
    return form is not None and re.fullmatch(form, number[4:]) is not None and is_iban(value)


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
    return _is_base58_checked(value, _BASE_58, _BASE_58_BYTES)


def is_ripple_address(value: str) -> bool:
    """Check an address of the XRP ledger: as Bitcoin's, in an alphabet of its own."""
    return _is_base58_checked(value, _BASE_58_RIPPLE, _RIPPLE_X_BYTES)


def is_bech32_address(value: str) -> bool:
    """Check an address with a prefix and a 1 behind it: segregated witness and its kin (BIP 173, BIP 350)."""
    prefix, _, data = value.lower().rpartition("1")
    if not prefix or not set(_BECH_32).issuperset(data):
        return False
    values = [*(ord(c) >> 5 for c in prefix), 0, *(ord(c) & 31 for c in prefix), *(_BECH_32.index(c) for c in data)]
    return _polynomial(values, _BECH_32_GENERATORS, 25) in _BECH_32_SUMS


def is_cash_address(value: str) -> bool:
    """Check an address of Bitcoin Cash and its kin, with its prefix or without (CashAddr)."""
    prefix, _, data = value.lower().rpartition(":")
    values = [*(ord(c) & 31 for c in prefix or _CASH_PREFIX), 0, *(_BECH_32.index(c) for c in data)]
    return _polynomial(values, _CASH_GENERATORS, 35) == 1


def is_ss58_address(value: str) -> bool:
    """Check an address of Polkadot and its kin: BLAKE2b behind a prefix, in base 58 (Substrate, SS58)."""
    data = _base58_bytes(value, _BASE_58)
    digest = hashlib.blake2b(b"SS58PRE" + data[:-_SS_58_SUM_BYTES]).digest()
    return len(data) in {35, 36} and digest[:_SS_58_SUM_BYTES] == data[-_SS_58_SUM_BYTES:]


def is_stellar_address(value: str) -> bool:
    """Check a Stellar account: base 32, CRC-16 with its low byte first (SEP-23)."""
    data = base64.b32decode(value)
    return _crc_16(data[:-2]) == int.from_bytes(data[-2:], "little")


def is_ton_address(value: str) -> bool:
    """Check a TON address: base 64 for URLs, CRC-16 (TEP-2)."""
    data = base64.urlsafe_b64decode(value)
    return _crc_16(data[:-2]) == int.from_bytes(data[-2:], "big")


def is_algorand_address(value: str) -> bool:
    """Check an Algorand address: base 32, the end of SHA-512/256 (Algorand developer documentation)."""
    if "sha512_256" not in hashlib.algorithms_available:
        return False
    data = base64.b32decode(value + "======")
    return hashlib.new("sha512_256", data[:32]).digest()[-_ALGORAND_SUM_BYTES:] == data[32:]


def is_coin_address(value: str) -> bool:
    """Check an address by the coin that its length and beginning tell; Monero's are told by both alone."""
    if ":" in value or (len(value) == _CASH_CHARS and value.islower()):
        return is_cash_address(value)
    if len(value) >= _MONERO_CHARS:
        return True
    if len(value) == _TON_CHARS and value[1] == "Q" and is_ton_address(value):
        return True
    if len(value) == _STELLAR_CHARS:
        return is_stellar_address(value)
    return is_algorand_address(value) if len(value) == _ALGORAND_CHARS else is_ss58_address(value)


def is_account_of_a_country(value: str) -> bool:
    """Check an account as banks of a country write it: its groups tell the country, whose check digits must fit."""
    if "/" in value:
        return _is_cz_account(value)
    sizes = tuple(len(group) for group in re.findall(r"[0-9A-Z]+", value))
    check = _ACCOUNTS.get(sizes) or _PACKED_ACCOUNTS.get(sum(sizes))
    return check is not None and is_varied(digits_of(value)) and check(value)


def is_ar_cbu(value: str) -> bool:
    """Check an Argentine CBU or CVU: two parts with weights 7, 1, 3, 9 and 3, 9, 7, 1, modulus 10 (BCRA)."""
    digits = digits_of(value)
    first, second = weighted(digits[:7], (7, 1, 3, 9, 7, 1, 3)), weighted(digits[8:21], (3, 9, 7, 1) * 4)
    return is_varied(digits) and -first % 10 == digits[7] and -second % 10 == digits[21]


def _is_cz_account(value: str) -> bool:
    """Check a Czech or Slovak account: weights by 11 in both parts, and a bank (ČNB, vyhláška 169/2011)."""
    account, _, _bank = value.partition("/")
    prefix, _, number = account.rpartition("-")
    digits, before = digits_of(number.zfill(10)), digits_of(prefix.zfill(6))
    return is_varied(digits) and not (weighted(digits, _CZ_WEIGHTS) % 11 or weighted(before, _CZ_PREFIX_WEIGHTS) % 11)


def _is_hu_account(value: str) -> bool:
    """Check a Hungarian account: weights 9, 7, 3, 1 in both parts (MNB)."""
    digits = digits_of(value)
    return not (weighted(digits[:8], _HU_WEIGHTS) % 10 or weighted(digits[8:], _HU_WEIGHTS) % 10)


def _is_no_account(value: str) -> bool:
    """Check a Norwegian account: weights 5, 4, 3, 2, 7, 6, 5, 4, 3, 2, modulus 11 (Finans Norge)."""
    return weighted(digits_of(value), _NO_WEIGHTS) % 11 == 0


def _is_be_account(value: str) -> bool:
    """Check a Belgian account or identity card: the rest by 97."""
    digits = digits_of(value)
    return number_of(digits[:10]) % 97 == number_of(digits[10:]) % 97


def _is_mx_account(value: str) -> bool:
    """Check a Mexican CLABE that no word announces: its bank, too."""
    return "".join(map(str, digits_of(value)[:3])) in _CLABE_BANKS and is_mx_clabe(value)


def _is_es_account(value: str) -> bool:
    """Check a Spanish account: two digits by modulus 11 (CSB)."""
    digits = digits_of(value)
    checks = [11 - weighted(part, _ES_WEIGHTS) % 11 for part in ([0, 0, *digits[:8]], digits[10:])]
    return digits[8:10] == [{10: 1, 11: 0}.get(check, check) for check in checks]


_ACCOUNTS: Mapping[tuple[int, ...], Callable[[str], bool]] = MappingProxyType(
    {
        (8, 8): _is_hu_account,
        (8, 8, 8): _is_hu_account,
        (4, 2, 5): _is_no_account,
        (3, 7, 2): _is_be_account,
        (5, 5, 11, 2): is_fr_rib,
        (4, 4, 2, 10): _is_es_account,
    }
)
_PACKED_ACCOUNTS: Mapping[int, Callable[[str], bool]] = MappingProxyType({22: is_ar_cbu, 18: _is_mx_account})


def _polynomial(values: Iterable[int], generators: Sequence[int], bits: int) -> int:
    """Return the checksum of a BCH code over words of five bits."""
    check = 1
    for item in values:
        top = check >> bits
        check = (check & ((1 << bits) - 1)) << 5 ^ item
        for bit, generator in enumerate(generators):
            check ^= generator if top >> bit & 1 else 0
    return check


def _crc_16(data: bytes) -> int:
    check = 0
    for byte in data:
        check ^= byte << 8
        for _ in range(8):
            check = (check << 1 ^ (_CRC_16 if check & 0x8000 else 0)) & 0xFFFF
    return check


def _base58_bytes(value: str, alphabet: str) -> bytes:
    """Return what base 58 writes; nothing for what is not."""
    number = 0
    for character in value:
        if character not in alphabet:
            return b""
        number = number * 58 + alphabet.index(character)
    zeros = len(value) - len(value.lstrip(alphabet[0]))
    return bytes(zeros) + number.to_bytes((number.bit_length() + 7) // 8, "big")


def _is_base58_checked(value: str, alphabet: str, sizes: range) -> bool:
    data = _base58_bytes(value, alphabet)
    return len(data) in sizes and hashlib.sha256(hashlib.sha256(data[:-4]).digest()).digest()[:4] == data[-4:]


CHECKS: Mapping[str, Callable[[str], bool]] = MappingProxyType(
    {
        "iban": is_iban,
        "iban-of-any-length": is_iban_of_any_length,
        "iban-in-small-letters": is_iban_in_small_letters,
        "payment-card": is_payment_card,
        "card-number": is_card_number,
        "bic": is_bic,
        "isin": is_isin,
        "lei": is_lei,
        "base58-address": is_base58_address,
        "ripple-address": is_ripple_address,
        "bech32-address": is_bech32_address,
        "coin-address": is_coin_address,
        "account-of-a-country": is_account_of_a_country,
    }
)
