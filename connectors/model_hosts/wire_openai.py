"""OpenAI's HTTP as vLLM, llama.cpp, LM Studio and exo speak it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson

from connectors.model_hosts.values import ChatMessage, TokenChance, Tool, ToolCallPiece
from connectors.model_hosts.wire import (
    AnswerReader,
    CallError,
    CallNumbers,
    Chunk,
    Question,
    arguments_in,
    is_crash_told,
    text_in,
    tokens_in,
    vectors_in,
)

_DATA: Final = b"data:"
DONE: Final = b"[DONE]"
"""What the last event of a stream says."""
_STATUSES: Final = range(400, 600)


class OpenAIWire:
    """Chat completions as server-sent events."""

    path = "/chat/completions"
    embed_path = "/embeddings"

    def body(self, question: Question) -> bytes:
        """Return the request for a streamed answer."""
        wishes = question.wishes
        body: dict[str, object] = {
            "model": question.model,
            "messages": [_message(message) for message in question.messages],
            "max_tokens": question.max_tokens,
            "temperature": question.temperature,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        wished = {
            "top_p": wishes.top_p,
            "seed": wishes.seed,
            "stop": list(wishes.stop) or None,
            "frequency_penalty": wishes.frequency_penalty,
            "tools": [offered(tool) for tool in wishes.tools] or None,
            "tool_choice": _choice(wishes.tool_choice) if wishes.tools else None,
            "parallel_tool_calls": wishes.parallel_calls if wishes.tools else None,
            "response_format": _format(wishes.format, wishes.schema),
            "logprobs": wishes.has_chances or None,
            "top_logprobs": 1 if wishes.has_chances else None,  # llama.cpp gives none where 0 are asked for
        }
        body |= {name: value for name, value in wished.items() if value is not None}
        return orjson.dumps({**body, **question.body})

    def reader(self) -> EventReader:
        """Return what reads the answer."""
        return EventReader()

    def embed_body(self, model: str, texts: Sequence[str], dimensions: int | None) -> bytes:
        """Return the request for embeddings."""
        body: dict[str, object] = {"model": model, "input": list(texts), "encoding_format": "float"}
        return orjson.dumps(body if dimensions is None else body | {"dimensions": dimensions})

    def read_embeddings(self, raw: bytes) -> tuple[list[list[float]], int]:
        """Return the vectors in the order of the texts, and how many tokens the host counted."""
        answer = orjson.loads(raw)
        rows = answer["data"] if isinstance(answer, dict) and isinstance(answer.get("data"), list) else []
        in_order = sorted((row for row in rows if isinstance(row, dict)), key=lambda row: tokens_in(row, "index"))
        usage = answer.get("usage") if isinstance(answer, dict) else None
        count = tokens_in(usage, "prompt_tokens") if isinstance(usage, dict) else 0
        return vectors_in([row.get("embedding") for row in in_order]), count


class EventReader(AnswerReader):
    """Read server-sent events, each with a piece of the answer."""

    def __init__(self) -> None:
        super().__init__()
        self._numbers = CallNumbers()

    def read_line(self, line: bytes) -> Chunk | None:
        """Read one line: of an event, or an empty one, a comment, the name of an event."""
        if not line.startswith(_DATA):
            return None
        payload = line[len(_DATA) :].strip()
        if payload == DONE:
            self.is_whole = self.is_over = True
            return None
        return self._chunk(orjson.loads(payload))

    def _chunk(self, event: Any) -> Chunk:
        if not isinstance(event, dict):
            raise ValueError("an event is no object")  # noqa: TRY004 - what a host sent, not what we passed
        if event.get("error") is not None:
            raise CallError(_status_in(event["error"]), is_crash=is_crash_told(event["error"]))
        delta, finish_reason, chances = _choice_in(event)
        usage = event.get("usage")
        text = text_in(delta, "content")
        model = text_in(event, "model")
        if len(delta) == 1 and text and not (finish_reason or chances or usage):  # as nearly all are
            return Chunk(text, model=model)
        counts = usage if isinstance(usage, dict) else {}
        self.is_whole = self.is_whole or bool(finish_reason)
        calls = delta.get("tool_calls")
        return Chunk(
            text=text,
            # vLLM has renamed it; what stands under the other name, and in Anthropic's, repeats it.
            reasoning=text_in(delta, "reasoning_content") or text_in(delta, "reasoning"),
            calls=tuple(map(self._call, calls)) if isinstance(calls, list) else (),
            chances=_chances_in(chances, text) if chances else (),
            model=model,
            finish_reason=finish_reason,
            prompt_tokens=tokens_in(counts, "prompt_tokens"),
            answer_tokens=tokens_in(counts, "completion_tokens"),
        )

    def _call(self, call: Any) -> ToolCallPiece:
        if not isinstance(call, dict):
            raise ValueError("a call is no object")  # noqa: TRY004 - what a host sent
        function = call.get("function")
        named = function if isinstance(function, dict) else {}
        number = self._numbers.number(tokens_in(call, "index"), text_in(call, "id"))
        return ToolCallPiece(number, name=text_in(named, "name"), arguments=arguments_in(named))


def offered(tool: Tool) -> dict[str, object]:
    """Return a tool as both families of hosts are told of it."""
    function: dict[str, object] = {"name": tool.name}
    if tool.description:
        function["description"] = tool.description
    function["parameters"] = orjson.loads(tool.parameters) if tool.parameters else {"type": "object", "properties": {}}
    return {"type": "function", "function": function}


def _message(message: ChatMessage) -> dict[str, object]:
    told: dict[str, object] = {"role": message.role, "content": message.content}
    if message.calls:
        told["content"] = message.content or None
        told["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in message.calls
        ]
    if message.call_id:
        told["tool_call_id"] = message.call_id
    return told


def _choice(choice: str) -> object:
    """Return the choice among tools: one of OpenAI's words, or a tool by its name."""
    if choice in {"", "auto", "none", "required"}:
        return choice or None
    return {"type": "function", "function": {"name": choice.removeprefix("tool:")}}


def _format(kind: str, schema: str) -> object:
    if kind == "json_schema":
        return {"type": kind, "json_schema": orjson.loads(schema)}
    return {"type": kind} if kind else None


def _choice_in(event: Mapping[str, Any]) -> tuple[Mapping[str, Any], str, Any]:
    """Return what the first choice of an event says, how it ended, and how likely its tokens were."""
    choices = event.get("choices")
    first = choices[0] if isinstance(choices, list) and choices and isinstance(choices[0], dict) else {}
    delta = first.get("delta")
    return delta if isinstance(delta, dict) else {}, text_in(first, "finish_reason"), first.get("logprobs")


def _chances_in(logprobs: Any, text: str) -> tuple[TokenChance, ...]:
    """Return how likely the tokens were; nothing unless they spell the text, letter for letter."""
    rows = logprobs.get("content") if isinstance(logprobs, dict) else None
    if not isinstance(rows, list):
        return ()
    chances = tuple(
        TokenChance(text_in(row, "token"), float(row["logprob"]))
        for row in rows
        if isinstance(row, dict) and isinstance(row.get("logprob"), int | float)
    )
    return chances if "".join(chance.token for chance in chances) == text else ()


def _status_in(error: Any) -> int:
    code = error.get("code") if isinstance(error, dict) else 0
    return code if isinstance(code, int) and code in _STATUSES else 0
