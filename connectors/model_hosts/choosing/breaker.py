"""The breaker over all processes: what fails is told to the others, and one prompt at a time tries it again."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from connectors.model_hosts.choosing.load import Load
from connectors.model_hosts.choosing.sharing import Exchange, Failing

_SOUND = Failing(0, 0.0)
_TRIAL_SECONDS = 1.0  # how long a deployment is left to whoever tries it before that is looked at again


class Breaker:
    """What fails, as this process saw it and as the others told.

    Args:
        loads: what is known of each deployment, its failures among it; made for each that is asked for.
        exchange: tells the others; None for a process alone.
    """

    def __init__(self, loads: Mapping[str, Load], exchange: Exchange | None) -> None:
        self._loads = loads
        self._exchange = exchange
        self._unsaid: dict[str, Failing] = {}  # what changed, until the others were told
        self._trials: set[str] = set()
        self._tried_elsewhere: dict[str, float] = {}  # until when, by the loop's clock

    @property
    def unsaid(self) -> Mapping[str, Failing]:
        """Return what the others were not told yet."""
        return dict(self._unsaid)

    @property
    def trials(self) -> frozenset[str]:
        """Return the deployments that a prompt of this process tries."""
        return frozenset(self._trials)

    def is_tried(self, deployment: str) -> bool:
        """Tell whether some prompt tries a deployment now, here or elsewhere."""
        until = self._tried_elsewhere.get(deployment)
        return deployment in self._trials or (until is not None and asyncio.get_running_loop().time() < until)

    def failed(self, deployment: str) -> None:
        """Note that a deployment failed."""
        load = self._loads[deployment]
        if load.failed():
            self._say(deployment, Failing(load.failures, load.rest_seconds))

    def answers(self, deployment: str) -> None:
        """Note a first token."""
        if self._loads[deployment].answers():
            self._say(deployment, _SOUND)

    async def claim_trial(self, deployment: str) -> bool:
        """Tell whether this prompt is the one that tries a deployment which failed: one at a time, everywhere."""
        is_mine = deployment not in self._trials
        if is_mine:
            self._trials.add(deployment)
            is_mine = False
            try:
                is_mine = self._exchange is None or await self._exchange.claim_trial(deployment)
            finally:  # also of who stops meanwhile: a claim that is kept is repeated for ever, and nobody tries it
                if not is_mine:
                    self._trials.discard(deployment)
        if not is_mine:
            self._tried_elsewhere[deployment] = asyncio.get_running_loop().time() + _TRIAL_SECONDS
        return is_mine

    def end_trial(self, deployment: str) -> None:
        """Note that the prompt which tried a deployment is at its end."""
        self._trials.discard(deployment)

    def was_told(self, told: Mapping[str, Failing]) -> None:
        """Note what the others know now."""
        for name, failing in told.items():
            if self._unsaid.get(name) is failing:
                del self._unsaid[name]

    def hear(self, told: Mapping[str, Failing] | None) -> None:
        """Take over what all processes know; None while nothing is heard."""
        if told is not None:
            for name in {*self._loads, *told} - set(self._unsaid):  # what is not told yet is newer
                failing = told.get(name, _SOUND)
                self._loads[name].hear(failing.failures, failing.rest_seconds)

    def _say(self, deployment: str, failing: Failing) -> None:
        self._tried_elsewhere.pop(deployment, None)
        if self._exchange is not None:
            self._unsaid[deployment] = failing
            self._exchange.soon()
