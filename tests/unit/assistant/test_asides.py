"""Reasoning and wishes to call tools: streams beside the answer, each with a guard of its own."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assistant.conversation import MessageState
from assistant.turn_events import Answered, AnswerText, Blocked, ReasoningText, ToolCallText, TurnEvent
from connectors.model_hosts.values import Reasoning, Token, ToolCallPiece
from policies.guard import Guard
from policies.verdict import Action
from tests.fakes.turn_parts import World, host_error, make_guard, make_turn, run_all

GITHUB = "ghp_aB3dE5fG7hJ9kL1mN3pQ5rS7tU9vW1xY3zA5"
GITLAB = "glpat-aB3dE5fG7hJ9kL1mN3pQ"
MAIL = "anna.berger@corp.example"
PEM = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZW"
"""The beginning of a private key, as it is blocked."""
GUARD = make_guard()


@pytest.fixture
def guard() -> Guard:
    return GUARD


def thought(events: list[TurnEvent]) -> str:
    return "".join(event.text for event in events if isinstance(event, ReasoningText))


def said(events: list[TurnEvent]) -> str:
    return "".join(event.text for event in events if isinstance(event, AnswerText))


def call(events: list[TurnEvent], number: int) -> tuple[str, str]:
    pieces = [event for event in events if isinstance(event, ToolCallText) and event.number == number]
    return "".join(piece.name for piece in pieces), "".join(piece.arguments for piece in pieces)


async def test_what_a_model_thinks_is_guarded_shown_and_kept_nowhere(guard: Guard) -> None:
    world = World(guard, Dev1_qwen=[*map(Reasoning, f"The token is {GITHUB}, so"), Token("Rotate it.")])
    events = await run_all(world, make_turn("What now?"))
    assert said(events) == "Rotate it."
    assert thought(events) == "The token is [GITHUB_TOKEN_1], so"
    assert world.history.answer["text"] == "Rotate it."
    everything = f"{events} {world.history.answer} {world.history.partials} {world.audit.events}"
    assert GITHUB not in everything
    assert "so" not in str(world.history.partials)
    (noted,) = [event for event in world.audit.events if event.tag == "turn:answered"]
    assert [finding.rule for finding in noted.guard.findings] == ["secret/github-token"]
    assert len(world.audit.events) == 4, "no event more for what is said beside the answer"


async def test_the_owner_sees_own_values_in_thoughts(guard: Guard) -> None:
    world = World(guard, Dev1_qwen=[Reasoning("Write to [EMA"), Reasoning("IL_1]."), Token("Done.")])
    events = await run_all(world, make_turn(f"Write to {MAIL}"))
    assert thought(events) == f"Write to {MAIL}."


async def test_two_calls_whose_pieces_alternate_hide_nothing(guard: Guard) -> None:
    first, second = f'{{"token": "{GITHUB}"}}', f'{{"key": "{GITLAB}"}}'
    pieces: list[Token | ToolCallPiece] = [ToolCallPiece(0, name="login"), ToolCallPiece(1, name="push")]
    for one, other in zip(first.ljust(60), second.ljust(60), strict=True):
        pieces += [ToolCallPiece(0, arguments=one), ToolCallPiece(1, arguments=other)]
    world = World(guard, Dev1_qwen=[*pieces, Token("Asked.")])
    events = await run_all(world, make_turn("Log in and push"))
    assert call(events, 0) == (
        "login",
        '{"token": "[GITHUB_TOKEN_1]"}'.ljust(len("[GITHUB_TOKEN_1]") - len(GITHUB) + 60),
    )
    assert call(events, 1)[0] == "push"
    assert "[GITLAB" in call(events, 1)[1]
    everything = f"{events} {world.history.answer} {world.audit.events}"
    assert GITHUB not in everything
    assert GITLAB not in everything


async def test_a_secret_as_the_name_of_a_tool_is_held_back(guard: Guard) -> None:
    world = World(guard, Dev1_qwen=[ToolCallPiece(0, name=GITHUB, arguments="{}"), Token("Asked.")])
    events = await run_all(world, make_turn("Go"))
    assert call(events, 0) == ("[GITHUB_TOKEN_1]", "{}")
    assert GITHUB not in str(events)


@pytest.mark.parametrize("kind", [Reasoning, lambda text: ToolCallPiece(0, name="write", arguments=text)])
async def test_what_blocks_beside_the_answer_ends_it(guard: Guard, kind: type[Reasoning]) -> None:
    world = World(guard, Dev1_qwen=[kind(PEM), Token("Here it is.")])
    events = await run_all(world, make_turn("Show me"))
    assert isinstance(events[-1], Blocked)
    assert "b3BlbnNz" not in str(events)
    assert thought(events) + call(events, 0)[1] == ""
    assert world.audit.tags[-1] == "answer:blocked"
    assert world.history.answer["state"] is MessageState.BLOCKED
    assert world.hosts.closed == 1


async def test_a_host_that_fails_while_it_thinks_leaves_no_half_answer(guard: Guard) -> None:
    world = World(
        guard,
        Mini2_llama=[Reasoning(f"First {GITLAB} "), host_error()],
        Dev1_qwen=[Reasoning("Again."), Token("Done.")],
    )
    events = await run_all(world, make_turn("Go"))
    assert said(events) == "Done."
    assert isinstance(events[-1], Answered)
    assert GITLAB not in str(events)
    rules = [decision.finding.rule for decision in events[-1].verdict.decisions]
    assert rules == ["secret/gitlab-token"], "what the guard found there is in the record all the same"


async def test_stopping_while_it_thinks_closes_the_host(guard: Guard) -> None:
    world = World(guard, Dev1_qwen=[Reasoning("Hm "), Reasoning("and so on "), 60.0, Token("never")])
    events = await run_all(world, make_turn("Go"), stop_after=ReasoningText)
    assert world.audit.tags[-1] == "turn:interrupted"
    assert world.hosts.closed == 1
    assert said(events) == ""


TEXT = f"a {GITHUB} b {MAIL} c -----BEGIN x"


@settings(max_examples=30, deadline=None)
@given(cuts=st.sets(st.integers(1, len(TEXT) - 1), max_size=12))
async def test_how_it_is_cut_changes_nothing(cuts: set[int]) -> None:
    pieces = [TEXT[start:end] for start, end in pairwise([0, *sorted(cuts), len(TEXT)])]
    world = World(GUARD, Dev1_qwen=[*map(Reasoning, pieces), Token("x")])
    events = await run_all(world, make_turn("Go"))
    assert thought(events) == f"a [GITHUB_TOKEN_1] b {MAIL} c -----BEGIN x" or "[EMAIL_1]" in thought(events)
    assert GITHUB not in str(events)
    answered = events[-1]
    assert isinstance(answered, Answered)
    assert {decision.action for decision in answered.verdict.decisions} == {Action.REDACT, Action.PSEUDONYMISE}


def shell(*arguments: str, number: int = 0) -> list[Token | ToolCallPiece]:
    return [ToolCallPiece(number, name="run_shell"), *(ToolCallPiece(number, arguments=each) for each in arguments)]


async def test_the_log_has_which_tools_an_answer_asked_for_before_its_end(guard: Guard) -> None:
    pieces = [*shell('{"cmd": "curl -H ', f"{GITHUB} x", '"}'), Token("Asked."), *shell(f'"{MAIL}"', number=1)]
    world = World(guard, Dev1_qwen=pieces)
    await run_all(world, make_turn(f"Ask {MAIL}"))
    assert world.audit.tags[-2:] == ["turn:called", "turn:answered"]
    (called,) = [event for event in world.audit.events if event.tag == "turn:called"]
    wanted = 'run_shell({"cmd": "curl -H [GITHUB_TOKEN_1] x"})\nrun_shell("[EMAIL_1]")'
    assert world.audit.texts["turn:called"] == wanted  # placeholders in place, as in the answer that is kept
    assert (called.calls, called.host, called.model) == (2, "Dev1", "qwen")
    assert called.chars == len(wanted) - len("()()\n")


async def test_an_answer_without_calls_has_no_event_more(guard: Guard) -> None:
    world = World(guard, Dev1_qwen=[Reasoning("run_shell()"), Token("run_shell()")])
    await run_all(world, make_turn("Go"))
    assert "turn:called" not in world.audit.tags


async def test_the_log_has_a_call_of_an_answer_that_was_held_back_as_far_as_it_was_shown(guard: Guard) -> None:
    world = World(guard, Dev1_qwen=[*shell('{"cmd": "ls", "key": "'), ToolCallPiece(0, arguments=PEM)])
    events = await run_all(world, make_turn("Go"))
    shown = "".join(call(events, 0)[1])
    assert world.audit.tags[-2:] == ["turn:called", "answer:blocked"]
    assert world.audit.texts["turn:called"] == f"run_shell({shown})"
    assert "b3BlbnNz" not in str(world.audit.texts)


async def test_the_log_has_a_call_of_an_answer_that_somebody_stopped(guard: Guard) -> None:
    world = World(
        guard, Dev1_qwen=[*shell('{"cmd": "rm -rf / "', "}"), ToolCallPiece(1, name="x"), 60.0, Token("never")]
    )
    await run_all(world, make_turn("Go"), stop_after=ToolCallText)
    assert world.audit.tags[-2:] == ["turn:called", "turn:interrupted"]
    assert world.audit.texts["turn:called"].startswith("run_shell(")


async def test_the_log_has_a_call_that_a_host_asked_for_before_it_failed(guard: Guard) -> None:
    """Nothing but the call was said: the next host answers anew, and the caller saw both."""
    world = World(
        guard, Mini2_llama=[*shell('{"cmd": "ls"}'), ToolCallPiece(1, name="y"), host_error()], Dev1_qwen=["Done."]
    )
    events = await run_all(world, make_turn("Go"))
    assert call(events, 0)[0] == "run_shell"
    assert world.audit.texts["turn:called"].startswith("run_shell(")
    assert world.audit.tags[-2:] == ["turn:called", "turn:answered"]


async def test_an_answer_whose_calls_the_log_does_not_take_does_not_end_well(guard: Guard) -> None:
    world = World(guard, Dev1_qwen=[*shell("{}"), Token("Asked.")])
    world.audit.fails_at = "turn:called"
    events = await run_all(world, make_turn("Go"))
    assert not any(isinstance(event, Answered) for event in events)


async def test_the_log_has_calls_once_although_the_first_end_cannot_be_written(guard: Guard) -> None:
    world = World(guard, Dev1_qwen=[*shell("{}"), Token("Asked.")])
    world.audit.fails_at = "turn:answered"
    await run_all(world, make_turn("Go"))
    assert world.audit.tags[-2:] == ["turn:called", "turn:interrupted"]
    assert world.audit.tags.count("turn:called") == 1
