"""Ask a chosen deployment as soon as it is ready, once more if it starts anew, and say what went wrong."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, MutableMapping
from contextlib import AbstractContextManager, aclosing, nullcontext
from datetime import UTC, datetime

from connectors.errors import HostError
from connectors.model_hosts.asking.deaths import DIED, is_death
from connectors.model_hosts.asking.failures import (
    FAILURES,
    Failure,
    NotAskedError,
    describe_failure,
    is_of_the_asker,
    is_of_the_host,
)
from connectors.model_hosts.asking.readiness import Readiness
from connectors.model_hosts.choosing.breaker import Breaker
from connectors.model_hosts.choosing.line import Line
from connectors.model_hosts.choosing.load import Load
from connectors.model_hosts.values import AnswerItem, Loading, Route, Vectors
from connectors.model_hosts.watching.watch import Deployment, Watch
from connectors.model_hosts.wire import CallError

_log = logging.getLogger(__name__)


class Attempts:
    """Asks deployments.

    Args:
        watch: which there are; it looks at one that failed.
        loads: how busy this process keeps each, by its id.
        line: who waits for them; it hears when one that is suspect answers.
        breaker: hears of failures.
        readiness: makes them ready.
        on_change: the load of one changed.

    Attributes:
        troubles: by host: what went wrong last, and when.
    """

    def __init__(
        self,
        watch: Watch,
        loads: MutableMapping[str, Load],
        line: Line,
        breaker: Breaker,
        readiness: Readiness,
        *,
        on_change: Callable[[], None],
    ) -> None:
        self.troubles: dict[str, tuple[str, datetime]] = {}
        self._watch = watch
        self._loads = loads
        self._line = line
        self._breaker = breaker
        self._readiness = readiness
        self._on_change = on_change

    async def stream(
        self,
        route: Route,
        begin: Callable[[Deployment, Load], AsyncGenerator[AnswerItem, None]],
        *,
        has_wished: bool,
        is_by_litellm: bool = True,
    ) -> AsyncGenerator[AnswerItem, None]:
        """Yield what a deployment says; it is asked once more if it turns out to start anew.

        Args:
            route: to the deployment.
            begin: asks it.
            has_wished: what was asked for may be more than it can.
            is_by_litellm: litellm carries the prompt, and is waited for.

        Raises:
            HostError: it failed.
        """
        load = self._loads[route.deployment]
        with self._carried(route, load):
            has_begun = False
            try:
                for is_last in (False, True):
                    known = self._watch.deployments.get(route.deployment)
                    if known is not None and not known.is_loaded:
                        yield Loading(route.host, route.model, load.cold_seconds)
                    deployment = await self._readiness.wait_for(route, is_by_litellm=is_by_litellm)
                    try:
                        async with aclosing(begin(deployment, load)) as items:
                            async for item in items:
                                if not has_begun:
                                    has_begun = True
                                    if route.is_suspect:  # another one's word says nothing of it
                                        self._line.clear(route.deployment)
                                yield item
                    except CallError as error:
                        if is_last or has_begun or not await self._readiness.has_begun_to_start(deployment, error):
                            raise
                    else:
                        return
            except FAILURES as error:
                raise await self._host_error(route, error, has_wished=has_wished, has_begun=has_begun) from None

    async def embed(
        self, route: Route, begin: Callable[[Deployment, Load], Awaitable[Vectors]], *, has_wished: bool
    ) -> Vectors:
        """Return the vectors that a deployment makes; the arguments are those of a stream.

        Raises:
            HostError: it failed.
        """
        load = self._loads[route.deployment]
        with self._carried(route, load):
            try:
                deployment = await self._readiness.wait_for(route, is_by_litellm=True)
                return await begin(deployment, load)
            except FAILURES as error:
                raise await self._host_error(route, error, has_wished=has_wished) from None

    def _carried(self, route: Route, load: Load) -> AbstractContextManager[None]:
        """Count a request whose route has no seat in the line: one with a seat is counted there."""
        return nullcontext() if route.is_seated else load.carrying(self._on_change)

    async def _host_error(
        self, route: Route, failure: Failure, *, has_wished: bool, has_begun: bool = False
    ) -> HostError:
        if is_of_the_host(failure, has_wished=has_wished):
            self._breaker.failed(route.deployment)
            self._watch.look_soon()
        known = self._watch.deployments.get(route.deployment)
        has_died = await is_death(failure, known.host.address if known else "", has_begun=has_begun)
        words = DIED if has_died else describe_failure(failure, has_wished=has_wished)
        if not isinstance(failure, NotAskedError):
            self.troubles[route.host] = (words, datetime.now(UTC))
        message = f"{route.host} {words}."
        _log.warning("%s (%s)", message, route.deployment)
        return HostError(
            message,
            can_retry=True,
            host=route.host,
            model=route.model,
            is_overlong=isinstance(failure, CallError) and failure.is_overlong,
            is_unfit=is_of_the_asker(failure, has_wished=has_wished),
            has_gone_down=has_died,
        )
