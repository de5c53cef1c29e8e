"""Does it fit: weights, KV cache and buffers against the memory that models may use."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, floor

from connectors.model_hosts.capacity.placing import GIB, Place, Weights
from connectors.model_hosts.catalogue import Split
from connectors.model_hosts.facts.quantisation import CACHE_BYTES, WEIGHT_BITS

# Buffers for the sums, on each device. Seen with llama.cpp: 0.3 GiB for 8B to 1.2 GiB for 70B.
OVERHEAD_GIB = 1.0


@dataclass(frozen=True, slots=True)
class Fit:
    """A model in a place.

    Attributes:
        cache_gib: of one answer with a full window.
        needed_gib: for one answer.
        longest_context_tokens: of one answer alone; 0 if the weights alone do not fit.
        answers: that fit at once with a full window each.
        sums: how it comes about, a line each.
    """

    weights_gib: float
    cache_gib: float
    overhead_gib: float
    needed_gib: float
    usable_gib: float
    longest_context_tokens: int
    answers: int
    sums: tuple[str, ...]

    @property
    def is_fitting(self) -> bool:
        """Tell whether one answer has room."""
        return self.needed_gib <= self.usable_gib

    @property
    def verdict(self) -> str:
        """Return the comparison in words."""
        sign, words = ("<=", "fits") if self.is_fitting else (">", "does not fit")
        return f"{self.needed_gib:.1f} {sign} {self.usable_gib:.1f} GiB: {words}"


def fit(weights: Weights, place: Place, context_tokens: int) -> Fit:
    """Put a model into a place."""
    spread = _spread(weights, place)
    weights_gib = weights.all_bytes * spread / GIB
    token_gib = weights.cache_bytes * _cache_spread(weights, place) / GIB
    cache_gib = token_gib * context_tokens
    overhead_gib = OVERHEAD_GIB * place.devices
    left_gib = place.memory_gib - weights_gib - overhead_gib
    return Fit(
        weights_gib=weights_gib,
        cache_gib=cache_gib,
        overhead_gib=overhead_gib,
        needed_gib=weights_gib + cache_gib + overhead_gib,
        usable_gib=place.memory_gib,
        longest_context_tokens=min(max(0, floor(left_gib / token_gib)), weights.release.context_tokens),
        answers=max(0, floor(left_gib / cache_gib)),
        sums=(
            *_sums(weights, context_tokens),
            *_spread_sums(weights, place),
            (
                f"needed: {weights_gib:.1f} + {cache_gib:.1f} + {overhead_gib:.0f} for buffers = "
                f"{weights_gib + cache_gib + overhead_gib:.1f} GiB of {place.memory_gib:.1f}"
            ),
        ),
    )


def _sums(weights: Weights, context_tokens: int) -> tuple[str, str]:
    release = weights.release
    bits = WEIGHT_BITS[weights.quantisation]
    return (
        f"weights: {release.parameters_billions:g}e9 x {bits:g} bits / 8 = {weights.all_bytes / GIB:.1f} GiB",
        (
            f"cache: 2 x {release.layers} layers x {release.kv_heads} heads x {release.head_size} x "
            f"{CACHE_BYTES[weights.cache]:g} bytes x {context_tokens:,} tokens = "
            f"{weights.cache_bytes * context_tokens / GIB:.1f} GiB"
        ),
    )


def _spread_sums(weights: Weights, place: Place) -> tuple[str, ...]:
    if place.split is Split.TENSOR or _spread(weights, place) == 1:
        return ()
    most = ceil(weights.release.layers / place.devices)
    return (
        (
            f"unevenly shared: one of {place.devices} devices holds {most} of {weights.release.layers} layers, "
            f"so all count as {place.devices * most / weights.release.layers:.3f} of the whole"
        ),
    )


def _spread(weights: Weights, place: Place) -> float:
    """Return how much all devices together need, as if each held as much as the fullest, as a share of the whole."""
    if place.split is Split.TENSOR:
        return 1.0
    layers = weights.release.layers
    return place.devices * ceil(layers / place.devices) / layers


def _cache_spread(weights: Weights, place: Place) -> float:
    """Return the same for the cache: a head is on one device, and with more devices than heads on several."""
    if place.split is not Split.TENSOR:
        return _spread(weights, place)
    heads = weights.release.kv_heads
    return place.devices * ceil(heads / place.devices) / heads
