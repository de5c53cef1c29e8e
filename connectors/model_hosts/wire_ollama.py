"""Ollama's own HTTP: the only one of its two in which the window can be set and a cut prompt refused."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import orjson

from connectors.model_hosts.values import ChatMessage, ToolCallPiece
from connectors.model_hosts.wire import (
    AnswerReader,
    CallError,
    CallNumbers,
    Chunk,
    Question,
    arguments_in,
    is_crash_told,
    refuse_remote,
    text_in,
    tokens_in,
    vectors_in,
)
from connectors.model_hosts.wire_openai import offered

_OWN: Final = ("num_ctx",)  # of the extras: options of the model


class OllamaWire:
    """Chat as lines of JSON."""

    path = "/api/chat"
    embed_path = "/api/embed"

    def body(self, question: Question) -> bytes:
        """Return the request for a streamed answer."""
        wishes = question.wishes
        options: dict[str, object] = {
            "num_predict": question.max_tokens,
            "temperature": question.temperature,
            "top_p": wishes.top_p,
            "seed": wishes.seed,
            "stop": list(wishes.stop) or None,
            "frequency_penalty": wishes.frequency_penalty,
            **{name: question.extra.get(name) for name in _OWN},
        }
        body: dict[str, object] = {
            "model": question.model,
            "messages": _messages(question.messages),
            "stream": True,
            "options": {name: value for name, value in options.items() if value is not None},
            "truncate": False,  # 400 instead of a silent cut
        }
        if wishes.tools and wishes.tool_choice != "none":  # it has no word for a choice
            body["tools"] = [offered(tool) for tool in wishes.tools]
        if wishes.format:
            body["format"] = orjson.loads(wishes.schema)["schema"] if wishes.format == "json_schema" else "json"
        return orjson.dumps({**body, **question.body})

    def reader(self) -> LineReader:
        """Return what reads the answer."""
        return LineReader()

    def embed_body(self, model: str, texts: Sequence[str], dimensions: int | None) -> bytes:
        """Return the request for embeddings."""
        body: dict[str, object] = {"model": model, "input": list(texts), "truncate": False}
        return orjson.dumps(body if dimensions is None else body | {"dimensions": dimensions})

    def read_embeddings(self, raw: bytes) -> tuple[list[list[float]], int]:
        """Return the vectors in the order of the texts, and how many tokens the host counted."""
        answer = orjson.loads(raw)
        if not isinstance(answer, dict):
            raise ValueError("no vectors")  # noqa: TRY004 - what a host sent
        return vectors_in(answer.get("embeddings")), tokens_in(answer, "prompt_eval_count")


class LineReader(AnswerReader):
    """Read lines, each with a piece of the answer."""

    def __init__(self) -> None:
        super().__init__()
        self._numbers = CallNumbers()

    def read_line(self, line: bytes) -> Chunk | None:
        """Read one line."""
        return self._chunk(orjson.loads(line)) if line.strip() else None

    def _chunk(self, said: Any) -> Chunk:
        if not isinstance(said, dict):
            raise ValueError("a line is no object")  # noqa: TRY004 - what a host sent, not what we passed
        if said.get("error") is not None:
            raise CallError(0, is_crash=is_crash_told(said["error"]))
        refuse_remote(said)
        message = said.get("message")
        told = message if isinstance(message, dict) else {}
        calls = told.get("tool_calls")
        is_end = said.get("done") is True
        self.is_whole = self.is_over = self.is_over or is_end
        return Chunk(
            text=text_in(told, "content"),
            reasoning=text_in(told, "thinking"),
            calls=tuple(map(self._call, calls)) if isinstance(calls, list) else (),
            model=text_in(said, "model"),
            finish_reason=(text_in(said, "done_reason") or "stop") if is_end else "",
            prompt_tokens=tokens_in(said, "prompt_eval_count"),
            answer_tokens=tokens_in(said, "eval_count"),
        )

    def _call(self, call: Any) -> ToolCallPiece:
        """Read a call, which comes whole; its index means nothing, for each may be number 0."""
        function = call.get("function") if isinstance(call, dict) else None
        if not isinstance(function, dict):
            raise ValueError("a call is no object")  # noqa: TRY004 - what a host sent
        return ToolCallPiece(
            self._numbers.following(), name=text_in(function, "name"), arguments=arguments_in(function)
        )


def _messages(messages: Sequence[ChatMessage]) -> list[dict[str, object]]:
    names = {call.id: call.name for message in messages for call in message.calls}
    return [_message(message, names) for message in messages]


def _message(message: ChatMessage, names: dict[str, str]) -> dict[str, object]:
    told: dict[str, object] = {"role": message.role, "content": message.content}
    if message.calls:
        told["tool_calls"] = [
            {"function": {"name": call.name, "arguments": _as_object(call.arguments)}} for call in message.calls
        ]
    if message.call_id:
        told["tool_name"] = names.get(message.call_id, "")
    return told


def _as_object(arguments: str) -> object:
    """Return arguments as Ollama takes them; a text that is no object stands in one, for nothing else is taken."""
    try:
        value = orjson.loads(arguments)
    except orjson.JSONDecodeError:
        value = None
    return value if isinstance(value, dict) else {"arguments": arguments}
