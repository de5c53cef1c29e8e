"""What is asked of one value many times in a look is answered once, and forgotten when the look ends."""

from __future__ import annotations

import pytest

from policies.detectors import once as module
from policies.detectors.once import answered_once, once, one_look


class Check:
    """A check that counts how often it is asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, value: str) -> bool:
        """Tell whether a value begins with a, and fail over what is empty."""
        self.asked.append(value)
        if not value:
            raise ValueError("nothing to judge")
        return value[0] == "a"


def test_within_a_look_a_value_is_judged_once() -> None:
    check = Check()
    with one_look():
        asked = [once(check)(value) for value in ("ab", "ba", "ab", "ba")]
        asked += [answered_once((check, "ab"), lambda: False)]
    assert asked == [True, False, True, False, True]
    assert check.asked == ["ab", "ba"]


def test_outside_of_a_look_every_time() -> None:
    check = Check()
    assert [once(check)("ab"), once(check)("ab")] == [True, True]
    assert check.asked == ["ab", "ab"]


def test_a_look_within_a_look_shares_its_answers_and_the_next_one_has_none() -> None:
    check = Check()
    with one_look():
        with one_look():
            once(check)("ab")
        once(check)("ab")
    assert check.asked == ["ab"]
    assert module._answers.get() is None  # no value stays
    with one_look():
        once(check)("ab")
    assert check.asked == ["ab", "ab"]


def test_what_failed_is_asked_again_and_leaves_no_look_open() -> None:
    check = once(failing := Check())
    with pytest.raises(ValueError, match="nothing to judge"), one_look():
        check("")
    assert module._answers.get() is None
    with one_look():
        for _ in range(2):
            with pytest.raises(ValueError, match="nothing to judge"):
                check("")
    assert failing.asked == ["", "", ""]
