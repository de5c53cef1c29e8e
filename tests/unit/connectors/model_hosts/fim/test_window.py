"""A window holds whole lines next to the cursor, three quarters of it before, and never more than there is room for."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from connectors.model_hosts.fim.window import fitted, gap_tokens
from connectors.model_hosts.values import CodeFile, Gap

LINES = "".join(f"line {number}\n" for number in range(500))
TEXTS = st.lists(st.sampled_from(["a", "\n", "å", "日本", "\t", "x = 1\n", "\U0001f600"]), max_size=80).map("".join)


@given(TEXTS, TEXTS, TEXTS, st.integers(0, 120))
def test_what_is_kept_is_next_to_the_cursor_and_has_room(prefix: str, suffix: str, file: str, room: int) -> None:
    gap = fitted(Gap(prefix, suffix, files=(CodeFile("a", file),)), room)
    assert prefix.endswith(gap.prefix)
    assert suffix.startswith(gap.suffix)
    assert gap_tokens(gap) <= room + 1
    assert len(gap.prefix.encode()) + len(gap.suffix.encode()) <= 3 * room
    assert gap.files in ((), (CodeFile("a", file),))


def test_the_cursor_has_three_quarters_before_it_and_one_behind() -> None:
    gap = fitted(Gap(LINES, LINES), 400)
    assert 840 < len(gap.prefix) <= 900
    assert 280 < len(gap.suffix) <= 300


def test_what_one_part_leaves_the_other_gets() -> None:
    assert 1180 < len(fitted(Gap("", LINES), 400).suffix) <= 1200
    assert 1180 < len(fitted(Gap(LINES, ""), 400).prefix) <= 1200
    assert len(fitted(Gap("x = 1\n", LINES), 400).suffix) > 1150
    assert fitted(Gap("a\n", "b\n"), 400) == Gap("a\n", "b\n")


def test_it_is_cut_at_the_borders_of_lines() -> None:
    gap = fitted(Gap(LINES, LINES), 200)
    assert gap.prefix.startswith("line ")
    assert gap.suffix.endswith("\n")
    assert LINES.endswith("\n" + gap.prefix)


def test_of_one_endless_line_as_much_as_fits_is_kept() -> None:
    gap = fitted(Gap("a" * 9000, "b" * 9000), 400)
    assert len(gap.prefix) + len(gap.suffix) == 1200


def test_other_files_get_what_is_left() -> None:
    files = (CodeFile("small.py", "x = 1\n"), CodeFile("large.py", LINES), CodeFile("last.py", "y = 2\n"))
    gap = fitted(Gap("a\n", "b\n", files=files), 100)
    assert [file.name for file in gap.files] == ["small.py", "last.py"]
