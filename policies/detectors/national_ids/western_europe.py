"""Numbers of Germany, Austria, Switzerland, France, the Benelux, the British isles, Iberia, Italy and Malta."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from policies.detectors.national_ids.checksums import (
    digits_of,
    is_day,
    is_luhn,
    is_mod_11_10,
    is_short_date,
    is_short_date_day_first,
    is_varied,
    letters_and_digits_of,
    number_of,
    weighted,
)

_DNI_LETTERS = "TRWAGMYFPDXBNJZSQVHLCKE"  # Ministerio del Interior, "Cálculo del dígito de control del NIF/NIE"
_CIF_LETTERS = "JABCDEFGHI"
_CIF_LETTER_ONLY = frozenset("KLMNPQRSW")
_CODICE_ODD_VALUES = (1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23)
_CODICE_ODD = {chr(ord("A") + n): v for n, v in enumerate(_CODICE_ODD_VALUES)} | {
    str(n): v for n, v in enumerate(_CODICE_ODD_VALUES[:10])
}
_CODICE_EVEN = {chr(ord("A") + n): n for n in range(26)} | {str(n): n for n in range(10)}
_COUNTING_ON = 50  # added to the day of a second number (VKVV), or to a woman's month (DVLA)
_PPS_LETTERS = "WABCDEFGHIJKLMNOPQRSTUV"


def is_de_tax_id(text: str) -> bool:
    """Check a German Steuer-ID: ISO 7064 MOD 11,10, and one digit two or three times among the first ten."""
    digits = digits_of(text)
    counts = [digits[:10].count(digit) for digit in set(digits[:10])]
    if digits[0] == 0 or max(counts) not in {2, 3} or sum(count > 1 for count in counts) != 1:
        return False
    return is_mod_11_10(digits)


def is_de_pension(text: str) -> bool:
    """Check a German pension insurance number: birth date, weights 2,1,2,5,7,1,2,1,2,1,2,1 (VKVV, § 4)."""
    number = letters_and_digits_of(text)
    letter = ord(number[8]) - ord("A") + 1
    digits = digits_of(f"{number[:8]}{letter:02}{number[9:11]}")
    total = sum(sum(divmod(d * w, 10)) for d, w in zip(digits, (2, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1), strict=True))
    day = int(number[2:4])
    return is_day(int(number[4:6]), day - _COUNTING_ON if day > _COUNTING_ON else day) and total % 10 == int(number[11])


def is_de_health_insurance(text: str) -> bool:
    """Check a German Krankenversichertennummer: letter as two digits, weights 1 and 2 in turn (§ 290 SGB V)."""
    number = letters_and_digits_of(text)
    digits = digits_of(f"{ord(number[0]) - ord('A') + 1:02}{number[1:9]}")
    return sum(sum(divmod(d * w, 10)) for d, w in zip(digits, (1, 2) * 5, strict=True)) % 10 == int(number[9])


def is_de_document(text: str) -> bool:
    """Check a German identity card or passport number: the last character by weights 7, 3, 1 (ICAO Doc 9303).

    Nine characters have no check digit of their own; then only digits must stand among the letters.
    """
    number = letters_and_digits_of(text)
    if len(number) == 9:  # noqa: PLR2004 - the number as printed on the front
        return sum(c.isdigit() for c in number) >= 2  # noqa: PLR2004 - letters alone are a word
    total = sum(int(c, 36) * w for c, w in zip(number[:9], (7, 3, 1) * 3, strict=True))
    return total % 10 == int(number[9])


def is_at_insurance(text: str) -> bool:
    """Check an Austrian Sozialversicherungsnummer: weights 3, 7, 9, 0, 5, 8, 4, 2, 1, 6, and a birth date."""
    digits = digits_of(text)
    return is_short_date_day_first(digits[4:]) and weighted(digits, (3, 7, 9, 0, 5, 8, 4, 2, 1, 6)) % 11 == digits[3]


def is_ch_ahv(text: str) -> bool:
    """Check a Swiss AHV number: EAN-13 over all digits (ZAS)."""
    return weighted(digits_of(text), (1, 3) * 6 + (1,)) % 10 == 0


def is_ch_uid(text: str) -> bool:
    """Check a Swiss company number: weights 5, 4, 3, 2, 7, 6, 5, 4, modulus 11 (BFS, UID)."""
    digits = digits_of(text)
    return (11 - weighted(digits, (5, 4, 3, 2, 7, 6, 5, 4)) % 11) % 11 == digits[8]


def is_fr_nir(text: str) -> bool:
    """Check a French social security number: 97 minus the rest by 97, Corsica's 2A and 2B as 19 and 18 (INSEE)."""
    number = letters_and_digits_of(text)
    body = number[:13].replace("2A", "19").replace("2B", "18")
    return body.isdecimal() and 97 - int(body) % 97 == int(number[13:])


def is_fr_siret(text: str) -> bool:
    """Check a French SIRET: Luhn over its fourteen digits and over the company's nine (INSEE)."""
    number = "".join(map(str, digits_of(text)))
    return is_luhn(number[:9]) and is_luhn(number)


def is_fr_spi(text: str) -> bool:
    """Check a French tax number: ten digits, then their rest by 511 (DGFiP)."""
    digits = digits_of(text)
    return number_of(digits[:10]) % 511 == number_of(digits[10:]) and digits[0] in range(4)


def is_fr_rib(text: str) -> bool:
    """Check a French RIB: 97 minus the rest, letters of the account as 1 to 9 (CFONB)."""
    number = letters_and_digits_of(text)
    plain = "".join(c if c.isdigit() else str((int(c, 36) + (c >= "S")) % 9 or 9) for c in number)
    return int(plain) % 97 == 0


def is_nl_bsn(text: str) -> bool:
    """Check a Dutch BSN: the eleven-test with the last weight negative (RvIG)."""
    digits = digits_of(text)
    return is_varied(digits) and weighted(digits, (9, 8, 7, 6, 5, 4, 3, 2, -1)) % 11 == 0


def is_be_national(text: str) -> bool:
    """Check a Belgian national number: 97 minus the rest by 97, with a 2 in front for those born from 2000."""
    number = "".join(map(str, digits_of(text)))
    body, check = number[:9], int(number[9:])
    month = int(number[2:4]) % 20  # 20 or 40 is added for those who are only in the bis register
    return (month == 0 or is_day(month, max(1, int(number[4:6])))) and check in {
        97 - int(body) % 97,
        97 - int("2" + body) % 97,
    }


def is_lu_matricule(text: str) -> bool:
    """Check a Luxembourgish matricule: a long birth date, Luhn, then Verhoeff on its last digit (CTIE)."""
    digits = digits_of(text)
    return is_short_date(digits[2:8]) and is_luhn("".join(map(str, digits[:12])))


def is_uk_nhs(text: str) -> bool:
    """Check an NHS number: weights 10 to 2, modulus 11 (NHS Data Dictionary)."""
    digits = digits_of(text)
    return is_varied(digits) and (11 - weighted(digits, range(10, 1, -1)) % 11) % 11 == digits[9]


def is_uk_utr(text: str) -> bool:
    """Check a UK unique taxpayer reference: the first digit by weights 6, 7, 8, 9, 10, 5, 4, 3, 2 (HMRC)."""
    digits = digits_of(text)
    return is_varied(digits) and "21987654321"[weighted(digits[1:], (6, 7, 8, 9, 10, 5, 4, 3, 2)) % 11] == str(
        digits[0]
    )


def is_uk_driver(text: str) -> bool:
    """Check a UK driving licence number: the month, with 5 added to its first digit for women, and the day (DVLA)."""
    number = letters_and_digits_of(text)
    if len(number) not in {16, 18} or not number[5:11].isdigit():
        return False
    month, day = int(number[6:8]), int(number[8:10])
    return is_day(month - _COUNTING_ON if month > _COUNTING_ON else month, day)


def is_ie_pps(text: str) -> bool:
    """Check an Irish PPS number: weights 8 to 2 and 9 for a second letter, modulus 23 (Revenue)."""
    number = letters_and_digits_of(text)
    total, second = weighted(digits_of(number[:7]), range(8, 1, -1)), number[8:9]
    extra = 9 * (ord(second) - ord("A") + 1) if second else 0  # since 2013; a W, T or X of before counts nothing
    return number[7] in {_PPS_LETTERS[total % 23], _PPS_LETTERS[(total + extra) % 23]}


def is_es_dni(text: str) -> bool:
    """Check a Spanish DNI or NIE: the letter follows from the number by 23; X, Y, Z stand for 0, 1, 2."""
    number = letters_and_digits_of(text)
    body = number[:-1].replace("X", "0", 1).replace("Y", "1", 1).replace("Z", "2", 1)
    return body.isdecimal() and _DNI_LETTERS[int(body) % 23] == number[-1]


def is_es_cif(text: str) -> bool:
    """Check a Spanish CIF: Luhn's sum over seven digits, as digit or letter by the kind of company (AEAT)."""
    number = letters_and_digits_of(text)
    digits = digits_of(number[1:8])
    check = -(sum(digits[1::2]) + sum(sum(divmod(2 * d, 10)) for d in digits[::2])) % 10
    return number[8] == _CIF_LETTERS[check] or (number[0] not in _CIF_LETTER_ONLY and number[8] == str(check))


def is_es_social_security(text: str) -> bool:
    """Check a Spanish affiliation number: province and number, then their rest by 97 (TGSS)."""
    digits = digits_of(text)
    number = number_of(digits[2:10])
    body = number_of(digits[:2]) * (10**7 if number < 10**7 else 10**8) + number
    return body % 97 == number_of(digits[10:])


def is_pt_nif(text: str) -> bool:
    """Check a Portuguese NIF: weights 9 to 2, modulus 11 (Decreto-Lei 14/2013)."""
    digits = digits_of(text)
    check = 11 - weighted(digits, range(9, 1, -1)) % 11
    return is_varied(digits) and digits[0] != 0 and digits[8] == (0 if check >= 10 else check)  # noqa: PLR2004


def is_pt_citizen_card(text: str) -> bool:
    """Check a Portuguese citizen card number: Luhn over twelve characters, A counting 10 (AMA)."""
    number = letters_and_digits_of(text)
    total = 0
    for place, character in enumerate(reversed(number)):
        value = int(character, 36) * (1 + place % 2)
        total += value - 9 if place % 2 and value > 9 else value  # noqa: PLR2004 - as Luhn
    return total % 10 == 0


def is_pt_niss(text: str) -> bool:
    """Check a Portuguese social security number: primes from 29 down to 2, modulus 10 (Segurança Social)."""
    digits = digits_of(text)
    return 9 - weighted(digits, (29, 23, 19, 17, 13, 11, 7, 5, 3, 2)) % 10 == digits[10]


def is_it_codice_fiscale(text: str) -> bool:
    """Check an Italian codice fiscale: the last letter by the tables of the decree of 23 December 1976."""
    number = letters_and_digits_of(text)
    total = sum(_CODICE_ODD[c] for c in number[:15:2]) + sum(_CODICE_EVEN[c] for c in number[1:15:2])
    return chr(ord("A") + total % 26) == number[15]


def is_it_vat(text: str) -> bool:
    """Check an Italian partita IVA: Luhn over eleven digits (DPR 633/1972)."""
    return is_luhn(text)


CHECKS: Mapping[str, Callable[[str], bool]] = MappingProxyType(
    {
        "de-tax-id": is_de_tax_id,
        "de-pension": is_de_pension,
        "de-health-insurance": is_de_health_insurance,
        "de-document": is_de_document,
        "at-insurance": is_at_insurance,
        "ch-ahv": is_ch_ahv,
        "ch-uid": is_ch_uid,
        "fr-nir": is_fr_nir,
        "fr-siret": is_fr_siret,
        "fr-spi": is_fr_spi,
        "fr-rib": is_fr_rib,
        "nl-bsn": is_nl_bsn,
        "be-national": is_be_national,
        "lu-matricule": is_lu_matricule,
        "uk-nhs": is_uk_nhs,
        "uk-utr": is_uk_utr,
        "uk-driver-form": is_uk_driver,
        "ie-pps": is_ie_pps,
        "es-dni": is_es_dni,
        "es-cif": is_es_cif,
        "es-social-security": is_es_social_security,
        "pt-nif": is_pt_nif,
        "pt-citizen-card": is_pt_citizen_card,
        "pt-niss": is_pt_niss,
        "it-codice-fiscale": is_it_codice_fiscale,
        "it-vat": is_it_vat,
    }
)
