from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.allow_list import digest_of
from policies.errors import PolicyError
from policies.guard import Guard
from policies.policy import Policy, parse_policy
from policies.pseudonyms import Pseudonyms
from policies.verdict import Action, Direction, Ground, Verdict

KEY = bytes(range(32))
RULES = """
rules:
  - name: site/badge
    label: badge number
    entity_type: BADGE
    patterns: ['B-[0-9]{6}']
  - name: site/digits
    label: digits
    entity_type: DIGITS
    patterns: ['[0-9]{6}']
actions:
  - {rules: "*", action: redact}
"""


def parse(*entries: str, key: bytes | None = KEY, today: date | None = date(2027, 1, 1)) -> Policy:
    text = RULES + "allow:\n" + "".join(f"  - {{{entry}}}\n" for entry in entries)
    return parse_policy({"site.yaml": text}, allow_key=key, today=(lambda: today) if today else None)


def line(value: str, more: str = "", key: bytes = KEY) -> str:
    return f'value: "{digest_of(value, key)}", note: test{more}'


def check(policy: Policy, text: str) -> Verdict:
    return Guard(policy).check(text, direction=Direction.PROMPT, persona="", roles=frozenset(), pseudonyms=Pseudonyms())


def test_an_allowed_value_passes_and_says_why() -> None:
    verdict = check(parse(line("B-123456")), "B-123456 B-654321")
    assert verdict.text == "B-123456 [BADGE_1]"
    allowed = verdict.decisions[0]
    assert (allowed.action, allowed.ground, allowed.decided_by) == (Action.ALLOW, Ground.ALLOW_LIST, "site.yaml:14")


def test_only_the_named_rules_let_it_pass() -> None:
    # The digits inside are a finding of another rule, about which the entry does not speak.
    assert check(parse(line("B-123456", ", rules: site/badge")), "B-123456").text == "B-[DIGITS_1]"
    assert check(parse(line("B-123456", ", rules: site/digits")), "B-123456").text == "[BADGE_1]"


def test_a_part_of_a_larger_value_does_not_pass() -> None:
    assert check(parse(line("123456")), "B-123456").text == "[BADGE_1]"


@pytest.mark.parametrize(("until", "passes"), [("2026-12-31", False), ("2027-01-01", True), ("2027-01-02", True)])
def test_a_value_passes_up_to_and_with_its_last_day(until: str, passes: bool) -> None:  # noqa: FBT001
    assert (check(parse(line("B-123456", f", until: {until}")), "B-123456").text == "B-123456") is passes


@pytest.mark.parametrize(
    "policy",
    [
        parse(line("B-123456"), key=None),
        parse(line("B-123456", key=b"another key")),
        parse(line("B-123456", ", until: 2999-01-01"), today=None),
    ],
    ids=["no key", "another key", "no clock"],
)
def test_what_cannot_be_known_does_not_pass(policy: Policy) -> None:
    assert check(policy, "B-123456").text == "[BADGE_1]"


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ("value: B-123456, note: test", "Not a keyed hash"),
        ('value: "hmac-sha256:12", note: test', "Not a keyed hash"),
        (f'value: "{digest_of("x", KEY)}"', "'note' is missing"),
        (line("x", ", until: soon"), "'soon' is no day"),
        (line("x", ", rules: site/none"), "No rule is called"),
        (line("x", ", rule: site/badge"), "Unknown key 'rule'"),
    ],
)
def test_a_wrong_entry_is_refused_with_its_line(entry: str, words: str) -> None:
    with pytest.raises(PolicyError) as caught:
        parse(entry)
    assert caught.value.where == "site.yaml:14"
    assert words in str(caught.value)
    assert "B-123456" not in str(caught.value)


def test_the_version_follows_the_value_and_not_its_note() -> None:
    version = parse(line("B-123456")).version
    assert version == parse(line("B-123456").replace("note: test", "note: other")).version
    assert version != parse(line("B-123457")).version
    assert version != parse(line("B-123456", ", until: 2027-01-01")).version


def test_neither_key_nor_value_shows() -> None:
    policy = parse(line("B-123456"))
    assert KEY.hex() not in repr(policy)
    assert repr(KEY) not in repr(policy)
    assert "B-123456" not in repr(policy.allow_list) + repr(policy.allow_list.values)


@given(st.lists(st.sampled_from(["B-123456", "B-654321", "111111", " ", "x"])))
def test_allowed_values_pass_wherever_they_stand_and_in_any_split(parts: list[str]) -> None:
    guard = Guard(POLICY)
    text = " ".join(parts)
    verdict = guard.check(text, direction=Direction.ANSWER, persona="", roles=frozenset(), pseudonyms=Pseudonyms())
    assert verdict.text.count("B-123456") == parts.count("B-123456")
    assert "B-654321" not in verdict.text
    stream = guard.open_stream(persona="", roles=frozenset(), pseudonyms=Pseudonyms())
    assert "".join([*map(stream.feed, text), stream.close()]) == verdict.text


POLICY = parse(line("B-123456"))
