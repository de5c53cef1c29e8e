from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.errors import PseudonymsError
from policies.pseudonyms import Pseudonyms, Restorer, set_apart

VALUES = st.text(min_size=1, max_size=20)


def test_the_same_value_has_the_same_placeholder_and_another_another() -> None:
    pseudonyms = Pseudonyms()
    first = pseudonyms.placeholder("EMAIL", "a@b.org", is_restorable=True)
    assert first == "[EMAIL_1]"
    assert pseudonyms.placeholder("EMAIL", "c@b.org", is_restorable=True) == "[EMAIL_2]"
    assert pseudonyms.placeholder("EMAIL", "a@b.org", is_restorable=True) == first
    assert pseudonyms.placeholder("PHONE", "a@b.org", is_restorable=True) == "[PHONE_1]"


def test_a_redacted_value_is_kept_nowhere_and_never_restored() -> None:
    pseudonyms = Pseudonyms()
    issued = pseudonyms.placeholder("PASSWORD", "Tr0ub4dor", is_restorable=False)
    assert b"Tr0ub4dor" not in pseudonyms.to_bytes()
    assert pseudonyms.restore(f"it was {issued}") == f"it was {issued}"
    again = Pseudonyms.from_bytes(pseudonyms.to_bytes())
    assert again.placeholder("PASSWORD", "Tr0ub4dor", is_restorable=False) == issued


def test_another_conversation_has_another_key() -> None:
    one, other = Pseudonyms(), Pseudonyms()
    one.placeholder("PASSWORD", "Tr0ub4dor", is_restorable=False)
    other.placeholder("PASSWORD", "Tr0ub4dor", is_restorable=False)
    assert one.to_bytes() != other.to_bytes()


@given(st.lists(st.tuples(st.sampled_from(["EMAIL", "PHONE"]), VALUES), max_size=8))
def test_everything_survives_being_written_down(pairs: list[tuple[str, str]]) -> None:
    pseudonyms = Pseudonyms()
    issued = [pseudonyms.placeholder(kind, value, is_restorable=True) for kind, value in pairs]
    again = Pseudonyms.from_bytes(pseudonyms.to_bytes())
    assert [again.placeholder(kind, value, is_restorable=True) for kind, value in pairs] == issued
    assert again.restore(" ".join(issued)) == " ".join(value for _, value in pairs)
    assert again.placeholder("EMAIL", "never seen before", is_restorable=True) not in issued


def test_a_reserved_placeholder_is_never_issued() -> None:
    pseudonyms = Pseudonyms()
    pseudonyms.reserve("[EMAIL_1]")
    pseudonyms.reserve("not one")
    again = Pseudonyms.from_bytes(pseudonyms.to_bytes())
    assert again.placeholder("EMAIL", "a@b.org", is_restorable=True) == "[EMAIL_2]"
    assert again.restore("[EMAIL_1] [EMAIL_2]") == "[EMAIL_1] a@b.org"


@pytest.mark.parametrize(
    "data", [b"", b"{}", b"\xff", b"[]", b'{"format":2}', b'{"format":1,"key":"!","values":{},"placeholders":[]}']
)
def test_damaged_bytes_are_refused_without_quoting_them(data: bytes) -> None:
    with pytest.raises(PseudonymsError) as caught:
        Pseudonyms.from_bytes(data)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    "text", ["[EMAIL_1", "EMAIL_1]", "[email_1]", "[EMAIL_01]", "[EMAIL_9]", "[EMAIL_1 ]", "[[EMAIL_", "[]"]
)
def test_nothing_is_guessed_from_what_is_cut_off_or_invented(text: str) -> None:
    pseudonyms = Pseudonyms()
    pseudonyms.placeholder("EMAIL", "a@b.org", is_restorable=True)
    restorer = Restorer(pseudonyms)
    assert pseudonyms.restore(text) == text
    assert "".join(restorer.feed(character) for character in text) + restorer.close() == text


@given(
    parts=st.lists(st.one_of(st.sampled_from(["[EMAIL_1]", "[EMAIL_2]", "[EMAIL_", "[", "]", "1", "["]), VALUES)),
    sizes=st.lists(st.integers(1, 9), min_size=1),
)
def test_restoring_in_any_pieces_is_restoring_the_whole(parts: list[str], sizes: list[int]) -> None:
    pseudonyms = Pseudonyms()
    pseudonyms.placeholder("EMAIL", "a@b.org", is_restorable=True)
    pseudonyms.placeholder("EMAIL", "[EMAIL_1]", is_restorable=True)
    text, shown, place = "".join(parts), [], 0
    restorer = Restorer(pseudonyms)
    for turn in range(len(text)):
        size = sizes[turn % len(sizes)]
        shown.append(restorer.feed(text[place : place + size]))
        place += size
    assert "".join(shown) + restorer.close() == pseudonyms.restore(text)


@given(
    st.lists(st.sampled_from(["http://x/?q=", "[EMAIL_1]", " ", "\n", "www.x.y/", "text", "(", ")"]), max_size=12),
    st.data(),
)
def test_restoring_in_pieces_equals_restoring_at_once_in_addresses_too(parts: list[str], data: st.DataObject) -> None:
    pseudonyms = Pseudonyms()
    pseudonyms.placeholder("EMAIL", "a@corp.example", is_restorable=True)
    text = "".join(parts)
    restorer = Restorer(pseudonyms)
    pieces, rest = [], text
    while rest:
        size = data.draw(st.integers(1, len(rest)))
        pieces.append(restorer.feed(rest[:size]))
        rest = rest[size:]
    assert "".join(pieces) + restorer.close() == pseudonyms.restore(text)


def test_a_copy_that_issued_another_value_under_the_same_placeholder_is_not_adopted() -> None:
    base = Pseudonyms()
    base.placeholder("EMAIL", "a@corp.example", is_restorable=True)
    one, two, three = (Pseudonyms.from_bytes(base.to_bytes()) for _ in range(3))
    one.placeholder("EMAIL", "b@corp.example", is_restorable=True)
    two.placeholder("EMAIL", "c@corp.example", is_restorable=True)
    three.placeholder("PHONE", "+49 30 123456", is_restorable=True)
    assert not one.adopt(two)
    assert one.adopt(three)
    assert one.restore("[EMAIL_1] [EMAIL_2] [PHONE_1]") == "a@corp.example b@corp.example +49 30 123456"


def test_a_text_set_apart_holds_no_placeholder_and_stays_readable() -> None:
    assert set_apart("mail [EMAIL_1], ü [GITHUB_TOKEN_12] and [x]") == "mail [EMAIL 1], ü [GITHUB_TOKEN 12] and [x]"
