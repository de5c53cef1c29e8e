"""How fast: writing is bounded by the memory's bandwidth, reading a prompt by arithmetic.

Each token of an answer passes all (active) weights, which the memory must deliver anew; several answers share one
delivery, and each adds its own cache. Source: Pope et al., Efficiently Scaling Transformer Inference (2022), section 2.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import floor

from connectors.model_hosts.capacity.memory import Fit
from connectors.model_hosts.capacity.placing import Place, Use, Weights
from connectors.model_hosts.catalogue import Split

_FLOPS_PER_PARAMETER = 2  # a multiplication and an addition


@dataclass(frozen=True, slots=True)
class Speed:
    """How fast a model is in a place; bounds, which no engine passes.

    Attributes:
        tokens_per_second: of one answer whose window is still empty; 0 where the bandwidth is unknown.
        full_tokens_per_second: of one answer at the end of its window.
        prefill_seconds: to read a typical prompt; 0 where the arithmetic speed is unknown.
        answers: at once, each at the stated speed.
        limited_by: what allows no more answers.
        people: served, of whom some are active.
    """

    tokens_per_second: float
    full_tokens_per_second: float
    prefill_seconds: float
    answers: int
    limited_by: str
    people: int
    sums: tuple[str, ...]


def speed(weights: Weights, place: Place, fitted: Fit, use: Use) -> Speed:
    """Bound the speed of a model that fits."""
    bandwidth = place.bandwidth_gb_s * 1e9 * place.devices_at_once
    empty = writing_bound(weights, place)
    full = bandwidth / (weights.read_bytes + weights.cache_bytes * use.context_tokens)
    prefill = _prefill_seconds(weights, place, use)
    answers, limited_by = _answers(weights, place, fitted, use)
    people = floor(answers / use.active_share)
    return Speed(
        tokens_per_second=empty,
        full_tokens_per_second=full,
        prefill_seconds=prefill,
        answers=answers,
        limited_by=limited_by,
        people=people,
        sums=(
            (
                f"writing: {_times(place)}{place.bandwidth_gb_s:g} GB/s / {weights.read_bytes / 1e9:.1f} GB = at most "
                f"{empty:.1f} tokens/s, {full:.1f} with a full window"
            ),
            (
                f"reading: 2 x {weights.release.active_billions:g}e9 x {use.prompt_tokens:,} tokens / "
                f"({_times(place)}{place.tflops:g} TFLOPS) = at least {prefill:.2g} s"
            ),
            (
                f"people: {answers} answers at once of {use.tokens_per_second:g} tokens/s (limited by {limited_by}, at "
                f"{use.efficiency:.0%} of the bounds) / {use.active_share:.0%} active = {people}"
            ),
        ),
    )


def writing_bound(weights: Weights, place: Place) -> float:
    """Return more than how many tokens a second no engine writes there, of one answer; 0 with an unknown bandwidth."""
    return place.bandwidth_gb_s * 1e9 * place.devices_at_once / weights.read_bytes


def reading_bound(weights: Weights, place: Place) -> float:
    """Return more than how many tokens a second no engine reads there; 0 with an unknown arithmetic speed."""
    operations = _FLOPS_PER_PARAMETER * weights.release.active_billions * 1e9
    return place.tflops * 1e12 * place.devices_at_once / operations


def _times(place: Place) -> str:
    return f"{place.devices_at_once} x " if place.devices_at_once > 1 else ""


def _prefill_seconds(weights: Weights, place: Place, use: Use) -> float:
    per_second = reading_bound(weights, place)
    return use.prompt_tokens / per_second if per_second else 0.0


def _answers(weights: Weights, place: Place, fitted: Fit, use: Use) -> tuple[int, str]:
    """Return how many answers at once keep the stated speed, and what allows no more."""
    limits = {
        "bandwidth": _answers_by_bandwidth(weights, place, use),
        "arithmetic": _answers_by_arithmetic(weights, place, use),
        "memory": fitted.answers,
    }
    if place.most_answers:
        limits["max_parallel"] = place.most_answers
    limited_by = min(limits, key=lambda limit: limits[limit])
    return limits[limited_by], limited_by


def _answers_by_bandwidth(weights: Weights, place: Place, use: Use) -> int:
    """Return how many answers share one delivery of the weights.

    In a pipeline each device serves another group of answers at the same time, so that a group has the bandwidth of
    one device to itself.
    """
    delivered = place.bandwidth_gb_s * 1e9 * place.devices_at_once * use.efficiency / use.tokens_per_second
    cache = weights.cache_bytes * use.context_tokens
    if delivered < weights.read_bytes + cache:
        return 0
    groups = place.devices if place.split is Split.PIPELINE else 1
    several = groups * floor((delivered - weights.all_bytes) / cache)  # many answers wake all experts
    return max(groups, several)


def _answers_by_arithmetic(weights: Weights, place: Place, use: Use) -> int:
    per_second = place.tflops * 1e12 * place.devices * use.efficiency
    per_answer = _FLOPS_PER_PARAMETER * weights.release.active_billions * 1e9 * use.tokens_per_second
    return floor(per_second / per_answer)
