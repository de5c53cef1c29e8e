from __future__ import annotations

import pytest

from policies.cases import complaint, parse_cases
from policies.errors import PolicyError
from policies.guard import Guard
from policies.policy import parse_policy

POLICY = parse_policy(
    {
        "site.yaml": """
rules:
  - name: site/badge
    label: badge number
    entity_type: BADGE
    patterns: ['B-[0-9]{6}']
actions:
  - {rules: "*", action: redact}
  - {rules: site/badge, action: block, directions: file, roles: guest}
"""
    }
)
GUARD = Guard(POLICY)


def run(case: str) -> str:
    (parsed,) = parse_cases({"cases.yaml": f"cases:\n  - {{{case}}}\n"}, POLICY)
    return complaint(GUARD, parsed)


@pytest.mark.parametrize(
    "case",
    [
        'text: "badge «B-123456»", finds: site/badge',
        'text: "B-12345", passes: "*"',
        'text: "B-123456", action: redact',
        'text: "B-123456", action: block, direction: file, roles: [guest, employee]',
        'text: "B-123456", action: redact, direction: file, roles: employee',
        'text: "nothing", action: allow, persona: general',
    ],
)
def test_what_is_as_expected_is_not_complained_of(case: str) -> None:
    assert run(case) == ""


@pytest.mark.parametrize(
    ("case", "words"),
    [
        ('text: "B-12345", finds: site/badge', "'site/badge' finds nothing here."),
        ('text: "«badge» B-123456", finds: site/badge', "finds something else"),
        ('text: "B-123456", passes: "site/*"', "'site/badge' must find nothing here."),
        ('text: "B-123456", action: block', "The action is redact, not block."),
    ],
)
def test_what_is_not_is_said_without_the_text(case: str, words: str) -> None:
    said = run(case)
    assert words in said
    assert "B-12345" not in said


@pytest.mark.parametrize(
    ("text", "where", "words"),
    [
        ("cases:\n  - {text: a}\n", "c.yaml:2", "Say what is expected"),
        ("cases:\n  - {finds: site/badge}\n", "c.yaml:2", "'text' is missing"),
        ("cases:\n  - {text: a, finds: site/other}\n", "c.yaml:2", "No rule is called"),
        ("cases:\n  - {text: a, action: mask}\n", "c.yaml:2", "'mask' is not one of"),
        ("rules: []\n", "c.yaml:1", "Unknown key"),
        ("{}\n", "c.yaml:1", "'cases' is missing"),
    ],
)
def test_a_wrong_file_is_refused_with_its_line(text: str, where: str, words: str) -> None:
    with pytest.raises(PolicyError) as caught:
        parse_cases({"c.yaml": text}, POLICY)
    assert caught.value.where == where
    assert words in str(caught.value)
