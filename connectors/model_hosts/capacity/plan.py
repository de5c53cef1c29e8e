"""Put the sums together: each model of a fleet on its host, and one model wherever it would fit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from connectors.model_hosts.capacity.cost import Cost, cost
from connectors.model_hosts.capacity.memory import Fit, fit
from connectors.model_hosts.capacity.placing import GIB, Place, Use, Weights
from connectors.model_hosts.capacity.speed import Speed, speed
from connectors.model_hosts.catalogue import MIN_CONTEXT_TOKENS, Fleet, Host, Model
from connectors.model_hosts.facts.facts import Accelerator, Facts, Form

_MAC_COUNTS = range(1, 9)  # exo's own demonstrations end at eight
_CARD_COUNTS = (1, 2, 4, 8, 16)  # engines share tensors among powers of two


@dataclass(frozen=True, slots=True)
class Plan:
    """A model in a place with everything that follows.

    Attributes:
        name: what it is about, such as `Mini2 llama3.1:70b`.
        missing: what is not known, so that there is no sum; empty if all is.
        instead: what would fit, in words; empty if it fits, or nothing does.
        speed, cost: None if it does not fit, or not enough is known.
    """

    name: str
    weights: str = ""
    place: str = ""
    context_tokens: int = 0
    missing: str = ""
    instead: str = ""
    fit: Fit | None = None
    speed: Speed | None = None
    cost: Cost | None = None

    @property
    def is_fitting(self) -> bool:
        """Tell whether it was found to fit."""
        return self.fit is not None and self.fit.is_fitting

    @property
    def sums(self) -> tuple[str, ...]:
        """Return the arithmetic, a line each."""
        parts = (self.fit, self.speed, self.cost)
        return tuple(line for part in parts if part is not None for line in part.sums)


def plan(weights: Weights, place: Place, use: Use, *, name: str = "") -> Plan:
    """Plan one model in one place."""
    fitted = fit(weights, place, use.context_tokens)
    planned = Plan(name or f"{place.name}: {weights.words}", weights.words, place.name, use.context_tokens, fit=fitted)
    if not fitted.is_fitting or not place.bandwidth_gb_s or not place.tflops:
        return planned
    speeds = speed(weights, place, fitted, use)
    return replace(planned, speed=speeds, cost=cost(place, speeds, use))


def plan_fleet(fleet: Fleet, use: Use) -> Iterator[Plan]:
    """Plan each model of a fleet where it is, with its own window."""
    for host in fleet.hosts:
        for model in host.models:
            yield plan_model(host, model, use, fleet.facts)


def plan_model(host: Host, model: Model, use: Use, facts: Facts) -> Plan:
    """Plan one model of the fleet on its host, with its own window."""
    name = f"{host.name} {model.public_name}"
    weights = Weights.of(model)
    if weights is None:
        return Plan(name, missing="name its release and quantisation in fleet.yaml")
    if not host.memory_gib:
        return Plan(name, weights.words, missing="name the host's accelerator or memory_gib in fleet.yaml")
    use = replace(use, context_tokens=model.context_tokens or use.context_tokens)
    planned = plan(weights, Place.of_host(host), use, name=name)
    return planned if planned.is_fitting else replace(planned, instead=_instead(planned, weights, host, use, facts))


def _instead(planned: Plan, weights: Weights, host: Host, use: Use, facts: Facts) -> str:
    """Say what would fit: a smaller window, a smaller model of the family, more devices."""
    words: list[str] = []
    if planned.fit is not None and planned.fit.longest_context_tokens >= MIN_CONTEXT_TOKENS:
        words.append(f"a window of {planned.fit.longest_context_tokens:,} tokens")
    family = weights.release.name.rpartition("-")[0]
    fitting = (
        each
        for each in facts.releases.values()
        if each.name.startswith(f"{family}-")
        and each.context_tokens >= use.context_tokens
        and fit(replace(weights, release=each), Place.of_host(host), use.context_tokens).is_fitting
    )
    largest = max(fitting, key=lambda each: each.parameters_billions, default=None)
    if largest is not None:
        words.append(f"{largest.name} here")
    more = None if host.accelerator is None else fewest(weights, host.accelerator, use)
    if more is not None:
        words.append(more.place)
    return " or ".join(words)


def plan_anywhere(weights: Weights, fleet: Fleet | None, facts: Facts, use: Use) -> Iterator[Plan]:
    """Plan one model on each host of a fleet, and on the fewest of each accelerator that hold it."""
    for host in fleet.hosts if fleet is not None else ():
        if host.memory_gib:
            yield plan(weights, Place.of_host(host), use)
    for accelerator in facts.accelerators.values():
        found = fewest(weights, accelerator, use)
        if found is not None:
            yield found


def fewest(weights: Weights, accelerator: Accelerator, use: Use) -> Plan | None:
    """Plan a model on the fewest of an accelerator that hold it: cards in one machine, Macs as an exo cluster."""
    counts = _CARD_COUNTS if accelerator.form is Form.CARD else _MAC_COUNTS
    for count in counts:
        planned = plan(weights, Place.of(accelerator, count), use)
        if planned.is_fitting:
            return planned
    return None


def largest_billions(
    memory_gib: float, *, small: Weights, large: Weights, context_tokens: int, overhead_gib: float
) -> float:
    """Return the parameters of the largest dense model that fits, in billions.

    Its cache is taken from the line through those of two real models: larger ones have more layers.
    """
    low, high = small.release.parameters_billions, large.release.parameters_billions
    low_gib, high_gib = (each.cache_bytes * context_tokens / GIB for each in (small, large))
    cache_a_billion = (high_gib - low_gib) / (high - low)
    weights_a_billion = small.all_bytes / GIB / low
    fixed_gib = overhead_gib + low_gib - cache_a_billion * low
    return (memory_gib - fixed_gib) / (weights_a_billion + cache_a_billion)
