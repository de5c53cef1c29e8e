"""Words with steps: what may stand between a word and its value need not be listed."""

from __future__ import annotations

import pytest

from policies.guard import Guard
from policies.pattern_syntax import parse_pattern
from policies.patterns import in_steps, source
from policies.policy import parse_policy
from tests.unit.policies.texts import REDACTING, both_ways

RULE = r"""
rules:
  - name: site/badge
    label: badge
    entity_type: BADGE
    every_step: {every_step}
    keywords: [badge]
    patterns: ['(?i:\bbadge(?:[^\s]{{0,12}}\s){{0,6}}?(?:is|to)\s)([A-Z]{{2}}[0-9]{{4}})\b']
actions:
  - {{rules: "*", action: redact}}
"""


def found_in(text: str, every_step: str = "true") -> list[str]:
    guard = Guard(parse_policy({"site.yaml": RULE.format(every_step=every_step)}))
    return [text[finding.start : finding.end] for finding in guard.find(text) if finding.rule == "site/badge"]


def test_words_are_split_at_their_last_lazy_repetition() -> None:
    split = in_steps(parse_pattern(r"(?i:a(?:b){0,2}?c(?:d\s){0,6}?(?:e|f))"))
    assert split is not None
    assert [source(part) for part in split] == [r"(?i:a(?:b){0,2}?c)", r"(?i:(?:d\s)){0,6}?", "(?i:(?:e|f))"]


@pytest.mark.parametrize("pattern", ["ab", "a(?:b){0,2}", "ab{0,3}?", "a(?:b)??"])
def test_words_without_a_lazy_repetition_of_a_group_are_not_split(pattern: str) -> None:
    assert in_steps(parse_pattern(pattern)) is None


def test_each_step_is_tried() -> None:
    text = "the badge that is given to you is AB1234, and to Tom CD5678"
    assert found_in(text) == ["AB1234"]
    assert found_in(text, every_step="false") == []


def test_steps_end() -> None:
    assert found_in("badge one two three four five is AB1234") == ["AB1234"]
    assert found_in("badge one two three four five six is AB1234") == []


@pytest.mark.parametrize("size", [1, 2, 7])
def test_pieces_give_what_the_whole_gives(size: int) -> None:
    text = "The password that I gave to Tom, for the NAS, is still Bilbao6605*, and the PIN he chose was 48213."
    whole, verdict, shown = both_ways(REDACTING, text, [size])
    assert verdict == whole
    assert shown == whole.text
    assert "Bilbao" not in shown
    assert "48213" not in shown


def test_a_parameter_in_brackets_is_no_password() -> None:
    assert not REDACTING.find("The passwords are hashed with scrypt (N=16384, r=8, p=1).")


@pytest.mark.parametrize("behind", ['": the one', '"; and', '". |\n| x', '" | x y', '", ok then'])
@pytest.mark.parametrize("words", ['my password for now "', 'Passwort von gestern "'])
def test_a_sign_behind_a_quoted_value_makes_no_word_of_it(words: str, behind: str) -> None:
    text = f"{words}6DVPTEGQHQ{behind}"
    for size in range(len(words) + 10, len(text)):
        whole, verdict, shown = both_ways(REDACTING, text, [size, len(text)])
        assert verdict == whole
        assert shown == whole.text
        assert "6DVPTEGQHQ" not in shown
