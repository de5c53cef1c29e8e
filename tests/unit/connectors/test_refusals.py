"""Refusals: counted at once, told later, never more than a bound."""

from __future__ import annotations

import _thread
import os
import threading
from collections.abc import Iterator

import pytest

from connectors import refusals
from connectors.errors import ConnectorError
from connectors.refusals import MAX_WAITING, EgressRefusedError, Refusal, RefusalQueue, caller, shown


def refusal(number: int = 0) -> Refusal:
    return Refusal("connect", f"host{number}.example", 80, "some.module")


@pytest.fixture
def queue() -> Iterator[RefusalQueue]:
    made = RefusalQueue()
    yield made
    made.close(timeout_seconds=5)


def test_what_waited_is_told_in_order(queue: RefusalQueue) -> None:
    told: list[Refusal] = []
    for number in range(3):
        queue.put(refusal(number))
    queue.report_to(told.append)
    assert queue.close(timeout_seconds=60)
    assert told == [refusal(number) for number in range(3)]
    assert (queue.refused, queue.dropped, queue.untold) == (3, 0, 0)


def test_no_thread_runs_before_there_is_something_to_tell(queue: RefusalQueue) -> None:
    before = _thread._count()
    queue.report_to(lambda _: None)
    assert _thread._count() == before


def test_a_flood_is_counted_and_its_rest_dropped(queue: RefusalQueue) -> None:
    told: list[Refusal] = []
    for number in range(MAX_WAITING + 7):
        queue.put(refusal(number))
    assert (queue.refused, queue.dropped) == (MAX_WAITING + 7, 7)
    queue.report_to(told.append)
    assert queue.close(timeout_seconds=60)
    assert len(told) == MAX_WAITING
    assert sum(each.dropped for each in told) == 7


def test_a_listener_that_fails_hears_the_next_one_all_the_same(
    queue: RefusalQueue, caplog: pytest.LogCaptureFixture
) -> None:
    told: list[Refusal] = []

    def fail_once(each: Refusal) -> None:
        told.append(each)
        if len(told) == 1:
            raise ValueError("planted-word")

    queue.put(refusal(1))
    queue.put(refusal(2))
    queue.report_to(fail_once)
    assert queue.close(timeout_seconds=60)
    assert [each.host for each in told] == ["host1.example", "host2.example"]
    assert queue.untold == 1
    assert "planted-word" not in caplog.text
    assert "could not be told" in caplog.text


def test_a_refusal_while_telling_makes_no_news(queue: RefusalQueue) -> None:
    told: list[Refusal] = []

    def connect_as_well(each: Refusal) -> None:
        told.append(each)
        queue.put(refusal(99))

    queue.put(refusal())
    queue.report_to(connect_as_well)
    assert queue.close(timeout_seconds=60)
    assert len(told) == 1
    assert (queue.refused, queue.untold) == (2, 1)


def test_it_goes_on_after_it_was_closed(queue: RefusalQueue) -> None:
    told: list[Refusal] = []
    queue.report_to(told.append)
    for number in range(2):
        queue.put(refusal(number))
        assert queue.close(timeout_seconds=60)
    assert len(told) == 2


def test_many_threads_lose_no_count(queue: RefusalQueue) -> None:
    told: list[Refusal] = []
    queue.report_to(told.append)

    def refuse() -> None:
        for _ in range(500):
            queue.put(refusal())

    threads = [threading.Thread(target=refuse) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert queue.close(timeout_seconds=60)
    assert queue.refused == 4000
    assert len(told) + queue.dropped == 4000


def test_a_forked_child_begins_anew(queue: RefusalQueue) -> None:
    told: list[Refusal] = []
    queue.put(refusal(1))
    queue.report_to(told.append)
    queue.close(timeout_seconds=5)
    queue.forget_parent()  # what the fork's hook calls
    assert queue.refused == 0
    queue.put(refusal(2))
    assert queue.close(timeout_seconds=60)
    assert [each.host for each in told] == ["host1.example", "host2.example"]


def test_the_error_is_one_of_ours_and_one_of_the_systems() -> None:
    error = EgressRefusedError("Refused to connect.")
    assert isinstance(error, ConnectorError)
    assert isinstance(error, PermissionError)
    assert error.errno is not None
    assert os.strerror(error.errno)


def test_a_host_is_shown_without_control_characters_and_not_at_length() -> None:
    assert shown("a\nb\x1b[31m.example") == "a?b?[31m.example"
    assert len(shown("x" * 5000)) == 100


def test_the_caller_is_whoever_stands_behind_the_carriers() -> None:
    code = "from connectors.refusals import caller\ndef look(): return caller()\ndef through(f): return f()"
    carrier: dict[str, object] = {"__name__": "httpx._client"}
    exec(code, carrier)  # noqa: S102 - a module of that name
    look, through = carrier["look"], carrier["through"]
    assert callable(look)
    assert callable(through)
    asker: dict[str, object] = {"__name__": "litellm.main", "look": look}
    exec("def ask(): return look()", asker)  # noqa: S102 - likewise
    ask = asker["ask"]
    assert callable(ask)
    assert through(ask) == "litellm.main"
    assert caller() == __name__
    assert refusals.__name__ != __name__
