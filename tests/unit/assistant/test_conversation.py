from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.conversation import parse_reference, short_reference


@given(identifier=st.uuids())
def test_a_reference_leads_back_to_the_end_of_its_id(identifier: UUID) -> None:
    assert parse_reference(short_reference(identifier)) == identifier.int & (1 << 35) - 1


def test_what_people_misread_and_mistype_is_forgiven() -> None:
    assert parse_reference(" o0i-1lL7 ") == parse_reference("0011117")


@given(text=st.text(max_size=9))
def test_what_is_no_reference_is_refused_in_one_way(text: str) -> None:
    try:
        assert 0 <= parse_reference(text) < 1 << 35
    except ValueError:
        with pytest.raises(ValueError, match=r"."):
            parse_reference(text)
