"""Hold the figures that the company's deck prints against sums of ours, each with its arithmetic."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml

from connectors.model_hosts.capacity.cost import HOURS_A_YEAR
from connectors.model_hosts.capacity.memory import OVERHEAD_GIB, fit
from connectors.model_hosts.capacity.placing import Place, Use, Weights
from connectors.model_hosts.capacity.plan import largest_billions
from connectors.model_hosts.facts.facts import Accelerator, Facts

_FILE: Final = Path(__file__).with_name("deck.yaml")
_CONTEXT_TOKENS: Final = 8192
_FORM: Final = "Q4_K_M"
_ROUNDING: Final = 0.0101  # printed with two digits, some cut and some rounded
_SAME: Final = 0.03  # data sheets differ by as much
_CARDS_A_MACHINE: Final = (8, 4)  # a server; a workstation board


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the deck's table of GPUs; `compute_per_usd` is in GFLOPS per dollar."""

    name: str
    accelerators: list[str]
    price_usd: int
    tflops: float
    memory_gb: int
    bandwidth_gb_s: float
    largest_billions: int
    compute_per_usd: float


@dataclass(frozen=True, slots=True)
class Phase:
    """What the deck buys in one phase."""

    name: str
    option: str
    count: int
    price_usd: int


@dataclass(frozen=True, slots=True)
class Placement:
    """A model where the deck draws it."""

    name: str
    accelerator: str
    devices: int
    release: str
    context_tokens: int


@dataclass(frozen=True, slots=True)
class Deck:
    """Everything that is printed."""

    rows: tuple[Row, ...]
    phases: tuple[Phase, ...]
    placements: tuple[Placement, ...]
    initial_usd: int
    advanced_usd: int
    year_usd: int


@dataclass(frozen=True, slots=True)
class Printed:
    """A printed figure, and what comes out here.

    Attributes:
        what: which figure.
        printed: as the deck has it.
        sums: the arithmetic.
        holds: it is right, within how it was rounded.
    """

    what: str
    printed: str
    sums: str
    holds: bool


@dataclass(frozen=True, slots=True)
class Option:
    """A row of the table as the deck prints it, and as it comes out here.

    Attributes:
        tflops: by the data sheet; two different ones where one name sells two chips.
        largest_billions: at Q4_K_M with a window of 8,192 tokens.
        tokens_per_second: bound for a model of that size.
    """

    printed: Row
    tflops: tuple[float, float]
    memory_gib: float
    bandwidth_gb_s: float
    largest_billions: float
    tokens_per_second: float

    @property
    def compute_per_usd(self) -> tuple[float, float]:
        """Return GFLOPS per printed dollar."""
        low, high = self.tflops
        return low * 1000 / self.printed.price_usd, high * 1000 / self.printed.price_usd

    @property
    def bandwidth_per_usd(self) -> float:
        """Return GB/s per printed dollar: what an answer's speed costs."""
        return self.bandwidth_gb_s / self.printed.price_usd


@cache
def read_deck() -> Deck:
    """Read the shipped file."""
    raw: dict[str, Any] = yaml.safe_load(_FILE.read_text(encoding="utf-8"))
    return Deck(
        rows=tuple(Row(**row) for row in raw.pop("options")),
        phases=tuple(Phase(**row) for row in raw.pop("phases")),
        placements=tuple(Placement(**row) for row in raw.pop("placements")),
        **raw,
    )


def options(facts: Facts) -> tuple[Option, ...]:
    """Return the deck's table of GPUs, each row beside ours."""
    return tuple(
        _option(row, [facts.accelerators[name] for name in row.accelerators], facts) for row in read_deck().rows
    )


def check_deck(facts: Facts) -> Iterator[Printed]:
    """Yield each figure of the deck with its sum."""
    deck = read_deck()
    for option in options(facts):
        yield from _check_option(option)
    yield from _check_purchase(deck)
    for name, phases in (("the initial set-up", deck.phases[:2]), ("the advanced set-up", deck.phases)):
        yield _check_year(name, phases, deck, facts)
    for placement in deck.placements:
        yield _check_placement(placement, facts)


def _option(row: Row, chips: Sequence[Accelerator], facts: Facts) -> Option:
    small, large = (Weights(facts.releases[name], _FORM) for name in ("qwen2.5-32b", "llama-3.1-70b"))
    largest = largest_billions(
        chips[0].memory_gib * chips[0].usable,
        small=small,
        large=large,
        context_tokens=_CONTEXT_TOKENS,
        overhead_gib=OVERHEAD_GIB,
    )
    gb_a_billion = small.all_bytes / 1e9 / small.release.parameters_billions
    return Option(
        printed=row,
        tflops=(chips[0].fp32_tflops, chips[-1].fp32_tflops),
        memory_gib=chips[0].memory_gib,
        bandwidth_gb_s=chips[0].bandwidth_gb_s,
        largest_billions=largest,
        tokens_per_second=chips[0].bandwidth_gb_s / (gb_a_billion * largest),
    )


def _check_option(option: Option) -> Iterator[Printed]:
    row = option.printed
    computed = row.tflops * 1000 / row.price_usd
    yield Printed(
        f"{row.name}, compute per dollar",
        f"{row.compute_per_usd:.2f}",
        f"{row.tflops:g} TFLOPS x 1000 / ${row.price_usd:,} = {computed:.2f}",
        abs(computed - row.compute_per_usd) < _ROUNDING,
    )
    low, high = option.tflops
    words = _range(f"{low:g}", f"{high:g}")
    per_usd = _range(*(f"{each:.2f}" for each in option.compute_per_usd))
    yield Printed(
        f"{row.name}, TFLOPS",
        f"{row.tflops:g}",
        f"{words} by the data sheet, so {words} x 1000 / ${row.price_usd:,} = {per_usd}",
        low * (1 - _SAME) <= row.tflops <= high * (1 + _SAME),
    )
    yield Printed(
        f"{row.name}, bandwidth",
        f"{row.bandwidth_gb_s:g} GB/s",
        f"{option.bandwidth_gb_s:g} GB/s by the data sheet, {option.bandwidth_per_usd:.2f} GB/s a dollar",
        abs(row.bandwidth_gb_s / option.bandwidth_gb_s - 1) <= _SAME,
    )
    yield _check_largest(option)


def _check_largest(option: Option) -> Printed:
    row = option.printed
    largest = option.largest_billions
    return Printed(
        f"{row.name}, largest model",
        f"{row.largest_billions}B = 2 x {row.memory_gb} GB",
        f"{largest:.0f}B at {_FORM} with {_CONTEXT_TOKENS:,} tokens and {OVERHEAD_GIB:g} GiB for buffers: "
        f"{row.largest_billions} / {largest:.1f} = {row.largest_billions / largest:.2f} times as many as fit",
        row.largest_billions <= largest,
    )


def _check_purchase(deck: Deck) -> Iterator[Printed]:
    prices = {row.name: row.price_usd for row in deck.rows}
    for phase in deck.phases:
        paid = phase.count * prices[phase.option]
        words = f"{phase.count} x ${prices[phase.option]:,} = ${paid:,}"
        yield Printed(f"{phase.name}, price", f"${phase.price_usd:,}", words, paid == phase.price_usd)
    initial = deck.phases[:2]
    paid = sum(phase.price_usd for phase in initial)
    yield Printed(
        "initial set-up, price", f"${deck.initial_usd:,}", f"{_terms(initial)} = ${paid:,}", paid == deck.initial_usd
    )
    cards = sum(phase.count for phase in initial)
    machines = " to ".join(f"{-(-cards // each)} ({each} a machine)" for each in _CARDS_A_MACHINE)
    yield Printed(
        "initial set-up, what it buys",
        f"${deck.initial_usd:,} for everything",
        f"{deck.initial_usd:,} - {paid:,} = ${deck.initial_usd - paid:,} for host machines; "
        f"{cards} cards need {machines}",
        deck.initial_usd > paid,
    )
    cards_usd = sum(phase.price_usd for phase in deck.phases)
    yield Printed(
        "advanced set-up",
        f"${deck.advanced_usd:,} and more",
        f"{_terms(deck.phases)} = ${cards_usd:,} for cards; {deck.advanced_usd:,} - {cards_usd:,} = "
        f"${deck.advanced_usd - cards_usd:,} for machines, cooling and network",
        cards_usd <= deck.advanced_usd,
    )


def _check_year(name: str, phases: Sequence[Phase], deck: Deck, facts: Facts) -> Printed:
    cards = {row.name: facts.accelerators[row.accelerators[0]] for row in deck.rows}
    watts = sum(phase.count * cards[phase.option].watts for phase in phases)
    kwh = watts / 1000 * HOURS_A_YEAR
    usd_per_kwh = deck.year_usd / kwh
    terms = " + ".join(f"{phase.count} x {cards[phase.option].watts:g} W" for phase in phases)
    return Printed(
        f"a year of {name}",
        f"${deck.year_usd:,}",
        f"{terms} = {watts:,.0f} W x {HOURS_A_YEAR:,} h = {kwh:,.0f} kWh; ${deck.year_usd:,} / {kwh:,.0f} kWh = "
        f"{usd_per_kwh * 100:.1f} ct/kWh for the cards alone at full load, nothing for machines, cooling and repair; "
        f"at {Use().usd_per_kwh * 100:g} ct it is ${kwh * Use().usd_per_kwh:,.0f}",
        usd_per_kwh >= Use().usd_per_kwh,
    )


def _check_placement(placement: Placement, facts: Facts) -> Printed:
    place = Place.of(facts.accelerators[placement.accelerator], placement.devices)
    fitted = fit(Weights(facts.releases[placement.release], _FORM), place, placement.context_tokens)
    words = f"{'; '.join(fitted.sums)}; {fitted.verdict}"
    return Printed(placement.name, f"fits at {_FORM}", words, fitted.is_fitting)


def _range(low: str, high: str) -> str:
    return low if low == high else f"{low} to {high}"


def _terms(phases: Sequence[Phase]) -> str:
    return " + ".join(f"{phase.price_usd:,}" for phase in phases)
