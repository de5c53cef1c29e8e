"""Which hosts may be sent what: lines under `places`."""

from __future__ import annotations

import pytest

from policies.errors import PolicyError
from policies.policy import parse_policy

RULES = """
rules:
  - {name: personal/badge, label: badge, entity_type: BADGE, patterns: ['B-[0-9]{6}']}
  - {name: secret/pin, label: pin, entity_type: PIN, patterns: ['P-[0-9]{6}']}
actions:
  - {rules: '*', action: redact}
"""
PLACES = """
places:
  - {only: inside, rules: personal/*}
  - {only: [vault, inside], personas: hr}
  - {only: gpu, roles: developer}
"""
NOTHING: frozenset[str] = frozenset()


def labels(
    persona: str = "general", roles: frozenset[str] = NOTHING, found: frozenset[str] = NOTHING
) -> list[set[str]]:
    policy = parse_policy({"site.yaml": RULES + PLACES})
    return [set(one) for one in policy.labels_for(persona, roles, found)]


def test_a_text_that_nobody_judged_yet_needs_a_label_of_every_line() -> None:
    policy = parse_policy({"site.yaml": RULES + PLACES})
    assert [set(one) for one in policy.labels_for_unseen()] == [{"inside"}, {"vault", "inside"}, {"gpu"}]
    assert parse_policy({"site.yaml": RULES}).labels_for_unseen() == ()


def test_a_line_holds_for_whom_and_for_what_it_says() -> None:
    assert labels() == []
    assert labels(found=frozenset({"secret/pin"})) == []
    assert labels(found=frozenset({"personal/badge"})) == [{"inside"}]
    assert labels("hr") == [{"vault", "inside"}]
    assert labels(roles=frozenset({"developer", "employee"})) == [{"gpu"}]


def test_every_line_that_holds_counts() -> None:
    assert labels("hr", frozenset({"developer"}), frozenset({"personal/badge"})) == [
        {"inside"},
        {"vault", "inside"},
        {"gpu"},
    ]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{personas: hr}", "The key 'only' is missing"),
        ("{only: []}", "The key 'only' is missing"),
        ("{only: inside, rules: persnal/*}", "No rule is called 'persnal/\\*'"),
        ("{only: inside, persona: hr}", "persona"),
    ],
)
def test_a_line_that_would_not_hold_is_refused(line: str, words: str) -> None:
    with pytest.raises(PolicyError, match=words):
        parse_policy({"site.yaml": f"{RULES}\nplaces:\n  - {line}\n"})


def test_places_change_the_version_and_their_absence_does_not() -> None:
    bare = parse_policy({"site.yaml": RULES}).version
    assert parse_policy({"site.yaml": RULES + "places: []\n"}).version == bare
    assert parse_policy({"site.yaml": RULES + PLACES}).version != bare
