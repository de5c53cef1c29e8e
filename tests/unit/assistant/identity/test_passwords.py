"""What passes as a password, and what checking one costs."""

from __future__ import annotations

import pytest
from argon2 import PasswordHasher, extract_parameters
from hypothesis import given
from hypothesis import strategies as st

from assistant.errors import BadInputError
from assistant.identity.passwords import MAX_CHARS, MIN_CHARS, Passwords


class RecordingHasher(PasswordHasher):
    """Argon2id at the least cost, remembering which hashes were checked."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=8, parallelism=1)
        self.checked: list[str] = []

    def verify(self, hash: str | bytes, password: str | bytes) -> bool:  # noqa: A002 - argon2's own name
        self.checked.append(str(hash))
        return super().verify(hash, password)


async def test_right_password_matches_and_wrong_one_does_not() -> None:
    passwords = Passwords(RecordingHasher())
    stored = await passwords.hash("correct horse battery")
    assert stored.startswith("$argon2id$")
    assert await passwords.verify(stored, "correct horse battery")
    assert not await passwords.verify(stored, "correct horse batterz")


async def test_checking_without_a_stored_hash_does_the_same_work_and_says_no() -> None:
    hasher = RecordingHasher()
    passwords = Passwords(hasher)
    stored = await passwords.hash("correct horse battery")
    await passwords.verify(stored, "whatever it is")
    assert not await passwords.verify(None, "whatever it is")
    real, decoy = hasher.checked
    assert decoy != real
    assert extract_parameters(decoy) == extract_parameters(real)


@pytest.mark.parametrize(
    ("password", "word"),
    [
        ("", "empty"),
        ("123456789", f"at least {MIN_CHARS}"),
        ("x" * (10 << 20), "too long"),
        ("long enough\x00but cut", "control"),
        ("long enough\ud800broken", "control"),
        ("long enough\nbroken", "control"),
    ],
)
async def test_unusable_passwords_are_refused_with_the_reason(password: str, word: str) -> None:
    with pytest.raises(BadInputError, match=word):
        await Passwords(RecordingHasher()).hash(password)


async def test_ten_characters_and_the_longest_are_enough() -> None:
    passwords = Passwords(RecordingHasher())
    for password in ("x" * MIN_CHARS, "x" * MAX_CHARS):
        assert await passwords.verify(await passwords.hash(password), password)


async def test_a_password_is_the_same_however_the_keyboard_composes_it() -> None:
    passwords = Passwords(RecordingHasher())
    stored = await passwords.hash("caf\N{LATIN SMALL LETTER E WITH ACUTE} au lait")
    assert await passwords.verify(stored, "cafe\N{COMBINING ACUTE ACCENT} au lait")


@given(st.text())
async def test_any_text_is_either_checked_or_refused(password: str) -> None:
    passwords = Passwords(RecordingHasher())
    try:
        assert not await passwords.verify(None, password)
    except BadInputError as error:
        assert not password.strip() or password not in str(error)  # noqa: PT017 - either outcome is right
