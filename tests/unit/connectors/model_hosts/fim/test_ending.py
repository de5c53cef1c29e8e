"""A filling ends where it should, however it arrives."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from connectors.model_hosts.fim.ending import MOST_LINES, Ending, EndRules
from connectors.model_hosts.values import Gap

BLOCK = Gap("def f(a):\n    ", "\n\n\ndef g():\n    pass\n")


def filled(gap: Gap, text: str, *stops: str) -> str:
    ending = Ending(EndRules.of(gap, stops))
    return ending.feed(text) + ending.close()


@pytest.mark.parametrize(
    ("gap", "text", "filling"),
    [
        # In the middle of a line: the line.
        (Gap("x = foo(", ") + 1 # sum\n"), "a, b\nmore", "a, b"),
        (Gap("return ", " if a else b\n"), "c", "c"),
        # At its end, or before what editors close by themselves: the block.
        (Gap("def f(a):\n    ", "\n"), "b = a\n    return b\n", "b = a\n    return b\n"),
        (Gap("call(", ")\n"), "\n    a,\n    b,\n", "\n    a,\n    b,\n"),
        # A line that is indented less than the cursor's is outside.
        (BLOCK, "b = a\n    return b\nprint(f(1))\n", "b = a\n    return b"),
        (BLOCK, "b = a\n    return b\n\n\n", "b = a\n    return b\n\n\n"),
        # What begins anew after a blank line at the same indentation is another block.
        (Gap("def f():", ""), "\n    return 1\n\ndef h():\n    return 2\n", "\n    return 1"),
        (Gap("def f():", ""), "\n    a = 1\n\n    return a\n", "\n    a = 1\n\n    return a\n"),
        # The model repeats what stands there.
        (BLOCK, "return a\ndef g():\n", "return a"),
        (Gap("a = 1\n", "c = 3\n"), "b = 2\nc = 3\nd = 4\n", "b = 2\n"),
        (Gap("a = 1\n", "\nc = 3\n"), "b = 2\nc = 3\nd = 4\n", "b = 2"),
        (Gap("a = 1\n", "\nc = 3\n"), "b = 2\nc = 34\n", "b = 2\nc = 34\n"),
    ],
)
def test_it_ends_with_its_line_or_its_block(gap: Gap, text: str, filling: str) -> None:
    assert filled(gap, text) == filling


def test_it_has_an_end_in_any_case() -> None:
    lines = "".join(f"    x_{number} = {number}\n" for number in range(100))
    assert filled(BLOCK, lines).count("\n") == MOST_LINES - 1


@pytest.mark.parametrize("stop", ["<|endoftext|>", "<EOT>", "\n\n", "END"])
def test_a_stop_is_no_part_of_it(stop: str) -> None:
    assert filled(BLOCK, f"return a{stop}return b", "<|endoftext|>", "<EOT>", "\n\n", "END") == "return a"


def test_what_is_sure_is_given_at_once() -> None:
    ending = Ending(EndRules.of(BLOCK, ["<|endoftext|>"]))
    assert ending.feed("return a") == "return a"
    assert ending.feed(" + 1<|end") == " + 1"
    assert ending.feed("_of_") == "<|end_of_"
    assert ending.feed("\n    ") == ""
    assert ending.feed("b") == "\n    b"
    assert not ending.is_over
    assert ending.feed("\nc") == ""
    assert ending.is_over


GAPS = st.sampled_from(
    [
        BLOCK,
        Gap("x = foo(", ") + 1\n"),
        Gap("a\n", "\nab\n"),
        Gap("a\n", "ab\n"),
        Gap("", ""),
        Gap("\tif a:\n\t\t", "\n"),
    ]
)
PIECES = st.lists(
    st.sampled_from(["a", "b", "ab", "\n", "\n\n", "    ", " ", "\t", "<", "<E", "OT>", "<EOT>", "def g():"])
)


@given(GAPS, PIECES, PIECES)
@example(Gap("a\n", "\nab\n"), ["b\nab", "<E"], ["OT>"])
def test_how_it_is_cut_into_pieces_changes_nothing(gap: Gap, first: list[str], second: list[str]) -> None:
    pieces = first + second
    whole = filled(gap, "".join(pieces), "<EOT>")
    ending = Ending(EndRules.of(gap, ["<EOT>"]))
    given_out = "".join(map(ending.feed, pieces)) + ending.close()
    assert given_out == whole
    assert "".join(pieces).startswith(whole)
    assert "<EOT>" not in whole
