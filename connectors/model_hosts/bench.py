"""Measure a model on a host as prompts reach it: first token, speed of reading, speed of writing.

The prompts are ours, made of numbers and a few words; nothing that anybody wrote is sent.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from statistics import median
from typing import Final

from connectors.errors import HostError, NoRouteError
from connectors.model_hosts.capacity.placing import Place, Weights
from connectors.model_hosts.capacity.speed import reading_bound, writing_bound
from connectors.model_hosts.catalogue import Fleet, Host
from connectors.model_hosts.hosts import ModelHosts
from connectors.model_hosts.quote import QuotedPassage
from connectors.model_hosts.values import Capability, ChatMessage, Need, Route, Token, Usage, most_tokens

RUNS: Final = 3
_WARM_TOKENS: Final = 8
_SHORT_WORDS: Final = 8
_BYTES_A_WORD: Final = 6.0  # of ours, with the blank; the host's own count is what is measured with


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured, in the middle of several runs.

    Attributes:
        prompt_tokens, answer_tokens: of one run, as the host counted them.
        first_token_seconds: for that prompt.
        reading_per_second: tokens of the prompt, beside what a short one takes; 0 where that was too fast to tell.
        writing_per_second: tokens of the answer, from the first to the last.
        reading_bound, writing_bound: what no engine passes, by the planner; 0 where too little is known.
    """

    host: str
    model: str
    prompt_tokens: int
    answer_tokens: int
    first_token_seconds: float
    reading_per_second: float
    writing_per_second: float
    reading_bound: float = 0.0
    writing_bound: float = 0.0


class BenchError(Exception):
    """Nothing can be measured; the message says why."""


@dataclass(frozen=True, slots=True)
class _Run:
    prompt_tokens: int
    answer_tokens: int
    first_seconds: float
    writing_seconds: float


async def measure(
    host: Host, model: str, *, prompt_tokens: int, answer_tokens: int, patience_seconds: float = 300.0
) -> Measured:
    """Measure one model on one host, which should have nothing else to do.

    Args:
        host: the host.
        model: its public name.
        prompt_tokens: about how long the prompt is; the host's own count is reported.
        answer_tokens: how much is written.
        patience_seconds: until a first token; the first one may wait for the model to be loaded.

    Raises:
        BenchError: the host does not answer, or has no room for as much.
    """
    hosts = ModelHosts(
        Fleet((host,)),
        retriever=_no_passages,
        first_token_timeout_seconds=patience_seconds,
        stall_timeout_seconds=patience_seconds,
    )
    try:
        await hosts.start()
        await _run(hosts, model, _prompt(_SHORT_WORDS), _WARM_TOKENS)  # loads what is not in memory
        short = [await _run(hosts, model, _prompt(_SHORT_WORDS), _WARM_TOKENS) for _ in range(RUNS)]
        words = max(_SHORT_WORDS, int(prompt_tokens * 3 / _BYTES_A_WORD))
        long = [await _run(hosts, model, _prompt(words), answer_tokens) for _ in range(RUNS)]
    except (NoRouteError, HostError) as error:
        raise BenchError(str(error)) from None
    finally:
        await hosts.close()
    return _with_bounds(_summed_up(host.name, model, short, long), host, model)


def _summed_up(host: str, model: str, short: Sequence[_Run], long: Sequence[_Run]) -> Measured:
    first_seconds = median(run.first_seconds for run in long)
    more_tokens = median(run.prompt_tokens for run in long) - median(run.prompt_tokens for run in short)
    more_seconds = first_seconds - median(run.first_seconds for run in short)
    writing = [(run.answer_tokens - 1) / run.writing_seconds for run in long if run.writing_seconds > 0]
    return Measured(
        host=host,
        model=model,
        prompt_tokens=int(median(run.prompt_tokens for run in long)),
        answer_tokens=int(median(run.answer_tokens for run in long)),
        first_token_seconds=first_seconds,
        reading_per_second=more_tokens / more_seconds if more_tokens > 0 and more_seconds > 0 else 0.0,
        writing_per_second=median(writing) if writing else 0.0,
    )


def _with_bounds(measured: Measured, host: Host, model: str) -> Measured:
    declared = next((each for each in host.models if each.public_name == model), None)
    weights = Weights.of(declared) if declared is not None else None
    if weights is None:
        return measured
    place = Place.of_host(host)
    return replace(measured, reading_bound=reading_bound(weights, place), writing_bound=writing_bound(weights, place))


async def _run(hosts: ModelHosts, model: str, messages: Sequence[ChatMessage], answer_tokens: int) -> _Run:
    need = Need((model,), Capability.CHAT, prompt_tokens=most_tokens(messages), answer_tokens=answer_tokens)
    async with hosts.seat(need) as route:
        return await _run_on(route, hosts, messages, answer_tokens)


async def _run_on(route: Route, hosts: ModelHosts, messages: Sequence[ChatMessage], answer_tokens: int) -> _Run:
    loop = asyncio.get_running_loop()
    asked_at = loop.time()
    first_at = last_at = 0.0
    pieces = 0
    usage = Usage()
    answer = hosts.ask(route, messages, max_tokens=answer_tokens, temperature=0.0, reader="")
    async with aclosing(answer):
        async for item in answer:
            if isinstance(item, Usage):
                usage = item
                continue
            last_at = loop.time()
            first_at = first_at or last_at
            pieces += isinstance(item, Token)
    return _Run(
        prompt_tokens=usage.prompt_tokens or most_tokens(messages),
        answer_tokens=usage.answer_tokens or pieces,
        first_seconds=first_at - asked_at,
        writing_seconds=last_at - first_at,
    )


def _prompt(words: int) -> tuple[ChatMessage, ...]:
    """Return a prompt that no cache of the host has seen: its beginning is new each time."""
    numbers = " ".join(f"{secrets.randbelow(90_000) + 10_000}" for _ in range(words))
    return (ChatMessage("user", f"{numbers}\nWrite a long story about these numbers."),)


async def _no_passages(question: str, reader: str) -> Sequence[QuotedPassage]:
    del question, reader  # numbers are measured with; nothing is looked up
    return ()
