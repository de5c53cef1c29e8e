from __future__ import annotations

import doctest

from hypothesis import given
from hypothesis import strategies as st

from assistant.embedded import backoff, child
from assistant.embedded.backoff import FIRST_SECONDS, LONGEST_SECONDS, Backoff


@given(st.lists(st.floats(min_value=0, max_value=1e6), max_size=200))
def test_a_wait_is_never_shorter_than_the_first_nor_longer_than_the_longest(lives: list[float]) -> None:
    waits = Backoff()
    for life in lives:
        assert FIRST_SECONDS <= waits.next_seconds(lived_seconds=life) <= LONGEST_SECONDS


def test_the_examples_in_the_docstrings_hold() -> None:
    assert doctest.testmod(backoff).attempted > 0
    assert doctest.testmod(backoff).failed == 0
    assert doctest.testmod(child).attempted > 0
    assert doctest.testmod(child).failed == 0
