from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.chat.completion_create_params import CompletionCreateParamsNonStreaming

from assistant.conversation import Author, Said
from assistant.web.gateway.chat_request import HONOURED, NEUTRAL, PASSED_ON, ChatRequest, parse_chat_request
from assistant.web.gateway.refusals import UnreadableError
from connectors.model_hosts.values import Wishes

DOCUMENT = Path(__file__).parents[5] / "docs" / "editors.md"
ASKED: dict[str, Any] = {"model": "general", "messages": [{"role": "user", "content": "Hello?"}]}


def test_the_document_has_the_rule_of_every_field() -> None:
    rows = dict(
        re.findall(r"^\| `(\w+)` \| (passed on|honoured|only)", DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE)
    )
    assert {name for name, rule in rows.items() if rule == "passed on"} == PASSED_ON
    assert {name for name, rule in rows.items() if rule == "honoured"} == HONOURED
    assert {name for name, rule in rows.items() if rule == "only"} == NEUTRAL.keys()


def test_every_field_that_is_read_has_a_rule_and_no_other() -> None:
    assert ChatRequest.model_fields.keys() == PASSED_ON | HONOURED
    assert not (PASSED_ON | HONOURED) & NEUTRAL.keys()


@pytest.mark.parametrize("name", sorted(CompletionCreateParamsNonStreaming.__annotations__))
def test_no_field_of_the_official_client_is_dropped_in_silence(name: str) -> None:
    """A value that no rule can take must name the field."""
    with pytest.raises(UnreadableError) as refused:
        parse_chat_request(ASKED | {name: {"x": openai.__version__}})
    assert refused.value.param.startswith(name)


@given(st.text(min_size=1, max_size=80), st.integers() | st.text() | st.booleans())
def test_no_invented_field_is_dropped_in_silence(name: str, value: object) -> None:
    if name in PASSED_ON | HONOURED | NEUTRAL.keys():
        return
    with pytest.raises(UnreadableError) as refused:
        parse_chat_request(ASKED | {name: value})
    assert refused.value.param == name[:60]


def test_null_within_the_options_of_a_stream_counts_as_left_out() -> None:
    asked = {"model": "general", "messages": [{"role": "user", "content": "x"}], "stream": True}
    assert not parse_chat_request(asked | {"stream_options": {"include_usage": None}}).has_usage


def test_null_is_left_out_and_neutral_values_ask_for_nothing() -> None:
    nothing = dict.fromkeys(PASSED_ON | NEUTRAL.keys() | {"user", "stream_options", "max_tokens"})
    neutral = {name: values[0] for name, values in NEUTRAL.items()}
    plain = parse_chat_request(ASKED)
    assert parse_chat_request(ASKED | nothing) == parse_chat_request(ASKED | neutral) == plain
    assert (plain.wishes, plain.longest_answer, plain.temperature) == (Wishes(), None, None)


def test_an_answer_of_ours_can_be_sent_back_as_the_client_holds_it() -> None:
    held = openai.types.chat.ChatCompletionMessage(role="assistant", content="Hi").model_dump()
    request = parse_chat_request(ASKED | {"messages": [*ASKED["messages"], held, *ASKED["messages"]]})
    assert request.context.earlier == (Said(Author.USER, "Hello?"), Said(Author.ASSISTANT, "Hi"))


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
