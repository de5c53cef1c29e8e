r"""Run every rule over one view of a text in linear time, and tell from where a text that goes on may still match.

One pass over the view asks which keywords occur, one more whether any rule without a keyword matches at all; most
texts end there. The rules that remain run one by one with RE2, and their checks confirm.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from weakref import WeakValueDictionary

from policies.detectors.compiled import PLACEHOLDER_RULE, Alive, CompiledRule, compile_rule
from policies.detectors.facts import Held
from policies.detectors.pattern_kinds import BLOCK_CHARS, ContextPattern, Match, Region
from policies.detectors.runs import BORDER_CHARS
from policies.detectors.sightings import Keywords, Sighted, Sightings
from policies.rule import Rule
from policies.views.fold import fold_bytes
from policies.views.regex import PatternSet, Regex

_COARSE_HELD_CHARS = 256  # where more would be held, it is worth counting exactly
_GROUP_HEADS = 24
_GROUP_CHARS = 2_000  # of patterns; the longest stand alone
_LONG_HEAD_CHARS = 300  # of a pattern that goes on over nearly everything: two of them would have the states of both
_GOES_ON = re.compile(r"\[\^[^\]]*\][*+{]").search
_GATED_RULES = 16  # rules without a keyword that share an automaton; the states of one of all would multiply
_DIGIT = re.compile(rb"[0-9]").search
_SHORT_CHARS = 128  # of a view, such as a cell or a value in groups: a call costs more than the pass
_SHORT_GATED_RULES = 32  # so fewer calls; in short texts the automata have met most of their states soon


class _Gate:
    """What tells in one pass whether any of some rules without a keyword matches.

    Args:
        rules: at least one.
    """

    def __init__(self, rules: tuple[CompiledRule, ...]) -> None:
        self._rules = rules
        self._regex = Regex("|".join(f"(?:{tree})" for compiled in rules for tree in compiled.facts.gate))

    def opened(self, data: bytes, start: int) -> tuple[Sequence[CompiledRule], Sequence[Region]]:
        """Return which rules may match in `data[start:]`, and where."""
        regions = list(_open_regions(self._regex, data, start))
        return (self._rules, regions) if regions else ((), ())


class _ShortGate:
    """What tells in one pass which of some rules without a keyword match in a short text.

    Args:
        rules: at least one.
    """

    def __init__(self, rules: tuple[CompiledRule, ...]) -> None:
        self._rules = rules

    @cached_property
    def _set(self) -> PatternSet:
        return PatternSet(fold_bytes("|".join(f"(?:{tree})" for tree in rule.facts.gate)) for rule in self._rules)

    def opened(self, data: bytes, start: int) -> tuple[Sequence[CompiledRule], Sequence[Region]]:  # noqa: ARG002 - as _Gate
        """Return which rules may match, and where: anywhere."""
        return [self._rules[number] for number in self._set.numbers_in(data)], [(0, len(data))]


class Scanner:
    """Every rule of a policy, compiled. Immutable, so threads may share it.

    Raises:
        PolicyError: a pattern, a check or a keyword of a rule cannot be used.
    """

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._rules = tuple(compile_rule(rule) for rule in (*rules, PLACEHOLDER_RULE))
        self._keywords = Keywords(self._rules)
        keywordless = [compiled for compiled in self._rules if not compiled.keywords]
        plain = [compiled for compiled in keywordless if not compiled.facts.needs_digit]
        with_digit = [compiled for compiled in keywordless if compiled.facts.needs_digit]
        self._gates, self._digit_gates = _gates(plain), _gates(with_digit)
        self._short_gates, self._short_digit_gates = _short_gates(plain), _short_gates(with_digit)

    def load(self) -> None:
        """Compile every pattern now instead of when a text first asks for it."""
        for compiled in self._rules:
            compiled.load()
        self.find(b"0", 0, Sighted())  # what short texts are asked
        for is_exact in (False, True):
            self.alive_from(b" ", 0, Sighted(), is_exact=is_exact)

    def open_sightings(self) -> Sightings:
        """Return what remembers where keywords stand in a view that grows."""
        return Sightings(self._keywords)

    def sighted(self, data: bytes) -> Sighted:
        """Return what `find` and `alive_from` want to know of a whole view."""
        sightings = self.open_sightings()
        sightings.look(data, 0)
        return sightings.opened_from(0, 0)

    def has_words(self, data: bytes) -> bool:
        """Tell whether a word occurs that opens anything."""
        return self._keywords.has_any(data)

    def find(self, data: bytes, start: int, sighted: Sighted) -> list[Match]:
        """Return what counts in `data[start:]`, ordered by where the matches begin.

        Args:
            data: the view.
            start: values begin here or later.
            sighted: the patterns whose words occur, and where.

        Raises:
            RuleFailedError: a check failed; nothing may pass.
        """
        matches: dict[Match, None] = {}
        for compiled, opened, regions in sighted.patterns:
            matches |= dict.fromkeys(opened.matches(compiled, data, start, regions))
        has_digit = _DIGIT(data, max(0, start - BORDER_CHARS)) is not None
        for gate in self._gates_of(data, has_digit=has_digit):
            rules, places = gate.opened(data, start)
            for compiled in rules:
                for pattern in compiled.plain:
                    matches |= dict.fromkeys(pattern.matches(compiled, data, start, places))
        return sorted(matches, key=_by_place) if len(matches) > 1 else list(matches)

    def _gates_of(self, data: bytes, *, has_digit: bool) -> Iterable[_Gate | _ShortGate]:
        if len(data) <= _SHORT_CHARS:
            return (*self._short_gates, *self._short_digit_gates) if has_digit else self._short_gates
        return (*self._gates, *self._digit_gates) if has_digit else self._gates

    def alive_from(self, data: bytes, start: int, sighted: Sighted, *, is_exact: bool = False) -> int:
        """Return the first place from which `data` may still grow into a match; its length when there is none.

        Matches inside a run (`RUN_CLASS`) are left out: whoever asks holds a run until it ends.

        Args:
            data: the view.
            start: values begin here or later.
            sighted: the patterns whose words occur, and where.
            is_exact: whether no character may be held for nothing; else a few may, which is cheaper to find out.
        """
        alive = len(data) if is_exact else _first_of(self._alive_heads, data, start)
        if is_exact or len(data) - alive > _COARSE_HELD_CHARS:
            alive = _first_of(self._exactly_alive_heads, data, start)
        held = data[max(0, start - BORDER_CHARS) :].lower()
        for word, opened in self._opened:
            if word in held:
                alive = min(alive, opened.first(data, start))
        for compiled in sighted.growing:
            # A plain match is held from its beginning, so its keyword stands in what is held; words may be shown.
            if compiled.alive is not None:
                place = compiled.alive.first(data, start)
                if len(data) - place > _COARSE_HELD_CHARS and place < alive and compiled.exactly_alive is not None:
                    place = compiled.exactly_alive.first(data, start)
                alive = min(alive, place)
        for _, pattern, regions in sighted.patterns:
            if isinstance(pattern, ContextPattern) and not pattern.is_run:
                alive = min(alive, pattern.alive_from(data, start, regions))
        return alive

    @cached_property
    def _alive_heads(self) -> list[Alive]:
        return [_alive(heads, is_exact=False) for heads in self._groups_of_heads]

    @cached_property
    def _exactly_alive_heads(self) -> list[Alive]:
        return [_alive(heads, is_exact=True) for heads in self._groups_of_heads]

    @cached_property
    def _groups_of_heads(self) -> list[list[Held]]:
        # The states of one automaton of all heads multiply: it would meet new ones, and build them, in every text.
        # The few without a longest match come last: a group with one is looked for in all that is held.
        groups: list[list[Held]] = [[]]
        alone: list[list[Held]] = []
        length = 0
        for head in sorted(
            (held for held in self._held if not held.words), key=lambda head: (head.chars is None, head.size)
        ):
            if head.size >= _LONG_HEAD_CHARS and _GOES_ON(head.coarse):
                alone.append([head])
                continue
            length += head.size
            if groups[-1] and (length > _GROUP_CHARS or len(groups[-1]) >= _GROUP_HEADS):
                groups.append([])
                length = head.size
            groups[-1].append(head)
        return groups + alone

    @cached_property
    def _opened(self) -> list[tuple[bytes, Alive]]:
        """Return the beginnings of patterns that begin with a word: until it stands there, the run holds it."""
        return [(word.encode("latin-1"), _alive([held], is_exact=True)) for held in self._held for word in held.words]

    @property
    def _held(self) -> Iterator[Held]:
        for compiled in self._rules:
            yield from compiled.facts.held


_scanners: WeakValueDictionary[tuple[Rule, ...], Scanner] = WeakValueDictionary()


def scanner_of(rules: Iterable[Rule]) -> Scanner:
    """Return the scanner of some rules: one for all guards of a process, such as that of log lines and that of turns.

    Raises:
        PolicyError: a pattern, a check or a keyword of a rule cannot be used.
    """
    key = tuple(rules)
    return _scanners.get(key) or _scanners.setdefault(key, Scanner(key))


def _alive(heads: Iterable[Held], *, is_exact: bool) -> Alive:
    told = list(heads)
    return Alive([held.exact if is_exact else held.coarse for held in told], [held.chars for held in told])


def _first_of(regexes: list[Alive], data: bytes, start: int) -> int:
    alive = len(data)
    for regex in regexes:
        place = regex.first(data, start)
        alive = min(alive, place)
    return alive


def _by_place(match: Match) -> tuple[int, int]:
    return match.whole_start, match.whole_end


def _gates(rules: Sequence[CompiledRule]) -> list[_Gate]:
    return [_Gate(batch) for batch in _batches(rules, _GATED_RULES)]


def _short_gates(rules: Sequence[CompiledRule]) -> list[_ShortGate]:
    return [_ShortGate(batch) for batch in _batches(rules, _SHORT_GATED_RULES)]


def _batches(rules: Sequence[CompiledRule], size: int) -> Iterator[tuple[CompiledRule, ...]]:
    return (tuple(rules[place : place + size]) for place in range(0, len(rules), size))


def _open_regions(gate: Regex, data: bytes, start: int) -> Iterator[Region]:
    """Yield where rules without a keyword may match."""
    place = max(0, start - BORDER_CHARS)
    while (found := gate.search(data, place)) is not None:
        begin = found[0][0]
        place = begin + BLOCK_CHARS
        while place < len(data) and (more := gate.search(data, place)) is not None:
            if more[0][0] > place + BLOCK_CHARS:
                break  # between the two nothing begins
            place = more[0][0] + BLOCK_CHARS
        yield begin, min(place, len(data))
        if place >= len(data):
            return
