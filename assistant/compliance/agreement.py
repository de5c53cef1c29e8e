"""How far two readers agree beyond chance: Cohen's kappa, with an interval that says how little a few pairs tell. Pure.

Source: Cohen 1960, "A coefficient of agreement for nominal scales"; for the variance Fleiss, Cohen and Everitt 1969,
"Large sample standard errors of kappa and weighted kappa", equation 13 with equal weights.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from math import sqrt
from typing import Final, TypeVar

FEWEST_PAIRS: Final = 10  # below them an interval reaches over most of the scale, and a figure would only mislead
_Z: Final = 1.959964  # 95 % of the normal distribution lies within it
_TAIL: Final = 0.025  # the other 5 %, on each side

_Word = TypeVar("_Word", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Agreement:
    """What pairs of judgements say of how alike two readers judge.

    Attributes:
        pairs: how many things both of them judged.
        same: of how many they said the same.
        kappa: 1 is always the same, 0 is what chance does; none where everybody said the same of everything, for then
            chance alone would agree as well.
        low, high: where kappa lies with 95 % certainty; none with it.
    """

    pairs: int
    same: int
    kappa: float | None
    low: float | None
    high: float | None

    @property
    def has_enough(self) -> bool:
        """Tell whether there are pairs enough for a figure that means something."""
        return self.pairs >= FEWEST_PAIRS


def agreement_of(counts: Mapping[tuple[_Word, _Word], int]) -> Agreement:
    """Return how far two readers agree.

    Args:
        counts: how often the first said the one thing and the second the other.

    >>> said = {("yes", "yes"): 20, ("yes", "no"): 5, ("no", "yes"): 10, ("no", "no"): 15}
    >>> found = agreement_of(said)
    >>> found.pairs, found.same, round(found.kappa, 3)
    (50, 35, 0.4)
    """
    pairs, same = sum(counts.values()), sum(count for (one, other), count in counts.items() if one == other)
    if not pairs:
        return Agreement(0, 0, None, None, None)
    words = {word for pair in counts for word in pair}
    first = {word: sum(count for (one, _), count in counts.items() if one == word) / pairs for word in words}
    second = {word: sum(count for (_, other), count in counts.items() if other == word) / pairs for word in words}
    observed, by_chance = same / pairs, sum(first[word] * second[word] for word in words)
    if by_chance >= 1:
        return Agreement(pairs, same, None, None, None)
    kappa = (observed - by_chance) / (1 - by_chance)
    if same == pairs:
        # The variance is nought then, which would claim certainty: the exact bound of a share that never failed.
        return Agreement(pairs, same, kappa, (_TAIL ** (1 / pairs) - by_chance) / (1 - by_chance), kappa)
    spread = _Z * sqrt(_variance(counts, first, second, kappa, by_chance) / pairs)
    return Agreement(pairs, same, kappa, max(-1.0, kappa - spread), min(1.0, kappa + spread))


def _variance(
    counts: Mapping[tuple[_Word, _Word], int],
    first: Mapping[_Word, float],
    second: Mapping[_Word, float],
    kappa: float,
    by_chance: float,
) -> float:
    """Return the variance of kappa for one pair."""
    pairs, rest = sum(counts.values()), 1 - kappa
    agreed = differed = 0.0
    for (one, other), count in counts.items():
        share = count / pairs
        if one == other:
            agreed += share * (1 - (first[one] + second[one]) * rest) ** 2
        else:
            differed += share * (second[one] + first[other]) ** 2
    total = agreed + rest**2 * differed - (kappa - by_chance * rest) ** 2
    return max(0.0, total) / (1 - by_chance) ** 2


def in_words(found: Agreement) -> str:
    """Return what a figure means, for somebody who never heard of kappa.

    The words go by the lower end of the interval: what may be poor agreement is not called good.
    """
    if found.kappa is None or found.low is None or not found.has_enough:
        return _why_none(found)
    certain = next((words for least, words in _READINGS if found.low >= least), "")
    if not certain and found.kappa >= _MOSTLY_ALIKE:
        return "They seem to judge mostly alike, but there are too few to be sure."
    return certain or _APART if found.low > 0 else _BY_CHANCE


_MOSTLY_ALIKE: Final = 0.4
_READINGS: Final = (
    (0.6, "They judge alike."),
    (_MOSTLY_ALIKE, "They mostly judge alike; look at what differs."),
)
_APART: Final = "They often judge differently: agree on what the words mean for these rules."
_BY_CHANCE: Final = "Chance may agree as often: talk about these rules before you rely on a decision."


def _why_none(found: Agreement) -> str:
    if not found.pairs:
        return "Nothing was read twice yet."
    if not found.has_enough:
        return f"Too few to tell: {found.same} of {found.pairs} alike; a figure needs {FEWEST_PAIRS}."
    return f"Both said the same single thing of all {found.pairs}, so chance cannot be told from agreement."
