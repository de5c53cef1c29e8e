"""What this process asks of one deployment: requests in flight, speed, and what it does after failures.

The breaker: a deployment that failed rests, each time longer; then one prompt tries it, and its first token lets the
others in again. Failures within a rest count as the one that began it: many prompts die with one host.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

_FIRST_COOLING_SECONDS = 15.0
_LONGEST_COOLING_SECONDS = 120.0
_NEW_SHARE = 0.3  # of the newest answer in the running average
_LEAST_PROMPT_TOKENS = 64  # the time of a shorter prompt is that of the way there
_LEAST_TOKENS = 8  # a shorter answer says nothing about speed


@dataclass(slots=True)
class Load:
    """The load on one deployment, and how it did lately.

    Attributes:
        in_flight: answers that stream or wait for their first token.
        starting: those that wait for their first token.
        cold_seconds: how long the first token took when the model was not in memory; 0 before that was seen.
        prompt_tokens_per_second: how fast it reads, by our generous count of tokens.
        answer_seconds: from the first token to the last.
        changes: how often any of this changed, so that who looks again sees whether something did.
    """

    clock: Callable[[], float] = time.monotonic
    in_flight: int = 0
    starting: int = 0
    tokens_per_second: float = 0.0
    cold_seconds: float = 0.0
    prompt_tokens_per_second: float = 0.0
    answer_seconds: float = 0.0
    changes: int = 0
    _failures: int = 0  # in a row
    _has_answered: bool = False  # since the last of them
    _cools_until: float = field(default=float("-inf"))

    @property
    def failures(self) -> int:
        """Return how often it failed in a row; 0 as soon as it answers again."""
        return 0 if self._has_answered else self._failures

    @property
    def is_cooling(self) -> bool:
        """Tell whether it failed so lately that others should be asked first."""
        return self.clock() < self._cools_until

    @property
    def rest_seconds(self) -> float:
        """Return how long others should still be asked first."""
        return max(0.0, self._cools_until - self.clock())

    @contextmanager
    def carrying(self, on_change: Callable[[], None]) -> Iterator[None]:
        """Count one request for as long as it is carried; `on_change` is told of both ends."""
        self.take(on_change)
        try:
            yield
        finally:
            self.give_back(on_change)

    def take(self, on_change: Callable[[], None]) -> None:
        """Count one more request; `on_change` is told."""
        self.in_flight += 1
        self.changes += 1
        on_change()

    def give_back(self, on_change: Callable[[], None]) -> None:
        """Count one less."""
        self.in_flight -= 1
        self.changes += 1
        on_change()

    def failed(self) -> bool:
        """Note a failure: 15 s of rest, twice as long with each one in a row; tell whether it began a rest."""
        if self.is_cooling and not self._has_answered:
            return False
        self._failures += 1
        self.changes += 1
        self._has_answered = False
        rest = _FIRST_COOLING_SECONDS * 2.0 ** min(self._failures - 1, 8)
        self._cools_until = self.clock() + min(rest, _LONGEST_COOLING_SECONDS)
        return True

    def answers(self) -> bool:
        """Note a first token; tell whether others may ask it again from now on."""
        if not self.failures:
            return False
        self._has_answered = True
        self.changes += 1
        self._cools_until = float("-inf")
        return True

    def hear(self, failures: int, rest_seconds: float) -> None:
        """Take over what all processes know of its failures."""
        if failures or self.failures:
            self._failures, self._has_answered = failures, False
            self.changes += 1
            self._cools_until = self.clock() + rest_seconds

    def began(self, *, prompt_tokens: int, seconds: float) -> None:
        """Note a first token that waited for nothing but the reading of its prompt.

        Args:
            prompt_tokens: by our own count, which the choice goes by.
            seconds: since the host was asked.
        """
        if prompt_tokens >= _LEAST_PROMPT_TOKENS and seconds > 0:
            self.prompt_tokens_per_second = _average(self.prompt_tokens_per_second, prompt_tokens / seconds)
            self.changes += 1

    def loaded(self, seconds: float) -> None:
        """Note a first token that waited for its model to be loaded as well.

        Args:
            seconds: since the host was asked.
        """
        self.cold_seconds = seconds
        self.changes += 1

    def succeeded(self, *, answer_tokens: int, seconds: float) -> None:
        """Note an answer that came whole.

        Args:
            answer_tokens: as the host counted them.
            seconds: from the first token to the last.
        """
        self._failures, self._has_answered = 0, False
        self.changes += 1
        self._cools_until = float("-inf")
        if answer_tokens >= _LEAST_TOKENS and seconds > 0:
            self.tokens_per_second = _average(self.tokens_per_second, answer_tokens / seconds)
            self.answer_seconds = _average(self.answer_seconds, seconds)


def _average(before: float, new: float) -> float:
    """Return the running average; the first value is its own."""
    return before + _NEW_SHARE * (new - before) if before else new
