"""Write plans and the deck's figures for a person, arithmetic included, and for machines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict

from connectors.model_hosts.capacity.deck import Option, Printed
from connectors.model_hosts.capacity.plan import Plan


def render_plan(plan: Plan) -> Iterator[str]:
    """Yield a plan's verdict and, indented, its sums."""
    yield f"{plan.name}: {verdict(plan)}"
    for line in plan.sums:
        yield f"    {line}"


def verdict(plan: Plan) -> str:
    """Say in one line what comes out."""
    if plan.fit is None:
        return f"no sum, {plan.missing}"
    if plan.fit.is_fitting and plan.speed is not None and plan.cost is not None:
        return (
            f"{plan.fit.verdict}; at most {plan.speed.tokens_per_second:.1f} tokens/s, {plan.speed.people} people, "
            f"${plan.cost.year_usd:,.0f} a year, ${plan.cost.million_tokens_usd:.2f} a million tokens"
        )
    return f"{plan.fit.verdict}; would with {plan.instead}" if plan.instead else plan.fit.verdict


def plan_data(plan: Plan) -> Mapping[str, object]:
    """Return the same for machines."""
    return {**asdict(plan), "is_fitting": plan.is_fitting}


def render_options(options: Iterable[Option]) -> Iterator[str]:
    """Yield the deck's table of GPUs: what is printed, and behind `->` what comes out here where that differs."""
    yield _row("", "price", "TFLOPS", "memory", "GB/s", "largest model", "GFLOPS a dollar", "GB/s a dollar")
    for option in options:
        row = option.printed
        low, high = option.tflops
        yield _row(
            row.name,
            f"${row.price_usd:,}",
            _differs(f"{row.tflops:g}", f"{low:g}" if low == high else f"{low:g}-{high:g}"),
            f"{row.memory_gb} GB",
            _differs(f"{row.bandwidth_gb_s:g}", f"{option.bandwidth_gb_s:g}"),
            f"{row.largest_billions}B -> {option.largest_billions:.0f}B",
            _differs(f"{row.compute_per_usd:.2f}", "-".join(dict.fromkeys(f"{x:.2f}" for x in option.compute_per_usd))),
            f"{option.bandwidth_per_usd:.2f}",
        )


def render_printed(printed: Printed) -> Iterator[str]:
    """Yield a figure of the deck, whether it holds, and the arithmetic."""
    yield f"{'holds' if printed.holds else 'DOES NOT HOLD'}  {printed.what}: {printed.printed}"
    yield f"    {printed.sums}"


def _differs(printed: str, computed: str) -> str:
    return printed if printed == computed else f"{printed} -> {computed}"


def _row(*cells: str) -> str:
    widths = (12, 8, 16, 8, 12, 15, 20, 14)
    return "".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()
