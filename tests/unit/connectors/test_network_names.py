"""Which names led to an address, and for how long."""

from __future__ import annotations

import pytest

from connectors import network_names
from connectors.network_names import Answers, pack


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [1000.0]
    monkeypatch.setattr(network_names.time, "monotonic", lambda: now[0])
    return now


def test_an_address_has_the_names_that_led_to_it() -> None:
    answers = Answers()
    answers.record("a.lan", ["10.0.0.1", "fd00::1"])
    answers.record("b.lan", ["10.0.0.1"])
    assert answers.names_of("10.0.0.1") == ("a.lan", "b.lan")
    assert answers.names_of("::ffff:10.0.0.1") == ("a.lan", "b.lan")
    assert answers.names_of("FD00:0::1") == ("a.lan",)
    assert answers.names_of("10.0.0.2") == ()
    assert answers.names_of("a.lan") == ()


def test_a_superseded_answer_counts_for_a_while(clock: list[float]) -> None:
    answers = Answers()
    answers.record("a.lan", ["10.0.0.1"])
    clock[0] += 10_000
    answers.record("a.lan", ["10.0.0.2"])
    assert answers.names_of("10.0.0.1") == ("a.lan",)
    clock[0] += 601
    assert answers.names_of("10.0.0.1") == ()
    assert answers.names_of("10.0.0.2") == ("a.lan",)


def test_names_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network_names, "_MAX_NAMES", 3)
    answers = Answers()
    for number in range(10):
        answers.record(f"n{number}.lan", ["10.0.0.1", f"10.0.1.{number}"])
    assert answers.names_of("10.0.0.1") == ("n7.lan", "n8.lan", "n9.lan")
    assert answers.names_of("10.0.1.3") == ()


@pytest.mark.parametrize(
    "text", ["0x7f.1", "2130706433", "127.1", "a.lan", "", "127.0.0.1\0", "\ud800", b"127.0.0.1", None]
)
def test_only_usual_writings_are_addresses(text: object) -> None:
    assert pack(text) is None


def test_a_text_that_lies_is_read_as_the_system_reads_it() -> None:
    class Lie(str):
        __slots__ = ()

        def __eq__(self, other: object) -> bool:
            return True

        def __hash__(self) -> int:
            return hash("127.0.0.1")

    assert pack(Lie("10.0.0.7")) == bytes((10, 0, 0, 7))
