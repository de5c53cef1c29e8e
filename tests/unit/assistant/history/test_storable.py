"""Text on its way into Postgres."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from assistant.history.storable import storable, storable_json, storable_title

ANY_TEXT = st.text(st.characters())  # surrogates and NUL included
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(ANY_TEXT, inner, max_size=4),
    max_leaves=8,
)


@given(ANY_TEXT)
def test_text_keeps_its_length_and_becomes_utf8_without_nul(text: str) -> None:
    stored = storable(text)
    assert len(stored) == len(text)
    assert b"\x00" not in stored.encode("utf-8")


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00")))
def test_storable_text_stays_as_it_is(text: str) -> None:
    assert storable(text) == text


@given(st.dictionaries(ANY_TEXT, ANY_JSON, max_size=4))
def test_detail_becomes_json_that_postgres_takes(detail: dict[str, object]) -> None:
    written = json.dumps(storable_json(detail), allow_nan=False, ensure_ascii=False)
    assert "\\u0000" not in written.replace("\\\\", "")
    written.encode("utf-8")


def test_a_title_is_one_short_line() -> None:
    assert storable_title("  Why\n does\tit\x00 fail ") == "Why does it\N{REPLACEMENT CHARACTER} fail"
    assert len(storable_title("x" * 5000)) == 200
