"""What is taken from a host's stream: answer, reasoning and tool calls, each apart, and nothing beside them."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from connectors.model_hosts.chunks import Chunk
from connectors.model_hosts.router import _CallNumbers, _read_chunk
from connectors.model_hosts.values import ToolCallPiece

SECRET = "AKIA2E4AQ3F2B44C7Q2X"


def part_with(finish_reason: str | None = None, **delta: object) -> SimpleNamespace:
    return SimpleNamespace(choices=[SimpleNamespace(delta=SimpleNamespace(**delta), finish_reason=finish_reason)])


def call(name: str | None, arguments: str | None, *, index: int = 0, call_id: str | None = None) -> SimpleNamespace:
    return SimpleNamespace(index=index, id=call_id, function=SimpleNamespace(name=name, arguments=arguments))


@pytest.mark.parametrize(
    ("delta", "chunk"),
    [
        ({"content": "Hi"}, Chunk(text="Hi")),
        ({"content": None, "reasoning_content": "so"}, Chunk(reasoning="so")),
        ({"content": "Hi", "reasoning_content": "so"}, Chunk(text="Hi", reasoning="so")),
        ({"content": "", "reasoning": SECRET, "thinking_blocks": [{"thinking": SECRET}]}, Chunk()),
        ({"content": None, "function_call": {"name": SECRET, "arguments": SECRET}}, Chunk()),
        ({"content": None, "tool_calls": [call("run", None)]}, Chunk(calls=(ToolCallPiece(0, name="run"),))),
        ({"content": None, "tool_calls": [call(None, "{}")]}, Chunk(calls=(ToolCallPiece(0, arguments="{}"),))),
        ({"content": None, "tool_calls": None}, Chunk()),
    ],
)
def test_each_kind_is_taken_apart(delta: dict[str, object], chunk: Chunk) -> None:
    assert _read_chunk(part_with(**delta), _CallNumbers()) == chunk


def test_the_end_is_taken_with_what_comes_with_it() -> None:
    assert _read_chunk(part_with("stop", content="Hi"), _CallNumbers()) == Chunk(text="Hi", finish_reason="stop")


def test_pieces_of_calls_that_alternate_keep_their_numbers() -> None:
    numbers = _CallNumbers()
    parts = [(0, "a"), (1, "b"), (0, None), (1, None), (0, None)]
    seen = [
        _read_chunk(part_with(content=None, tool_calls=[call(None, "x", index=index, call_id=call_id)]), numbers)
        for index, call_id in parts
    ]
    assert [chunk.calls[0].number for chunk in seen if chunk] == [0, 1, 0, 1, 0]


def test_whole_calls_under_one_index_are_told_apart_by_their_ids() -> None:
    """As Ollama sends them."""
    numbers = _CallNumbers()
    seen = [
        _read_chunk(part_with(content=None, tool_calls=[call("run", "{}", call_id=call_id)]), numbers)
        for call_id in ("a", "b", "c")
    ]
    assert [chunk.calls[0].number for chunk in seen if chunk] == [0, 1, 2]


def test_calls_without_end_are_refused() -> None:
    numbers = _CallNumbers()
    assert [numbers.number(index, "") for index in range(128)] == list(range(128))
    with pytest.raises(ValueError, match="too many"):
        numbers.number(128, "")
