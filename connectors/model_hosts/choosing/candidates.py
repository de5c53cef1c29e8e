"""What the choice looks at: each deployment with the work and the failures of all processes."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from connectors.errors import NoRouteError
from connectors.model_hosts.choosing.breaker import Breaker
from connectors.model_hosts.choosing.choice import Candidate
from connectors.model_hosts.choosing.load import Load
from connectors.model_hosts.choosing.sharing import Share
from connectors.model_hosts.values import Capability
from connectors.model_hosts.watching.watch import Deployment, Watch

_NOTHING = Share()


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
        self._known: dict[str, tuple[Deployment, tuple[object, ...], Candidate]] = {}

    def all(self) -> list[Candidate]:
        """Return every deployment, also those that cannot be asked now."""
        others = self._others()
        return [
            self._of(deployment, others.get(deployment.id, _NOTHING)) for deployment in self._watch.deployments.values()
        ]

    def some(self) -> list[Candidate]:
        """Return every deployment.

        Raises:
            NoRouteError: there is none at all.
        """
        candidates = self.all()
        if not candidates:
            tried = "; ".join(
                f"{name} {entry.absence or entry.starting or 'offers no model'}"
                for name, entry in self._watch.hosts.items()
            )
            raise NoRouteError(f"No model host can be asked now. Tried: {tried}. Ask again in a minute.")
        return candidates

    def clear(self) -> None:
        """Forget what was built: the fleet is another one."""
        self._known.clear()

    def _of(self, deployment: Deployment, others: Share) -> Candidate:
        load = self._loads[deployment.id]
        measured = (load.tokens_per_second, load.prompt_tokens_per_second, load.cold_seconds)
        is_tried = self._breaker.is_tried(deployment.id)
        key = (load.in_flight, load.failures and (load.failures, load.is_cooling, is_tried), others, measured)
        known = self._known.get(deployment.id)
        if known is None or known[0] is not deployment or known[1] != key:
            known = (deployment, key, _candidate(deployment, load, others, is_tried=is_tried))
            self._known[deployment.id] = known
        return known[2]


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
