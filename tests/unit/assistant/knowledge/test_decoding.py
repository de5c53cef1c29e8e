from __future__ import annotations

import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.errors import BadInputError
from assistant.knowledge.decoding import decode_text

READABLE = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1).filter(
    lambda text: bool(text.strip()) and not text.startswith(("\ufeff", "\ufffe"))
)
FAKE_SIGNATURES = ("%PDF-", "PK\x03\x04", "GIF8", "{\\rtf")


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ("Grüße".encode(), "Grüße"),
        ("Grüße".encode("utf-8-sig"), "Grüße"),
        ("Grüße".encode("utf-16"), "Grüße"),
        (codecs.BOM_UTF16_BE + "Grüße".encode("utf-16-be"), "Grüße"),
        ("Grüße aus Köln".encode("utf-16-le"), "Grüße aus Köln"),
        ("Grüße aus Köln".encode("utf-16-be"), "Grüße aus Köln"),
        ("Grüße".encode("latin-1"), "Grüße"),
        ("5 € „so“".encode("cp1252"), "5 € „so“"),
        (b"one\r\ntwo\rthree\n", "one\ntwo\nthree\n"),
        (b"tab\tform\x0cfeed", "tab\tform\x0cfeed"),
    ],
)
def test_a_text_is_read_in_the_encodings_that_people_have(data: bytes, text: str) -> None:
    assert decode_text(data) == text


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"%PDF-1.7\n", "a PDF"),
        (b"PK\x03\x04\x14\x00", "Office document"),
        (b"\x89PNG\r\n", "a picture"),
        (b"\x7fELF\x02", "a program"),
        (b"{\\rtf1 hello}", "Rich Text"),
        (b"", "no text"),
        (b" \n\t ", "no text"),
        (codecs.BOM_UTF8, "no text"),
        (b"text with a \x00 inside", "not a text"),
        (bytes(range(256)), "not a text"),
        (b"\xff\xfe\x00", "not a text"),
        (b"\x81\x8d", "not a text"),
    ],
)
def test_what_is_no_text_is_refused_in_words(data: bytes, words: str) -> None:
    with pytest.raises(BadInputError, match=words):
        decode_text(data)


@given(READABLE, st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]))
def test_every_readable_text_comes_back(text: str, encoding: str) -> None:
    if text.startswith(FAKE_SIGNATURES):
        return
    assert decode_text(text.encode(encoding)) == text


@given(st.binary(max_size=400))
def test_any_bytes_are_a_text_for_postgres_or_refused(data: bytes) -> None:
    try:
        text = decode_text(data)
    except BadInputError:
        return
    assert "\x00" not in text
    assert text.encode("utf-8")
