from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.chat.completion_create_params import CompletionCreateParamsNonStreaming

from assistant.conversation import Author, Said
from assistant.web.gateway.chat_request import HONOURED, NEUTRAL, OURS, PASSED_ON, ChatRequest, parse_chat_request
from assistant.web.gateway.refusals import UnreadableError
from connectors.model_hosts.values import Tool, ToolCall, Wishes

DOCUMENT = Path(__file__).parents[5] / "docs" / "editors.md"
ASKED: dict[str, Any] = {"model": "general", "messages": [{"role": "user", "content": "Hello?"}]}


def test_the_document_has_the_rule_of_every_field() -> None:
    rows = dict(
        re.findall(
            r"^\| `(\w+)` \| (passed on|honoured|only|left to Cloister)",
            DOCUMENT.read_text(encoding="utf-8"),
            re.MULTILINE,
        )
    )
    assert {name for name, rule in rows.items() if rule == "passed on"} == PASSED_ON
    assert {name for name, rule in rows.items() if rule == "honoured"} == HONOURED
    assert {name for name, rule in rows.items() if rule == "only"} == NEUTRAL.keys()
    assert {name for name, rule in rows.items() if rule == "left to Cloister"} == OURS


def test_every_field_that_is_read_has_a_rule_and_no_other() -> None:
    assert ChatRequest.model_fields.keys() == PASSED_ON | HONOURED | OURS
    assert not (PASSED_ON | HONOURED | OURS) & NEUTRAL.keys()
    assert not (PASSED_ON | HONOURED) & OURS


@pytest.mark.parametrize("name", sorted(CompletionCreateParamsNonStreaming.__annotations__))
def test_no_field_of_the_official_client_is_dropped_in_silence(name: str) -> None:
    """A value that no rule can take must name the field."""
    with pytest.raises(UnreadableError) as refused:
        parse_chat_request(ASKED | {name: {"x": openai.__version__}})
    assert refused.value.param.startswith(name)


@given(st.text(min_size=1, max_size=80), st.integers() | st.text() | st.booleans())
def test_no_invented_field_is_dropped_in_silence(name: str, value: object) -> None:
    if name in PASSED_ON | HONOURED | OURS | NEUTRAL.keys():
        return
    with pytest.raises(UnreadableError) as refused:
        parse_chat_request(ASKED | {name: value})
    assert refused.value.param == name[:60]


def test_null_within_the_options_of_a_stream_counts_as_left_out() -> None:
    asked = {"model": "general", "messages": [{"role": "user", "content": "x"}], "stream": True}
    assert not parse_chat_request(asked | {"stream_options": {"include_usage": None}}).has_usage


def test_null_is_left_out_and_neutral_values_ask_for_nothing() -> None:
    nothing = dict.fromkeys(PASSED_ON | NEUTRAL.keys() | {"user", "stream_options", "max_tokens", "tools"})
    neutral = {name: values[0] for name, values in NEUTRAL.items()}
    neutral |= {"tools": [], "response_format": {"type": "text"}}
    plain = parse_chat_request(ASKED)
    assert parse_chat_request(ASKED | nothing) == parse_chat_request(ASKED | neutral) == plain
    assert (plain.wishes, plain.longest_answer, plain.temperature) == (Wishes(), None, None)


def test_an_answer_of_ours_can_be_sent_back_as_the_client_holds_it() -> None:
    held = openai.types.chat.ChatCompletionMessage(role="assistant", content="Hi").model_dump()
    request = parse_chat_request(ASKED | {"messages": [*ASKED["messages"], held, *ASKED["messages"]]})
    assert request.context.earlier == (Said(Author.USER, "Hello?"), Said(Author.ASSISTANT, "Hi"))


def test_what_a_client_says_of_one_servers_cache_changes_nothing() -> None:
    said = {"prompt_cache_key": "thread-1", "cache_prompt": True, "id_slot": 3, "min_p": 0.1, "n_predict": -1}
    said |= {"samplers": ["min_p", "temperature"], "response_fields": [""]}
    asked, plain = parse_chat_request(ASKED | said), parse_chat_request(ASKED)
    assert (asked.wishes, asked.context, asked.longest_answer) == (plain.wishes, plain.context, None)
    marked = [{"role": "user", "content": [{"type": "text", "text": "Hello?", "cache_control": {"type": "ephemeral"}}]}]
    assert parse_chat_request(ASKED | {"messages": marked}).text == "Hello?"
    assert not plain.is_warming
    assert parse_chat_request(ASKED | {"n_predict": 0}).is_warming
    assert parse_chat_request(ASKED | {"n_predict": 5}).longest_answer == 5
    assert parse_chat_request(ASKED | {"n_predict": 5, "max_tokens": 3}).longest_answer == 3


@pytest.mark.parametrize(
    "mark", [{}, {"type": "persistent"}, {"type": "ephemeral", "url": "http://evil.example"}, "ephemeral", 1]
)
def test_a_mark_of_a_cache_hides_nothing(mark: object) -> None:
    part = {"type": "text", "text": "Hello?", "cache_control": mark}
    with pytest.raises(UnreadableError, match="cache_control"):
        parse_chat_request(ASKED | {"messages": [{"role": "user", "content": [part]}]})


def test_the_thoughts_of_an_earlier_answer_are_taken_and_go_nowhere() -> None:
    thought = {"role": "assistant", "content": "Hi", "reasoning_content": "planted thoughts"}
    thought |= {"provider_specific_fields": {"reasoning": "planted thoughts", "refusal": None}}
    request = parse_chat_request(ASKED | {"messages": [*ASKED["messages"], thought, *ASKED["messages"]]})
    assert "planted" not in repr(request.context)
    for name, value in {"reasoning_content": "y", "provider_specific_fields": {"x": "y"}}.items():
        with pytest.raises(UnreadableError) as refused:
            parse_chat_request(ASKED | {"messages": [{"role": "user", "content": "x", name: value}]})
        assert refused.value.param == f"messages[0].{name}"


def test_a_tool_without_a_description_is_one() -> None:
    tools = [{"type": "function", "function": {"name": "look", "description": None, "parameters": None}}]
    assert parse_chat_request(ASKED | {"tools": tools}).wishes.tools == (Tool("look"),)


def test_a_fault_is_named_where_it_is() -> None:
    messages = [*ASKED["messages"], {"role": "user", "content": 7}]
    with pytest.raises(UnreadableError) as refused:
        parse_chat_request(ASKED | {"messages": messages})
    assert refused.value.param == "messages[1].content"


@given(st.text(max_size=200))
def test_no_refusal_repeats_what_was_written(text: str) -> None:
    planted = f"planted {text}"
    for change in (
        {"temperature": planted},
        {"messages": [{"role": "user", "content": [planted]}]},
        {"stop": [planted] * 5},
    ):
        with pytest.raises(UnreadableError) as refused:
            parse_chat_request(ASKED | change)
        assert "planted" not in str(refused.value)


TOOL = {"type": "function", "function": {"name": "read", "description": "Reads.", "parameters": {"type": "object"}}}


def called(call_id: str, name: str = "read") -> dict[str, Any]:
    call = {"id": call_id, "type": "function", "function": {"name": name, "arguments": '{"path":"a"}'}}
    return {"role": "assistant", "content": None, "refusal": None, "tool_calls": [call]}


def result(call_id: str, **fields: str) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": call_id, "content": "print(1)", **fields}


def test_tools_and_what_came_of_them_are_read_and_no_id_of_a_client_goes_on() -> None:
    messages = [*ASKED["messages"], called("ghp_planted"), result("ghp_planted", name="read")]
    request = parse_chat_request(ASKED | {"messages": messages, "tools": [TOOL], "tool_choice": "auto"})
    assert request.wishes == Wishes(tools=(Tool("read", "Reads.", '{"type":"object"}'),), tool_choice="auto")
    assert request.context.earlier[1].calls == (ToolCall("c00000001", "read", '{"path":"a"}'),)
    assert (request.text, request.context.call_id) == ("print(1)", "c00000001")


def test_an_id_that_is_used_again_means_the_later_call() -> None:
    messages = [*ASKED["messages"], called("0"), result("0"), called("0"), result("0")]
    request = parse_chat_request(ASKED | {"messages": messages, "tools": [TOOL]})
    assert [said.call_id for said in request.context.earlier] == ["", "", "c00000001", ""]
    assert request.context.call_id == "c00000002"


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"messages": [*ASKED["messages"], result("none")]}, "messages"),
        ({"messages": [*ASKED["messages"], called("a"), result("a", name="write")]}, "messages"),
        ({"messages": [{"role": "user", "content": "x", "tool_call_id": "a"}]}, "messages[0].tool_call_id"),
        ({"messages": [called("a") | {"role": "user", "content": "x"}]}, "messages[0].tool_calls"),
        ({"messages": [{"role": "assistant"}, *ASKED["messages"]]}, "messages[0].content"),
        ({"tools": [TOOL, TOOL]}, "tools"),
        ({"tools": [{"type": "web_search"}]}, "tools[0].type"),
        ({"tools": [{"type": "function", "function": {"name": "a b"}}]}, "tools[0].function.name"),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"tools": [TOOL], "tool_choice": {"type": "function", "function": {"name": "other"}}}, "tool_choice"),
        ({"response_format": {"type": "json_schema"}}, "response_format"),
        ({"response_format": {"type": "json_object", "json_schema": {"name": "n", "schema": {}}}}, "response_format"),
        ({"response_format": {"type": "xml"}}, "response_format.type"),
        ({"logprobs": 1}, "logprobs"),
        ({"top_logprobs": 2}, "top_logprobs"),
    ],
)
def test_what_does_not_fit_together_is_refused_by_name(change: dict[str, Any], param: str) -> None:
    with pytest.raises(UnreadableError) as refused:
        parse_chat_request(ASKED | change)
    assert refused.value.param == param


def test_the_form_of_an_answer_is_a_wish() -> None:
    assert parse_chat_request(ASKED | {"response_format": {"type": "json_object"}}).wishes.format == "json_object"
    form = {"name": "n", "schema": {"type": "object"}, "strict": True}
    wishes = parse_chat_request(ASKED | {"response_format": {"type": "json_schema", "json_schema": form}}).wishes
    assert (wishes.format, json.loads(wishes.schema)) == ("json_schema", form)
