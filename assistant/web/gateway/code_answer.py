"""A completion as OpenAI's, Mistral's and llama.cpp's APIs tell it: pieces of a stream, or one whole filling.

A refusal has no text: an editor would offer its words as code. The reason stands beside it.
"""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

import orjson

from assistant.turn_events import Answered, AnswerText, Blocked, Failed, Interrupted, TurnEvent
from assistant.web.api_errors import error_body
from assistant.web.gateway.chat_answer import DONE, counts_of
from assistant.web.gateway.refusals import HELD_BACK, TROUBLES, GatewayError, retry_headers
from connectors.model_hosts.values import Usage

_PIECE: Final = "chat.completion.chunk"


@dataclass(slots=True)
class CodeAnswer:
    """One filling in the making.

    Attributes:
        turn_id: of the turn; the filling's id is made of it.
        model: the id that the client named.
        has_usage: a stream ends with the count of tokens.
        refusal: why the guard let nothing (more) pass; empty if it did.
    """

    turn_id: UUID
    model: str
    has_usage: bool = False
    created: int = field(default_factory=lambda: int(time.time()))
    text: str = ""
    refusal: str = ""
    usage: Usage | None = None

    def take(self, event: TurnEvent) -> dict[str, str]:
        """Take an event and return what is new of the text; empty for what a client is not told.

        Raises:
            GatewayError: there is no filling, or no more of it.
        """
        match event:
            case AnswerText(text):
                self.text += text
                return {"text": text}
            case Blocked(_, words, _):
                self.refusal = words
            case Answered():
                self.usage = event.usage
            case Failed(_, words, trouble, retry_after_seconds):
                status, code = TROUBLES[trouble]
                raise GatewayError(status, words, code=code, headers=retry_headers(retry_after_seconds))
            case Interrupted(_, words):
                raise GatewayError(503, words, code="interrupted")
        return {}

    @abstractmethod
    def whole(self) -> bytes:
        """Return the filling as one JSON text."""

    @abstractmethod
    def piece(self, delta: Mapping[str, str], *, is_first: bool) -> bytes:
        """Return one event of the stream."""

    @abstractmethod
    def ending(self) -> Iterator[bytes]:
        """Yield the last events of the stream; the turn's end is durable by now."""

    def broken(self, error: GatewayError, reference: str) -> bytes:
        """Return the last event of a stream that cannot go on; clients raise at it."""
        return _event(error_body(error.status, str(error), reference, code=error.code, param=error.param))

    @property
    def is_cut(self) -> bool:
        """Tell whether it ended at its longest."""
        return self.usage is not None and self.usage.finish_reason == "length"

    @property
    def counted(self) -> Usage:
        """Return the host's count, zeros without one."""
        return self.usage or Usage()

    @property
    def reason(self) -> str:
        """Return why it ended, in OpenAI's words, which are Mistral's."""
        if self.refusal:
            return HELD_BACK
        return "length" if self.is_cut else "stop"


@dataclass(slots=True)
class CompletionAnswer(CodeAnswer):
    """A filling in OpenAI's form.

    Source: https://platform.openai.com/docs/api-reference/completions/object
    """

    def whole(self) -> bytes:
        """Return the filling as one JSON text."""
        return orjson.dumps(self._frame([self._choice(self.text, self.reason)]) | {"usage": counts_of(self.usage)})

    def piece(self, delta: Mapping[str, str], *, is_first: bool) -> bytes:
        """Return one event of the stream."""
        del is_first
        return self._chunk([self._choice(delta.get("text", ""), None)])

    def ending(self) -> Iterator[bytes]:
        """Yield the last events of the stream; the turn's end is durable by now."""
        yield self._chunk([self._choice("", self.reason)])
        if self.has_usage:
            yield self._chunk([], usage=counts_of(self.usage))
        yield DONE

    def _chunk(self, choices: list[dict[str, Any]], *, usage: dict[str, int] | None = None) -> bytes:
        frame = self._frame(choices)
        return _event(frame | {"usage": usage} if self.has_usage else frame)

    def _frame(self, choices: list[dict[str, Any]]) -> dict[str, Any]:
        return {
            "id": f"cmpl-{self.turn_id.hex}",
            "object": "text_completion",
            "created": self.created,
            "model": self.model,
            "choices": choices,
        }

    def _choice(self, text: str, reason: str | None) -> dict[str, Any]:
        choice = {"index": 0, "text": text, "logprobs": None, "finish_reason": reason}
        return choice | {"refusal": self.refusal} if self.refusal and reason else choice


@dataclass(slots=True)
class FimAnswer(CodeAnswer):
    """A filling in Mistral's form, which is that of its chat.

    Source: https://docs.mistral.ai/api, "Fim Completion".
    """

    def whole(self) -> bytes:
        """Return the filling as one JSON text."""
        message = {"role": "assistant", "content": self.text, "tool_calls": None} | self._refused
        choice = {"index": 0, "message": message, "finish_reason": self.reason}
        return orjson.dumps(self._frame("chat.completion", choice) | {"usage": counts_of(self.usage)})

    def piece(self, delta: Mapping[str, str], *, is_first: bool) -> bytes:
        """Return one event of the stream."""
        told = ({"role": "assistant"} if is_first else {}) | {"content": delta.get("text", "")}
        return _event(self._frame(_PIECE, {"index": 0, "delta": told, "finish_reason": None}))

    def ending(self) -> Iterator[bytes]:
        """Yield the last events of the stream; the turn's end is durable by now."""
        choice = {"index": 0, "delta": {"content": ""} | self._refused, "finish_reason": self.reason}
        yield _event(self._frame(_PIECE, choice) | {"usage": counts_of(self.usage)})
        yield DONE

    def _frame(self, kind: str, choice: dict[str, Any]) -> dict[str, Any]:
        return {
            "id": self.turn_id.hex,
            "object": kind,
            "created": self.created,
            "model": self.model,
            "choices": [choice],
        }

    @property
    def _refused(self) -> dict[str, str]:
        return {"refusal": self.refusal} if self.refusal else {}


@dataclass(slots=True)
class InfillAnswer(CodeAnswer):
    """A filling in llama.cpp's form.

    Source: tools/server/README.md of llama.cpp, "POST /completion" and "POST /infill".
    """

    def whole(self) -> bytes:
        """Return the filling as one JSON text."""
        return orjson.dumps({"content": self.text, **self._end})

    def piece(self, delta: Mapping[str, str], *, is_first: bool) -> bytes:
        """Return one event of the stream."""
        del is_first
        return _event({"index": 0, "content": delta.get("text", ""), "stop": False})

    def ending(self) -> Iterator[bytes]:
        """Yield the last event of the stream; the turn's end is durable by now."""
        yield _event({"index": 0, "content": "", **self._end})

    @property
    def _end(self) -> dict[str, Any]:
        usage = self.counted
        end = {
            "stop": True,
            "stop_type": "limit" if self.is_cut else "eos",
            "model": self.model,
            "tokens_evaluated": usage.prompt_tokens,
            "tokens_predicted": usage.answer_tokens,
            "truncated": False,
        }
        return end | {"stop_type": "none", "refusal": self.refusal} if self.refusal else end


def _event(value: Mapping[str, Any]) -> bytes:
    return b"data: " + orjson.dumps(value) + b"\n\n"
