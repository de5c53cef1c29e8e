"""A turn that completes code: two events, no thread, no text; what is held back keeps its place."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import replace
from typing import Any

import pytest

from assistant.audit.events import TurnAnswered, TurnInterrupted
from assistant.bootstrap.application import AnswerTurn
from assistant.conversation import Person, Role, Turn
from assistant.errors import AuditUnavailableError, BadInputError, NotAllowedError
from assistant.turn_events import Answered, AnswerText, Blocked, Failed, Guarded, Interrupted, TurnEvent
from connectors.model_hosts.values import Capability, CodeFile, Gap
from policies.guard import Guard
from policies.policy import parse_policy
from policies.pseudonyms import is_placeholder
from tests.fakes.turn_parts import MARIA, World, host_error, make_guard, make_turn

KEY = "ghp_9fK2mQ7xT4vB8nR1sW6yZ3cD5hJ0pL2aEuGi"
MAIL = "anna.berger@corp.example"
PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA7bq1\n-----END RSA PRIVATE KEY-----"
DEVELOPER = Person(MARIA.id, MARIA.name, frozenset({Role.DEVELOPER}))


@pytest.fixture(scope="module")
def guard() -> Guard:
    return make_guard()


def code_turn(prefix: str, suffix: str = "", **fields: Any) -> Turn:
    files = fields.pop("files", ())
    turn = make_turn("", person=DEVELOPER, persona="starcoder")
    return replace(turn, gap=Gap(prefix, suffix, files=files), door="gateway", **fields)


async def run(world: World, turn: Turn) -> list[TurnEvent]:
    return [event async for event in AnswerTurn(world.parts)(turn)]


def said(events: list[TurnEvent]) -> str:
    return "".join(event.text for event in events if isinstance(event, AnswerText))


async def test_a_completion_is_two_events_and_leaves_no_text(guard: Guard) -> None:
    world = World(guard, Dev1_starcoder2=["return ", "a + b"])
    events = await run(world, code_turn("def add(a, b):\n    ", "\n"))
    assert said(events) == "return a + b"
    assert isinstance(events[-1], Answered)
    assert world.audit.tags == ["turn:accepted", "turn:answered"]
    assert world.audit.texts == {}
    assert world.history.message == world.history.answer == {}
    assert world.journal == ["audit turn:accepted", "asked Dev1/starcoder2", "audit turn:answered"]


async def test_it_asks_for_the_capability_and_for_the_personas_model(guard: Guard) -> None:
    world = World(guard)
    await run(world, code_turn("x = "))
    assert world.hosts.needs
    assert {need.capability for need in world.hosts.needs} == {Capability.FIM}
    assert {need.models for need in world.hosts.needs} == {("starcoder2", "*")}


async def test_the_policy_says_which_hosts_may_be_sent_code() -> None:
    world = World(Guard(parse_policy({"site.yaml": "places: [{only: inside, personas: starcoder}]\n"})))
    await run(world, code_turn("x = "))
    assert {need.only for need in world.hosts.needs} == {(frozenset({"inside"}),)}


async def test_nothing_is_asked_before_the_request_is_in_the_log(guard: Guard) -> None:
    world = World(guard)
    world.audit.seconds = 0.05
    await run(world, code_turn("x = "))
    assert world.journal.index("audit turn:accepted") < world.journal.index("asked Dev1/qwen")
    dark = World(guard)
    dark.audit.fails_at = "turn:accepted"
    with pytest.raises(AuditUnavailableError):
        await run(dark, code_turn("x = "))
    assert dark.hosts.gaps == []


@pytest.mark.parametrize("cut", [0, 1, 9, 20, 39, 40])
async def test_a_secret_is_masked_wherever_the_cursor_stands_in_it(guard: Guard, cut: int) -> None:
    before, after = 'import os\ntoken = "', '"\n\n\ndef use():\n    pass\n'
    world = World(guard, Dev1_starcoder2=["pass"])
    await run(world, code_turn(before + KEY[:cut], KEY[cut:] + after))
    (gap,) = world.hosts.gaps
    whole = before + KEY + after
    assert gap.prefix + gap.suffix == whole.replace(KEY, "x" * len(KEY))
    assert len(gap.prefix) == len(before) + cut


async def test_a_value_of_many_lines_keeps_its_lines(guard: Guard) -> None:
    world = World(guard, Dev1_starcoder2=["pass"])
    text = f'owner = "{MAIL}"\nkeys = ["{KEY}",\n        "{KEY}"]\n'
    await run(world, code_turn(text))
    (gap,) = world.hosts.gaps
    assert [len(line) for line in gap.prefix.split("\n")] == [len(line) for line in text.split("\n")]
    assert KEY not in gap.prefix
    assert MAIL not in gap.prefix


async def test_an_answer_never_holds_a_secret_nor_a_placeholder(guard: Guard) -> None:
    pieces = [KEY[:11], KEY[11:25], KEY[25:] + '"\nmail = "', MAIL, '"']
    world = World(guard, Dev1_starcoder2=pieces)
    events = await run(world, code_turn('token = "'))
    text = said(events)
    assert text == f'{"x" * len(KEY)}"\nmail = "{"x" * len(MAIL)}"'
    assert not any(is_placeholder(word) for word in text.split())
    (answered,) = [event for event in world.audit.events if isinstance(event, TurnAnswered)]
    assert answered.guard.held_back == 2


async def test_the_end_tells_what_was_held_back_on_the_way_there_and_back(guard: Guard) -> None:
    world = World(guard, Dev1_starcoder2=[f'"{KEY}"'])
    await run(world, code_turn(f'mail = "{MAIL}"\ntoken = '))
    (answered,) = [event for event in world.audit.events if isinstance(event, TurnAnswered)]
    assert {found.entity_type for found in answered.guard.findings} == {"EMAIL", "GITHUB_TOKEN"}
    assert answered.guard.held_back == 2


async def test_other_files_and_their_names_are_guarded(guard: Guard) -> None:
    world = World(guard, Dev1_starcoder2=["pass"])
    await run(world, code_turn("x = ", files=(CodeFile(f"{KEY}.py", f'k = "{KEY}"\n'), CodeFile("b.py", "y = 1\n"))))
    (gap,) = world.hosts.gaps
    assert KEY not in gap.files[0].name
    assert KEY not in gap.files[0].text
    assert gap.files[1] == CodeFile("b.py", "y = 1\n")


@pytest.mark.parametrize("place", ["prefix", "suffix", "file"])
async def test_a_block_goes_nowhere(guard: Guard, place: str) -> None:
    world = World(guard)
    files = (CodeFile("key.pem", PEM),) if place == "file" else ()
    turn = code_turn(PEM if place == "prefix" else "x = ", f"\n{PEM}" if place == "suffix" else "", files=files)
    events = await run(world, turn)
    assert isinstance(events[-1], Blocked)
    assert world.hosts.gaps == []
    assert world.audit.tags == ["turn:accepted", "prompt:blocked"]
    assert world.audit.texts == {}


async def test_who_types_on_frees_the_host_and_leaves_two_events(guard: Guard) -> None:
    world = World(guard, Dev1_starcoder2=["count += 1\n    count += 2\n", 9.0, "never"])
    turns = AnswerTurn(world.parts)(code_turn("def f():\n    "))
    async with aclosing(turns) as events:
        async for event in events:
            if isinstance(event, AnswerText):
                break
    assert world.hosts.closed == 1
    assert world.audit.tags == ["turn:accepted", "turn:interrupted"]


async def test_who_types_on_while_the_request_is_noted_leaves_both_ends(guard: Guard) -> None:
    world = World(guard)
    world.audit.seconds = 0.05
    task = asyncio.create_task(run(world, code_turn("x = ")))
    async with asyncio.timeout(60):
        await world.audit.began.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert world.audit.tags == ["turn:accepted", "turn:interrupted"]
    assert world.hosts.gaps == []


async def test_another_host_takes_over_only_before_the_first_word(guard: Guard) -> None:
    world = World(guard, Dev1_starcoder2=[host_error()], Dev2_starcoder2=["pass"])
    assert said(await run(world, code_turn("x = "))) == "pass"
    torn = World(guard, Dev1_starcoder2=["count += 1\n    count += 2\n", host_error()], Dev2_starcoder2=["pass"])
    events = await run(torn, code_turn("x = "))
    assert said(events).startswith("count += 1")
    assert isinstance(events[-1], Interrupted)
    assert len(torn.hosts.gaps) == 1


async def test_a_failure_still_tells_what_was_held_back(guard: Guard) -> None:
    world = World(guard, Dev1_starcoder2=[host_error(can_retry=False)])
    events = await run(world, code_turn(f'token = "{KEY}"\nx = '))
    assert isinstance(events[-1], Failed)
    (interrupted,) = [event for event in world.audit.events if isinstance(event, TurnInterrupted)]
    assert interrupted.guard is not None
    assert interrupted.guard.held_back == 1


async def test_a_window_is_cut_after_the_guard_and_not_before(guard: Guard) -> None:
    world = World(guard, Dev1_starcoder2=["pass"])
    head = "-----BEGIN CERTIFICATE REQUEST-----\n"
    lines = "".join(f"line_{number} = {number}\n" for number in range(4000))
    events = await run(world, code_turn(f'{head}secret = "{KEY}"\n{lines}', lines))
    (gap,) = world.hosts.gaps
    (guarded,) = [event for event in events if isinstance(event, Guarded)]
    assert any(decision.finding.entity_type == "GITHUB_TOKEN" for decision in guarded.verdict.decisions)
    assert len(gap.prefix) + len(gap.suffix) <= 3 * 4096
    assert gap.prefix.startswith("line_")
    assert gap.prefix.endswith("line_3999 = 3999\n")
    assert gap.suffix.startswith("line_0 = 0\n")
    assert gap.suffix.endswith("\n")


async def test_less_goes_along_where_the_window_is_smaller(guard: Guard) -> None:
    world = World(guard, Dev1_starcoder2=["pass"])
    world.hosts.room_tokens = 2048
    lines = "".join(f"line_{number} = {number}\n" for number in range(2000))
    await run(world, code_turn(lines, lines))
    (gap,) = world.hosts.gaps
    assert 256 * 3 < len(gap.prefix) < 2048 * 3


@pytest.mark.parametrize(
    ("turn", "error", "words"),
    [
        (replace(code_turn("x"), persona="general"), BadInputError, "completes no code"),
        (code_turn(" \n", "\n"), BadInputError, "nothing to complete"),
        (code_turn("x" * 200_001), BadInputError, "200,001"),
        (code_turn("x", model="no-such-model"), NotAllowedError, "does not use the model"),
    ],
)
async def test_what_cannot_be_completed_is_refused_in_words(
    guard: Guard, turn: Turn, error: type[Exception], words: str
) -> None:
    world = World(guard)
    if error is NotAllowedError:
        persona = world.parts.personas.choose("starcoder", DEVELOPER)
        closed = persona.model_copy(update={"models": ()})
        world.parts = replace(world.parts, personas=type(world.parts.personas)([closed]))
    with pytest.raises(error, match=words):
        await run(world, turn)
    assert world.audit.tags in ([], ["access:refused"])
