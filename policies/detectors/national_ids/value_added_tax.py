"""Value added tax numbers of the member states of the European Union, Great Britain, Norway and Switzerland.

Source: European Commission, "VIES: VAT number structure", and the states' own algorithms.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType

from policies.detectors.national_ids import northern_eastern_europe as north_east
from policies.detectors.national_ids import western_europe as west
from policies.detectors.national_ids.checksums import (
    digits_of,
    is_luhn,
    is_mod_11_10,
    is_varied,
    letters_and_digits_of,
    number_of,
    weighted,
)


def _rest_is_zero(weights: tuple[int, ...], modulus: int) -> Callable[[str], bool]:
    return lambda number: weighted(digits_of(number), weights) % modulus == 0


def _is_at(number: str) -> bool:
    digits = digits_of(number)
    doubled = sum(sum(divmod(2 * d, 10)) for d in digits[1:7:2])
    return (96 - sum(digits[0:7:2]) - doubled) % 10 == digits[7]


def _is_be(number: str) -> bool:
    return 97 - int(number[:8]) % 97 == int(number[8:])


def _is_fr(number: str) -> bool:
    return is_luhn(number[2:]) and (
        not number[:2].isdigit() or (12 + 3 * (int(number[2:]) % 97)) % 97 == int(number[:2])
    )


def _is_gb(number: str) -> bool:
    digits = digits_of(number)
    total = weighted(digits, range(8, 1, -1)) + number_of(digits[7:9])
    return total % 97 == 0 or (total + 55) % 97 == 0


def _is_lu(number: str) -> bool:
    return int(number[:6]) % 89 == int(number[6:])


def _is_si(number: str) -> bool:
    digits = digits_of(number)
    check = 11 - weighted(digits, range(8, 1, -1)) % 11
    return check % 10 == digits[7] if check != 11 else False  # noqa: PLR2004


def _is_sk(number: str) -> bool:
    return int(number) % 11 == 0


def _is_mt(number: str) -> bool:
    digits = digits_of(number)
    return weighted(digits, (3, 4, 6, 7, 8, 9, 10, 1)) % 37 == 0


def _is_nl(number: str) -> bool:
    text = "NL" + number
    return west.is_nl_bsn(number[:9]) or int("".join(str(int(c, 36)) for c in text)) % 97 == 1


def _is_ro(number: str) -> bool:
    digits = digits_of(number)
    return weighted(reversed(digits[:-1]), (2, 3, 5, 7, 1, 2, 3, 5, 7)) * 10 % 11 % 10 == digits[-1]


def _is_se(number: str) -> bool:
    return is_luhn(number[:10])


def _is_es(number: str) -> bool:
    return west.is_es_cif(number) if number[0] in "ABCDEFGHJNPQRSUVW" else west.is_es_dni(number)


def _is_de(number: str) -> bool:
    return is_varied(digits_of(number)) and is_mod_11_10(digits_of(number))


def is_cz_company(text: str) -> bool:
    """Check the number of a Czech or Slovak company: weights 8 to 2, modulus 11."""
    digits = digits_of(text)
    is_whole = len(digits) == 8 and is_varied(digits)  # noqa: PLR2004
    return is_whole and (11 - weighted(digits, range(8, 1, -1)) % 11) % 10 == digits[7]


def _is_cz(number: str) -> bool:
    """Check a company's eight digits, or the birth number of a person."""
    if len(number) == 8:  # noqa: PLR2004
        return is_cz_company(number)
    return north_east.is_cz_birth_number(number)


def _is_bg(number: str) -> bool:
    """Check a company's nine digits, or the number of a person or foreigner."""
    if len(number) == 9:  # noqa: PLR2004
        return north_east.is_bg_eik(number)
    return north_east.is_bg_egn(number) or north_east.is_bg_foreigner(number)


def _is_cy(number: str) -> bool:
    odd = (1, 0, 5, 7, 9, 13, 15, 17, 19, 21)
    digits = digits_of(number[:8])
    return chr(ord("A") + (sum(odd[d] for d in digits[::2]) + sum(digits[1::2])) % 26) == number[8]


def _is_lt(number: str) -> bool:
    digits = digits_of(number)
    check = weighted(digits[:-1], [1 + place % 9 for place in range(len(digits) - 1)]) % 11
    if check == 10:  # noqa: PLR2004 - then the second weights count
        check = weighted(digits[:-1], [1 + (place + 2) % 9 for place in range(len(digits) - 1)]) % 11 % 10
    return check == digits[-1]


def _is_lv(number: str) -> bool:
    digits = digits_of(number)
    return digits[0] < 4 or (3 - weighted(digits, (9, 1, 4, 8, 3, 10, 2, 5, 7, 6))) % 11 % 10 == digits[10]  # noqa: PLR2004


_STATES: Mapping[str, tuple[str, Callable[[str], bool]]] = MappingProxyType(
    {
        "AT": (r"U\d{8}", lambda number: _is_at(number[1:])),
        "BE": (r"[01]\d{9}", _is_be),
        "BG": (r"\d{9,10}", _is_bg),
        "CHE": (r"\d{9}(?:MWST|TVA|IVA|TPV)?", west.is_ch_uid),
        "CY": (r"\d{8}[A-Z]", _is_cy),
        "CZ": (r"\d{8,10}", _is_cz),
        "DE": (r"[1-9]\d{8}", _is_de),
        "DK": (r"\d{8}", _rest_is_zero((2, 7, 6, 5, 4, 3, 2, 1), 11)),
        "EE": (r"\d{9}", _rest_is_zero((3, 7, 1, 3, 7, 1, 3, 7, 1), 10)),
        "EL": (r"\d{9}", north_east.is_gr_afm),
        "ES": (r"[A-Z0-9]\d{7}[A-Z0-9]", _is_es),
        "FI": (r"\d{8}", _rest_is_zero((7, 9, 10, 5, 8, 4, 2, 1), 11)),
        "FR": (r"[A-HJ-NP-Z0-9]{2}\d{9}", _is_fr),
        "GB": (r"\d{9}(?:\d{3})?", _is_gb),
        "GR": (r"\d{9}", north_east.is_gr_afm),
        "HR": (r"\d{11}", north_east.is_hr_oib),
        "HU": (r"\d{8}", north_east.is_hu_tax_number),
        "IE": (r"\d{7}[A-W][A-I]?", west.is_ie_pps),
        "IT": (r"\d{11}", west.is_it_vat),
        "LT": (r"\d{9}(?:\d{3})?", _is_lt),
        "LU": (r"\d{8}", _is_lu),
        "LV": (r"\d{11}", _is_lv),
        "MT": (r"\d{8}", _is_mt),
        "NL": (r"\d{9}B\d{2}", _is_nl),
        "NO": (r"\d{9}(?:MVA)?", north_east.is_no_company),
        "PL": (r"\d{10}", north_east.is_pl_nip),
        "PT": (r"\d{9}", west.is_pt_nif),
        "RO": (r"[1-9]\d{5,9}", _is_ro),
        "SE": (r"\d{10}01", _is_se),
        "SI": (r"[1-9]\d{7}", _is_si),
        "SK": (r"[1-9]\d{9}", _is_sk),
        "XI": (r"\d{9}(?:\d{3})?", _is_gb),
    }
)
_FORMS = {state: re.compile(form) for state, (form, _) in _STATES.items()}


def is_vat(text: str) -> bool:
    """Check a value added tax number with the letters of its state in front: form and checksum."""
    number = letters_and_digits_of(text)
    if number.endswith("MVA") and not number.startswith("NO"):
        number = "NO" + number  # the letters behind it say as much
    state = "CHE" if number.startswith("CHE") else number[:2]
    if state not in _STATES or not _FORMS[state].fullmatch(number, len(state)):
        return False
    return _STATES[state][1](number[len(state) :])


CHECKS: Mapping[str, Callable[[str], bool]] = MappingProxyType({"vat": is_vat, "cz-company": is_cz_company})
