"""Prompts over which hosts went down: what is remembered of them, and for how long."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from assistant.answering.attempts import LethalPrompts
from assistant.audit.parts import TextMark
from assistant.errors import LethalPromptError
from assistant.fleet.deaths import Death
from connectors.errors import HostError

MARK = TextMark("0" * 64)


def gone(host: str) -> HostError:
    return HostError(f"{host} went down.", can_retry=True, host=host, model="m", has_gone_down=True)


async def test_a_death_is_remembered_from_one_asking_to_the_next() -> None:
    now = 0.0
    prompts = LethalPrompts(clock=lambda: now)
    await (await prompts.begin(MARK)).note("Mini1/m", gone("Mini1"))
    now = 60.0
    again = await prompts.begin(MARK)
    assert (again.is_suspect, again.is_lethal) == (True, False)
    await again.note("Mini1/m", gone("Mini1"))
    assert again.is_lethal
    with pytest.raises(LethalPromptError, match=r"^Nothing was sent\. Mini1 went down"):
        await prompts.begin(MARK)
    now = 661.0
    assert not (await prompts.begin(MARK)).is_suspect


async def test_prompts_that_stood_side_by_side_tell_of_one_death() -> None:
    prompts = LethalPrompts(clock=lambda: 7.0)
    both = [await prompts.begin(MARK) for _ in range(2)]
    for one in both:
        await one.note("Mini1/m", gone("Mini1"))
    assert [one.is_lethal for one in both] == [False, False]
    await both[0].note("Mini2/m", gone("Mini2"))
    assert both[0].is_lethal


async def test_a_host_that_is_back_at_once_and_dies_again_has_died_twice() -> None:
    now = 0.0
    prompts = LethalPrompts(clock=lambda: now)
    await (await prompts.begin(MARK)).note("Mini1/m", gone("Mini1"))
    now = 2.0
    await (await prompts.begin(MARK)).note("Mini1/m", gone("Mini1"))
    with pytest.raises(LethalPromptError):
        await prompts.begin(MARK)


async def test_what_was_answered_is_no_suspect() -> None:
    prompts = LethalPrompts()
    first = await prompts.begin(MARK)
    await first.note("Mini1/m", gone("Mini1"))
    await first.answered()
    assert not (await prompts.begin(MARK)).is_suspect


class FakeDeaths:
    """What all processes know, as Redis keeps it for them."""

    def __init__(self) -> None:
        self.is_away = False
        self.known: dict[str, dict[str, Death]] = {}
        self.asked = 0

    async def exchange(self, mark: str, deaths: Sequence[Death], *, now: float) -> Sequence[Death]:
        del now
        self.asked += 1
        self._look()
        self.known.setdefault(mark, {}).update({death.id: death for death in deaths})
        return list(self.known[mark].values())

    async def forget(self, mark: str) -> None:
        self._look()
        self.known.pop(mark, None)

    def _look(self) -> None:
        if self.is_away:
            raise ConnectionError


async def test_askings_in_two_processes_that_stood_side_by_side_tell_of_one_death() -> None:
    shared = FakeDeaths()
    both = [await LethalPrompts(shared, clock=lambda: 7.0).begin(MARK) for _ in range(2)]
    for one in both:
        await one.note("Mini1/m", gone("Mini1"))
    assert [one.is_lethal for one in both] == [False, False]
    assert (await LethalPrompts(shared, clock=lambda: 7.0).begin(MARK)).is_suspect


async def test_two_deaths_of_one_asking_are_two_to_every_process() -> None:
    """A host that died under two of its models within seconds."""
    shared = FakeDeaths()
    attempts = await LethalPrompts(shared, clock=lambda: 7.0).begin(MARK)
    await attempts.note("Mini1/m", gone("Mini1"))
    await attempts.note("Mini1/n", gone("Mini1"))
    with pytest.raises(LethalPromptError):
        await LethalPrompts(shared, clock=lambda: 7.0).begin(MARK)


async def test_what_one_process_had_answered_is_no_suspect_to_the_one_that_saw_a_death() -> None:
    shared = FakeDeaths()
    here, there = LethalPrompts(shared), LethalPrompts(shared)
    await (await here.begin(MARK)).note("Mini1/m", gone("Mini1"))
    answered = await there.begin(MARK)
    assert answered.is_suspect
    await answered.answered()
    assert not (await here.begin(MARK)).is_suspect
    shared.is_away = True
    assert not (await here.begin(MARK)).is_suspect


async def test_a_process_that_hears_nobody_knows_its_own_and_tells_it_later(caplog: pytest.LogCaptureFixture) -> None:
    now, shared = 0.0, FakeDeaths()
    here, there = LethalPrompts(shared, clock=lambda: now), LethalPrompts(shared, clock=lambda: now)
    shared.is_away = True
    await (await here.begin(MARK)).note("Mini1/m", gone("Mini1"))
    for _ in range(5):
        assert (await here.begin(MARK)).is_suspect
    assert shared.asked == 1  # whoever asks next waits for nothing
    assert "ConnectionError" in caplog.text
    shared.is_away, now = False, 6.0
    assert not (await there.begin(MARK)).is_suspect
    await (await here.begin(MARK)).note("Mini2/m", gone("Mini2"))
    with pytest.raises(LethalPromptError, match="Mini1 and Mini2 went down"):
        await there.begin(MARK)


async def test_of_prompts_that_nobody_asks_again_no_more_than_so_many_are_kept() -> None:
    shared = FakeDeaths()
    shared.is_away = True
    prompts = LethalPrompts(shared, clock=lambda: 7.0)
    for number in range(1100):
        await (await prompts.begin(TextMark(f"{number:064}"))).note("Mini1/m", gone("Mini1"))
    assert len(prompts._known) == len(prompts._untold) == 1000
