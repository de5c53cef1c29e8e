"""What this process asks of one deployment: requests in flight, failures, speed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

_FIRST_COOLING_SECONDS = 15.0
_LONGEST_COOLING_SECONDS = 120.0
_NEW_SHARE = 0.3  # of the newest answer in the running average
_LEAST_TOKENS = 8  # a shorter answer says nothing about speed


@dataclass(slots=True)
class Load:
    """The load on one deployment, and how it did lately.

    Attributes:
        in_flight: answers that stream or wait for their first token.
        starting: those that wait for their first token.
        cold_seconds: how long the first token took when the model was not in memory; 0 before that was seen.
    """

    clock: Callable[[], float] = time.monotonic
    in_flight: int = 0
    starting: int = 0
    tokens_per_second: float = 0.0
    cold_seconds: float = 0.0
    _failures: int = 0
    _cools_until: float = field(default=float("-inf"))

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
        self.in_flight += 1
        on_change()
        try:
            yield
        finally:
            self.in_flight -= 1
            on_change()

    def failed(self) -> None:
        """Note a failure: 15 s of rest, twice as long with each one in a row."""
        self._failures += 1
        rest = _FIRST_COOLING_SECONDS * 2.0 ** min(self._failures - 1, 8)
        self._cools_until = self.clock() + min(rest, _LONGEST_COOLING_SECONDS)

    def succeeded(self, *, answer_tokens: int, seconds: float) -> None:
        """Note an answer that came whole.

        Args:
            answer_tokens: as the host counted them.
            seconds: from the first token to the last.
        """
        self._failures = 0
        self._cools_until = float("-inf")
        if answer_tokens >= _LEAST_TOKENS and seconds > 0:
            speed = answer_tokens / seconds
            before = self.tokens_per_second or speed
            self.tokens_per_second = before + _NEW_SHARE * (speed - before)
