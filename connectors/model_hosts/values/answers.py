"""What comes of a deployment: the items of an answer, or vectors."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Vectors:
    """What an embedding model makes of texts: one vector each, in their order.

    Attributes:
        tokens: of all texts as the host counted them; 0 if it did not.
    """

    rows: tuple[tuple[float, ...], ...]
    tokens: int = 0


@dataclass(frozen=True, slots=True)
class TokenChance:
    """How likely a token was, as its natural logarithm."""

    token: str
    logprob: float


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of an answer; several tokens of the model that came together are one of these.

    Attributes:
        chances: of the tokens that it is made of, which spell it; empty where nobody asked or the host did not say.
    """

    text: str
    chances: tuple[TokenChance, ...] = ()


@dataclass(frozen=True, slots=True)
class Reasoning:
    """A piece of what a model thinks before, or between, what it says."""

    text: str


@dataclass(frozen=True, slots=True)
class ToolCallPiece:
    """A piece of a model's wish to call a tool.

    Attributes:
        number: of the call in this answer, from 0; the pieces of several calls may alternate.
        name: of the tool; comes with the first piece, later ones leave it empty.
        arguments: the next characters of a JSON text.
    """

    number: int
    name: str = ""
    arguments: str = ""


@dataclass(frozen=True, slots=True)
class Loading:
    """The host reads the model into memory first; comes before everything else of an answer.

    Attributes:
        seconds: how long that took the last time; 0 before it was seen.
    """

    host: str
    model: str
    seconds: float = 0.0

    @property
    def words(self) -> str:
        """Say it to who waits."""
        about = f", about {self.seconds:.0f} s" if self.seconds >= 1 else ""
        return f"{self.host} is loading {self.model}{about}"


@dataclass(frozen=True, slots=True)
class Usage:
    """How an answer ended; always the last item of its stream.

    Attributes:
        prompt_tokens, answer_tokens: as the host counted them; 0 when it did not say.
        finish_reason: `stop`, `length` (the answer was cut at its limit) or what the host said.
        is_truncated: the host read less than the whole prompt.
        note: what the person should know about that; empty when nothing is worth saying.
    """

    prompt_tokens: int = 0
    answer_tokens: int = 0
    finish_reason: str = "stop"
    is_truncated: bool = False
    note: str = ""


AnswerItem = Loading | Token | Reasoning | ToolCallPiece | Usage
