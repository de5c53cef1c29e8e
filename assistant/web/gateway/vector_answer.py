"""Vectors as OpenAI's API tells them: numbers, or the bytes of numbers.

Source: https://platform.openai.com/docs/api-reference/embeddings/object
"""

from __future__ import annotations

import struct
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import orjson

from assistant.turn_events import Answered, Blocked, Failed, Interrupted, TurnEvent
from assistant.web.gateway.refusals import HELD_BACK, TROUBLES, GatewayError, retry_headers
from connectors.model_hosts.values import Usage, Vectors


@dataclass(slots=True)
class VectorAnswer:
    """The answer to one request for vectors; there is no half of one, so it is never a stream.

    Attributes:
        model: the id that the client named.
        is_base64: the client wants each vector as its bytes, four a number, the lowest first.
    """

    model: str
    is_base64: bool = False
    vectors: Vectors | None = None
    usage: Usage | None = None

    def take(self, event: TurnEvent) -> dict[str, str]:
        """Take an event; there is nothing to tell before the end.

        Raises:
            GatewayError: there are no vectors.
        """
        match event:
            case Answered():
                self.vectors, self.usage = event.vectors, event.usage
            case Blocked(_, words, _):  # a vector of something else would be a silent lie
                raise GatewayError(400, words, code=HELD_BACK, param="input")
            case Failed(_, words, trouble, retry_after_seconds):
                status, code = TROUBLES[trouble]
                raise GatewayError(status, words, code=code, headers=retry_headers(retry_after_seconds))
            case Interrupted(_, words):
                raise GatewayError(503, words, code="interrupted")
        return {}

    def whole(self) -> bytes:
        """Return the answer as one JSON text."""
        rows = self.vectors.rows if self.vectors is not None else ()
        data = [
            {"object": "embedding", "index": number, "embedding": _bytes_of(row) if self.is_base64 else row}
            for number, row in enumerate(rows)
        ]
        tokens = self.usage.prompt_tokens if self.usage is not None else 0
        usage = {"prompt_tokens": tokens, "total_tokens": tokens}
        return orjson.dumps({"object": "list", "data": data, "model": self.model, "usage": usage})

    def piece(self, delta: Mapping[str, str], *, is_first: bool) -> bytes:
        """Return nothing: it is no stream."""
        del delta, is_first
        return b""

    def ending(self) -> Iterator[bytes]:
        """Yield nothing: it is no stream."""
        yield from ()

    def broken(self, error: GatewayError, reference: str) -> bytes:
        """Return nothing: it is no stream."""
        del error, reference
        return b""


def _bytes_of(row: Sequence[float]) -> str:
    return b64encode(struct.pack(f"<{len(row)}f", *row)).decode()
