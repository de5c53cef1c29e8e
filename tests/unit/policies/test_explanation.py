from __future__ import annotations

import pytest

from policies.explanation import block_reason, details, summary
from policies.guard import Guard
from policies.policy import parse_policy
from policies.pseudonyms import Pseudonyms
from policies.verdict import Action, Direction, Verdict

KEY = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\n"


def check(guard: Guard, text: str) -> Verdict:
    return guard.check(text, direction=Direction.PROMPT, persona="general", roles=frozenset(), pseudonyms=Pseudonyms())


def test_the_quiet_line_counts_and_names(guard: Guard) -> None:
    assert summary(check(guard, "AKIA2E4AQ3F2B44C7Q2X a@b.org")) == "2 values held back · AWS access key, e-mail"
    assert summary(check(guard, "a@b.org")) == "1 value held back · e-mail"
    assert summary(check(guard, "from 10.20.30.40")) == ""


def test_the_details_say_rule_mask_replacement_and_next_step(guard: Guard) -> None:
    (detail,) = details(check(guard, "AKIA2E4AQ3F2B44C7Q2X"))
    assert (detail.rule, detail.label) == ("secret/aws-access-key", "AWS access key")
    assert (detail.masked, detail.instead) == ("AKIA••••••••7Q2X", "[AWS_ACCESS_KEY_1]")
    assert "change it" in detail.advice


def test_a_block_says_what_happened_why_and_what_to_do(guard: Guard) -> None:
    assert block_reason(check(guard, KEY), direction=Direction.PROMPT, reference="7K2F") == (
        "Nothing was sent. The text holds what looks like a private key (rule secret/private-key). "
        "Remove it, or ask your reviewer (ref 7K2F)."
    )
    assert block_reason(check(guard, KEY), direction=Direction.ANSWER, reference="7K2F").startswith(
        "The rest of this answer is held back."
    )


WARNED = """
rules:
  - {name: site/badge, label: badge number, entity_type: BADGE, patterns: ['B-[0-9]{6}']}
  - {name: site/order, label: order number, entity_type: ORDER, patterns: ['O-[0-9]{6}']}
actions:
  - {rules: site/badge, action: warn}
  - {rules: site/order, action: redact}
"""


def test_a_value_that_passed_with_a_warning_is_told_after_those_held_back() -> None:
    verdict = check(Guard(parse_policy({"site.yaml": WARNED})), "B-123456 O-123456 B-654321")
    assert summary(verdict) == ("1 value held back · order number · 2 values passed with a warning · badge number")
    told = details(verdict)
    assert [detail.action for detail in told] == ["warn", "redact", "warn"]
    assert told[0].instead == told[0].masked  # the model saw the value itself
    assert "went on" in told[0].advice


@pytest.mark.parametrize("direction", Direction)
def test_a_block_speaks_of_what_was_stopped_in_every_direction(direction: Direction) -> None:
    blocked = Verdict(Action.BLOCK, "", (), "sha256:0123456789ab", "ValueError")
    said = block_reason(blocked, direction=direction, reference="7K2F")
    assert said.endswith("Tell your administrator (ref 7K2F).")
    assert "!" not in said


def test_the_words_of_the_directions_differ() -> None:
    blocked = Verdict(Action.BLOCK, "", (), "sha256:0123456789ab", "ValueError")
    said = {block_reason(blocked, direction=one, reference="7K2F") for one in Direction}
    assert len(said) == len(Direction)
