from __future__ import annotations

from collections import Counter
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.audit.reading.sample import Population, Week, leaves_from, seed_of
from assistant.errors import BadInputError

CHECKPOINT = "cloister.example/log\n48213\nqV0l0Yx6b2S0m0v0B1a5lT0x0yQ0J0l0h0k0m0v0B1Y=\n"


@given(st.binary(min_size=32, max_size=32), st.integers(0, 2**40), st.integers(0, 60))
def test_every_leaf_of_the_range_comes_once_and_no_other(seed: bytes, first: int, width: int) -> None:
    assert sorted(leaves_from(seed, first, first + width)) == list(range(first, first + width))


def test_each_leaf_is_as_likely_as_any_other() -> None:
    """Chi-square with 9 degrees of freedom: 33.7 is passed by one in ten thousand."""
    firsts = Counter(next(leaves_from(seed.to_bytes(32), 0, 10)) for seed in range(5_000))
    assert sum((firsts[leaf] - 500) ** 2 / 500 for leaf in range(10)) < 33.7


def test_a_word_beyond_the_last_multiple_is_passed_over() -> None:
    """With a range just above half of all words, every second word would come twice as often by remainder alone."""
    width = 2**63 + 1
    drawn = list(islice(leaves_from(b"s" * 32, 0, width), 400))
    low = sum(leaf < 2**62 for leaf in drawn)
    assert 150 < low < 250  # by remainder alone it would be two thirds of them, 267


def test_the_seed_changes_with_all_that_it_is_of() -> None:
    seeds = {
        seed_of(week, population, checkpoint)
        for week in ("2026-W47", "2026-W48")
        for population in Population
        for checkpoint in (CHECKPOINT, CHECKPOINT.replace("48213", "48214"))
    }
    assert len(seeds) == 8


def test_seed_and_first_leaves_stay_as_they_were_once_published() -> None:
    """An auditor draws again with a program of their own: this is what it must get."""
    seed = seed_of("2026-W48", Population.TURNS, CHECKPOINT)
    assert seed.hex() == "627c755771cfed4cf44505e6035d47e09e3728a7d31925d41a4410a1bfe29c47"
    assert list(islice(leaves_from(seed, 100, 1100), 5)) == [641, 1085, 721, 576, 989]


@pytest.mark.parametrize(
    ("name", "start"), [("2026-W48", "2026-11-23"), ("2026-W01", "2025-12-29"), ("2026-W53", "2026-12-28")]
)
def test_a_week_begins_on_its_monday(name: str, start: str) -> None:
    week = Week.parse(name)
    assert (f"{week.start:%Y-%m-%d}", (week.end - week.start).days) == (start, 7)


@pytest.mark.parametrize(
    "name",
    ["", "2026", "2026-W", "2026-W00", "2026-W54", "2027-W53", "2026-W1", "26-W01", "x-Wy", "2026-W48 ", "9999-W52"],
)
def test_what_is_no_week_is_refused(name: str) -> None:
    with pytest.raises(BadInputError):
        Week.parse(name)
