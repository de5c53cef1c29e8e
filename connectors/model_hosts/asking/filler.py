"""Have a gap filled by one deployment: asked in its way, read with patience, ended where a filling ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing

from connectors.model_hosts.asking.answer import latest
from connectors.model_hosts.asking.patience import SitePatience
from connectors.model_hosts.asking.stream import paced
from connectors.model_hosts.catalogue import Host
from connectors.model_hosts.choosing.breaker import Breaker
from connectors.model_hosts.choosing.load import Load
from connectors.model_hosts.code_models import format_of
from connectors.model_hosts.fim.client import FillingClient
from connectors.model_hosts.fim.ending import Ending, EndRules
from connectors.model_hosts.fim.filling import Asked
from connectors.model_hosts.fim.prompts import harmless
from connectors.model_hosts.fim.window import gap_tokens
from connectors.model_hosts.values import LONGEST_TOKEN_CHARS, AnswerItem, Gap, Token, Usage, Wishes
from connectors.model_hosts.watching.watch import Deployment
from connectors.model_hosts.wire import CallError, Chunk


class Filler:
    """Asks model hosts to fill gaps.

    Args:
        patience: how long each deployment is waited for.
        breaker: hears of first tokens.
    """

    def __init__(self, patience: SitePatience, breaker: Breaker) -> None:
        self._patience = patience
        self._breaker = breaker
        self._client = FillingClient()

    def allow(self, hosts: Iterable[Host]) -> None:
        """Reach these hosts from now on."""
        self._client.allow(hosts)

    async def close(self) -> None:
        """Close every connection."""
        await self._client.close()

    async def fill(
        self,
        deployment: Deployment,
        load: Load,
        gap: Gap,
        *,
        max_tokens: int,
        temperature: float,
        wishes: Wishes,
    ) -> AsyncGenerator[AnswerItem, None]:
        """Yield what a deployment writes into a gap, up to where the filling ends, and then its `Usage`.

        Args:
            deployment: who is asked.
            load: what is known of its work.
            gap: what is filled.
            max_tokens: longest filling.
            temperature: 0 for the likeliest words.
            wishes: how words are chosen otherwise.

        Raises:
            CallError: the host refused, failed or broke off.
            SilenceError: it said nothing for too long.
        """
        asked = _asked(deployment, gap, max_tokens=max_tokens, temperature=temperature, wishes=wishes)
        ending = Ending(EndRules.of(gap, asked.stops))
        chunks = paced(
            self._client.stream(deployment.host, deployment.kind.filling_calls(asked)),
            first_timeout_seconds=self._patience.first_seconds(deployment, load, gap_tokens(gap)),
            stall_timeout_seconds=self._patience.of(deployment).stall,
        )
        timing = _Timing(load)
        last = Chunk()
        try:
            async with aclosing(chunks):
                async for chunk in chunks:
                    if timing.heard(prompt_tokens=gap_tokens(gap), is_loaded=deployment.is_loaded):
                        self._breaker.answers(deployment.id)
                    if chunk.model and deployment.is_another(chunk.model):
                        raise CallError(0, other_model=chunk.model)
                    last = latest(last, chunk)
                    if text := ending.feed(chunk.text):
                        yield Token(text)
                    if ending.is_over:
                        last = last._replace(finish_reason="stop")
                        break
                    if ending.chars > max_tokens * LONGEST_TOKEN_CHARS:  # a host that ignores its limit
                        last = last._replace(finish_reason="length")
                        break
        finally:
            timing.end()
        if text := ending.close():
            yield Token(text)
        load.succeeded(answer_tokens=last.answer_tokens, seconds=timing.answer_seconds)
        yield Usage(last.prompt_tokens, last.answer_tokens, last.finish_reason or "stop")


def _asked(deployment: Deployment, gap: Gap, *, max_tokens: int, temperature: float, wishes: Wishes) -> Asked:
    known = format_of(deployment.model.code_name)
    return Asked(
        model=deployment.model.name,
        known=known,
        gap=harmless(gap, known),
        window_tokens=deployment.context_tokens,
        max_tokens=max_tokens,
        temperature=temperature,
        wishes=wishes,
        stops=tuple(dict.fromkeys((*wishes.stop, *(known.tokens if known else ())))),
    )


class _Timing:
    """Tell the load of a deployment how one filling went."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._loop = asyncio.get_running_loop()
        self._asked_at = self._loop.time()
        self._first_at = 0.0
        load.starting += 1

    @property
    def answer_seconds(self) -> float:
        """Return the time since the first token."""
        return self._loop.time() - self._first_at if self._first_at else 0.0

    def heard(self, *, prompt_tokens: int, is_loaded: bool) -> bool:
        """Note a token and tell whether it was the first one; only that counts."""
        if self._first_at:
            return False
        self._first_at = self._loop.time()
        self._load.starting -= 1
        if is_loaded:
            self._load.began(prompt_tokens=prompt_tokens, seconds=self._first_at - self._asked_at)
        return True

    def end(self) -> None:
        """Note the end, however it came."""
        self._load.starting -= not self._first_at
