"""What a prompt waits for before a deployment is asked: litellm, a host that starts, a model with the right window."""

from __future__ import annotations

import asyncio
from collections import defaultdict

from connectors.model_hosts.asking.carrier import Carrier
from connectors.model_hosts.asking.failures import NotAskedError
from connectors.model_hosts.asking.patience import SitePatience
from connectors.model_hosts.asking.stream import SilenceError
from connectors.model_hosts.bundled import BundledServer
from connectors.model_hosts.kinds.kind import ProbeError
from connectors.model_hosts.values import Patience, Route, is_allowed
from connectors.model_hosts.watching.watch import Deployment, Watch
from connectors.model_hosts.wire import CallError

_BUSY = 503
_START_LOOK_SECONDS = 0.5  # who waits for a host that starts looks at it as often


class Readiness:
    """Makes deployments ready.

    Args:
        watch: which deployments there are.
        bundled: the server for a GGUF file, if one was named.
        patience: how long each is waited for.
        carrier: the way to them through litellm.
    """

    def __init__(self, watch: Watch, bundled: BundledServer | None, patience: SitePatience, carrier: Carrier) -> None:
        self._watch = watch
        self._bundled = bundled
        self._patience = patience
        self._carrier = carrier
        self._preparing: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._prepared: set[str] = set()

    def forget(self, host: str | None = None) -> None:
        """Prepare the models of a host anew, or those of all: a window may have changed."""
        self._prepared = {each for each in self._prepared if host is not None and not each.startswith(f"{host}/")}

    def note_loaded(self) -> None:
        """Prepare models anew that are in memory now, should they leave it: a host may load them as it likes then."""
        deployments = self._watch.deployments
        self._prepared = {each for each in self._prepared if each in deployments and not deployments[each].is_loaded}

    async def wait_for(self, route: Route, *, is_by_litellm: bool) -> Deployment:
        """Return the deployment as soon as it can be asked.

        Whether it may be asked is looked at last: it was chosen before, and until a model is loaded minutes may pass.

        Raises:
            NotAskedError: it must not be asked any more: it is gone, drained, or not what it was chosen as.
            ProbeError, SilenceError: the model, or litellm, cannot be loaded.
        """
        if self._bundled is not None and route.host == "bundled" and self._bundled.host is None:
            known = self._watch.deployments.get(route.deployment)
            await self._bundled.wait_until_up(self._patience.of(known).load if known else Patience().load)
            await self._watch.look()
        if is_by_litellm:
            await self._carrier.wait()
        deployment = self._present(route)
        if deployment.is_starting:
            deployment = await self._until_started(route, deployment)
        if deployment.is_loaded:
            return deployment
        async with self._preparing[deployment.id]:  # two loads of one model would take its memory twice
            if deployment.id not in self._prepared:
                await self._prepare(deployment)
                self._prepared.add(deployment.id)
        now = self._watch.deployments.get(deployment.id)
        if now is not None and now.absence:  # it may have been too busy with that to answer looks
            await self._watch.look_at(deployment.host.name)
        return self._present(route)

    async def has_begun_to_start(self, deployment: Deployment, error: CallError) -> bool:
        """Tell whether a host refused because it was started anew since the last look: it says so when looked at."""
        if error.status != _BUSY:
            return False
        await self._watch.look_at(deployment.host.name)
        now = self._watch.deployments.get(deployment.id)
        return now is not None and now.is_starting and not now.absence

    def _present(self, route: Route) -> Deployment:
        """Return the deployment as it is now, if a prompt may still go there.

        Raises:
            NotAskedError: it may not.
        """
        deployment = self._watch.deployments.get(route.deployment)
        if deployment is None:
            raise NotAskedError(f"no longer offers {route.model}")
        if deployment.absence:
            raise NotAskedError(deployment.absence)
        if not is_allowed(frozenset(deployment.host.labels), route.only):
            raise NotAskedError("lost the label that the policy wants for this")
        if deployment.context_tokens < route.tokens:
            raise NotAskedError(f"has a window of {deployment.context_tokens:,} tokens now, which does not hold this")
        return deployment

    async def _until_started(self, route: Route, deployment: Deployment) -> Deployment:
        seconds = self._patience.of(deployment).load
        try:
            async with asyncio.timeout(seconds):
                while deployment.is_starting:
                    await self._watch.look_at(deployment.host.name)
                    deployment = self._present(route)
                    if deployment.is_starting:
                        await asyncio.sleep(_START_LOOK_SECONDS)
        except TimeoutError:
            words = f"is still loading {deployment.model.public_name} after {seconds:g} s; see what it logs"
            raise ProbeError(words) from None
        return deployment

    async def _prepare(self, deployment: Deployment) -> None:
        seconds = self._patience.of(deployment).load
        try:
            async with asyncio.timeout(seconds):
                await deployment.kind.prepare(
                    self._watch.client, deployment.host, deployment.model.name, deployment.context_tokens
                )
        except TimeoutError:
            raise SilenceError(seconds, is_first=True) from None
