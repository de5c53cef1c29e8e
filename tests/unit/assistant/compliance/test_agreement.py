"""Kappa against figures that others published, and what it must hold for whatever people say."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.compliance.agreement import FEWEST_PAIRS, agreement_of, in_words

Table = Sequence[Sequence[int]]

# SAS/STAT User's Guide, PROC FREQ, "Cohen's Kappa Coefficient": two dermatologists, 88 patients.
DERMATOLOGISTS = ((10, 4, 1, 0), (5, 10, 12, 2), (2, 4, 12, 5), (0, 2, 6, 13))
# Fleiss 1981, "Statistical Methods for Rates and Proportions", page 213: two raters, 100 subjects.
PSYCHIATRISTS = ((75, 1, 4), (5, 4, 1), (0, 0, 10))


def counts_of(table: Table) -> dict[tuple[int, int], int]:
    return {(row, column): count for row, line in enumerate(table) for column, count in enumerate(line) if count}


@pytest.mark.parametrize(
    ("table", "kappa", "low", "high"),
    [
        (DERMATOLOGISTS, 0.3449, 0.2030, 0.4868),
        (PSYCHIATRISTS, 0.6765, 0.5046, 0.8484),
    ],
)
def test_it_is_what_others_published(table: Table, kappa: float, low: float, high: float) -> None:
    found = agreement_of(counts_of(table))
    assert (found.kappa, found.low, found.high) == pytest.approx((kappa, low, high), abs=0.00006)


@pytest.mark.parametrize(
    ("table", "kappa"), [(((20, 5), (10, 15)), 0.4), (((45, 15), (25, 15)), 0.1304), (((25, 35), (5, 35)), 0.2593)]
)
def test_two_words_of_an_encyclopedia(table: Table, kappa: float) -> None:
    assert agreement_of(counts_of(table)).kappa == pytest.approx(kappa, abs=0.0001)


def test_two_readers_who_never_differ_are_not_certain_to_agree_for_ever() -> None:
    few, many = (agreement_of({("benign", "benign"): half, ("violation", "violation"): half}) for half in (5, 500))
    assert few.kappa == many.kappa == 1
    assert few.low is not None
    assert many.low is not None
    assert few.low == pytest.approx(0.383, abs=0.001)  # 0.025 ** (1 / 10) of all, half of which chance explains
    assert few.low < many.low < 1


def test_one_word_for_everything_gives_no_figure() -> None:
    found = agreement_of({("benign", "benign"): 40})
    assert (found.pairs, found.same, found.kappa) == (40, 40, None)
    assert "chance cannot be told" in in_words(found)
    assert agreement_of({}).kappa is None


def test_words_do_not_promise_more_than_the_interval() -> None:
    alike = agreement_of({("a", "a"): 90, ("b", "b"): 90, ("a", "b"): 5, ("b", "a"): 5})
    few = agreement_of({("a", "a"): 6, ("b", "b"): 5, ("a", "b"): 2, ("b", "a"): 1})
    chance = agreement_of({("a", "a"): 25, ("b", "b"): 25, ("a", "b"): 25, ("b", "a"): 25})
    assert in_words(alike) == "They judge alike."
    assert "too few to be sure" in in_words(few)
    assert "Chance" in in_words(chance)
    assert "Too few to tell" in in_words(agreement_of({("a", "a"): FEWEST_PAIRS - 1}))


@given(st.dictionaries(st.tuples(st.sampled_from("abcde"), st.sampled_from("abcde")), st.integers(1, 500)))
def test_it_stays_within_its_scale_and_does_not_care_who_was_first(counts: dict[tuple[str, str], int]) -> None:
    found = agreement_of(counts)
    turned = agreement_of({(other, one): count for (one, other), count in counts.items()})
    assert (found.pairs, found.same) == (turned.pairs, turned.same)
    if found.kappa is None or found.low is None or found.high is None:
        assert turned.kappa is None
        return
    assert -1 - 1e-9 <= found.low <= found.kappa + 1e-9 <= found.high + 2e-9 <= 1 + 3e-9
    assert (turned.kappa, turned.low, turned.high) == pytest.approx((found.kappa, found.low, found.high))
