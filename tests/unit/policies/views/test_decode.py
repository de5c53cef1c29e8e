from __future__ import annotations

import base64
import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.views.decode import DECODED_MAX_BYTES, decodings

TEXT = "password = Winter-2031 of the shop"
RUN = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+/=.~-"


def said(run: bytes) -> list[str]:
    return [decoded.text for decoded in decodings(run)]


@pytest.mark.parametrize(
    "run",
    [
        base64.b64encode(TEXT.encode()),
        base64.b64encode(TEXT.encode()).rstrip(b"="),
        base64.urlsafe_b64encode(TEXT.encode()),
        TEXT.encode().hex().encode(),
        TEXT.encode().hex().upper().encode(),
        base64.b64encode(TEXT.encode("utf-16-le")),
        base64.b64encode(gzip.compress(TEXT.encode(), mtime=0)),
        b"value=" + base64.b64encode(TEXT.encode()),
        base64.b64encode(TEXT.encode()) + b"...",
    ],
)
def test_what_a_run_says_is_read(run: bytes) -> None:
    assert said(run) == [TEXT]


@pytest.mark.parametrize(
    "run",
    [
        b"d41d8cd98f00b204e9800998ecf8427e",  # a checksum
        b"policies.detectors.search",
        b"Zm9v",  # too short
        base64.b64encode(bytes(range(128, 200))),
        base64.b64encode(gzip.compress(TEXT.encode(), mtime=0)[:2] + bytes(20)),
    ],
)
def test_what_says_nothing_is_not_read(run: bytes) -> None:
    assert said(run) == []


def test_what_grows_without_end_is_cut() -> None:
    compressor = zlib.compressobj(9, zlib.DEFLATED, 31)
    bomb = compressor.compress(b"a" * (8 << 20)) + compressor.flush()
    assert [len(text) for text in said(base64.b64encode(bomb))] == [DECODED_MAX_BYTES]


@given(st.text(st.sampled_from(RUN), max_size=400))
def test_any_run_is_answered_with_places_in_it(run: str) -> None:
    for decoded in decodings(run.encode("ascii")):
        assert 0 <= decoded.start < decoded.end <= len(run)
        assert decoded.text


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=16, max_size=200))
def test_whatever_was_encoded_is_read_again(text: str) -> None:
    assert said(base64.b64encode(text.encode())) == [text]
    assert said(text.encode().hex().encode()) == [text]
