"""What is told of refused attempts that come again and again."""

from __future__ import annotations

import pytest

from assistant.audit.writing import refusals
from assistant.audit.writing.refusals import RefusalWriter
from connectors.refusals import Refusal

REFUSAL = Refusal("connect", "203.0.113.7", 443, "litellm.main")
OTHER = Refusal("connect", "203.0.113.8", 443, "litellm.main")


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_within_a_minute_the_same_is_counted_and_told_with_the_next() -> None:
    clock = Clock()
    writer = RefusalWriter(None, "web", clock=clock)
    assert writer._count(REFUSAL) == 0
    assert [writer._count(REFUSAL) for _ in range(7)] == [None] * 7
    assert writer._count(OTHER) == 0
    clock.now += 61
    assert writer._count(REFUSAL) == 7
    assert writer._count(REFUSAL) is None
    clock.now += 61
    assert writer._count(REFUSAL) == 1
    assert writer._count(OTHER) == 0


def test_what_found_the_queue_full_is_told_at_once() -> None:
    writer = RefusalWriter(None, "web", clock=Clock())
    assert writer._count(REFUSAL) == 0
    assert writer._count(Refusal("connect", "203.0.113.7", 443, "litellm.main", dropped=3)) == 0


def test_many_different_ones_take_no_memory_without_end() -> None:
    writer = RefusalWriter(None, "web", clock=Clock())
    for number in range(3 * refusals._MOST_REMEMBERED):
        assert writer._count(Refusal("look up", f"h{number}.example", 0, "x")) == 0
    assert len(writer._told) <= refusals._MOST_REMEMBERED


def test_the_log_says_it_once(caplog: pytest.LogCaptureFixture) -> None:
    writer = RefusalWriter(None, "web", clock=Clock())
    for _ in range(5):
        writer(REFUSAL)
    assert [record.getMessage() for record in caplog.records] == [
        "refused to connect 203.0.113.7, port 443; asked by litellm.main"
    ]
