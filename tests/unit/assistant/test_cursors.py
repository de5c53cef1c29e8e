from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.cursors import format_cursor, parse_cursor
from assistant.errors import BadInputError

ZONES = st.sampled_from([UTC, timezone(timedelta(hours=-11)), timezone(timedelta(hours=5, minutes=30))])


@given(st.datetimes(min_value=datetime(1970, 1, 2), timezones=ZONES), st.uuids())  # noqa: DTZ001 - has one by then
def test_what_was_made_is_read_again(moment: datetime, identifier: UUID) -> None:
    assert parse_cursor(format_cursor(moment, identifier)) == (moment, identifier)


@pytest.mark.parametrize(
    "cursor",
    [
        *("", "~", "x", f"~{UUID(int=1)}", "2026-01-01T00:00:00+00:00~x", "\x00~\ud800"),
        f"2026-01-01~{UUID(int=1)}",  # without a zone
        f"2026-01-01T10:00:00~{UUID(int=1)}",
        f"0001-01-01T00:00:00+14:00~{UUID(int=1)}",  # before the first moment that UTC has
        f"9999-12-31T23:59:59-14:00~{UUID(int=1)}",
    ],
    ids=repr,
)
def test_anything_else_is_refused_in_the_same_words(cursor: str) -> None:
    with pytest.raises(BadInputError, match="does not exist"):
        parse_cursor(cursor)


@given(st.text(max_size=60))
def test_no_text_makes_it_fail_otherwise(text: str) -> None:
    try:
        moment, _ = parse_cursor(text)
    except BadInputError:
        return
    assert moment.tzinfo is not None
