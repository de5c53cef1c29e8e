"""What hosts send, whichever client carries it: pieces of an answer, or a failure."""

from __future__ import annotations

from dataclasses import dataclass

from connectors.model_hosts.values import ToolCallPiece


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of what a host sent.

    Attributes:
        text: may be empty, for example while a model thinks.
        reasoning: what it thinks, where the host tells that apart.
        calls: pieces of its wishes to call tools.
        model: which one answers, in the host's words; empty where it does not say.
        finish_reason: set on the piece that ends the answer.
        prompt_tokens, answer_tokens: set once, at the end, by hosts that count.
    """

    text: str = ""
    reasoning: str = ""
    calls: tuple[ToolCallPiece, ...] = ()
    model: str = ""
    finish_reason: str = ""
    prompt_tokens: int = 0
    answer_tokens: int = 0


class CallError(Exception):
    """A call failed.

    Attributes:
        status: the host's status, 0 when there was none.
        is_overlong: the host says that the prompt does not fit its window.
        other_model: which of its models the host answered with, instead of the one that was asked.
    """

    def __init__(self, status: int, *, is_overlong: bool = False, other_model: str = "") -> None:
        super().__init__(f"status {status}")
        self.status = status
        self.is_overlong = is_overlong
        self.other_model = other_model
