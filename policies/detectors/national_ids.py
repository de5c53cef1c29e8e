"""Checksums of national, tax and health numbers. Each takes the number as it was written and ignores its separators."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from types import MappingProxyType

_DNI_LETTERS = "TRWAGMYFPDXBNJZSQVHLCKE"  # Ministerio del Interior, "Cálculo del dígito de control del NIF/NIE"
_CODICE_EVEN = {c: v for v, c in enumerate("0123456789")} | {c: v for v, c in enumerate("ABCDEFGHIJKLMNOPQRSTUVWXYZ")}
_CODICE_ODD_VALUES = (1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23)
_CODICE_ODD = {chr(ord("A") + n): v for n, v in enumerate(_CODICE_ODD_VALUES)} | {
    str(n): v for n, v in enumerate(_CODICE_ODD_VALUES[:10])
}
_SAMORDNING = 60  # added to the day in the numbers of people who are not registered (SKV 707)
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


def digits_of(text: str) -> list[int]:
    """Return the ASCII digits of a text."""
    return [ord(c) - 48 for c in text if "0" <= c <= "9"]


def letters_and_digits_of(text: str) -> str:
    """Return the ASCII letters and digits of a text, in capitals."""
    return "".join(c for c in text.upper() if c.isascii() and c.isalnum())


def is_luhn(text: str) -> bool:
    """Check the last digit by ISO/IEC 7812-1 annex B; a number of one repeated digit does not count."""
    digits = digits_of(text)
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[-2::-2]]
    return len(set(digits)) > 1 and (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def is_us_ssn(text: str) -> bool:
    """Check a United States social security number: areas, groups and serials that are never given out.

    Source: Social Security Administration, POMS RM 10201.030.
    """
    number = "".join(map(str, digits_of(text)))
    area, group, serial = number[:3], number[3:5], number[5:]
    is_known_sample = number in {"123456789", "078051120", "219099999"}
    return area not in {"000", "666"} and area < "900" and group != "00" and serial != "0000" and not is_known_sample


def is_de_tax_id(text: str) -> bool:
    """Check a German Steuer-ID: ISO 7064 MOD 11,10, and one digit two or three times among the first ten."""
    digits = digits_of(text)
    counts = [digits[:10].count(digit) for digit in set(digits[:10])]
    if digits[0] == 0 or max(counts) not in {2, 3} or sum(count > 1 for count in counts) != 1:
        return False
    product = 10
    for digit in digits[:10]:
        total = (digit + product) % 10 or 10
        product = 2 * total % 11
    return (11 - product) % 10 == digits[10]


def is_fr_nir(text: str) -> bool:
    """Check a French social security number: 97 minus the rest by 97, Corsica's 2A and 2B as 19 and 18 (INSEE)."""
    number = letters_and_digits_of(text)
    body = number[:13].replace("2A", "19").replace("2B", "18")
    return body.isdecimal() and 97 - int(body) % 97 == int(number[13:])


def is_es_dni(text: str) -> bool:
    """Check a Spanish DNI or NIE: the letter follows from the number by 23; X, Y, Z stand for 0, 1, 2."""
    number = letters_and_digits_of(text)
    body = number[:-1].replace("X", "0", 1).replace("Y", "1", 1).replace("Z", "2", 1)
    return body.isdecimal() and _DNI_LETTERS[int(body) % 23] == number[-1]


def is_it_codice_fiscale(text: str) -> bool:
    """Check an Italian codice fiscale: the last letter by the tables of the decree of 23 December 1976."""
    number = letters_and_digits_of(text)
    total = sum(_CODICE_ODD[c] for c in number[:15:2]) + sum(_CODICE_EVEN[c] for c in number[1:15:2])
    return chr(ord("A") + total % 26) == number[15]


def is_uk_nhs(text: str) -> bool:
    """Check an NHS number: weights 10 to 2, modulus 11 (NHS Data Dictionary)."""
    digits = digits_of(text)
    return len(set(digits)) > 1 and (11 - _weighted(digits, range(10, 1, -1)) % 11) % 11 == digits[9]


def is_se_personnummer(text: str) -> bool:
    """Check a Swedish personnummer: a date, and Luhn over the last ten digits (SKV 704)."""
    digits = digits_of(text)[-10:]
    month, day = digits[2] * 10 + digits[3], digits[4] * 10 + digits[5]
    return _is_day(month, day - _SAMORDNING if day > _SAMORDNING else day) and is_luhn("".join(map(str, digits)))


def is_nl_bsn(text: str) -> bool:
    """Check a Dutch BSN: the eleven-test with the last weight negative (RvIG)."""
    digits = digits_of(text)
    return len(set(digits)) > 1 and _weighted(digits, (9, 8, 7, 6, 5, 4, 3, 2, -1)) % 11 == 0


def is_pl_pesel(text: str) -> bool:
    """Check a Polish PESEL: a date with the century in the month, and weights 1, 3, 7, 9 (gov.pl)."""
    digits = digits_of(text)
    month, day = (digits[2] * 10 + digits[3]) % 20, digits[4] * 10 + digits[5]
    return _is_day(month, day) and (10 - _weighted(digits[:10], (1, 3, 7, 9) * 3) % 10) % 10 == digits[10]


def is_br_cpf(text: str) -> bool:
    """Check a Brazilian CPF: two digits by modulus 11 (Receita Federal)."""
    digits = digits_of(text)
    first = _weighted(digits[:9], range(10, 1, -1)) * 10 % 11 % 10
    second = _weighted(digits[:10], range(11, 1, -1)) * 10 % 11 % 10
    return len(set(digits)) > 1 and digits[9:] == [first, second]


def is_ch_ahv(text: str) -> bool:
    """Check a Swiss AHV number: EAN-13 over all digits (ZAS)."""
    return _weighted(digits_of(text), (1, 3) * 6 + (1,)) % 10 == 0


def is_be_national(text: str) -> bool:
    """Check a Belgian national number: 97 minus the rest by 97, with a 2 in front for those born from 2000."""
    number = "".join(map(str, digits_of(text)))
    body, check = number[:9], int(number[9:])
    return _is_day(int(number[2:4]), int(number[4:6])) and check in {
        97 - int(body) % 97,
        97 - int("2" + body) % 97,
    }


def is_in_aadhaar(text: str) -> bool:
    """Check an Indian Aadhaar number: Verhoeff's scheme (UIDAI)."""
    check = 0
    digits = digits_of(text)
    for place, digit in enumerate(reversed(digits)):
        check = _VERHOEFF_PRODUCT[check][_VERHOEFF_TURN[place % 8][digit]]
    return check == 0 and len(set(digits)) > 1


def is_fi_hetu(text: str) -> bool:
    """Check a Finnish henkilötunnus: the rest by 31 names the last character (DVV)."""
    number = letters_and_digits_of(text)
    digits = digits_of(text[:6]) + digits_of(text[7:10])
    rest = int("".join(map(str, digits))) % 31
    return _is_day(int(number[2:4]), int(number[:2])) and "0123456789ABCDEFHJKLMNPRSTUVWXY"[rest] == number[-1]


def _weighted(digits: Sequence[int], weights: Sequence[int] | range) -> int:
    return sum(digit * weight for digit, weight in zip(digits, weights, strict=False))


def _is_day(month: int, day: int) -> bool:
    try:
        date(2000, month, day)  # a leap year: every day there is
    except ValueError:
        return False
    return True


CHECKS: Mapping[str, Callable[[str], bool]] = MappingProxyType(
    {
        "luhn": is_luhn,
        "us-ssn": is_us_ssn,
        "de-tax-id": is_de_tax_id,
        "fr-nir": is_fr_nir,
        "es-dni": is_es_dni,
        "it-codice-fiscale": is_it_codice_fiscale,
        "uk-nhs": is_uk_nhs,
        "se-personnummer": is_se_personnummer,
        "nl-bsn": is_nl_bsn,
        "pl-pesel": is_pl_pesel,
        "br-cpf": is_br_cpf,
        "ch-ahv": is_ch_ahv,
        "be-national": is_be_national,
        "in-aadhaar": is_in_aadhaar,
        "fi-hetu": is_fi_hetu,
    }
)
