from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.views.fold import fold, fold_bytes
from policies.views.offsets import Offsets

STRANGE = st.text(st.one_of(st.characters(), st.sampled_from("ab1-\u200b\u00ad\ufeff\u0301ＡЗаﬁ㎏é日\ud800\0\u2028")))


@given(text=STRANGE, data=st.data())
def test_every_byte_comes_from_a_character_that_folds_to_it(text: str, data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(text)))
    offsets = Offsets()
    folded = fold(text[:cut], 0, 0, offsets)
    folded += fold(text[cut:], len(folded), cut, offsets)
    assert folded == fold_bytes(text)
    firsts = [offsets.first(place) for place in range(len(folded))]
    assert firsts == sorted(firsts)
    assert [offsets.behind(place) for place in range(len(folded))] == [first + 1 for first in firsts]
    for index, character in enumerate(text):
        mine = bytes(byte for byte, first in zip(folded, firsts, strict=True) if first == index)
        assert mine == fold_bytes(character)


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("sk\u200b_li\u2060ve", b"sk_live"),
        ("ｓｋ＿ｌｉｖｅ", b"sk_live"),
        ("АКІА", b"AKIA"),
        ("\U0001d42c\U0001d424", b"sk"),
        ("e\u0301", b"e"),
        ("\u00e9", b"\xe9"),
        ("ﬁ", b"fi"),
        ("٣\u0967", b"31"),
        ("a\u00a0b\u2003c\u2028d", b"a b c\nd"),
        ("so\u00adft", b"soft"),
    ],
)
def test_disguise_of_single_characters_comes_off(text: str, folded: bytes) -> None:
    assert fold_bytes(text) == folded


def test_what_is_ascii_stays_as_it_is() -> None:
    ascii_text = "".join(map(chr, range(128)))
    assert fold_bytes(ascii_text) == ascii_text.encode("ascii")


def test_no_letter_of_another_alphabet_vanishes() -> None:
    for code in range(0x100, 0x3000):
        if unicodedata.category(chr(code)) in {"Lu", "Ll", "Lo"} and chr(code) not in "\u115f\u1160":
            assert fold_bytes(chr(code)), hex(code)
