"""The way to the hosts through litellm, which is loaded in the background as soon as there is a host to ask."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from connectors.model_hosts.asking.patience import SitePatience
from connectors.model_hosts.kinds.kind import ProbeError
from connectors.model_hosts.router import LitellmRouter
from connectors.model_hosts.watching.watch import Watch

_log = logging.getLogger(__name__)


class Carrier:
    """Loads the router and keeps it to the deployments that there are.

    Args:
        router: what carries.
        watch: which deployments there are.
        patience: how long a connection to each may take to stand.
        on_loaded: hears that the router is loaded.
    """

    def __init__(
        self,
        router: LitellmRouter,
        watch: Watch,
        patience: SitePatience,
        on_loaded: Callable[[], None] | None = None,
    ) -> None:
        self._router = router
        self._watch = watch
        self._patience = patience
        self._on_loaded = on_loaded
        self._loading: asyncio.Task[None] | None = None
        self._error = ""  # the class of what went wrong when litellm was loaded

    @property
    def is_ready(self) -> bool:
        """Tell whether nothing has to be loaded any more before a prompt can be carried, if there is anybody to ask."""
        return self._loading is None or (self._loading.done() and not self._error)

    @property
    def trouble(self) -> str:
        """Return why no host can be asked, completing its name; empty if they can."""
        if not self._error:
            return ""
        return f"cannot be asked: litellm did not load ({self._error}). Install Cloister again and restart it"

    def take_deployments(self) -> None:
        """Carry to what is there now; load litellm first if this is the first deployment."""
        if self._loading is None:
            if self._watch.deployments:
                self._begin()
        elif self._loading.done() and not self._error:
            self._replace()

    async def wait(self) -> None:
        """Wait until litellm is loaded; after a failure it is tried again.

        Raises:
            ProbeError: it cannot be loaded.
        """
        await asyncio.shield(self._begin())
        if self._error:
            raise ProbeError(self.trouble)

    async def close(self) -> None:
        """Close every connection."""
        if self._loading is not None:
            await self._loading  # a thread cannot be cancelled
        await self._router.close()

    def _begin(self) -> asyncio.Task[None]:
        if self._loading is None or (self._loading.done() and self._error):
            self._loading = asyncio.create_task(self._load(), name="load litellm")
        return self._loading

    async def _load(self) -> None:
        try:
            await self._router.load()
            self._replace()
        except Exception as error:  # noqa: BLE001  # a foreign import may raise anything
            self._error = type(error).__name__
            _log.error("litellm did not load: %s", self._error)
        else:
            self._error = ""
            if self._on_loaded is not None:
                self._on_loaded()

    def _replace(self) -> None:
        deployments = self._watch.deployments.values()
        self._router.replace(
            {
                each.id: each.kind.call_parameters(each.host, each.model.name, each.context_tokens)
                for each in deployments
                if each.host.address
            },
            {each.host.address: each.host.tls for each in deployments if each.host.tls},
            {each.host.address: self._patience.of(each).connect for each in deployments},
            {each.id: each.kind.continuation for each in deployments if each.kind.continuation},
        )
