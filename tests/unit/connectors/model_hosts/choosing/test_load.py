import pytest

from connectors.model_hosts.choosing.load import Load


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def carry_and_fail(load: Load, seen: list[int]) -> None:
    def note() -> None:
        seen.append(load.in_flight)

    with load.carrying(note), load.carrying(note):
        assert load.in_flight == 2
        raise ValueError("boom")


def test_counts_what_it_carries_also_through_errors() -> None:
    load = Load()
    seen: list[int] = []
    with pytest.raises(ValueError, match="boom"):
        carry_and_fail(load, seen)
    assert seen == [1, 2, 1, 0]


def test_rests_longer_with_each_failure_in_a_row() -> None:
    clock = Clock()
    load = Load(clock)
    assert not load.is_cooling
    for seconds in (15, 30, 60, 120, 120):
        load.failed()
        assert load.rest_seconds == seconds
        clock.now += seconds - 1
        assert load.is_cooling
        clock.now += 1
        assert not load.is_cooling
    load.failed()
    load.succeeded(answer_tokens=100, seconds=2.0)
    assert not load.is_cooling
    load.failed()
    clock.now += 15
    assert not load.is_cooling


def test_failures_within_a_rest_are_one() -> None:
    """Fifty prompts die with one host; that is one reason to rest, not fifty."""
    load = Load(Clock())
    assert load.failed()
    assert not any(load.failed() for _ in range(49))
    assert (load.failures, load.rest_seconds) == (1, 15)


def test_a_first_token_ends_the_rest_and_a_failure_after_it_counts_on() -> None:
    clock = Clock()
    load = Load(clock)
    assert not load.answers()
    load.failed()
    clock.now += 15
    assert load.answers()
    assert (load.failures, load.rest_seconds) == (0, 0)
    assert load.failed()  # in mid-answer: no better than before
    assert (load.failures, load.rest_seconds) == (2, 30)
    clock.now += 30
    load.answers()
    load.succeeded(answer_tokens=100, seconds=2.0)
    load.failed()
    assert (load.failures, load.rest_seconds) == (1, 15)


def test_what_others_saw_counts_as_ones_own() -> None:
    load = Load(Clock())
    load.hear(3, 60.0)
    assert (load.failures, load.rest_seconds) == (3, 60)
    load.hear(0, 0.0)
    assert (load.failures, load.is_cooling) == (0, False)


def test_reading_is_measured_on_prompts_long_enough_to_tell() -> None:
    load = Load()
    load.began(prompt_tokens=10, seconds=0.5)
    assert load.prompt_tokens_per_second == 0
    load.began(prompt_tokens=1000, seconds=0.5)
    load.began(prompt_tokens=1000, seconds=1.0)
    assert load.prompt_tokens_per_second == pytest.approx(1700)


def test_speed_is_a_running_average_of_answers_long_enough_to_tell() -> None:
    load = Load()
    load.succeeded(answer_tokens=2, seconds=0.001)
    assert load.tokens_per_second == 0
    load.succeeded(answer_tokens=100, seconds=2.0)
    assert (load.tokens_per_second, load.answer_seconds) == (50, 2.0)
    load.succeeded(answer_tokens=200, seconds=2.0)
    assert load.tokens_per_second == pytest.approx(65)
