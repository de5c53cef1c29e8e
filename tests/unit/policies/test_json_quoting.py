"""Placeholders in JSON: it stays JSON, and a value cannot break out of its string."""

from __future__ import annotations

import json
import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.pseudonyms import JsonQuoting, Pseudonyms, Restorer, quoted_in_json


@pytest.mark.parametrize(
    ("guarded", "quoted"),
    [
        ('{"card": [CARD_1]}', '{"card": "[CARD_1]"}'),
        ('{"card": "[CARD_1]"}', '{"card": "[CARD_1]"}'),
        ('{"a": "\\"[CARD_1]", "b": [CARD_2]}', '{"a": "\\"[CARD_1]", "b": "[CARD_2]"}'),
        ('[[CARD_1], [1], ["X"], [true]]', '["[CARD_1]", [1], ["X"], [true]]'),
        ("[", "["),
        ("[CARD_", "[CARD_"),
    ],
)
def test_what_stood_for_a_number_stands_in_a_string(guarded: str, quoted: str) -> None:
    assert quoted_in_json(guarded) == quoted


def test_many_open_brackets_take_linear_time() -> None:
    """Arguments of a call come from whoever asks, as text: each bracket once looked through all that follows."""
    began = time.process_time()
    text = "[" * 400_000 + "]"
    assert quoted_in_json(text) == text
    assert time.process_time() - began < 3


TEXT = '{"a": [CARD_1], "b": "x [EMAIL_2]", "c": [[PHONE_3], 1]}'


@given(st.sets(st.integers(1, len(TEXT) - 1)))
def test_how_it_is_cut_changes_nothing(cuts: set[int]) -> None:
    quoting = JsonQuoting()
    pieces = [quoting.feed(TEXT[start:end]) for start, end in pairwise([0, *sorted(cuts), len(TEXT)])]
    assert "".join([*pieces, quoting.close()]) == quoted_in_json(TEXT)


@given(
    st.recursive(
        st.integers() | st.text() | st.booleans(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_json_without_placeholders_is_left_alone(value: object) -> None:
    text = json.dumps(value)
    if "_" not in text:
        assert quoted_in_json(text) == text


@given(st.text(min_size=1))
def test_a_value_does_not_break_out_of_its_string(value: str) -> None:
    pseudonyms = Pseudonyms()
    placeholder = pseudonyms.placeholder("NAME", value, is_restorable=True)
    restorer = Restorer(pseudonyms, is_json=True)
    shown = restorer.feed(f'{{"who": "{placeholder}"}}') + restorer.close()
    assert json.loads(shown) == {"who": value}
