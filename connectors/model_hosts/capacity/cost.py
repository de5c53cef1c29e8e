"""What it costs: purchase, power, a year, a million tokens."""

from __future__ import annotations

from dataclasses import dataclass

from connectors.model_hosts.capacity.placing import Place, Use
from connectors.model_hosts.capacity.speed import Speed

HOURS_A_YEAR = 8760
_SECONDS_A_YEAR = HOURS_A_YEAR * 3600


@dataclass(frozen=True, slots=True)
class Cost:
    """What a place costs in US dollars.

    Attributes:
        power_usd: a year, for the time at full load; what it draws when idle is not counted.
        year_usd: power, and the purchase spread over its years.
        million_tokens_usd: at the speed of the answers that it serves at once; 0 where the speed is unknown.
    """

    purchase_usd: float
    power_usd: float
    year_usd: float
    million_tokens_usd: float
    sums: tuple[str, ...]


def cost(place: Place, speeds: Speed, use: Use) -> Cost:
    """Count what a place costs with one model on it."""
    hours = HOURS_A_YEAR * use.busy_share
    power_usd = place.watts / 1000 * hours * use.usd_per_kwh
    year_usd = power_usd + place.price_usd / use.years
    tokens_per_second = max(speeds.answers * use.tokens_per_second, speeds.tokens_per_second * use.efficiency)
    millions = tokens_per_second * _SECONDS_A_YEAR * use.busy_share / 1e6
    million_usd = year_usd / millions if millions else 0.0
    return Cost(
        purchase_usd=place.price_usd,
        power_usd=power_usd,
        year_usd=year_usd,
        million_tokens_usd=million_usd,
        sums=(
            (
                f"a year: {place.watts:,.0f} W x {hours:,.0f} h x ${use.usd_per_kwh:g}/kWh = ${power_usd:,.0f}, and "
                f"${place.price_usd:,.0f} / {use.years:g} years = ${year_usd:,.0f} together"
            ),
            (
                f"a million tokens: ${year_usd:,.0f} / ({tokens_per_second:.1f} tokens/s x {use.busy_share:.0%} of a "
                f"year = {millions:,.0f} million) = ${million_usd:.2f}"
            ),
        ),
    )
