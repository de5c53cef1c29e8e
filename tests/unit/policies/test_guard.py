"""The guard from the attacker's side: whatever is thrown at it, nothing passes that should not."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policies.guard import Guard
from policies.policy import Policy, parse_policy
from policies.pseudonyms import Pseudonyms
from policies.redaction import mask, without_values
from policies.verdict import Action, Direction, Finding, Verdict
from policies.views.regex import Regex

SECRET = "AKIA2E4AQ3F2B44C7Q2X"


def check(
    guard: Guard,
    text: str,
    *,
    direction: Direction = Direction.PROMPT,
    persona: str = "general",
    pseudonyms: Pseudonyms | None = None,
) -> Verdict:
    return guard.check(
        text,
        direction=direction,
        persona=persona,
        roles=frozenset({"employee"}),
        pseudonyms=pseudonyms if pseudonyms is not None else Pseudonyms(),
    )


class BrokenDetector:
    def detect(self, text: str) -> Iterable[Finding]:
        raise ValueError(f"cannot read {text}")


class NameDetector:
    def detect(self, text: str) -> Iterable[Finding]:
        start = text.find("Maria")
        return [Finding("PERSON", start, start + 5, 0.9, "presidio/person")] if start >= 0 else []


def test_a_secret_is_redacted_and_told(guard: Guard) -> None:
    verdict = check(guard, f"key {SECRET}, mail maria@example.org")
    assert verdict.action is Action.REDACT
    assert verdict.text == "key [AWS_ACCESS_KEY_1], mail [EMAIL_1]"
    first, second = verdict.held_back
    assert (first.finding.rule, first.label, first.masked) == (
        "secret/aws-access-key",
        "AWS access key",
        "AKIA••••••••7Q2X",
    )
    assert (first.finding.start, first.finding.end) == (4, 24)
    assert (second.action, second.placeholder) == (Action.PSEUDONYMISE, "[EMAIL_1]")
    assert verdict.policy_version == guard.policy.version


def test_a_private_key_blocks_the_text(guard: Guard) -> None:
    verdict = check(guard, "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\n-----END PRIVATE KEY-----")
    assert verdict.is_blocked
    assert verdict.text == ""
    assert not verdict.failure


def test_several_texts_of_a_turn_share_placeholders(guard: Guard) -> None:
    pseudonyms = Pseudonyms()
    assert check(guard, f"{SECRET} a@b.org", pseudonyms=pseudonyms).text == "[AWS_ACCESS_KEY_1] [EMAIL_1]"
    assert check(guard, f"c@b.org a@b.org {SECRET}", pseudonyms=pseudonyms).text == (
        "[EMAIL_2] [EMAIL_1] [AWS_ACCESS_KEY_1]"
    )


def test_a_failing_detector_blocks_and_tells_nothing_of_the_text(policy: Policy) -> None:
    verdict = check(Guard(policy, [BrokenDetector()]), f"my {SECRET}", direction=Direction.FILE)
    assert verdict.is_blocked
    assert verdict.text == ""
    assert verdict.failure == "ValueError"
    assert SECRET not in repr(verdict)


def test_an_injected_detector_adds_to_the_rules(policy: Policy) -> None:
    named = Guard(policy, [NameDetector()])
    assert check(named, f"Maria has {SECRET}", direction=Direction.FILE).text == "[PERSON_1] has [AWS_ACCESS_KEY_1]"
    assert check(named, "Maria").text == "Maria"


def test_a_finding_outside_the_text_blocks(policy: Policy) -> None:
    class Far:
        def detect(self, text: str) -> Iterable[Finding]:
            return [Finding("PERSON", 10_000, 10_005, 0.9, "presidio/person")]

    verdict = check(Guard(policy, [Far()]), "short", direction=Direction.FILE)
    assert verdict.is_blocked
    assert verdict.failure == "ValueError"


@pytest.mark.parametrize("text", ["", "\0", "\ud800", "a\0b\udfffc", "\ufeff", "\u202e" + SECRET])
def test_broken_text_is_answered(guard: Guard, text: str) -> None:
    verdict = check(guard, text)
    assert not verdict.failure
    verdict.text.encode("utf-8")
    assert "\0" not in verdict.text
    assert SECRET not in verdict.text


def test_what_is_not_text_at_all_is_refused(guard: Guard) -> None:
    verdict = check(guard, b"bytes")  # type: ignore[arg-type]  # a caller's mistake must not pass either
    assert verdict.is_blocked
    assert verdict.failure == "TypeError"


def test_overlapping_findings_become_one(guard: Guard) -> None:
    verdict = check(guard, "postgresql://app:Winter-2031@maria.example.org/shop")
    assert "Winter-2031" not in verdict.text
    assert "maria" not in verdict.text
    assert len(verdict.held_back) == 1


def test_a_role_may_see_what_others_may_not() -> None:
    policy = parse_policy(
        {
            "site.yaml": "rules:\n  - {name: site/badge, label: badge, entity_type: BADGE, patterns: ['B-[0-9]{4}']}\n"
            "actions:\n  - {rules: '*', action: block}\n  - {rules: '*', action: allow, personas: [operations]}\n"
        }
    )
    assert check(Guard(policy), "B-1234").is_blocked
    allowed = check(Guard(policy), "B-1234", persona="operations")
    assert allowed.text == "B-1234"
    assert allowed.decisions[0].action is Action.ALLOW
    assert allowed.held_back == ()


def test_a_typed_placeholder_is_never_given_to_a_value(guard: Guard) -> None:
    pseudonyms = Pseudonyms()
    verdict = check(guard, "a@b.org wrote to [EMAIL_1] about [PHONE_1]", pseudonyms=pseudonyms)
    assert verdict.text == "[EMAIL_2] wrote to [EMAIL_1] about [PHONE_1]"
    assert pseudonyms.restore(verdict.text) == "a@b.org wrote to [EMAIL_1] about [PHONE_1]"


def test_a_letter_beyond_latin_1_in_a_site_rule_is_found() -> None:
    policy = parse_policy(
        {
            "site.yaml": "rules:\n  - {name: site/pl, label: hasło, entity_type: PASSWORD, "
            "patterns: ['hasło: ([^ ]{4,64})']}\nactions:\n  - {rules: '*', action: redact}\n"
        }
    )
    assert check(Guard(policy), "Moje hasło: zażółć9").text == "Moje hasło: [PASSWORD_1]"


def test_a_placeholder_makes_no_value_of_the_words_before_it(guard: Guard) -> None:
    once = check(guard, "echo 'maria:Xy77-kq' | chpasswd マイナンバー（個人番号）：971725190943").text
    assert once == "echo 'maria:[PASSWORD_1]' | chpasswd マイナンバー（個人番号）：[PHONE_1]"
    assert check(guard, once).text == once
    assert "x9Kq2" not in check(guard, "password: 'aB3$[PHONE_1]x9Kq2'").text, "nor does it hide one"


@pytest.mark.parametrize(
    "text",
    [
        "stripe.api_key = 'sk_live_i13uruh7ZO[A_1]SJ4Wv9kclT2yKU'",
        "Passphrase: velv[A_1]et onion marble tractor",
        "EMAIL_HOST_PASSWORD = 'oizq dzrh nujs x[A_1]mct'",
        "nmcli dev wifi connect Praxis password 584[A_1]13651965154341026",
    ],
)
def test_what_looks_like_a_placeholder_hides_no_value_that_it_stands_in(guard: Guard, text: str) -> None:
    assert guard.find(text)[0].entity_type != "PLACEHOLDER"


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_guarding_twice_changes_nothing(guard: Guard, data: st.DataObject) -> None:
    examples = [example.replace("«", "").replace("»", "") for rule in guard.policy.rules for example in rule.found]
    text = " ".join(data.draw(st.lists(st.one_of(st.sampled_from(examples), st.text(max_size=20)), max_size=5)))
    pseudonyms = Pseudonyms()
    once = check(guard, text, pseudonyms=pseudonyms)
    twice = check(guard, once.text, pseudonyms=pseudonyms)
    assert twice.text == once.text
    assert all(0 <= decision.finding.start < decision.finding.end <= len(text) for decision in once.decisions)


@pytest.mark.parametrize("value", ["", "abc", "correct horse", SECRET, "a\nb" * 10, "x" * 500])
def test_a_mask_shows_at_most_eight_characters_and_never_the_length(value: str) -> None:
    masked = mask(value)
    assert len(masked.replace("•", "")) <= min(8, len(value) // 2)
    assert masked.count("•") == 8
    assert "\n" not in masked


def test_a_loaded_guard_compiles_nothing_when_a_text_comes(policy: Policy, monkeypatch: pytest.MonkeyPatch) -> None:
    guard = Guard(policy)
    guard.load()

    def compiled(*_: object, **__: object) -> None:
        raise AssertionError

    monkeypatch.setattr(Regex, "__init__", compiled)
    for rule in policy.rules:
        assert guard.find(rule.found[0].replace("«", "").replace("»", ""))


@given(st.lists(st.sampled_from([SECRET, "anna.berger@corp.example", "a word", "«", " ", "\n"]), max_size=12))
def test_without_values_no_value_is_left_whatever_the_policy_says(guard: Guard, pieces: list[str]) -> None:
    text = " ".join(pieces)
    kept = without_values(text, check(guard, text).decisions)
    assert SECRET not in kept
    assert "anna.berger" not in kept
    assert kept.count("a word") == pieces.count("a word")
    assert kept.count("[") == pieces.count(SECRET) + pieces.count("anna.berger@corp.example")
