"""When the quote host answers: where there is nothing that generates, and nobody named anything that could."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Final

from connectors.errors import HostError
from connectors.model_hosts import quote
from connectors.model_hosts.choosing.choice import Candidate, choose
from connectors.model_hosts.values import AnswerItem, Capability, ChatMessage, Need, Route
from connectors.model_hosts.watching.watch import Watch

_log = logging.getLogger(__name__)

QUOTE: Final = f"{quote.HOST}/{quote.MODEL}"
"""The deployment of a route to it."""


class Quoting:
    """The quote host as the door to all hosts asks it.

    Args:
        retriever: finds passages.
        watch: which other hosts there are.
        may_quote: no host was configured or named: passages would be taken for the answer of one that is only away.
    """

    def __init__(self, retriever: quote.Retriever, watch: Watch, *, may_quote: bool) -> None:
        self._host = quote.QuoteHost(retriever)
        self._watch = watch
        self._may_quote = may_quote

    @property
    def is_needed(self) -> bool:
        """Tell whether nothing generates: no host was found that has a chat model.

        What a host that starts has is seen when it is up.
        """
        return (
            self._may_quote
            and self._watch.has_looked
            and not any(entry.starting for entry in self._watch.hosts.values())
            and not any(Capability.CHAT in item.model.capabilities for item in self._watch.deployments.values())
        )

    def takes(self, need: Need) -> bool:
        """Tell whether the quote host is the one to ask, or to say what it cannot do."""
        return self.is_needed and (need.capability is Capability.CHAT or not self._watch.deployments)

    def choose(self, need: Need, excluding: frozenset[str]) -> Route:
        """Choose it.

        Raises:
            NoRouteError: it cannot do that.
        """
        candidate = Candidate(
            deployment=QUOTE,
            host=quote.HOST,
            name=quote.MODEL,
            public_name=quote.MODEL,
            context_tokens=max(need.tokens, 1),  # it reads the question alone, whatever else there is
            capabilities=frozenset({Capability.CHAT}),
        )
        choose([candidate], replace(need, only=()), excluding=excluding)  # it sends nothing to any host
        reason = "quote: no model host was found, so passages are quoted"
        return Route(QUOTE, quote.HOST, quote.MODEL, context_tokens=0, reason=reason)

    async def quote(self, messages: Sequence[ChatMessage], reader: str) -> AsyncGenerator[AnswerItem, None]:
        """Yield passages that the reader may see, and then a `Usage`.

        Raises:
            HostError: the documents cannot be searched.
        """
        try:
            async with aclosing(self._host.answer(messages, reader=reader)) as answer:
                async for item in answer:
                    yield item
        except Exception as error:  # noqa: BLE001  # the retriever is the caller's; whatever it was, others still work
            _log.error("The quote host failed: %s", type(error).__name__)  # a trace may hold the question
            raise HostError(
                "The indexed documents cannot be searched now. Ask again in a minute.",
                can_retry=False,
                host=quote.HOST,
                model=quote.MODEL,
            ) from None
