"""A process compiles a rule once, however many guards it has, and forgets it with the last of them."""

from __future__ import annotations

import gc
from weakref import WeakValueDictionary, ref

import pytest

from policies.detectors import compiled, scan
from policies.detectors.compiled import compile_rule
from policies.detectors.scan import scanner_of
from policies.policy import parse_policy

_RULES = """
rules:
  - name: site/one
    label: one
    entity_type: ONE
    patterns: ['one-[a-z]{8}']
  - name: site/two
    label: two
    entity_type: TWO
    patterns: ['two-[a-z]{8}']
actions:
  - rules: [site/one, site/two]
    action: redact
"""


@pytest.fixture(autouse=True)
def nothing_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled, "_compiled", WeakValueDictionary())
    monkeypatch.setattr(scan, "_scanners", WeakValueDictionary())


def test_guards_of_one_policy_share_their_rules_and_a_changed_one_compiles_what_changed() -> None:
    one, two = parse_policy({"site.yaml": _RULES}).rules
    first = scanner_of((one, two))
    assert scanner_of(parse_policy({"site.yaml": _RULES}).rules) is first
    changed = parse_policy({"site.yaml": "# A line above them.\n" + _RULES.replace("two-[", "second-[")}).rules
    other = scanner_of(changed)
    assert other is not first
    assert compile_rule(changed[0]) is compile_rule(one)
    assert compile_rule(changed[1]) is not compile_rule(two)
    assert [match.finding.rule for match in other.find(b"two-abcdefgh", 0, other.sighted(b"two-abcdefgh"))] == []
    assert [match.finding.rule for match in first.find(b"two-abcdefgh", 0, first.sighted(b"two-abcdefgh"))] == [
        "site/two"
    ]


def test_what_no_guard_uses_any_more_is_forgotten() -> None:
    scanner = scanner_of(parse_policy({"site.yaml": _RULES}).rules)
    scanner.load()
    gone, rules = ref(scanner), compiled._compiled
    assert len(rules) == 3
    del scanner
    gc.collect()
    assert gone() is None
    assert not rules
