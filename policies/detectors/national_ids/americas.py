"""Numbers of North, Central and South America."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import count
from types import MappingProxyType

from policies.detectors.national_ids.checksums import (
    digits_of,
    is_luhn,
    is_short_date,
    is_varied,
    letters_and_digits_of,
    number_of,
    weighted,
)

_ITIN_GROUPS = frozenset([*range(50, 66), *range(70, 89), *range(90, 93), *range(94, 100)])  # IRS, Publication 4757
_CURP_LETTERS = "0123456789ABCDEFGHIJKLMNÑOPQRSTUVWXYZ"
_NIT_WEIGHTS = (3, 7, 13, 17, 19, 23, 29, 37, 41, 43, 47, 53, 59, 67, 71)
_EC_PROVINCES = frozenset([*range(1, 25), 30])  # 30: registered abroad
_RIF_LETTERS = {"V": 1, "E": 2, "J": 3, "P": 4, "G": 5}


def is_us_ssn(text: str) -> bool:
    """Check a United States social security number: areas, groups and serials that are never given out.

    Source: Social Security Administration, POMS RM 10201.030.
    """
    number = "".join(map(str, digits_of(text)))
    area, group, serial = number[:3], number[3:5], number[5:]
    is_known_sample = number in {"123456789", "078051120", "219099999"} or len(set(number)) == 1
    return area not in {"000", "666"} and area < "900" and group != "00" and serial != "0000" and not is_known_sample


def is_us_itin(text: str) -> bool:
    """Check a United States individual taxpayer number: 9 in front, and a group that is given out (IRS)."""
    digits = digits_of(text)
    return digits[0] == 9 and number_of(digits[3:5]) in _ITIN_GROUPS  # noqa: PLR2004


def is_us_npi(text: str) -> bool:
    """Check a United States provider number: Luhn with 80840 in front (45 CFR 162.406)."""
    return is_luhn("80840" + "".join(map(str, digits_of(text))))


def is_us_dea(text: str) -> bool:
    """Check a DEA registration: the odd digits and twice the even ones end in the last (21 CFR 1301)."""
    digits = digits_of(letters_and_digits_of(text)[2:])
    return (sum(digits[0:6:2]) + 2 * sum(digits[1:6:2])) % 10 == digits[6]


def is_us_routing(text: str) -> bool:
    """Check an ABA routing number: a Federal Reserve district, and weights 3, 7, 1 (ABA Key to Routing Numbers)."""
    digits = digits_of(text)
    district = number_of(digits[:2])
    is_district = district <= 12 or 21 <= district <= 32 or 61 <= district <= 72 or district == 80  # noqa: PLR2004
    return is_district and is_varied(digits) and weighted(digits, (3, 7, 1) * 3) % 10 == 0


def is_ca_program_account(text: str) -> bool:
    """Check a Canadian business number with the account of a program behind it: Luhn over nine digits (CRA)."""
    number = letters_and_digits_of(text)
    return "TQ" in number or is_luhn(number[:9])


def is_ca_sin(text: str) -> bool:
    """Check a Canadian social insurance number: Luhn, and neither 0 nor 8 in front (Service Canada)."""
    return digits_of(text)[0] != 8 and is_luhn(text)  # noqa: PLR2004 - 0 is for fictitious people, and in samples


def is_mx_curp(text: str) -> bool:
    """Check a Mexican CURP: a date, and weights 18 to 2 over an alphabet with Ñ (RENAPO)."""
    number = letters_and_digits_of(text)
    total = sum(_CURP_LETTERS.index(c) * w for c, w in zip(number, range(18, 1, -1), strict=False))
    return is_short_date(digits_of(number[4:10])) and str((10 - total % 10) % 10) == number[17]


def is_mx_rfc(text: str) -> bool:
    """Check a Mexican RFC: the date in it; the last character is given out by the tax authority (SAT)."""
    number = letters_and_digits_of(text.replace("Ñ", "N").replace("&", "A"))
    return is_short_date(digits_of(number[-9:-3]))


def is_mx_clabe(text: str) -> bool:
    """Check a Mexican CLABE: weights 3, 7, 1, each product by 10 (ABM)."""
    digits = digits_of(text)
    return (
        is_varied(digits)
        and -sum(d * w % 10 for d, w in zip(digits[:17], (3, 7, 1) * 6, strict=False)) % 10 == digits[17]
    )


def is_mx_nss(text: str) -> bool:
    """Check a Mexican social security number: Luhn over eleven digits (IMSS)."""
    return is_luhn(text)


def is_br_cpf(text: str) -> bool:
    """Check a Brazilian CPF: two digits by modulus 11 (Receita Federal)."""
    digits = digits_of(text)
    first = weighted(digits[:9], range(10, 1, -1)) * 10 % 11 % 10
    second = weighted(digits[:10], range(11, 1, -1)) * 10 % 11 % 10
    return is_varied(digits) and digits[9:] == [first, second]


def is_br_cnpj(text: str) -> bool:
    """Check a Brazilian CNPJ, with letters from 2026: two digits by modulus 11 (Receita Federal, IN 2229/2024)."""
    number = letters_and_digits_of(text)
    values = [ord(c) - 48 for c in number]
    checks = []
    for weights in ((5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2), (6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2)):
        rest = weighted(values, weights) % 11
        checks.append(0 if rest < 2 else 11 - rest)  # noqa: PLR2004
    return len(set(number)) > 1 and values[12:] == checks


def is_br_cnh(text: str) -> bool:
    """Check a Brazilian driving licence: two digits by modulus 11 (Contran)."""
    digits = digits_of(text)
    first = weighted(digits, range(9, 0, -1)) % 11
    second = weighted(digits, range(1, 10)) % 11 - (2 if first >= 10 else 0)  # noqa: PLR2004
    second = second + 11 if second < 0 else second
    return is_varied(digits) and digits[9:] == [first % 11 if first < 10 else 0, second if second < 10 else 0]  # noqa: PLR2004


def is_br_pis(text: str) -> bool:
    """Check a Brazilian PIS or NIS: weights 3, 2, 9 to 2, modulus 11 (Caixa)."""
    digits = digits_of(text)
    check = 11 - weighted(digits, (3, 2, 9, 8, 7, 6, 5, 4, 3, 2)) % 11
    return is_varied(digits) and digits[10] == (0 if check >= 10 else check)  # noqa: PLR2004


def is_br_rg(text: str) -> bool:
    """Check a Brazilian RG of São Paulo: weights 2 to 9, modulus 11, X for 10 (SSP-SP)."""
    number = letters_and_digits_of(text)
    rest = (11 - weighted(digits_of(number[:8]), range(2, 10)) % 11) % 11
    return is_varied(digits_of(number)) and "0123456789X"[rest] == number[8]


def is_do_cedula(text: str) -> bool:
    """Check a Dominican cédula: Luhn over eleven digits (JCE)."""
    return is_luhn(text)


def is_gt_cui(text: str) -> bool:
    """Check a Guatemalan CUI: weights 2 to 9, modulus 11, and a department (RENAP)."""
    digits = digits_of(text)
    is_place = 1 <= number_of(digits[9:11]) <= 22 and digits[11:] != [0, 0]  # noqa: PLR2004
    return is_place and weighted(digits[:8], range(2, 10)) % 11 == digits[8]


def is_gt_nit(text: str) -> bool:
    """Check a Guatemalan NIT: weights 2 and on from the right, modulus 11, K for 10 (SAT)."""
    number = letters_and_digits_of(text)
    digits = digits_of(number[:-1])
    return is_varied(digits) and "0123456789K"[-weighted(reversed(digits), count(2)) % 11] == number[-1]


def is_ar_cuit(text: str) -> bool:
    """Check an Argentine CUIT or CUIL: weights 5, 4, 3, 2, 7, 6, 5, 4, 3, 2, modulus 11 (AFIP)."""
    digits = digits_of(text)
    return is_varied(digits) and "012345678990"[(11 - weighted(digits, (5, 4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11)] == str(
        digits[10]
    )


def is_cl_rut(text: str) -> bool:
    """Check a Chilean RUT: weights 2 to 7 from the right, modulus 11, K for 10 (Registro Civil)."""
    number = letters_and_digits_of(text)
    rest = (11 - weighted(reversed(digits_of(number[:-1])), (2, 3, 4, 5, 6, 7) * 2) % 11) % 11
    return "0123456789K"[rest] == number[-1]


def is_co_nit(text: str) -> bool:
    """Check a Colombian NIT: prime weights from the right, modulus 11 (DIAN)."""
    digits = digits_of(text)
    rest = weighted(reversed(digits[:-1]), _NIT_WEIGHTS) % 11
    return (rest if rest < 2 else 11 - rest) == digits[-1]  # noqa: PLR2004


def is_pe_ruc(text: str) -> bool:
    """Check a Peruvian RUC: a kind of taxpayer, weights 5, 4, 3, 2, 7, 6, 5, 4, 3, 2, modulus 11 (SUNAT)."""
    digits = digits_of(text)
    check = (11 - weighted(digits, (5, 4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11) % 10
    return number_of(digits[:2]) in {10, 15, 16, 17, 20} and check == digits[10]


def is_ec_cedula(text: str) -> bool:
    """Check an Ecuadorian cédula or RUC: a province, and Luhn over ten digits (Registro Civil)."""
    digits = digits_of(text)
    return number_of(digits[:2]) in _EC_PROVINCES and is_luhn("".join(map(str, digits[:10])))


def is_uy_ci(text: str) -> bool:
    """Check a Uruguayan cédula: weights 2, 9, 8, 7, 6, 3, 4, modulus 10 (DNIC)."""
    digits = digits_of(text)
    digits = [0] * (8 - len(digits)) + digits
    return is_varied(digits) and -weighted(digits, (2, 9, 8, 7, 6, 3, 4)) % 10 == digits[7]


def is_ve_rif(text: str) -> bool:
    """Check a Venezuelan RIF: the letter times 4, weights 3, 2, 7, 6, 5, 4, 3, 2, modulus 11 (SENIAT)."""
    number = letters_and_digits_of(text)
    rest = (4 * _RIF_LETTERS[number[0]] + weighted(digits_of(number[1:9]), (3, 2, 7, 6, 5, 4, 3, 2))) % 11
    return "00987654321"[rest] == number[9]


CHECKS: Mapping[str, Callable[[str], bool]] = MappingProxyType(
    {
        "us-ssn": is_us_ssn,
        "us-itin": is_us_itin,
        "us-npi": is_us_npi,
        "us-dea": is_us_dea,
        "us-routing": is_us_routing,
        "ca-sin": is_ca_sin,
        "ca-program-account": is_ca_program_account,
        "mx-curp": is_mx_curp,
        "mx-rfc": is_mx_rfc,
        "mx-clabe": is_mx_clabe,
        "mx-nss": is_mx_nss,
        "br-cpf": is_br_cpf,
        "br-cnpj": is_br_cnpj,
        "br-cnh": is_br_cnh,
        "br-pis": is_br_pis,
        "br-rg": is_br_rg,
        "do-cedula": is_do_cedula,
        "gt-cui": is_gt_cui,
        "gt-nit": is_gt_nit,
        "ar-cuit": is_ar_cuit,
        "cl-rut": is_cl_rut,
        "co-nit": is_co_nit,
        "pe-ruc": is_pe_ruc,
        "ec-cedula": is_ec_cedula,
        "uy-ci": is_uy_ci,
        "ve-rif": is_ve_rif,
    }
)
