"""What the choice looks at: each deployment with the work and the failures of all processes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from connectors.errors import NoRouteError
from connectors.model_hosts.choosing.breaker import Breaker
from connectors.model_hosts.choosing.choice import Candidate
from connectors.model_hosts.choosing.load import Load
from connectors.model_hosts.choosing.sharing import Share
from connectors.model_hosts.values import Capability
from connectors.model_hosts.watching.watch import Deployment, Watch

_NOTHING = Share()


@dataclass(slots=True)
class _Known:
    """A deployment as it was looked at last, and of what: `changes` is the load's."""

    deployment: Deployment
    load: Load
    others: Share
    changes: int
    candidate: Candidate


class Candidates:
    """The deployments as the choice looks at them, each built anew only when something of it changed.

    Args:
        watch: which there are.
        loads: what this process knows of each; made for each that is asked for.
        breaker: which of them somebody tries.
        others: what all other processes say together, by deployment.
    """

    def __init__(
        self, watch: Watch, loads: Mapping[str, Load], breaker: Breaker, others: Callable[[], Mapping[str, Share]]
    ) -> None:
        self._watch = watch
        self._loads = loads
        self._breaker = breaker
        self._others = others
        self._seen: tuple[object, object] = (None, None)  # what `_known` was built of: deployments, and others' words
        self._known: list[_Known] = []

    def all(self) -> list[Candidate]:
        """Return every deployment, also those that cannot be asked now."""
        deployments, others = self._watch.deployments, self._others()
        if self._seen[0] is not deployments or self._seen[1] is not others:
            before = {known.deployment.id: known for known in self._known}
            self._known = [
                self._know(deployment, others.get(name, _NOTHING), before.get(name))
                for name, deployment in deployments.items()
            ]
            self._seen = (deployments, others)
        return [
            # What fails changes with time, too: its rest ends, and somebody tries it.
            known.candidate
            if known.changes == known.load.changes and not known.candidate.failures
            else self._look_at(known)
            for known in self._known
        ]

    def refuse_if_none(self) -> None:
        """Say why there is no deployment at all.

        Raises:
            NoRouteError: likewise.
        """
        if not self._watch.deployments:
            tried = "; ".join(
                f"{name} {entry.absence or entry.starting or 'offers no model'}"
                for name, entry in self._watch.hosts.items()
            )
            raise NoRouteError(f"No model host can be asked now. Tried: {tried}. Ask again in a minute.")

    def clear(self) -> None:
        """Forget what was built: the fleet is another one."""
        self._seen = (None, None)
        self._known = []

    def _know(self, deployment: Deployment, others: Share, before: _Known | None) -> _Known:
        if before is not None and before.deployment is deployment and before.others == others:
            return before
        load = self._loads[deployment.id]
        return _Known(deployment, load, others, load.changes, self._candidate(deployment, load, others))

    def _look_at(self, known: _Known) -> Candidate:
        known.changes = known.load.changes
        known.candidate = self._candidate(known.deployment, known.load, known.others)
        return known.candidate

    def _candidate(self, deployment: Deployment, load: Load, others: Share) -> Candidate:
        is_tried = load.failures > 0 and self._breaker.is_tried(deployment.id)
        return _candidate(deployment, load, others, is_tried=is_tried)


def _candidate(deployment: Deployment, load: Load, others: Share, *, is_tried: bool) -> Candidate:
    is_failing = load.failures > 0
    return Candidate(
        deployment=deployment.id,
        host=deployment.host.name,
        name=deployment.model.name,
        public_name=deployment.model.public_name,
        context_tokens=deployment.context_tokens,
        # Whether it calls tools is a matter of fact, which the host knows; what it is for, the fleet says.
        capabilities=deployment.model.capabilities | (deployment.reported & {Capability.TOOLS}),
        abilities=deployment.kind.abilities,
        absence=deployment.absence,
        is_loaded=deployment.is_loaded,
        is_starting=deployment.is_starting,
        in_flight=load.in_flight + others.in_flight,
        slots=deployment.slots,
        queued=deployment.queued,
        is_cooling=is_failing and (load.is_cooling or is_tried),
        failures=load.failures,
        needs_trial=is_failing and not load.is_cooling and not is_tried,
        is_tried=is_tried,
        tokens_per_second=load.tokens_per_second or others.tokens_per_second,
        prompt_tokens_per_second=load.prompt_tokens_per_second or others.prompt_tokens_per_second,
        answer_seconds=load.answer_seconds or others.answer_seconds,
        cold_seconds=load.cold_seconds,
        can_continue=deployment.kind.continuation is not None,
        labels=frozenset(deployment.host.labels),
    )
