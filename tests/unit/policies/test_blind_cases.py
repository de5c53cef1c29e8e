"""What strangers to the rules wrote down as secrets and personal data is found, so far and from now on."""

from __future__ import annotations

import random

import pytest

from policies.guard import Guard
from policies.policy import Policy
from policies.verdict import OUTSIDE
from tests.data.guard import blind

# Of the cases of each file; what is still missed is listed by `guard_corpus.py --parts blind`.
LEAST_FOUND = {
    "services": 0.985,
    "configuration": 0.975,
    "talk": 0.905,
    "personal": 0.97,
    "products": 0.94,
    "papers": 0.895,
    "consoles": 0.975,
    "registers": 0.95,
    "chats": 0.94,
    "stacks": 0.975,
    "offices": 0.94,
}
MOST_HIT = 13  # addresses of streets and postal codes of towns, which are what they look like


@pytest.mark.parametrize("name", blind.NAMES)
def test_what_strangers_to_the_rules_wrote_are_found(policy: Policy, name: str) -> None:
    guard = Guard(policy)
    rng = random.Random(11)  # noqa: S311 - a test repeats itself
    cases = [case.make(rng) for case in blind.read_cases(name)]
    missed = [
        case.text
        for case in cases
        if not any(f.start < end and start < f.end for f in guard.find(case.text) for start, end in case.spans)
    ]
    assert len(missed) <= (1 - LEAST_FOUND[name]) * len(cases), missed


def test_what_strangers_to_the_rules_wrote_without_a_secret_passes(policy: Policy) -> None:
    guard = Guard(policy)
    hit = [text for text in blind.read_benign() if any(not f.rule.startswith(OUTSIDE) for f in guard.find(text))]
    assert len(hit) <= MOST_HIT, hit
