"""The model for names that the guard may ask."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

from pydantic import SecretStr

from assistant.answering.attempts import LethalPrompts
from assistant.audit.parts import TextMarker
from assistant.fleet.board import RedisBoard
from assistant.fleet.site_fleet import SiteFleet
from assistant.policy.names import FleetAsk, build_names, model_of_fleet
from assistant.redis_client import open_redis
from assistant.settings import Settings
from connectors.model_hosts.hosts import ModelHosts
from connectors.model_hosts.quote import QuotedPassage
from policies.detectors.names import NamesDetector

_log = logging.getLogger(__name__)

_BOARD_SECONDS = 2.0  # for Redis to answer; without it the model is asked by what this process knows


@asynccontextmanager
async def open_names(
    settings: Settings,
    fleet: SiteFleet,
    *,
    redis_url: SecretStr,
    only: Callable[[], tuple[frozenset[str], ...]],
    lethal: LethalPrompts,
    marker: TextMarker,
) -> AsyncIterator[NamesDetector | None]:
    """Build and load the model for names, off the loop; what a model of the fleet needs is open meanwhile.

    Args:
        settings: say which.
        fleet: the site's.
        redis_url: where the processes tell each other what they ask of the hosts.
        only: which labels a host must have to be sent a text that the guard did not judge yet, by the policy in force.
        lethal: over which prompts hosts went down, of turns too.
        marker: makes their marks.
    """
    async with AsyncExitStack() as stack:
        ask: FleetAsk | None = None
        if model := model_of_fleet(settings):
            client = open_redis(redis_url, patience_seconds=_BOARD_SECONDS)
            stack.push_async_callback(client.aclose)
            hosts = ModelHosts(
                await fleet.open(),
                retriever=_no_passages,
                first_token_timeout_seconds=settings.first_token_timeout_seconds,
                stall_timeout_seconds=settings.stall_timeout_seconds,
                board=RedisBoard(client),  # it waits in the one line, and tries what failed when nobody else does
                most_waiting=settings.line_length,
                line_timeout_seconds=settings.line_timeout_seconds,
            )
            fleet.follow(hosts.take_fleet)
            stack.push_async_callback(hosts.close)
            await hosts.start()
            ask = FleetAsk(
                hosts,
                model,
                begin=lambda prompt: lethal.begin(marker.mark(prompt)),
                loop=asyncio.get_running_loop(),
                only=only,
            )
        names = build_names(settings, ask)
        if names is not None:
            await asyncio.to_thread(names.load)
            _log.info("names model %s: %s", settings.names.partition(":")[0], names.state)
        yield names


async def _no_passages(question: str, reader: str) -> Sequence[QuotedPassage]:
    del question, reader  # the model for names is asked for no passages
    return ()
