"""What is taken from a host's stream, whatever its HTTP: each kind apart, whole, and nothing beside them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.model_hosts.values import ChatMessage, TokenChance, Tool, ToolCall, ToolCallPiece, Wishes
from connectors.model_hosts.wire import CallError, CallNumbers, Chunk, Question, Wire, joined
from connectors.model_hosts.wire_ollama import OllamaWire
from connectors.model_hosts.wire_openai import OpenAIWire

SECRET = "AKIA2E4AQ3F2B44C7Q2X"
WORD = b'data: {"choices":[{"delta":{"content":"word"},"finish_reason":null}]}\n\n'
STOP = b'data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\n\n'
USAGE = b'data: {"choices":[],"usage":{"prompt_tokens":1}}\n\n'
WORD_LINE = b'{"message":{"content":"word"},"done":false}\n'
END_LINE = b'{"done":true,"done_reason":"stop","prompt_eval_count":1,"message":{"content":""}}\n'


def event(finish_reason: str | None = None, **delta: object) -> bytes:
    return b"data: " + json.dumps({"choices": [{"delta": delta, "finish_reason": finish_reason}]}).encode() + b"\n\n"


def call(name: str | None, arguments: object, *, index: int = 0, call_id: str | None = None) -> dict[str, Any]:
    return {"index": index, "id": call_id, "function": {"name": name, "arguments": arguments}}


def read(wire: Wire, pieces: Sequence[bytes]) -> tuple[Chunk | None, bool]:
    reader = wire.reader()
    chunks = [reader.feed(piece) for piece in [*pieces, b"\n"]]
    return joined(chunk for chunk in chunks if chunk), reader.is_whole


@pytest.mark.parametrize(
    ("delta", "chunk"),
    [
        ({"content": "Hi"}, Chunk(text="Hi")),
        ({"content": None, "reasoning_content": "so"}, Chunk(reasoning="so")),
        ({"content": None, "reasoning": "so"}, Chunk(reasoning="so")),
        ({"content": "Hi", "reasoning_content": "so", "reasoning": "so"}, Chunk(text="Hi", reasoning="so")),
        ({"content": "", "thinking_blocks": [{"thinking": SECRET}], "refusal": SECRET}, Chunk()),
        ({"content": None, "function_call": {"name": SECRET, "arguments": SECRET}}, Chunk()),
        ({"content": None, "tool_calls": [call("run", None)]}, Chunk(calls=(ToolCallPiece(0, name="run"),))),
        ({"content": None, "tool_calls": [call(None, "{}")]}, Chunk(calls=(ToolCallPiece(0, arguments="{}"),))),
        ({"tool_calls": [call("f", {"a": 1})]}, Chunk(calls=(ToolCallPiece(0, name="f", arguments='{"a":1}'),))),
        ({"content": None, "tool_calls": None}, Chunk()),
        ({"content": [SECRET], "tool_calls": 7}, Chunk()),
    ],
)
def test_each_kind_is_taken_apart(delta: dict[str, object], chunk: Chunk) -> None:
    assert OpenAIWire().reader().feed(event(**delta)) == chunk


@pytest.mark.parametrize("name", ["remote_host", "remote_model"])
def test_a_line_of_somebody_elses_machines_is_refused(name: str) -> None:
    line = json.dumps({name: "https://ollama.com:443", "message": {"content": "word"}, "done": False}).encode() + b"\n"
    with pytest.raises(CallError) as caught:
        OllamaWire().reader().feed(line)
    assert caught.value.is_remote
    assert OllamaWire().reader().feed(line.replace(b"https://ollama.com:443", b"")) == Chunk(text="word")


def test_ollamas_lines_hold_the_same() -> None:
    lines = [
        {"model": "m", "message": {"thinking": "so", "content": ""}, "done": False},
        {"message": {"content": "Hi"}, "done": False},
        {"message": {"content": "", "tool_calls": [{"function": {"name": "f", "arguments": {"a": "ä"}}}] * 2}},
        {"message": {"content": ""}, "done": True, "done_reason": "length", "prompt_eval_count": 3, "eval_count": 2},
    ]
    chunk, is_whole = read(OllamaWire(), [json.dumps(line).encode() + b"\n" for line in lines])
    calls = tuple(ToolCallPiece(number, "f", '{"a":"ä"}') for number in (0, 1))
    assert chunk == Chunk("Hi", "so", calls, (), "m", "length", 3, 2)
    assert is_whole


def test_pieces_of_calls_that_alternate_keep_their_numbers() -> None:
    reader = OpenAIWire().reader()
    parts = [(0, "a"), (1, "b"), (0, None), (1, None), (0, None)]
    seen = [reader.feed(event(tool_calls=[call(None, "x", index=index, call_id=call_id)])) for index, call_id in parts]
    assert [chunk.calls[0].number for chunk in seen if chunk] == [0, 1, 0, 1, 0]


def test_whole_calls_under_one_index_are_told_apart_by_their_ids() -> None:
    reader = OpenAIWire().reader()
    seen = [reader.feed(event(tool_calls=[call("run", "{}", call_id=call_id)])) for call_id in ("a", "b", "c")]
    assert [chunk.calls[0].number for chunk in seen if chunk] == [0, 1, 2]


def test_calls_without_end_are_refused() -> None:
    numbers = CallNumbers()
    assert [numbers.number(index, "") for index in range(128)] == list(range(128))
    with pytest.raises(ValueError, match="too many"):
        numbers.number(128, "")


@pytest.mark.parametrize(
    ("wire", "body"),
    [
        (OpenAIWire(), WORD + b"data: [DONE]\n\n"),
        (OpenAIWire(), WORD + b"data:[DONE]"),
        (OpenAIWire(), WORD + STOP + USAGE),
        (OpenAIWire(), b": a comment\nevent: x\n" + WORD * 500 + STOP),
        (OllamaWire(), WORD_LINE + END_LINE),
        (OllamaWire(), WORD_LINE + END_LINE.strip()),
    ],
)
@pytest.mark.parametrize("size", [1, 7, 4096])
def test_how_it_is_cut_changes_nothing(wire: Wire, body: bytes, size: int) -> None:
    whole, is_whole = read(wire, [body])
    assert read(wire, [body[start : start + size] for start in range(0, len(body), size)]) == (whole, True)
    assert is_whole
    assert whole is not None
    assert set(whole.text.replace("word", "")) == set()


@pytest.mark.parametrize(
    ("wire", "body"),
    [
        (OpenAIWire(), b""),
        (OpenAIWire(), WORD),
        (OpenAIWire(), event(content="data: [DONE]")),
        (OpenAIWire(), event(content='"finish_reason":"stop"')),
        (OpenAIWire(), b"<html>Welcome</html>"),
        (OpenAIWire(), b'{"error": {"message": "injected"}}'),
        (OllamaWire(), b'{"message":{"content":"\\"done\\":true"},"done":false}\n'),
    ],
)
def test_an_answer_without_an_end_was_torn_off(wire: Wire, body: bytes) -> None:
    assert not read(wire, [body])[1]


@pytest.mark.parametrize(
    ("wire", "body"),
    [
        (OpenAIWire(), b'data: {"choices":[{"delta":{"con\n'),
        (OpenAIWire(), b"data: \x00\xff\n"),
        (OpenAIWire(), b"data: [1]\n"),
        (OpenAIWire(), event(tool_calls=[7])),
        (OllamaWire(), b"<html>\n"),
        (OllamaWire(), b"[]\n"),
        (OllamaWire(), b'{"message":{"tool_calls":[{"name":"f"}]}}\n'),
        (OpenAIWire(), b"data: " + b"x" * (5 << 20)),
    ],
)
def test_what_is_no_answer_is_none(wire: Wire, body: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the words come from whoever parses
        wire.reader().feed(body)


@pytest.mark.parametrize("end", [b'data: {"error":{"code":500}}\n', b"data: {torn\n"])
def test_what_came_before_a_failure_is_not_lost(end: bytes) -> None:
    reader = OpenAIWire().reader()
    assert reader.feed(WORD + end) == Chunk("word")
    assert reader.failure is not None


@pytest.mark.parametrize(
    ("wire", "line"),
    [
        (OllamaWire(), b'{"error":"model runner has unexpectedly stopped, see its log"}\n'),
        (OpenAIWire(), b'data: {"error":{"message":"The model has crashed without additional information"}}\n'),
        (OpenAIWire(), b'data: {"error":{"message":"EngineCore encountered an issue.","code":500}}\n'),
    ],
)
def test_a_host_that_outlives_its_model_says_so(wire: Wire, line: bytes) -> None:
    with pytest.raises(CallError) as caught:
        wire.reader().feed(line)
    assert caught.value.is_crash


@pytest.mark.parametrize(("code", "status"), [(503, 503), ("503", 0), (7, 0), (None, 0)])
def test_an_error_within_an_answer_has_its_status(code: object, status: int) -> None:
    with pytest.raises(CallError) as caught:
        OpenAIWire().reader().feed(
            b"data: " + json.dumps({"error": {"message": SECRET, "code": code}}).encode() + b"\n"
        )
    assert (caught.value.status, SECRET in str(caught.value)) == (status, False)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(
                st.sampled_from(
                    [
                        "choices",
                        "delta",
                        "content",
                        "tool_calls",
                        "function",
                        "usage",
                        "message",
                        "logprobs",
                        "error",
                        "done",
                    ]
                ),
                inner,
            )
        ),
        max_leaves=20,
    )
)
def test_a_host_may_send_any_json(value: object) -> None:
    for wire, line in ((OpenAIWire(), b"data: "), (OllamaWire(), b"")):
        try:
            chunk = wire.reader().feed(line + json.dumps(value).encode() + b"\n")
        except (ValueError, CallError):
            continue
        assert chunk is None or isinstance(chunk.text, str)


def test_chances_are_taken_only_where_they_spell_the_text() -> None:
    def said(text: str, *tokens: str) -> Chunk | None:
        rows = [
            {"token": token, "logprob": -0.5, "bytes": [1], "top_logprobs": [{"token": SECRET}]} for token in tokens
        ]
        choice = {"delta": {"content": text}, "logprobs": {"content": rows}}
        return OpenAIWire().reader().feed(b"data: " + json.dumps({"choices": [choice]}).encode() + b"\n")

    spelt = (TokenChance("He", -0.5), TokenChance("llo", -0.5))
    assert said("Hello", "He", "llo") == Chunk("Hello", chances=spelt)
    assert said("Hello", "He", SECRET) == Chunk("Hello")
    assert joined([Chunk("Hello", chances=spelt), Chunk("!")]) == Chunk("Hello!")


TOOL = Tool("read_file", "Reads.", '{"type":"object","properties":{"path":{"type":"string"}}}')
CALLED = (
    ChatMessage("user", "Read it"),
    ChatMessage("assistant", "", (ToolCall("c00000001", "read_file", '{"path":"a.py"}'),)),
    ChatMessage("tool", "print(1)", call_id="c00000001"),
)


def question(**wishes: Any) -> Question:
    return Question("m", CALLED, 7, 0.5, Wishes(**wishes), {"num_ctx": 4096})


def test_every_wish_is_spelt_as_openai_does() -> None:
    asked = question(
        top_p=0.5,
        seed=7,
        stop=("END",),
        frequency_penalty=1.0,
        tools=(TOOL,),
        tool_choice="tool:read_file",
        parallel_calls=False,
        format="json_schema",
        schema='{"name":"n","schema":{"type":"object"}}',
        has_chances=True,
    )
    body = json.loads(OpenAIWire().body(asked))
    assert body.pop("messages")[1:] == [
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {
                    "id": "c00000001",
                    "type": "function",
                    "function": {"name": "read_file", "arguments": '{"path":"a.py"}'},
                }
            ],
        },
        {"role": "tool", "content": "print(1)", "tool_call_id": "c00000001"},
    ]
    assert body == {
        "model": "m",
        "max_tokens": 7,
        "temperature": 0.5,
        "stream": True,
        "stream_options": {"include_usage": True},
        "top_p": 0.5,
        "seed": 7,
        "stop": ["END"],
        "frequency_penalty": 1.0,
        "tools": [
            {
                "type": "function",
                "function": {"name": "read_file", "description": "Reads.", "parameters": json.loads(TOOL.parameters)},
            }
        ],
        "tool_choice": {"type": "function", "function": {"name": "read_file"}},
        "parallel_tool_calls": False,
        "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}}},
        "logprobs": True,
        "top_logprobs": 1,
    }


def test_every_wish_is_spelt_as_ollama_does() -> None:
    body = json.loads(OllamaWire().body(question(tools=(TOOL,), format="json_object", stop=("END",))))
    assert body["messages"][1]["tool_calls"] == [{"function": {"name": "read_file", "arguments": {"path": "a.py"}}}]
    assert body["messages"][2] == {"role": "tool", "content": "print(1)", "tool_name": "read_file"}
    assert (body["format"], body["truncate"], body["tools"][0]["function"]["name"]) == ("json", False, "read_file")
    assert body["options"] == {"num_predict": 7, "temperature": 0.5, "stop": ["END"], "num_ctx": 4096}
    schema = question(format="json_schema", schema='{"name":"n","schema":{"type":"object"}}')
    assert json.loads(OllamaWire().body(schema))["format"] == {"type": "object"}
    assert "tools" not in json.loads(OllamaWire().body(question(tools=(TOOL,), tool_choice="none")))


def test_arguments_that_are_no_object_reach_ollama_in_one() -> None:
    message = ChatMessage("assistant", "", (ToolCall("c", "f", "[EMAIL_1]"),))
    body = json.loads(OllamaWire().body(Question("m", [message], 1, 0.0)))
    assert body["messages"][0]["tool_calls"][0]["function"]["arguments"] == {"arguments": "[EMAIL_1]"}


def test_vectors_come_in_the_order_of_their_texts() -> None:
    rows = [{"index": 1, "embedding": [2.0]}, {"index": 0, "embedding": [1.0]}]
    raw = json.dumps({"data": rows, "usage": {"prompt_tokens": 5}}).encode()
    assert OpenAIWire().read_embeddings(raw) == ([[1.0], [2.0]], 5)
    assert OllamaWire().read_embeddings(b'{"embeddings":[[1.0],[2.0]],"prompt_eval_count":5}') == ([[1.0], [2.0]], 5)


@pytest.mark.parametrize("raw", [b"[]", b"{}", b"<html>", b'{"data":[{"embedding":"x"}],"embeddings":[["x"]]}'])
@pytest.mark.parametrize("wire", [OpenAIWire(), OllamaWire()])
def test_what_is_no_vector_is_refused(wire: Wire, raw: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the words come from whoever parses
        wire.read_embeddings(raw)
