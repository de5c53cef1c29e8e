from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.knowledge.splitting import PASSAGE_CHARS, first_heading, split_text

LONGEST = PASSAGE_CHARS + 150
NAMES = st.sampled_from(["notes.txt", "handbook.md", "turn.py", "site.html", "main.go", "no-suffix", "tex.tex"])
BITS = st.sampled_from(
    ["# One\n", "## Two\n", "####### seven\n", "#none\n", "\n\n", "\n", " ", "word ", "Sentence. ", "```\n", "~~~\n",
     "def f():\n", "class A:\n", "x" * 700, "<div>", "é", "\u2028", "\U0001f600" * 40, "\t", "a.a.a." * 60]
)  # fmt: skip
TEXTS = st.lists(BITS, max_size=60).map("".join) | st.text(max_size=300)


@given(TEXTS, NAMES)
def test_offsets_are_exact_and_every_word_lies_in_a_passage(text: str, name: str) -> None:
    pieces = split_text(text, name=name)
    covered = bytearray(len(text))
    for piece in pieces:
        passage = text[piece.start : piece.end]
        assert passage == passage.strip() != ""
        assert len(passage) <= LONGEST
        covered[piece.start : piece.end] = b"\x01" * len(passage)
    missed = "".join(letter for letter, is_covered in zip(text, covered, strict=True) if not is_covered)
    # Only headings above nothing are left out.
    assert all(line.startswith("#") for line in missed.split("\n") if line.strip())
    assert [piece.start for piece in pieces] == sorted(piece.start for piece in pieces)


def test_a_passage_knows_the_headings_above_it() -> None:
    text = "intro\n# A\n\none\n## B ##\ntwo\n```\n# not a heading\n```\n### C\nthree\n# D\n# E\nfour"
    assert [(p.heading, text[p.start : p.end]) for p in split_text(text, name="x.md")] == [
        ("", "intro"),
        ("A", "# A\n\none"),
        ("A > B", "## B ##\ntwo\n```\n# not a heading\n```"),
        ("A > B > C", "### C\nthree"),
        ("E", "# E\nfour"),
    ]


def test_the_hash_of_a_program_is_no_heading() -> None:
    assert {p.heading for p in split_text("# a comment\nx = 1\n", name="x.py")} == {""}


def test_neighbours_overlap_at_a_word() -> None:
    text = " ".join(f"word{number}" for number in range(600))
    first, second = split_text(text, name="x.txt")[:2]
    assert first.start < second.start < first.end
    assert text[second.start - 1] == " "


@pytest.mark.parametrize("text", ["x" * 300_000, " " * 300_000, "\n" * 300_000, "a " * 150_000, "# a\n" * 75_000])
def test_monotonous_text_makes_no_more_passages_than_it_must(text: str) -> None:
    pieces = split_text(text, name="x.md")
    assert len(pieces) <= len(text) // PASSAGE_CHARS + 10


@pytest.mark.parametrize(
    ("text", "heading"), [("", ""), ("no", ""), ("x\n# First\n# Second", "First"), ("#\n# # real #", "# real")]
)
def test_the_first_heading_is_the_title(text: str, heading: str) -> None:
    assert first_heading(text) == heading
