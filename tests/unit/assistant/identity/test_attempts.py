"""The words for somebody who tried too often."""

from __future__ import annotations

import pytest

from assistant.identity.attempts import TooManyAttemptsError


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (1, "Too many attempts; try again in 1 minute."),
        (60, "Too many attempts; try again in 1 minute."),
        (61, "Too many attempts; try again in 2 minutes."),
        (240, "Too many attempts; try again in 4 minutes."),
    ],
)
def test_waiting_has_words(seconds: int, words: str) -> None:
    error = TooManyAttemptsError(seconds)
    assert str(error) == words
    assert error.retry_after_seconds == seconds
