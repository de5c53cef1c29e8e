"""Have a prompt answered by one deployment: carried, read with patience, measured, told whole from torn."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from connectors.model_hosts.asking.answer import chars_of, items_of, latest, usage_of
from connectors.model_hosts.asking.patience import SitePatience
from connectors.model_hosts.asking.stream import Tempo, paced
from connectors.model_hosts.choosing.breaker import Breaker
from connectors.model_hosts.choosing.load import Load
from connectors.model_hosts.router import LitellmRouter
from connectors.model_hosts.values import LONGEST_TOKEN_CHARS, AnswerItem, ChatMessage, Token, Wishes, most_tokens
from connectors.model_hosts.watching.watch import Deployment
from connectors.model_hosts.wire import CallError, Chunk


@dataclass(frozen=True, slots=True)
class Asking:
    """What a deployment is asked.

    Attributes:
        messages: the prompt, as the guard let it through; with `is_begun` the last one is the beginning of the answer.
        max_tokens: longest answer.
        temperature: 0 for the likeliest words.
        wishes: how words are chosen otherwise.
        held_tokens: how much of the prompt the deployment has in its cache.
    """

    messages: Sequence[ChatMessage]
    max_tokens: int
    temperature: float
    wishes: Wishes
    is_begun: bool = False
    held_tokens: int = 0


class Answerer:
    """Asks model hosts for answers.

    Args:
        router: carries prompts.
        patience: how long each deployment is waited for.
        breaker: hears of first tokens.
    """

    def __init__(self, router: LitellmRouter, patience: SitePatience, breaker: Breaker) -> None:
        self._router = router
        self._patience = patience
        self._breaker = breaker
        self._tempo = Tempo()

    async def answer(self, deployment: Deployment, load: Load, asking: Asking) -> AsyncGenerator[AnswerItem, None]:
        """Yield what a deployment answers, and then its `Usage`.

        Raises:
            CallError: the host refused, failed, broke off, or answered with another model.
            SilenceError: it said nothing for too long.
        """
        chunks = self._chunks(deployment, load, asking)
        loop = asyncio.get_running_loop()
        asked_at = loop.time()
        first_at = 0.0
        last = Chunk()
        room_chars = asking.max_tokens * LONGEST_TOKEN_CHARS
        is_crowded = load.in_flight > deployment.slots or deployment.queued > 0  # then it waits for others as well
        load.starting += 1
        try:
            async with aclosing(chunks):
                async for chunk in chunks:
                    if not first_at:
                        first_at = loop.time()
                        load.starting -= 1
                        self._breaker.answers(deployment.id)
                        _measure(deployment, load, asking, first_at - asked_at, is_crowded=is_crowded)
                    if chunk.model and deployment.is_another(chunk.model):
                        raise CallError(0, other_model=chunk.model)
                    last = latest(last, chunk)
                    if chars_of(chunk) > room_chars:  # a host that ignores its limit writes for ever
                        last = last._replace(finish_reason="length")
                        yield Token(chunk.text[:room_chars])
                        break
                    room_chars -= chars_of(chunk)
                    for item in items_of(chunk):
                        yield item
        finally:
            load.starting -= not first_at
        if _is_none(last, asking):
            raise CallError(0, is_silent=last.answer_tokens > 0)
        load.succeeded(answer_tokens=last.answer_tokens, seconds=loop.time() - first_at)
        yield usage_of(deployment.host.name, last, asking.messages)

    def _chunks(self, deployment: Deployment, load: Load, asking: Asking) -> AsyncGenerator[Chunk, None]:
        source = self._router.stream(
            deployment.id,
            asking.messages,
            max_tokens=asking.max_tokens,
            temperature=asking.temperature,
            wishes=asking.wishes,
            is_begun=asking.is_begun,
        )
        return paced(
            source,
            first_timeout_seconds=self._patience.first_seconds(deployment, load, most_tokens(asking.messages)),
            stall_timeout_seconds=self._patience.of(deployment).stall,
            tempo=self._tempo,
        )


def _measure(deployment: Deployment, load: Load, asking: Asking, seconds: float, *, is_crowded: bool) -> None:
    """Note how long a first token took, by what it waited for."""
    if not deployment.is_loaded:
        load.loaded(seconds)
    elif not is_crowded:
        new_tokens = max(0, most_tokens(asking.messages) - asking.held_tokens)  # what a cache holds is not read
        load.began(prompt_tokens=new_tokens, seconds=seconds)


def _is_none(last: Chunk, asking: Asking) -> bool:
    """Tell whether what came is no answer: one of reasoning alone, or one of calls where nobody offered a tool.

    A stop may be its first word, its limit may end it in mid-thought, of what a tool gave there may be nothing to say,
    and an answer that was gone on from may have been whole.
    """
    has_called = asking.wishes.may_call and bool(last.calls)
    is_of_tool = asking.messages[-1].role == "tool"
    may_be_empty = bool(asking.wishes.stop) or asking.is_begun or is_of_tool or last.finish_reason == "length"
    return not last.text and not has_called and not may_be_empty
