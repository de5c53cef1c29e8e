"""Checksums of national, tax and health numbers, by region.

Each takes the number as it was written and ignores its separators.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from policies.detectors.national_ids import (
    americas,
    asia_pacific_africa,
    grouped,
    northern_eastern_europe,
    value_added_tax,
    western_europe,
)
from policies.detectors.national_ids.checksums import digits_of, is_luhn, letters_and_digits_of

__all__ = ["CHECKS", "digits_of", "is_luhn", "letters_and_digits_of"]

CHECKS: Mapping[str, Callable[[str], bool]] = MappingProxyType(
    {
        "luhn": is_luhn,
        **western_europe.CHECKS,
        **northern_eastern_europe.CHECKS,
        **value_added_tax.CHECKS,
        **americas.CHECKS,
        **asia_pacific_africa.CHECKS,
        **grouped.CHECKS,
    }
)
