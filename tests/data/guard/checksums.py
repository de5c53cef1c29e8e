"""Checksums of published standards, computed forwards: from a body to its check digits."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

B58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
RIPPLE58 = "rpshnaf39wBUDNEGHJKLM4PQRST7VWXYZ2bcdeCg65jkm8oFqi1tuvAxyz"
BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"


def luhn(body: str) -> str:
    """Return the Luhn digit (ISO/IEC 7812-1) of a row of digits."""
    total = 0
    for place, digit in enumerate(reversed(body)):
        number = int(digit) * (2 if place % 2 == 0 else 1)
        total += number - 9 if number > 9 else number
    return str(-total % 10)


def weighted(body: str, weights: Sequence[int]) -> int:
    """Return the sum of the digits times their weights."""
    return sum(int(digit) * weight for digit, weight in zip(body, weights, strict=True))


def mod97(text: str) -> int:
    """Return the remainder by 97 of a text whose letters count from ten (ISO 7064, as IBAN uses it)."""
    return int("".join(str(int(sign, 36)) for sign in text)) % 97


def iso7064_mod11_10(body: str) -> str:
    """Return the check digit of ISO 7064 MOD 11,10."""
    rest = 10
    for digit in body:
        rest = (rest + int(digit)) % 10 or 10
        rest = rest * 2 % 11
    return str((11 - rest) % 10)


VERHOEFF_D = (
    "0123456789", "1234067895", "2340178956", "3401289567", "4012395678",
    "5987604321", "6598710432", "7659821043", "8765932104", "9876543210",
)  # fmt: skip
VERHOEFF_P = (
    "0123456789", "1576283094", "5803796142", "8916043527", "9453126870", "4286573901", "2793806415", "7046913258",
)  # fmt: skip
VERHOEFF_INVERSE = "0432156789"


def verhoeff(body: str) -> str:
    """Return the Verhoeff digit."""
    state = 0
    for place, digit in enumerate(reversed(body), start=1):
        state = int(VERHOEFF_D[state][int(VERHOEFF_P[place % 8][int(digit)])])
    return VERHOEFF_INVERSE[state]


def base58(data: bytes, alphabet: str = B58) -> str:
    """Write bytes in base 58; leading zero bytes are the alphabet's first sign."""
    number, text = int.from_bytes(data, "big"), ""
    while number:
        number, rest = divmod(number, 58)
        text = alphabet[rest] + text
    return alphabet[0] * (len(data) - len(data.lstrip(b"\0"))) + text


def base58check(data: bytes, alphabet: str = B58) -> str:
    """Write bytes in base 58 with four bytes of double SHA-256 behind them."""
    return base58(data + hashlib.sha256(hashlib.sha256(data).digest()).digest()[:4], alphabet)


def regroup(data: bytes) -> list[int]:
    """Regroup bytes into groups of five bits, padded with zeros."""
    bits = "".join(f"{byte:08b}" for byte in data)
    bits += "0" * (-len(bits) % 5)
    return [int(bits[at : at + 5], 2) for at in range(0, len(bits), 5)]


def bech32(prefix: str, groups: Sequence[int], constant: int = 1) -> str:
    """Write groups of five bits in Bech32 (BIP-173; the constant 0x2bc830a3 makes it Bech32m, BIP-350)."""
    expanded = [ord(sign) >> 5 for sign in prefix] + [0] + [ord(sign) & 31 for sign in prefix]
    state = 1
    for value in [*expanded, *groups, 0, 0, 0, 0, 0, 0]:
        top, state = state >> 25, (state & 0x1FFFFFF) << 5 ^ value
        for bit, polynomial in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
            state ^= polynomial if top >> bit & 1 else 0
    state ^= constant
    check = [state >> 5 * (5 - place) & 31 for place in range(6)]
    return prefix + "1" + "".join(BECH32[value] for value in [*groups, *check])


def crc16_xmodem(data: bytes) -> int:
    """Return the CRC-16 with polynomial 0x1021 and start 0."""
    crc = 0
    for byte in data:
        crc ^= byte << 8
        for _ in range(8):
            crc = (crc << 1 ^ 0x1021 if crc & 0x8000 else crc << 1) & 0xFFFF
    return crc
