"""A turn as OpenAI's API tells it: pieces of a stream, or one whole answer."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final
from uuid import UUID

import orjson

from assistant.turn_events import (
    Answered,
    AnswerText,
    Blocked,
    Failed,
    Interrupted,
    ReasoningText,
    ToolCallText,
    TurnEvent,
)
from assistant.web.api_errors import error_body
from assistant.web.gateway.refusals import HELD_BACK, TROUBLES, GatewayError, retry_headers
from connectors.model_hosts.values import TokenChance, Usage

DONE: Final = b"data: [DONE]\n\n"
_REASONS: Final = {"length": "length"}  # whatever else a host says is a stop
_ID_CHARS: Final = 9  # letters and digits: the templates of Mistral's models take no other ids
_GAP: Final = "\n\n"


@dataclass(slots=True)
class ChatAnswer:
    """One answer in the making.

    Attributes:
        turn_id: of the turn; the answer's id is made of it.
        model: the id that the client named.
        has_usage: the stream ends with the count of tokens.
        has_tools: the client offered tools, and is told of calls.
        has_chances: the client is told how likely the tokens were, as long as they spell the answer.
    """

    turn_id: UUID
    model: str
    has_usage: bool = False
    has_tools: bool = False
    has_chances: bool = False
    created: int = field(default_factory=lambda: int(time.time()))
    is_refused: bool = False  # the guard ended it
    text: str = ""
    reasoning: str = ""
    usage: Usage | None = None
    calls: dict[int, dict[str, Any]] = field(default_factory=dict)
    chances: list[dict[str, Any]] = field(default_factory=list)

    def take(self, event: TurnEvent) -> dict[str, Any]:
        """Take an event and return what is new of the message; empty for what a client is not told.

        Raises:
            GatewayError: there is no answer, or no more of it.
        """
        delta: dict[str, Any] = {}
        match event:
            case AnswerText(text, chances):
                delta = {"content": text} | ({"logprobs": self._told(chances)} if self.has_chances else {})
            case ReasoningText(text):  # the name that DeepSeek, vLLM, LM Studio and llama.cpp use
                delta = {"reasoning_content": text}
            case ToolCallText(number, name, arguments) if self.has_tools:
                delta = {"tool_calls": [self._call_piece(number, name, arguments)]}
            case Blocked(_, words, _):
                self.is_refused = True
                delta = {"content": f"{_GAP}{words}" if self.text else words}
            case Answered():
                self.usage = event.usage
            case Failed(_, words, trouble, retry_after_seconds):
                status, code = TROUBLES[trouble]
                raise GatewayError(status, words, code=code, headers=retry_headers(retry_after_seconds))
            case Interrupted(_, words):
                raise GatewayError(503, words, code="interrupted")
        self.text += delta.get("content", "")
        self.reasoning += delta.get("reasoning_content", "")
        return delta

    def whole(self) -> bytes:
        """Return the answer as one JSON text."""
        message: dict[str, Any] = {"role": "assistant", "content": self.text}
        if self.calls:
            message["content"] = self.text or None
            message["tool_calls"] = [self.calls[number] for number in sorted(self.calls)]
        if self.reasoning:
            message["reasoning_content"] = self.reasoning
        # Of an answer that lacks some nothing is told: which ones are missing would say where something was held back.
        is_spelt = self.chances and "".join(chance["token"] for chance in self.chances) == self.text
        chances = {"content": self.chances, "refusal": None} if is_spelt else None
        choice = {"index": 0, "message": message, "logprobs": chances, "finish_reason": self._reason()}
        return orjson.dumps(self._frame("chat.completion", [choice]) | {"usage": counts_of(self.usage)})

    def _told(self, chances: tuple[TokenChance, ...]) -> dict[str, Any] | None:
        """Return what is told of the tokens of a piece; nothing where there are none."""
        told = [
            {
                "token": chance.token,
                "logprob": chance.logprob,
                "bytes": list(chance.token.encode("utf-8", "replace")),
                "top_logprobs": [],
            }
            for chance in chances
        ]
        self.chances += told
        return {"content": told, "refusal": None} if told else None

    def _call_piece(self, number: int, name: str, arguments: str) -> dict[str, Any]:
        """Return what is new of a call; the first piece of each names it."""
        known = self.calls.get(number)
        if known is None:
            digest = sha256(self.turn_id.bytes + bytes([number])).hexdigest()
            known = {"id": digest[:_ID_CHARS], "type": "function", "function": {"name": "", "arguments": ""}}
            self.calls[number] = known
            piece = {"index": number, **known, "function": {"name": name, "arguments": arguments}}
        else:
            told = {"name": name} if name else {}
            piece = {"index": number, "function": {**told, "arguments": arguments}}
        known["function"]["name"] += name
        known["function"]["arguments"] += arguments
        return piece

    def piece(self, delta: Mapping[str, Any], *, is_first: bool) -> bytes:
        """Return one event of the stream."""
        told = {name: value for name, value in delta.items() if name != "logprobs"}
        whole = {"role": "assistant", "content": "", **told} if is_first else told
        return self._event([{"index": 0, "delta": whole, "logprobs": delta.get("logprobs"), "finish_reason": None}])

    def ending(self) -> Iterator[bytes]:
        """Yield the last events of the stream; the turn's end is durable by now."""
        yield self._event([{"index": 0, "delta": {}, "logprobs": None, "finish_reason": self._reason()}])
        if self.has_usage:
            yield self._event([], usage=counts_of(self.usage))
        yield DONE

    def broken(self, error: GatewayError, reference: str) -> bytes:
        """Return the last event of a stream that cannot go on; clients raise at it."""
        body = error_body(error.status, str(error), reference, code=error.code, param=error.param)
        return b"data: " + orjson.dumps(body) + b"\n\n"

    def _event(self, choices: list[dict[str, Any]], *, usage: dict[str, int] | None = None) -> bytes:
        frame = self._frame("chat.completion.chunk", choices)
        if self.has_usage:
            frame["usage"] = usage
        return b"data: " + orjson.dumps(frame) + b"\n\n"

    def _frame(self, kind: str, choices: list[dict[str, Any]]) -> dict[str, Any]:
        return {
            "id": f"chatcmpl-{self.turn_id.hex}",
            "object": kind,
            "created": self.created,
            "model": self.model,
            "choices": choices,
        }

    def _reason(self) -> str:
        if self.is_refused:
            return HELD_BACK
        reason = _REASONS.get(self.usage.finish_reason, "stop") if self.usage else "stop"
        return "tool_calls" if self.calls and reason == "stop" else reason


def counts_of(usage: Usage | None) -> dict[str, int]:
    """Return the tokens that an answer took by its host's count, zeros without one, in OpenAI's words."""
    usage = usage or Usage()
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.answer_tokens,
        "total_tokens": usage.prompt_tokens + usage.answer_tokens,
    }
