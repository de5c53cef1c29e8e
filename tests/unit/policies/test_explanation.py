from __future__ import annotations

from policies.explanation import block_reason, details, summary
from policies.guard import Guard
from policies.pseudonyms import Pseudonyms
from policies.verdict import Direction, Verdict

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
