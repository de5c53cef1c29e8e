"""What goes to a host and what comes back, whatever its HTTP looks like: a question, chunks of an answer, a failure."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, NamedTuple, Protocol

import orjson

from connectors.model_hosts.values import NO_WISHES, ChatMessage, TokenChance, ToolCallPiece, Wishes

_MOST_TOKENS: Final = 2**31 - 1  # no window is as large
_MOST_CALLS: Final = 128  # in one answer; each costs its readers a guard of its own
_MOST_LINE_BYTES: Final = 4 << 20  # of a stream; one line holds a word or, at most, a whole tool call
# What servers say that outlive the process of their model: Ollama, LM Studio, vLLM.
_CRASHES: Final = ("model runner has unexpectedly stopped", "model has crashed", "enginecore encountered an issue")


@dataclass(frozen=True, slots=True)
class Question:
    """What a deployment is asked.

    Attributes:
        model: as the host knows it.
        extra: what this kind of host is told beside it, such as Ollama's `num_ctx`.
        body: what stands in the request besides, as it is: how this kind is told to go on from an answer.
    """

    model: str
    messages: Sequence[ChatMessage]
    max_tokens: int
    temperature: float
    wishes: Wishes = NO_WISHES
    extra: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))
    body: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))


class Chunk(NamedTuple):  # a word of every answer is one: this kind is made four times as fast as a frozen dataclass
    """A piece of what a host sent: all that came together.

    Attributes:
        text: may be empty, for example while a model thinks.
        reasoning: what it thinks, where the host tells that apart.
        calls: pieces of its wishes to call tools.
        chances: how likely the tokens of the text were; empty where nobody asked, or where they do not spell it.
        model: which one answers, in the host's words; empty where it does not say.
        finish_reason: set on the piece that ends the answer.
        prompt_tokens, answer_tokens: set once, at the end, by hosts that count.
    """

    text: str = ""
    reasoning: str = ""
    calls: tuple[ToolCallPiece, ...] = ()
    chances: tuple[TokenChance, ...] = ()
    model: str = ""
    finish_reason: str = ""
    prompt_tokens: int = 0
    answer_tokens: int = 0


class CallError(Exception):
    """A call failed.

    Attributes:
        status: the host's status, 0 when there was none.
        is_overlong: the host says that the prompt does not fit its window.
        is_silent: the model worked, by the host's own count, and said nothing that could be shown.
        is_cut: the host had the request, and the connection ended without an end of the answer.
        is_crash: the host says that the process of its model died over it.
        is_remote: the host says that somebody else's machines answered.
        other_model: which of its models the host answered with, instead of the one that was asked.
    """

    def __init__(
        self,
        status: int,
        *,
        is_overlong: bool = False,
        is_silent: bool = False,
        is_cut: bool = False,
        is_crash: bool = False,
        is_remote: bool = False,
        other_model: str = "",
    ) -> None:
        super().__init__(f"status {status}")
        self.is_silent = is_silent
        self.status = status
        self.is_overlong = is_overlong
        self.is_cut = is_cut
        self.is_crash = is_crash
        self.is_remote = is_remote
        self.other_model = other_model


class AnswerReader(ABC):
    """Reads one streamed answer, line by line.

    Attributes:
        is_whole: the host said that the answer is at its end.
        is_over: nothing follows, not even counts.
        failure: what is to be raised after what came before it.
    """

    def __init__(self) -> None:
        self._lines = Lines()
        self.is_whole = False
        self.is_over = False
        self.failure: Exception | None = None

    def feed(self, data: bytes) -> Chunk | None:
        """Take what arrived and return all of the answer that is in it; None if that is nothing.

        Raises:
            CallError: the host says that it failed, and nothing came before.
            ValueError: this is no answer, likewise.
        """
        chunks: list[Chunk] = []
        try:
            for line in self._lines.feed(data):
                chunk = None if self.is_over else self.read_line(line)
                if chunk is not None:
                    chunks.append(chunk)
        except (ValueError, CallError) as error:
            if not chunks:
                raise
            self.failure = error
        return joined(chunks)

    @abstractmethod
    def read_line(self, line: bytes) -> Chunk | None:
        """Read one line; None if it holds nothing."""


class Wire(Protocol):
    """How one family of hosts is spoken to."""

    @property
    def path(self) -> str:
        """Return where answers are asked for, below the deployment's `api_base`."""
        ...

    @property
    def embed_path(self) -> str:
        """Return where embeddings are asked for."""
        ...

    def body(self, question: Question) -> bytes:
        """Return the request for a streamed answer."""
        ...

    def reader(self) -> AnswerReader:
        """Return what reads the answer."""
        ...

    def embed_body(self, model: str, texts: Sequence[str], dimensions: int | None) -> bytes:
        """Return the request for embeddings."""
        ...

    def read_embeddings(self, raw: bytes) -> tuple[list[list[float]], int]:
        """Return the vectors in the order of the texts, and how many tokens the host counted.

        Raises:
            ValueError: this is no such answer.
        """
        ...


class Lines:
    """Cut a stream into lines.

    Raises:
        ValueError: while it is fed, in a line that never ends.
    """

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[bytes]:
        """Take bytes and return the lines that are complete."""
        lines = (self._rest + data).split(b"\n") if self._rest else data.split(b"\n")
        self._rest = lines.pop()
        if len(self._rest) > _MOST_LINE_BYTES:
            raise ValueError("a line of the answer does not end")
        return lines


class CallNumbers:
    """Number the tool calls of one answer, for an index alone does not tell them apart on every host."""

    def __init__(self) -> None:
        self._open: dict[int, tuple[str, int]] = {}  # index of the host -> id and number
        self._given = 0

    def number(self, index: int, call_id: str) -> int:
        """Return the number of the call that a piece belongs to.

        Raises:
            ValueError: there are more calls than any answer needs.
        """
        known = self._open.get(index)
        if known is None or (call_id and known[0] and call_id != known[0]):
            known = self._open[index] = (call_id, self.following())
        return known[1]

    def following(self) -> int:
        """Return the number of a call that comes whole.

        Raises:
            ValueError: there are more calls than any answer needs.
        """
        if self._given == _MOST_CALLS:
            raise ValueError("too many tool calls")
        self._given += 1
        return self._given - 1


def joined(chunks: Iterable[Chunk]) -> Chunk | None:
    """Make one chunk of those that came together; None of none."""
    present = list(chunks)
    if len(present) <= 1:
        return present[0] if present else None
    text = "".join([chunk.text for chunk in present])
    if all(chunk == (chunk.text, "", (), (), chunk.model, "", 0, 0) for chunk in present):  # as nearly always
        return Chunk(text, model=_last([chunk.model for chunk in present]))
    chances = tuple([chance for chunk in present for chance in chunk.chances])
    return Chunk(
        text=text,
        reasoning="".join([chunk.reasoning for chunk in present]),
        calls=_joined_calls([piece for chunk in present for piece in chunk.calls]),
        chances=chances if "".join([chance.token for chance in chances]) == text else (),
        model=_last([chunk.model for chunk in present]),
        finish_reason=_last([chunk.finish_reason for chunk in present]),
        prompt_tokens=max(chunk.prompt_tokens for chunk in present),
        answer_tokens=max(chunk.answer_tokens for chunk in present),
    )


def _joined_calls(pieces: Iterable[ToolCallPiece]) -> tuple[ToolCallPiece, ...]:
    """Join pieces that follow each other in one call, so that a burst costs its readers one piece a call."""
    joined_pieces: list[ToolCallPiece] = []
    for piece in pieces:
        if joined_pieces and joined_pieces[-1].number == piece.number:
            last = joined_pieces.pop()
            piece = ToolCallPiece(piece.number, last.name or piece.name, last.arguments + piece.arguments)  # noqa: PLW2901
        joined_pieces.append(piece)
    return tuple(joined_pieces)


def _last(words: Sequence[str]) -> str:
    return next((word for word in reversed(words) if word), "")


def is_crash_told(words: object) -> bool:
    """Tell whether a host's words say that the process of its model died; nothing of them is kept."""
    told = words.get("message") if isinstance(words, dict) else words
    return isinstance(told, str) and any(phrase in told.lower() for phrase in _CRASHES)


def refuse_remote(told: Mapping[str, object]) -> None:
    """Refuse what an Ollama host had from somebody else's machines: a look may be older than the model that forwards.

    Raises:
        CallError: it says so.
    """
    if told.get("remote_host") or told.get("remote_model"):
        raise CallError(0, is_remote=True)


def text_in(holder: Mapping[str, object], name: str) -> str:
    """Return a text of a host's answer, an empty one for anything else."""
    value = holder.get(name)
    return value if isinstance(value, str) else ""


def arguments_in(function: Mapping[str, object]) -> str:
    """Return the arguments of a call as JSON text, in whichever of the two forms a host gives them."""
    value = function.get("arguments")
    if isinstance(value, dict):
        return orjson.dumps(value).decode()
    return value if isinstance(value, str) else ""


def tokens_in(holder: Mapping[str, object], name: str) -> int:
    """Return a host's count, which may be anything, as a number of tokens that can be one."""
    value = holder.get(name)
    return min(max(value, 0), _MOST_TOKENS) if isinstance(value, int) and not isinstance(value, bool) else 0


def vectors_in(rows: object, wanted: int | None = None) -> list[list[float]]:
    """Return a host's vectors.

    Raises:
        ValueError: they are none, or not as many as were asked for.
    """
    if not isinstance(rows, list) or not rows or (wanted is not None and len(rows) != wanted):
        raise ValueError("no vectors")
    for row in rows:
        if not isinstance(row, list) or not row or not all(isinstance(number, int | float) for number in row):
            raise ValueError("no vector")
    return rows
