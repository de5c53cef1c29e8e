"""Numbers that their groups alone tell: for each form, the country whose checksum or date must fit."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType

from policies.detectors.national_ids.americas import (
    is_br_pis,
    is_br_rg,
    is_cl_rut,
    is_do_cedula,
    is_gt_cui,
)
from policies.detectors.national_ids.asia_pacific_africa import is_cn_company, is_nz_ird
from policies.detectors.national_ids.checksums import digits_of, is_long_date, is_short_date_day_first
from policies.detectors.national_ids.northern_eastern_europe import is_gr_amka, is_hu_personal, is_hu_tax_number
from policies.detectors.national_ids.western_europe import is_fr_siret

_MIN_DIFFERENT_DIGITS = 3  # fewer are fillings
_MIN_DIGITS = 4


def _is_born_behind_place(text: str) -> bool:
    """Check a Salvadoran NIT or a Nicaraguan cédula: a date behind the place."""
    return is_short_date_day_first(digits_of(text.split("-")[1]))


def _is_plain_rut(text: str) -> bool:
    """Check a Chilean RUT without points: no date of a package, `20201114-4`."""
    return not is_long_date(digits_of(text)) and (text[0] in "12" or text[-1] in "Kk") and is_cl_rut(text)


def _is_varied(text: str) -> bool:
    digits = digits_of(text)
    return len(digits) >= _MIN_DIGITS and len(set(digits)) >= _MIN_DIFFERENT_DIGITS


_FORMS: tuple[tuple[re.Pattern[str], Callable[[str], bool]], ...] = tuple(
    (re.compile(form), check)
    for form, check in (
        (r"\d{3} \d{3} \d{3} \d{5}", is_fr_siret),
        (r"[1-8][- ]\d{6}[- ]\d{4}", is_hu_personal),
        (r"\d{8}-[1-5]-\d\d", is_hu_tax_number),
        (r"\d{11}", is_gr_amka),
        (r"\d\d\.\d{3}\.\d{3}-[0-9Xx]", is_br_rg),
        (r"\d{3}\.\d{5}\.\d\d-\d", is_br_pis),
        (r"\d{3}-\d{7}-\d", is_do_cedula),
        (r"\d{4}[ -]\d{5}[ -]\d{4}", is_gt_cui),
        (r"\d{4}-\d{6}-\d{3}-\d|\d{3}-\d{6}-\d{4}[A-Z]", _is_born_behind_place),
        (r"\d{7,8}-[0-9Kk]", _is_plain_rut),
        (r"\d{8}-\d{5}-\d{5}-\d\d", lambda text: is_long_date(digits_of(text))),  # Tanzania
        (r"\d{2,3}-\d{3}-\d{3}", is_nz_ird),
        (r"[1-9ANY][0-9A-Z]\d{6}[0-9A-Z]{10}", is_cn_company),
    )
)


def is_number_of_a_country(text: str) -> bool:
    """Check a number by the country that its form tells; a form without a checksum must not be a filling."""
    return next((check(text) for form, check in _FORMS if form.fullmatch(text)), True) and _is_varied(text)


CHECKS: Mapping[str, Callable[[str], bool]] = MappingProxyType({"number-of-a-country": is_number_of_a_country})
