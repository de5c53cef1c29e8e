"""Keys and tokens of standards: what must decode and which checksum must hold, tested from both sides."""

from __future__ import annotations

from base64 import b64encode, urlsafe_b64encode
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.detectors import key_material
from policies.detectors.seed_phrases import _WORDS, is_announced_seed_phrase, is_seed_phrase

WORDS = _WORDS.split()


def phrase_of(entropy: bytes) -> str:
    """Write entropy as BIP 39 does: its bits and a checksum, eleven a word."""
    check_bits = len(entropy) // 4
    bits = "".join(f"{byte:08b}" for byte in entropy) + f"{sha256(entropy).digest()[0]:08b}"[:check_bits]
    return " ".join(WORDS[int(bits[place : place + 11], 2)] for place in range(0, len(bits), 11))


ENTROPY = st.sampled_from([16, 20, 24, 28, 32]).flatmap(lambda size: st.binary(min_size=size, max_size=size))


@given(ENTROPY)
def test_every_phrase_with_its_checksum_is_a_seed(entropy: bytes) -> None:
    assert is_seed_phrase(phrase_of(entropy))


@given(ENTROPY)
def test_a_phrase_with_two_checksums_is_no_seed(entropy: bytes) -> None:
    words = phrase_of(entropy).split()
    number = WORDS.index(words[-1])
    wrong = WORDS[number ^ 1]  # the last bit belongs to the checksum
    assert not is_seed_phrase(" ".join([*words[:-1], wrong]))


def test_an_announced_phrase_may_have_one_wrong_word_but_must_be_of_the_list() -> None:
    words = phrase_of(bytes(range(16))).split()
    assert is_announced_seed_phrase(" ".join(["mistypd", *words[1:]]))
    assert not is_announced_seed_phrase("the quick brown fox jumps over lazy dogs while many green frogs")


def test_the_list_is_the_standards() -> None:
    assert len(WORDS) == len(set(WORDS)) == 2048
    assert sorted(WORDS) == WORDS
    assert len({word[:4] for word in WORDS}) == 2048


@given(st.text(max_size=200))
def test_no_check_raises_whatever_the_value(value: str) -> None:
    for check in key_material.CHECKS.values():
        assert check(value) in {True, False}


@pytest.mark.parametrize("header", [b'{"alg":"none"}', b'{"typ":"JWT"}', b'{"enc":"A256GCM","alg":"dir"}'])
def test_a_token_is_known_by_its_header(header: bytes) -> None:
    assert key_material.is_jwt(urlsafe_b64encode(header).decode().rstrip("=") + ".e30.")


def test_json_without_a_header_is_no_token() -> None:
    assert not key_material.is_jwt(urlsafe_b64encode(b'{"not":"a jwt"}').decode() + ".abc")


@pytest.mark.parametrize(
    ("text", "is_one"),
    [(b"maria:Winter-2031!", True), (b"maria", False), (b":x", True), (b"maria:", False), (b"\xff\x00:\x01", False)],
)
def test_basic_credentials_are_a_name_and_a_password(text: bytes, *, is_one: bool) -> None:
    assert key_material.is_basic_credentials(b64encode(text).decode()) is is_one


@pytest.mark.parametrize(
    ("value", "is_one"),
    [
        ("d6f1c0b3a49e48d7b5c2", True),
        ("${API_KEY_OF_STAGE_2}", False),
        ("your-api-key-goes-here-1", False),
        ("request.headers.authorization", False),
        ("application_2", False),
    ],
)
def test_a_header_token_is_generated(value: str, *, is_one: bool) -> None:
    assert key_material.is_header_token(value) is is_one
