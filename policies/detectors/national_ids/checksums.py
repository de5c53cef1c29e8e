"""The arithmetic that the checks of national numbers share."""

from __future__ import annotations

import string
from collections.abc import Iterable
from datetime import date

_CENTURY_YEARS = 100
_DIGITS = string.digits.encode("ascii")
_LETTERS_AND_DIGITS = string.digits + string.ascii_uppercase
_NO_DIGITS = bytes(c for c in range(256) if c not in _DIGITS)
_NEITHER = bytes(c for c in range(256) if chr(c) not in _LETTERS_AND_DIGITS)
_VALUE_OF_DIGIT = bytes(max(0, c - _DIGITS[0]) for c in range(256))
_NUMBER_OF = {c: str(number) for number, c in enumerate(_LETTERS_AND_DIGITS)}
_DOUBLED = tuple(sum(divmod(2 * digit, 10)) for digit in range(10))
_VERHOEFF_PRODUCT = tuple(
    tuple(map(int, row))
    for row in (
        "0123456789",
        "1234067895",
        "2340178956",
        "3401289567",
        "4012395678",
        "5987604321",
        "6598710432",
        "7659821043",
        "8765932104",
        "9876543210",
    )
)
_VERHOEFF_TURN = tuple(
    tuple(map(int, row))
    for row in (
        "0123456789",
        "1576283094",
        "5803796142",
        "8916043527",
        "9453126870",
        "4286573901",
        "2793806415",
        "7046913258",
    )
)


def _ascii(text: str) -> bytes:
    return text.encode("ascii", "ignore")


def digits_of(text: str) -> list[int]:
    """Return the ASCII digits of a text."""
    return list(_ascii(text).translate(_VALUE_OF_DIGIT, _NO_DIGITS))


def letters_and_digits_of(text: str) -> str:
    """Return the ASCII letters and digits of a text, in capitals."""
    return _ascii(text.upper()).translate(None, _NEITHER).decode("ascii")


def number_of(digits: Iterable[int]) -> int:
    """Return the number that digits write; of none, 0."""
    return int("".join(map(str, digits)) or "0")


def is_varied(digits: Iterable[int]) -> bool:
    """Tell whether more than one digit occurs: a number of one repeated digit is a filling."""
    return len(set(digits)) > 1


def weighted(digits: Iterable[int], weights: Iterable[int]) -> int:
    """Return the sum of digits times weights, as far as the shorter of the two goes."""
    return sum(digit * weight for digit, weight in zip(digits, weights, strict=False))


def is_luhn(text: str) -> bool:
    """Check the last digit by ISO/IEC 7812-1 annex B; a number of one repeated digit does not count."""
    digits = digits_of(text)
    doubled = map(_DOUBLED.__getitem__, digits[-2::-2])
    return is_varied(digits) and (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def is_mod_11_10(digits: list[int]) -> bool:
    """Check the last digit by ISO/IEC 7064, MOD 11,10."""
    product = 10
    for digit in digits[:-1]:
        product = 2 * ((digit + product) % 10 or 10) % 11
    return (11 - product) % 10 == digits[-1]


def is_mod_97_10(text: str) -> bool:
    """Check two digits at the end by ISO/IEC 7064, MOD 97-10; letters count from A = 10."""
    return int("".join(map(_NUMBER_OF.__getitem__, letters_and_digits_of(text)))) % 97 == 1


def is_verhoeff(digits: list[int]) -> bool:
    """Check the last digit by Verhoeff's scheme (Mathematical Centre Tracts 29, 1969)."""
    check = 0
    for place, digit in enumerate(reversed(digits)):
        check = _VERHOEFF_PRODUCT[check][_VERHOEFF_TURN[place % 8][digit]]
    return check == 0 and is_varied(digits)


def is_day(month: int, day: int) -> bool:
    """Tell whether a month has such a day in some year."""
    try:
        date(2000, month, day)  # a leap year: every day there is
    except ValueError:
        return False
    return True


def is_short_date(digits: list[int]) -> bool:
    """Tell whether six digits are year, month and day of a century."""
    return is_day(digits[2] * 10 + digits[3], digits[4] * 10 + digits[5])


def is_short_date_day_first(digits: list[int]) -> bool:
    """Tell whether six digits are day, month and year of a century."""
    return is_day(digits[2] * 10 + digits[3], digits[0] * 10 + digits[1])


def is_long_date(digits: list[int]) -> bool:
    """Tell whether eight digits are a year from 1900 to 2099, month and day."""
    return number_of(digits[:2]) in {19, 20} and is_short_date(digits[2:8])
