"""What becomes of a host's chunks: the items of an answer, and how it ended."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from connectors.model_hosts.choosing.choice import spaced
from connectors.model_hosts.values import AnswerItem, ChatMessage, Reasoning, Token, Usage, Vectors, least_tokens
from connectors.model_hosts.wire import CallError, Chunk

_UNPROCESSABLE = 422
_LARGEST_SINGLE = 3.4028234e38  # of four bytes, in which clients take them
_CUT_SHARE = 0.9  # a host that counts fewer prompt tokens than this share of the words has not read them all


def items_of(chunk: Chunk) -> Iterator[AnswerItem]:
    """Yield what a chunk holds: first the thought, then what follows from it."""
    if chunk.reasoning:
        yield Reasoning(chunk.reasoning)
    if chunk.text:
        yield Token(chunk.text, chunk.chances)
    yield from chunk.calls


def chars_of(chunk: Chunk) -> int:
    """Count the characters of everything that a chunk holds."""
    calls = sum(len(piece.name) + len(piece.arguments) for piece in chunk.calls)
    return len(chunk.text) + len(chunk.reasoning) + calls


def latest(before: Chunk, chunk: Chunk) -> Chunk:
    """Keep of two chunks what the end of the answer needs; of text and calls only that there were some."""
    return Chunk(
        text="text" if before.text or chunk.text.strip() else "",
        calls=before.calls or chunk.calls[:1],
        finish_reason=chunk.finish_reason or before.finish_reason,
        prompt_tokens=chunk.prompt_tokens or before.prompt_tokens,
        answer_tokens=chunk.answer_tokens or before.answer_tokens,
    )


def usage_of(host: str, last: Chunk, messages: Sequence[ChatMessage]) -> Usage:
    """Say how an answer ended, and whether the host read the whole prompt."""
    least = least_tokens(messages)
    is_truncated = 0 < last.prompt_tokens < _CUT_SHARE * least
    note = (
        f"{host} read {spaced(last.prompt_tokens)} tokens of a prompt of at least "
        f"{spaced(least)}: it did not see all of it. Shorten the text or start a new thread."
    )
    return Usage(
        prompt_tokens=last.prompt_tokens,
        answer_tokens=last.answer_tokens,
        finish_reason=last.finish_reason or "stop",
        is_truncated=is_truncated,
        note=note if is_truncated else "",
    )


def vectors_of(rows: Sequence[Sequence[float]], tokens: int, dimensions: int | None) -> Vectors:
    """Return a host's vectors as they may be given out.

    Raises:
        CallError: they differ in length, are not of the length that was asked for, or hold what is no small number.
    """
    lengths = {len(row) for row in rows}
    if dimensions is not None and lengths != {dimensions}:
        raise CallError(_UNPROCESSABLE)  # the model has one length only: not a failure for which its host should rest
    if len(lengths) != 1:
        raise CallError(0)
    if any(type(number) is bool or not abs(number) <= _LARGEST_SINGLE for row in rows for number in row):
        raise CallError(0)
    return Vectors(tuple(tuple(map(float, row)) for row in rows), tokens)
