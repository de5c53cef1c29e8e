"""Have vectors of texts made by one deployment, and wait for them with patience."""

from __future__ import annotations

import asyncio

from connectors.model_hosts.asking.answer import vectors_of
from connectors.model_hosts.asking.patience import SitePatience
from connectors.model_hosts.asking.stream import SilenceError
from connectors.model_hosts.choosing.breaker import Breaker
from connectors.model_hosts.choosing.load import Load
from connectors.model_hosts.router import LitellmRouter
from connectors.model_hosts.values import Inputs, Vectors, most_tokens_of
from connectors.model_hosts.watching.watch import Deployment


class Embedder:
    """Asks model hosts for vectors.

    Args:
        router: carries the texts.
        patience: how long each deployment is waited for.
        breaker: hears of what came.
    """

    def __init__(self, router: LitellmRouter, patience: SitePatience, breaker: Breaker) -> None:
        self._router = router
        self._patience = patience
        self._breaker = breaker

    async def embed(self, deployment: Deployment, load: Load, inputs: Inputs) -> Vectors:
        """Return the vectors of all inputs.

        Raises:
            CallError: the host refused, failed, or gave something else.
            SilenceError: it said nothing for too long.
        """
        tokens = sum(map(most_tokens_of, inputs.texts))
        seconds = self._patience.first_seconds(deployment, load, tokens)
        try:
            async with asyncio.timeout(seconds):
                rows, counted = await self._router.embed(deployment.id, inputs.texts, dimensions=inputs.dimensions)
        except TimeoutError:
            raise SilenceError(seconds, is_first=True) from None
        vectors = await asyncio.to_thread(vectors_of, rows, counted, inputs.dimensions)
        self._breaker.answers(deployment.id)
        load.succeeded(answer_tokens=0, seconds=0.0)
        return vectors
