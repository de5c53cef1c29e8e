"""What holds for the guard whatever the text: spans lie in it, disguise does not help, memory is bounded."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.policies.texts import DISGUISES, LONG_TEXTS, REDACTING, TEXTS, check, open_stream

# Of two kinds: capitals only, and letters of both cases.
VALUES = {
    "secret/aws-access-key": "AKIA2E4AQ3F2B44C7Q2X",
    "secret/github-token": "ghp_aB3dE5fG7hJ9kL1mN3pQ5rS7tU9vW1xY3zA5",
}
# Spaced and dashed groups are joined for some kinds only.
HIDING = sorted(DISGUISES.keys() - {"spaced", "dashed", "Markdown", "HTML names", "JSON", "JSON twice"})
_HELD_MAX_BYTES = 64 << 10  # of all views together: twice the cap, and the words before it


@settings(max_examples=200, deadline=None)
@given(text=st.one_of(TEXTS, st.text()))
def test_findings_lie_in_the_text_in_order(text: str) -> None:
    findings = REDACTING.find(text)
    assert all(0 <= finding.start < finding.end <= len(text) for finding in findings)
    starts = [(finding.start, finding.end) for finding in findings]
    assert starts == sorted(starts)


@settings(max_examples=200, deadline=None)
@given(text=st.one_of(TEXTS, st.text()))
def test_decisions_lie_in_order_and_apart(text: str) -> None:
    verdict = check(REDACTING, text)
    assert not verdict.failure
    ends = 0
    for decision in verdict.held_back:
        assert ends <= decision.finding.start < decision.finding.end <= len(text)
        ends = decision.finding.end


@settings(max_examples=20, deadline=None)
@given(text=LONG_TEXTS)
def test_nothing_raises_on_long_runs(text: str) -> None:
    assert all(0 <= finding.start < finding.end <= len(text) for finding in REDACTING.find(text))


@pytest.mark.parametrize("disguise", HIDING)
@pytest.mark.parametrize("rule", VALUES)
def test_disguise_does_not_hide_a_value(rule: str, disguise: str) -> None:
    value = VALUES[rule]
    hidden = DISGUISES[disguise](value)
    text = f"Here: {hidden} and no more."
    assert rule in {finding.rule for finding in REDACTING.find(f"Here: {value} and no more.")}
    assert rule in {finding.rule for finding in REDACTING.find(text)}
    shown = check(REDACTING, text).text
    assert shown.startswith("Here: ")
    assert shown.endswith(" and no more.")
    assert hidden not in shown
    assert value[4:] not in shown


@pytest.mark.parametrize("disguise", ["percent", "unicode escapes", "base64", "hexadecimal", "HTML"])
def test_disguise_in_disguise_does_not_hide_a_value(disguise: str) -> None:
    for outer in ("percent", "base64", "hexadecimal", "unicode escapes"):
        text = f"Here: {DISGUISES[outer](DISGUISES[disguise](VALUES['secret/aws-access-key']))} ."
        assert "secret/aws-access-key" in {finding.rule for finding in REDACTING.find(text)}, outer


@pytest.mark.parametrize("words", ["gitleaks:allow", "pragma: allowlist secret", "noqa", "nosec", "NOSONAR"])
def test_words_in_the_text_do_not_switch_the_guard_off(words: str) -> None:
    value = VALUES["secret/github-token"]
    assert value not in check(REDACTING, f'token = "{value}"  # {words}').text


def test_the_memory_of_a_stream_does_not_grow_with_the_text() -> None:
    lot = random.Random(3)  # noqa: S311 - a text, no secret
    words = [
        "the",
        "log",
        "line",
        "says",
        "%20",
        "\\n",
        "&amp;",
        '" + "',
        "host.example",
        "x = 1;",
        "42",
        "\n",
        "é",
        "а",
    ]
    stream = open_stream(REDACTING)
    search = stream._search
    most = 0
    for _ in range(400):
        stream.feed(" ".join(lot.choices(words, k=120)) + "\n")
        most = max(most, sum(len(layer.tape.data) for layer in search._layers))
        assert len(list(search._layers)) <= 5
    assert most < _HELD_MAX_BYTES
    assert stream.held_chars < 2_000
    assert all(len(layer.tape.offsets._starts) < 8_000 for layer in search._layers)


@pytest.mark.parametrize("unit", ["A", "%41", "q8mV0uT6sLw2KdYc", "a.b-"])
def test_a_run_without_end_is_not_kept_without_end(unit: str) -> None:
    stream = open_stream(REDACTING)
    for _ in range(60):
        stream.feed(unit * (2_000 // len(unit)))
        assert sum(len(layer.tape.data) for layer in stream._search._layers) < 4 * _HELD_MAX_BYTES
        assert stream.held_chars < _HELD_MAX_BYTES
