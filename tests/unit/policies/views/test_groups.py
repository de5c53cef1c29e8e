from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.guard import Guard
from policies.policy import Policy
from policies.views.groups import open_row, rows, values_of_row, values_of_run

TOKEN = "ghp_aB3dE5fG7hJ9kL1mN3pQ5rS7tU9vW1xY3zA5"


def grouped(value: str, size: int, between: str) -> str:
    return between.join(value[at : at + size] for at in range(0, len(value), size))


@pytest.mark.parametrize("size", [1, 4, 5, 8])
@pytest.mark.parametrize("frame", ["the token {} gives 401", 'key = "{}"', "TOKEN={}", "port 8080 {}\n"])
def test_a_row_says_what_its_groups_make(size: int, frame: str) -> None:
    written = grouped(TOKEN, size, " ")
    data = frame.format(written).encode()
    values = [value for row in rows(data, 0) for value in values_of_row(data, *row)]
    value = next(value for value in values if value.text.startswith(TOKEN))
    start = data.index(written.encode())
    assert value.place(0) == start
    assert value.place(len(TOKEN) - 1) == start + len(written) - 1
    assert bytes(data[value.place(number)] for number in range(len(value.text))).decode() == value.text


@pytest.mark.parametrize("size", [1, 4, 5, 8])
def test_a_run_says_what_its_groups_make(size: int) -> None:
    data = f"key={grouped(TOKEN, size, '-')}".encode()
    assert [value.text for value in values_of_run(data, 0, len(data))] == [TOKEN]


@pytest.mark.parametrize(
    "text",
    ["with that this will make sure", "a b c", "on 24 12 we are off", "ghp_ aB3d", "| ---- | ---- | ---- | ---- |"],
)
def test_words_make_no_row(text: str) -> None:
    assert list(rows(text.encode(), 0)) == []


@given(st.text(alphabet="aB3_ =\n", max_size=60))
def test_a_row_is_open_until_it_ends(text: str) -> None:
    data = (text + " x").encode()
    for begin, end in rows(data, 0):
        for cut in range(begin + 1, end):
            held = min(open_row(data[:cut], 0), cut - len(data[:cut].rsplit(b" ", 1)[-1]))
            assert held <= begin


@pytest.mark.parametrize(
    ("written", "is_found"),
    [
        (grouped(TOKEN, 4, " "), True),
        (grouped(TOKEN, 1, " "), True),
        (grouped(TOKEN, 4, "-"), True),
        (grouped("xoxb-730191371696-1413868247813-IG7Zt5MzT2ZaRWnDnVVZ4xrr", 4, " "), True),
        ("0001 0002 0003 0004 0005 0006", False),
        ("S P E C I A L   O F F E R", False),
        ("1F 8B 08 00 00 00 00 00 00 03", False),
    ],
)
def test_values_with_a_form_are_found_in_groups(policy: Policy, written: str, is_found: bool) -> None:  # noqa: FBT001 - a table of cases
    text = f"it says {written} throughout"
    spans = {(finding.start, finding.end) for finding in Guard(policy).find(text)}
    assert spans == ({(8, 8 + len(written))} if is_found else set())
