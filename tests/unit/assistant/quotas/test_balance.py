"""What is left, in words and over months."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from assistant.balance import Allowance, Balance, Counted, QuotaError, Window
from assistant.quotas.counters import month_starts


@pytest.mark.parametrize(
    ("now", "months"),
    [
        (datetime(2026, 12, 31, 23, 59, tzinfo=UTC), [(2026, 11), (2026, 12), (2027, 1), (2027, 2)]),
        (datetime(2027, 1, 1, tzinfo=UTC), [(2026, 12), (2027, 1), (2027, 2), (2027, 3)]),
        (datetime(2028, 2, 29, tzinfo=UTC), [(2028, 1), (2028, 2), (2028, 3), (2028, 4)]),
    ],
)
def test_months_are_those_of_the_calendar(now: datetime, months: list[tuple[int, int]]) -> None:
    assert [datetime.fromtimestamp(start / 1000, UTC) for start in month_starts(now)] == [
        datetime(year, month, 1, tzinfo=UTC) for year, month in months
    ]


def test_of_several_limits_the_one_with_the_least_left_counts() -> None:
    wide = Allowance("wide", Counted.REQUESTS, Window.DAY, 100, 50, 5000)
    narrow = Allowance("narrow", Counted.REQUESTS, Window.MINUTE, 10, 1, 30)
    balance = Balance((wide, narrow, Allowance("one", Counted.RUNNING, None, 8, 0)))
    assert balance.scarcest(Counted.REQUESTS) is narrow
    assert balance.scarcest(Counted.TOKENS) is None
    assert list(balance.warnings()) == ["1 of 10 requests left this minute; more in 30 s"]


@pytest.mark.parametrize(
    ("reached", "wanted", "words"),
    [
        (Allowance("x", Counted.RUNNING, None, 8, 0), 1, "allows 8 answers at once, and as many run. Wait"),
        (Allowance("x", Counted.REQUESTS, Window.MINUTE, 60, 0, 34), 1, "60 requests a minute, and they are used. It"),
        (Allowance("x", Counted.TOKENS, Window.DAY, 1000, 20, 12000), 300, "has 20 left; this needs up to 300 with"),
        (Allowance("x", Counted.TOKENS, Window.DAY, 1000, 20, 12000), 1001, "Send less, or ask for a shorter answer."),
        (Allowance("x", Counted.TOKENS, Window.DAY, 1000, 20, 0), 300, "answers that run may need the rest"),
    ],
)
def test_a_refusal_says_what_to_do(reached: Allowance, wanted: int, words: str) -> None:
    error = QuotaError(reached, Balance((reached,)), wanted=wanted)
    assert words in str(error)
    assert str(error).startswith("Nothing was sent.")
    assert error.retry_after_seconds >= 1
