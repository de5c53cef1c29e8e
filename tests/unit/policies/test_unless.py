"""Words before a value that say it is another thing: the line of a file, the pin of a plug."""

from __future__ import annotations

import pytest

from policies.errors import PolicyError
from policies.guard import Guard
from policies.policy import parse_policy
from tests.unit.policies.texts import REDACTING, both_ways

RULE = r"""
rules:
  - name: site/badge
    label: badge
    entity_type: BADGE
    every_step: {every_step}
    keywords: [badge]
    unless: ['(?i)\bline\s\z']
    unless_in_line: ['(?i)\bmanual\b']
    patterns: ['(?i:\bbadge(?:[^\s]{{0,12}}\s){{0,6}}?(?:is|to|line)\s)([A-Z]{{2}}[0-9]{{4}})\b']
actions:
  - {{rules: "*", action: redact}}
"""
BOTH = pytest.mark.parametrize("every_step", ["true", "false"])


def found_in(text: str, every_step: str) -> list[str]:
    guard = Guard(parse_policy({"site.yaml": RULE.format(every_step=every_step)}))
    return [text[finding.start : finding.end] for finding in guard.find(text) if finding.rule == "site/badge"]


@BOTH
def test_words_that_lead_to_a_value_may_say_that_it_is_another_thing(every_step: str) -> None:
    assert found_in("the badge is AB1234", every_step) == ["AB1234"]
    assert found_in("the badge, see line AB1234", every_step) == []


@BOTH
def test_words_before_the_keyword_say_nothing_of_those_that_lead_to_a_value(every_step: str) -> None:
    assert found_in("in a line the badge is AB1234", every_step) == ["AB1234"]


@BOTH
def test_the_line_before_a_value_may_say_that_it_is_another_thing(every_step: str) -> None:
    assert found_in("in the manual the badge is AB1234", every_step) == []
    assert found_in("in the manual\nthe badge is AB1234", every_step) == ["AB1234"]
    assert found_in("the badge is AB1234 as in the manual", every_step) == ["AB1234"]


def test_a_pattern_that_cannot_be_used_is_refused() -> None:
    with pytest.raises(PolicyError, match="exception of 'site/badge'"):
        Guard(parse_policy({"site.yaml": RULE.format(every_step="true").replace(r"\bline", r"(?=line)")}))


@pytest.mark.parametrize("size", [1, 3, 50])
@pytest.mark.parametrize(
    "text",
    [
        "Connect pin A0 to 1023 and tell nobody that the PIN is 4821.",
        "The PIN is 4821. Connect pin A0 to 1023.",
        "mysql -h db1 -u report -p shop2026\ntool -u report -p nb2mzr1l49 list",
        "x" * 390 + " mysql -h db1 -u report -p shop2026 and so on",
    ],
)
def test_pieces_give_what_the_whole_gives(text: str, size: int) -> None:
    whole, verdict, shown = both_ways(REDACTING, text, [size])
    assert verdict == whole
    assert shown == whole.text
