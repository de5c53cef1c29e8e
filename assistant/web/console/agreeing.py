"""How far two readers of a hit agree, by family of rules and in four weeks each: rows of a table and a drawing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from assistant.compliance.agreement import Agreement, agreement_of, in_words
from assistant.compliance.second_looks import Pairs
from assistant.compliance.standing import Disposition
from assistant.web.console.drawing import Drawing, draw_ranges

WEEKS_A_PERIOD: Final = 4  # a week alone has too few pairs for a figure
ALL: Final = "all rules"


@dataclass(frozen=True, slots=True)
class Agreeing:
    """One family of rules, or all of them.

    Attributes:
        total: over all periods.
        reading: what that means, in words.
        periods: one figure a period, the earliest first.
    """

    family: str
    total: Agreement
    reading: str
    periods: Sequence[Agreement]


def agreeing_rows(pairs: Sequence[Pairs], weeks: Sequence[date]) -> list[Agreeing]:
    """Return a row for all rules and one a family, those with the most pairs first; nothing without pairs.

    Args:
        pairs: what was read twice.
        weeks: Mondays, the earliest first; four of them are a period.
    """
    families = sorted({one.family for one in pairs}, key=lambda name: (-_count(pairs, name), name))
    begins = weeks[::WEEKS_A_PERIOD]
    rows = []
    for name in [ALL, *families] if pairs else []:
        found = [one for one in pairs if name in {ALL, one.family}]
        total = _agreement(found)
        periods = [
            _agreement([one for one in found if begin <= one.monday < begin + timedelta(weeks=WEEKS_A_PERIOD)])
            for begin in begins
        ]
        rows.append(Agreeing(name or "the guard itself", total, in_words(total), periods))
    return rows


def draw_agreeing(rows: Sequence[Agreeing]) -> Drawing:
    """Return the figures of those rows that have one, each with its interval."""
    return draw_ranges(
        [
            (row.family, row.total.low, row.total.kappa, row.total.high, f"{row.total.kappa:.2f}, n {row.total.pairs}")
            for row in rows
            if row.total.has_enough
            and row.total.kappa is not None
            and row.total.low is not None
            and row.total.high is not None
        ]
    )


def _count(pairs: Sequence[Pairs], family: str) -> int:
    return sum(sum(one.counts.values()) for one in pairs if one.family == family)


def _agreement(pairs: Sequence[Pairs]) -> Agreement:
    counts: Counter[tuple[Disposition, Disposition]] = Counter()
    for one in pairs:
        counts.update(one.counts)
    return agreement_of(counts)
