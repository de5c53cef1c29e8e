"""Tools of a caller: what is offered, what came of them and what the model wishes are texts, and guarded as such."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from assistant.bootstrap.application import AnswerTurn
from assistant.conversation import Author, Context, Said, Turn
from assistant.turn_events import Answered, AnswerText, Blocked, Failed, ToolCallText, Trouble, TurnEvent
from connectors.model_hosts.values import Ability, Tool, ToolCall, ToolCallPiece, Wishes
from policies.guard import Guard
from tests.fakes.turn_parts import World, host_error, make_guard, make_turn

MAIL = "anna.berger@corp.example"
KEY = "ghp_9fK2mQ7xT4vB8nR1sW6yZ3cD5hJ0pL2aEuGi"
CARD = 4111111111111111
PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA7bq1\n-----END RSA PRIVATE KEY-----"
TOOL = Tool("read", f"Reads. Ask {MAIL}.", json.dumps({"type": "object", "properties": {"path": {"default": KEY}}}))
OFFERED = Wishes(tools=(TOOL,))
CALL = ToolCall("c00000001", "read", json.dumps({"token": KEY, "to": MAIL}))


@pytest.fixture(scope="module")
def guard() -> Guard:
    return make_guard()


def turn_of(text: str, *said: Said, call_id: str = "", **fields: Any) -> Turn:
    return replace(make_turn(text), context=Context("", said, call_id), door="gateway", **{"wishes": OFFERED, **fields})


async def run(world: World, turn: Turn) -> list[TurnEvent]:
    return [event async for event in AnswerTurn(world.parts)(turn)]


def call_in(events: list[TurnEvent], number: int = 0) -> tuple[str, str]:
    pieces = [event for event in events if isinstance(event, ToolCallText) and event.number == number]
    return "".join(piece.name for piece in pieces), "".join(piece.arguments for piece in pieces)


async def test_all_that_belongs_to_tools_is_guarded_and_stays_json(guard: Guard) -> None:
    world = World(guard)
    result = f"{KEY} belongs to {MAIL}"
    await run(world, turn_of(result, Said(Author.ASSISTANT, "", (CALL,)), call_id=CALL.id))
    (messages,) = world.hosts.asked
    (wished,) = [wishes for _, _, wishes in world.hosts.wished]
    assert KEY not in f"{messages} {wished}"
    assert MAIL not in f"{messages} {wished}"
    assert json.loads(wished.tools[0].parameters)["properties"]["path"]["default"] == "[GITHUB_TOKEN_1]"
    assert wished.tools[0].description == "Reads. Ask [EMAIL_1]."
    assert json.loads(messages[1].calls[0].arguments) == {"token": "[GITHUB_TOKEN_1]", "to": "[EMAIL_1]"}
    assert (messages[2].role, messages[2].call_id) == ("tool", CALL.id)
    assert messages[2].content == "[GITHUB_TOKEN_1] belongs to [EMAIL_1]"


async def test_arguments_nested_without_end_are_a_text_like_any_other(guard: Guard) -> None:
    """A parser gives up on them: as a failure of ours that would be an answer that nobody counts."""
    world = World(guard)
    deep = replace(CALL, arguments="[" * 100_000)
    events = await run(world, turn_of("ok", Said(Author.ASSISTANT, "", (deep,)), call_id=CALL.id))
    assert isinstance(events[-1], Answered)
    assert world.limits.held.settled[0][1] is False


@pytest.mark.parametrize("place", ["description", "arguments", "result", "schema"])
async def test_a_block_in_any_of_it_sends_nothing(guard: Guard, place: str) -> None:
    world = World(guard)
    tool = replace(TOOL, description=PEM if place == "description" else "Reads.")
    wishes = Wishes(tools=(tool,), format="json_schema", schema=json.dumps({"a": PEM if place == "schema" else ""}))
    call = replace(CALL, arguments=json.dumps({"text": PEM if place == "arguments" else ""}))
    turn = turn_of(
        PEM if place == "result" else "ok", Said(Author.ASSISTANT, "", (call,)), call_id=CALL.id, wishes=wishes
    )
    events = await run(world, turn)
    assert isinstance(events[-1], Blocked)
    assert world.hosts.asked == []


async def test_what_a_model_wishes_comes_with_its_name_first_and_the_persons_own_values(guard: Guard) -> None:
    pieces = [
        ToolCallPiece(0, name="read"),
        ToolCallPiece(0, arguments='{"to": "[EMA'),
        ToolCallPiece(0, arguments='IL_1]"}'),
    ]
    world = World(guard, Dev1_qwen=pieces)
    events = await run(world, turn_of(f"Write to {MAIL}"))
    calls = [event for event in events if isinstance(event, ToolCallText)]
    assert calls[0] == ToolCallText(0, name="read")
    assert call_in(events) == ("read", json.dumps({"to": MAIL}))
    assert isinstance(events[-1], Answered)


async def test_a_number_that_is_held_back_leaves_json(guard: Guard) -> None:
    pieces = [ToolCallPiece(0, name="pay", arguments=json.dumps({"card": CARD, "note": f"for {KEY}"}))]
    events = await run(World(guard, Dev1_qwen=pieces), turn_of("Pay"))
    told = json.loads(call_in(events)[1])
    assert int(told["card"]) == CARD, "the person's own again, in a string where the guard took a number"
    assert told["note"] == "for [GITHUB_TOKEN_1]"


async def test_a_value_cannot_break_out_of_the_arguments(guard: Guard) -> None:
    """Placeholders are restored inside JSON strings, whatever stands in their values."""
    pieces = [ToolCallPiece(0, name="f", arguments='{"to": "[EMAIL_1]", "n": 1}')]
    events = await run(World(guard, Dev1_qwen=pieces), turn_of(f"Write to {MAIL}"))
    assert json.loads(call_in(events)[1]) == {"to": MAIL, "n": 1}


async def test_an_answer_in_json_stays_json(guard: Guard) -> None:
    world = World(guard, Dev1_qwen=[f'{{"card": {str(CARD)[:7]}', f'{str(CARD)[7:]}, "to": "[EMAIL_1]"}}'])
    events = await run(world, turn_of(f"Write to {MAIL}", wishes=Wishes(format="json_object")))
    told = json.loads("".join(event.text for event in events if isinstance(event, AnswerText)))
    assert told["to"] == MAIL
    assert int(told["card"]) == CARD


async def test_what_a_host_must_be_able_to_do_is_said(guard: Guard) -> None:
    world = World(guard)
    wishes = replace(OFFERED, tool_choice="tool:read", format="json_object")
    await run(world, turn_of("Hello", wishes=wishes))
    assert world.hosts.needs[-1].calls_tools
    assert world.hosts.needs[-1].abilities == {Ability.TOOL_CHOICE, Ability.JSON_OBJECT}
    await run(world, turn_of("Hello", wishes=replace(OFFERED, tool_choice="none")))
    assert not world.hosts.needs[-1].calls_tools
    assert world.hosts.needs[-1].prompt_tokens > 60, "tools take room as well"


async def test_half_a_call_is_not_followed_by_another_hosts(guard: Guard) -> None:
    half = [ToolCallPiece(0, name="read", arguments='{"path": "a.py", '), host_error()]
    world = World(guard, Mini2_llama=half, Dev1_qwen=["Done."])
    events = await run(world, turn_of("Read it"))
    assert not [event for event in events if isinstance(event, Answered)]
    assert len(world.hosts.asked) == 1


async def test_a_tool_may_give_nothing(guard: Guard) -> None:
    events = await run(World(guard), turn_of("", Said(Author.ASSISTANT, "", (CALL,)), call_id=CALL.id))
    assert isinstance(events[-1], Answered)


async def test_what_no_model_can_do_is_told_from_an_outage(guard: Guard) -> None:
    from connectors.errors import NoRouteError  # noqa: PLC0415

    world = World(guard)

    def choose(*_: object, **__: object) -> Any:
        raise NoRouteError("No model calls tools.", is_unfit=True)

    world.hosts.choose = choose  # type: ignore[method-assign]
    (*_, end) = await run(world, turn_of("Hello"))
    assert isinstance(end, Failed)
    assert end.trouble is Trouble.UNFIT
