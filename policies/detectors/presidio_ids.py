"""Presidio's own recognisers of national numbers that our rules do not have; for whole texts, loaded at first use.

Only those are taken whose pattern is bounded and whose checksum confirms what it found: one by one, read before they
were listed. A number that only looks like one is left alone, so `_CONFIRMED` drops what no checksum stood up for.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Mapping
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import re2

from policies.verdict import Finding
from policies.view import view

if TYPE_CHECKING:
    from policies.detectors.recognizers import AnalyzerDetector

_CLASSES: Final = (
    "DeHealthInsuranceRecognizer",  # letter and modulus 10
    "DeSocialSecurityRecognizer",  # birth date, letter and modulus 10
    "EsNieRecognizer",  # letter from modulus 23
    "KrFrnRecognizer",  # birth date and modulus 11
    "KrRrnRecognizer",  # birth date and modulus 11
    "TrNationalIdRecognizer",  # two check digits
    "ZaIdNumberRecognizer",  # birth date and Luhn
)
RULES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "personal/presidio-de-health-insurance": "German health insurance number",
        "personal/presidio-de-social-security": "German social security number",
        "personal/presidio-es-nie": "Spanish foreigner's number",
        "personal/presidio-kr-frn": "Korean foreigner's number",
        "personal/presidio-kr-rrn": "Korean resident's number",
        "personal/presidio-tr-national-id": "Turkish identity number",
        "personal/presidio-za-id-number": "South African identity number",
    }
)
"""What the policy can speak about, each with its label in words."""

# All of them have seven digits in a row, perhaps grouped; a text without is spared Presidio's half millisecond.
_DIGITS: Final = re2.compile(r"[0-9](?:[ -]?[0-9]){6}")
_CONFIRMED: Final = 0.99  # Presidio gives 1.0 where `validate_result` said yes


class PresidioIds:
    """A detector of the guard that runs Presidio's analyzer with these recognisers and without a model."""

    def detect(self, text: str) -> Iterable[Finding]:
        """Return the numbers whose checksum is right."""
        if not _DIGITS.search(view(text)):
            return []
        return [finding for finding in self._detector.detect(text) if finding.score >= _CONFIRMED]

    def load(self) -> None:
        """Import Presidio now, some three seconds of work, rather than with the first text."""
        self._detector.detect("")

    @cached_property
    def _detector(self) -> AnalyzerDetector:
        # Imported here: a process that only scans never loads Presidio and spaCy.
        presidio = importlib.import_module("presidio_analyzer.predefined_recognizers")
        ours = importlib.import_module("policies.detectors.recognizers")
        recognizers = [getattr(presidio, name)(supported_language=ours.LANGUAGE) for name in _CLASSES]
        detector: AnalyzerDetector = ours.AnalyzerDetector(ours.build_analyzer((), recognizers))
        return detector
