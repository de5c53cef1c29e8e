from __future__ import annotations

from assistant.policy.comparison import compare_actions, compare_allowed, compare_rules, compare_verdict
from policies.guard import Guard
from policies.policy import Asker, Policy, parse_policy
from policies.verdict import Direction

RULES = """
rules:
  - {name: site/badge, label: badge, entity_type: BADGE, patterns: ['B-[0-9]{6}']}
  - {name: site/order, label: order, entity_type: ORDER, patterns: ['O-[0-9]{6}']}
"""
ACTIONS = """
actions:
  - {rules: "*", action: redact}
"""
ASKER = Asker(Direction.PROMPT, "", frozenset())


def policy(text: str) -> Policy:
    return parse_policy({"site.yaml": text})


OLD = policy(RULES + ACTIONS)


def test_a_policy_does_not_differ_from_itself() -> None:
    again = policy("# the same\n" + RULES + ACTIONS)
    assert [*compare_rules(OLD, again), *compare_actions(OLD, again), *compare_allowed(OLD, again)] == []


def test_rules_come_go_and_change() -> None:
    new = policy(RULES.replace("site/order", "site/offer").replace("B-[0-9]{6}", "B-[0-9]{7}") + ACTIONS)
    assert list(compare_rules(OLD, new)) == [
        "~ rule site/badge: patterns  (site.yaml:3)",
        "+ rule site/offer  (site.yaml:4)",
        "- rule site/order  (site.yaml:4)",
    ]


def test_a_change_for_everybody_is_one_line() -> None:
    assert list(compare_actions(OLD, policy(RULES + ACTIONS.replace("redact", "warn")))) == [
        "~ redact -> warn, everywhere: site/badge, site/order"
    ]


def test_a_change_for_some_says_for_whom() -> None:
    lines = """  - {rules: site/badge, action: block, directions: [file, job]}
  - {rules: site/order, action: allow, roles: reviewer, min_score: 0.5}
  - {rules: site/order, action: warn, personas: operations}
"""
    assert sorted(compare_actions(OLD, policy(RULES + ACTIONS + lines))) == [
        "~ redact -> allow from 0.5, persona any other, role reviewer: site/order",
        "~ redact -> block, direction file/job: site/badge",
        "~ redact -> warn, persona operations: site/order",
    ]


def test_allowed_values_are_named_by_their_note() -> None:
    new = policy(RULES + ACTIONS + f'allow:\n  - {{value: "hmac-sha256:{"a" * 64}", note: the test badge}}\n')
    assert list(compare_allowed(OLD, new)) == ["+ allow the test badge  (site.yaml:9)"]
    assert list(compare_allowed(new, OLD)) == ["- allow the test badge  (site.yaml:9)"]


def test_a_verdict_that_changes_is_told_without_the_text() -> None:
    new = Guard(policy(RULES + ACTIONS + "  - {rules: site/badge, action: block}\n"))
    assert compare_verdict(Guard(OLD), new, "B-123456 O-123456", ASKER) == (
        "redact -> block: -site/badge at 0-8 redact, +site/badge at 0-8 block"
    )
    assert compare_verdict(Guard(OLD), new, "O-123456", ASKER) == ""
