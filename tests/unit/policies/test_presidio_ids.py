from __future__ import annotations

from importlib.resources import files

import pytest

from policies.detectors.presidio_ids import RULES, PresidioIds
from policies.guard import Guard
from policies.policy import parse_policy
from policies.pseudonyms import Pseudonyms
from policies.rules import SHIPPED
from policies.verdict import Action, Direction, Verdict


@pytest.fixture(scope="module")
def guard() -> Guard:
    texts = {name: (files("policies.rules") / name).read_text("utf-8") for name in SHIPPED}
    guard = Guard(parse_policy(texts, detected=RULES), detectors=(PresidioIds(),))
    guard.load()
    return guard


def check(guard: Guard, text: str) -> Verdict:
    return guard.check(text, direction=Direction.PROMPT, persona="general", roles=frozenset(), pseudonyms=Pseudonyms())


@pytest.mark.parametrize(
    ("text", "value", "rule"),
    [
        ("versichert unter A123456780", "A123456780", "de-health-insurance"),
        ("RV 65170839J003", "65170839J003", "de-social-security"),
        ("my NIE is X1234567L", "X1234567L", "es-nie"),
        ("TC 10000000146", "10000000146", "tr-national-id"),
        ("id 8001015009087", "8001015009087", "za-id-number"),
    ],
)
def test_a_number_with_a_right_checksum_becomes_a_pseudonym(guard: Guard, text: str, value: str, rule: str) -> None:
    verdict = check(guard, text)
    assert value not in verdict.text
    decision = verdict.decisions[0]
    assert decision.finding.rule == f"personal/presidio-{rule}"
    assert decision.action is Action.PSEUDONYMISE
    assert decision.label == RULES[decision.finding.rule]


@pytest.mark.parametrize(
    "text",
    [
        "versichert unter A123456787",
        "my NIE is X1234567A",
        "TC 10000000145",
        "at 1700000000000, then 1732388273",
        "commit 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b",
        "no number at all",
    ],
)
def test_a_number_without_one_is_left_alone(guard: Guard, text: str) -> None:
    assert check(guard, text).text == text
