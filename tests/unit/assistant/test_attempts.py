"""Prompts over which hosts went down: what is remembered of them, and for how long."""

from __future__ import annotations

import pytest

from assistant.answering.attempts import LethalPrompts
from assistant.audit.parts import TextMark
from assistant.errors import LethalPromptError
from connectors.errors import HostError

MARK = TextMark("0" * 64)


def gone(host: str) -> HostError:
    return HostError(f"{host} went down.", can_retry=True, host=host, model="m", has_gone_down=True)


def test_a_death_is_remembered_from_one_asking_to_the_next() -> None:
    now = 0.0
    prompts = LethalPrompts(clock=lambda: now)
    prompts.begin(MARK).note("Mini1/m", gone("Mini1"))
    now = 60.0
    again = prompts.begin(MARK)
    assert (again.is_suspect, again.is_lethal) == (True, False)
    again.note("Mini1/m", gone("Mini1"))
    assert again.is_lethal
    with pytest.raises(LethalPromptError, match=r"^Nothing was sent\. Mini1 went down"):
        prompts.begin(MARK)
    now = 661.0
    assert not prompts.begin(MARK).is_suspect


def test_prompts_that_stood_side_by_side_tell_of_one_death() -> None:
    prompts = LethalPrompts(clock=lambda: 7.0)
    both = [prompts.begin(MARK) for _ in range(2)]
    for one in both:
        one.note("Mini1/m", gone("Mini1"))
    assert [one.is_lethal for one in both] == [False, False]
    both[0].note("Mini2/m", gone("Mini2"))
    assert both[0].is_lethal


def test_a_host_that_is_back_at_once_and_dies_again_has_died_twice() -> None:
    now = 0.0
    prompts = LethalPrompts(clock=lambda: now)
    prompts.begin(MARK).note("Mini1/m", gone("Mini1"))
    now = 2.0
    prompts.begin(MARK).note("Mini1/m", gone("Mini1"))
    with pytest.raises(LethalPromptError):
        prompts.begin(MARK)


def test_what_was_answered_is_no_suspect() -> None:
    prompts = LethalPrompts()
    first = prompts.begin(MARK)
    first.note("Mini1/m", gone("Mini1"))
    first.answered()
    assert not prompts.begin(MARK).is_suspect
