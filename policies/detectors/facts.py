"""What must be known of a rule's patterns before a text comes; all else is read when a text first asks for it.

To read the words of 1,300 patterns, and how each of them may begin, takes seconds, and the result is always the same.
So a process may learn it from what an earlier one wrote down (`assistant/known_facts.py`); a rule of which
nothing was learned is read, and so checked, when it is compiled.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import Any

from policies.rule import Rule


@dataclass(frozen=True, slots=True)
class Opening:
    """The words that open a pattern.

    Attributes:
        before_chars: how far before a value a match may begin.
        reach: how far behind the beginning of a match one of the words begins at most.
    """

    before_chars: int
    reach: int
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Held:
    """The beginning of a pattern that a stream holds back as long as it may grow.

    Attributes:
        words: those with one of which every match begins, inside a run; none when they are not known.
        chars: the length of the longest match; None when there is no longest.
        size: of the pattern, by which the beginnings are put together.
        coarse, exact: the pattern of what may still grow, quickly and to the letter.
    """

    words: tuple[str, ...]
    chars: int | None
    size: int
    coarse: str
    exact: str


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of the patterns of a rule.

    Attributes:
        openings: of each pattern; none where the rule has no keyword.
        gate: the patterns as RE2 reads them, where the rule has no keyword.
        held: what a stream holds of them.
        is_held: a pattern without words is held by more than the run that it stands in.
        needs_digit: no match is without a digit.
    """

    openings: tuple[Opening, ...]
    gate: tuple[str, ...]
    held: tuple[Held, ...]
    is_held: bool
    needs_digit: bool


_learned: dict[str, Facts] = {}


def has_learned() -> bool:
    """Tell whether anything was."""
    return bool(_learned)


def learned(rule: Rule) -> Facts | None:
    """Return what was learned of a rule; None when nothing was."""
    return _learned.get(_key(rule)) if _learned else None


def learn(text: str) -> None:
    """Take over what `spell` wrote; all of it or nothing.

    Raises:
        ValueError: it is not that.
    """
    try:
        read = {key: _facts(told) for key, told in json.loads(text).items()}
    except (AttributeError, KeyError, OverflowError, TypeError, RecursionError) as error:
        raise ValueError(type(error).__name__) from None
    _learned.update(read)


def forget() -> None:
    """Know nothing."""
    _learned.clear()


def spell(known: Mapping[Rule, Facts]) -> str:
    """Write down what is known of some rules."""
    return json.dumps({_key(rule): asdict(facts) for rule, facts in known.items()}, ensure_ascii=False)


def _key(rule: Rule) -> str:
    """Return what tells apart what a rule looks for."""
    return sha256(repr((rule.patterns, rule.keywords, rule.has_steps)).encode()).hexdigest()


def _facts(told: Mapping[str, Any]) -> Facts:
    return Facts(
        openings=tuple(
            Opening(int(one["before_chars"]), int(one["reach"]), _texts(one["words"])) for one in told["openings"]
        ),
        gate=_texts(told["gate"]),
        held=tuple(
            Held(
                words=_texts(one["words"]),
                chars=None if one["chars"] is None else int(one["chars"]),
                size=int(one["size"]),
                coarse=str(one["coarse"]),
                exact=str(one["exact"]),
            )
            for one in told["held"]
        ),
        is_held=bool(told["is_held"]),
        needs_digit=bool(told["needs_digit"]),
    )


def _texts(told: list[Any]) -> tuple[str, ...]:
    return tuple(str(text) for text in told)
