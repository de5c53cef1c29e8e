"""What a host sends beside its answer, its reasoning and its tool calls, does not reach the turn unguarded."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from connectors.model_hosts.router import Chunk, _read_chunk

SECRET = "AKIA2E4AQ3F2B44C7Q2X"


@pytest.mark.parametrize(
    "delta",
    [
        {"content": None, "reasoning_content": f"The key is {SECRET}"},
        {"content": "", "reasoning": SECRET, "thinking_blocks": [{"thinking": SECRET}]},
        {"content": None, "tool_calls": [{"function": {"name": "run", "arguments": f'{{"key": "{SECRET}"}}'}}]},
        {"content": None, "function_call": {"name": SECRET, "arguments": SECRET}},
    ],
)
def test_only_the_answer_is_taken_from_what_a_host_sends(delta: dict[str, object]) -> None:
    part = SimpleNamespace(choices=[SimpleNamespace(delta=SimpleNamespace(**delta), finish_reason=None)])
    assert _read_chunk(part) == Chunk()
    said = SimpleNamespace(
        choices=[SimpleNamespace(delta=SimpleNamespace(**delta | {"content": "Hi"}), finish_reason="stop")]
    )
    assert _read_chunk(said) == Chunk(text="Hi", finish_reason="stop")
