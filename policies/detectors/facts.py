"""What is known of a rule's patterns: where they are looked for, what a stream holds, and what RE2 is to compile.

To read the trees of 1,500 patterns takes seconds (`policies/detectors/reading.py`), and the result is always the same.
So a process may learn it from what an earlier one wrote down (`assistant/known_facts.py`); a rule of which
nothing was learned is read, and so checked, when it is compiled.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from hashlib import sha256
from sys import intern  # fillers, steps and values are spelled alike in many patterns
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
class PlainFacts:
    """A value with at most a border before it.

    Attributes:
        regex: the whole pattern as RE2 reads it; its last group is the value.
        is_run: every value is inside a run, so that holding the run holds the value.
        keyword_chars: how far behind the beginning of a match a keyword may stand.
        tail: the bytes by which an endless value goes on, as Latin-1.
        coarse, exact: the beginnings of matches, quickly and to the letter; empty where the run holds them.
        chars: the length of the longest match; None when there is no longest.
    """

    regex: str
    is_run: bool
    keyword_chars: int
    tail: str
    coarse: str
    exact: str
    chars: int | None


@dataclass(frozen=True, slots=True)
class Steps:
    """Words of which each is tried, between the words that open a pattern and its value.

    Attributes:
        fewest, most: how many there may be.
        step: one of them, as RE2 reads it.
        tail: what stands between them and the value.
        tail_chars: its longest length.
        behind: steps, tail and value, so that it matches wherever they do.
        behind_chars: its longest length.
    """

    fewest: int
    most: int
    step: str
    tail: str
    tail_chars: int
    behind: str
    behind_chars: int


@dataclass(frozen=True, slots=True)
class ContextFacts:
    """Words, and a value behind them.

    Attributes:
        words: what is never missing of the words, as RE2 reads it; in a stepped pattern, those that open it.
        filler: what may be missing at their end; empty when nothing may.
        value: the value, the first group, with its border.
        is_run: every value is inside a run, so that holding the run holds the value.
        before_chars: how far before a value its words may begin.
        keyword_chars: how far behind the beginning of the words a keyword may stand.
        value_chars: the length of the longest value with its border; None when there is no longest.
        needs_digit: no value is without a digit, and there is a longest.
        growing: the beginnings of values that reach the end.
        tail: the bytes by which an endless value goes on, as Latin-1.
        steps: the words between; None in a pattern without.
    """

    words: str
    filler: str
    value: str
    is_run: bool
    before_chars: int
    keyword_chars: int
    value_chars: int | None
    needs_digit: bool
    growing: str
    tail: str
    steps: Steps | None


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of the patterns of a rule.

    Attributes:
        plain: its patterns without words before the value.
        context: those with words.
        openings: of each pattern, the plain ones first; none where the rule has no keyword.
        gate: the patterns as RE2 reads them, where the rule has no keyword.
        held: what a stream holds of them.
        needs_digit: no match is without a digit.
    """

    plain: tuple[PlainFacts, ...]
    context: tuple[ContextFacts, ...]
    openings: tuple[Opening, ...]
    gate: tuple[str, ...]
    held: tuple[Held, ...]
    needs_digit: bool

    @property
    def is_held(self) -> bool:
        """Tell whether a plain pattern is held by more than the run that it stands in."""
        return any(not pattern.is_run for pattern in self.plain)


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
        plain=tuple(map(_plain, told["plain"])),
        context=tuple(map(_context, told["context"])),
        openings=tuple(
            Opening(int(one["before_chars"]), int(one["reach"]), _texts(one["words"])) for one in told["openings"]
        ),
        gate=_texts(told["gate"]),
        held=tuple(
            Held(
                words=_texts(one["words"]),
                chars=_length(one["chars"]),
                size=int(one["size"]),
                coarse=str(one["coarse"]),
                exact=str(one["exact"]),
            )
            for one in told["held"]
        ),
        needs_digit=bool(told["needs_digit"]),
    )


def _plain(told: Mapping[str, Any]) -> PlainFacts:
    return PlainFacts(
        regex=str(told["regex"]),
        is_run=bool(told["is_run"]),
        keyword_chars=int(told["keyword_chars"]),
        tail=str(told["tail"]),
        coarse=str(told["coarse"]),
        exact=str(told["exact"]),
        chars=_length(told["chars"]),
    )


def _context(told: Mapping[str, Any]) -> ContextFacts:
    return ContextFacts(
        words=intern(told["words"]),
        filler=intern(told["filler"]),
        value=intern(told["value"]),
        is_run=bool(told["is_run"]),
        before_chars=int(told["before_chars"]),
        keyword_chars=int(told["keyword_chars"]),
        value_chars=_length(told["value_chars"]),
        needs_digit=bool(told["needs_digit"]),
        growing=intern(told["growing"]),
        tail=intern(told["tail"]),
        steps=None if told["steps"] is None else _steps(told["steps"]),
    )


def _steps(told: Mapping[str, Any]) -> Steps:
    return Steps(
        fewest=int(told["fewest"]),
        most=int(told["most"]),
        step=intern(told["step"]),
        tail=intern(told["tail"]),
        tail_chars=int(told["tail_chars"]),
        behind=intern(told["behind"]),
        behind_chars=int(told["behind_chars"]),
    )


def _length(told: Any) -> int | None:
    return None if told is None else int(told)


def _texts(told: list[Any]) -> tuple[str, ...]:
    return tuple(str(text) for text in told)
