"""Which bytes the parts of a pattern take: whether a run holds a value, a border matters, a digit is needed."""

from __future__ import annotations

import re

from policies.patterns import (
    Assertion,
    Atom,
    Choice,
    Group,
    Node,
    Repeat,
    Sequence,
    atoms,
    endless_atoms,
    first_atoms,
    is_nullable,
    longest,
)
from policies.views.fold import fold_bytes
from policies.views.regex import Regex

RUN_CLASS = "A-Za-z0-9_+/=.~@:%'À-ÖØ-öø-ÿ-"
"""Characters of a run: what a token, an address or a word is made of. A run is held until it ends."""

RUN_BYTES = b"".join(re.findall(rb"[%s]" % RUN_CLASS.encode("latin-1"), bytes(range(256))))
IN_RUN = frozenset(RUN_BYTES)
BORDER_CHARS = 2  # up to here, what stands before a value is a border and no context
_ALL_BYTES = bytes(range(256))
_FEW_BYTES = 16
_DIGITS = frozenset(b"0123456789")


def is_inside_run(before: Node, value: Node, behind: Node) -> bool:
    """Tell whether every value is inside a run, with borders of a character or two: holding the run holds the value."""
    is_decided = longest(before) in range(BORDER_CHARS + 1) and longest(behind) in {0, 1}
    return is_decided and all(IN_RUN.issuperset(taken_by(atom)) for atom in atoms(value))


def is_bordered(before: Node, value: Node) -> bool:
    """Tell whether a value begins nearly everywhere behind its border: then what may be alive needs no border.

    Without it, only a value behind one of the few characters that neither border nor value takes is held for nothing.
    """
    if longest(before) != 1:
        return False
    has_case = not (isinstance(value, Group) and value.opening == "(?i:")  # `[^a-z]([A-Z]`: also behind small letters
    taken = _written if has_case else taken_by
    around = frozenset[int]().union(*map(taken, atoms(before)))
    first = frozenset[int]().union(*map(taken, first_atoms(value)))
    return not around & first and len(_ALL_BYTES) - len(around | first) <= _FEW_BYTES


def last_of(border: Node) -> Node:
    """Return the last character of a border: a value may be told when what stands before it was shown already.

    A character that is repeated stays so: one blank says less than two.
    """
    match border:
        case Group(opening=opening, inner=inner):
            return Group(opening, last_of(inner))
        case Choice(options=options):
            return Choice(tuple(map(last_of, options)))
        case Sequence(items=(*before, last)) if longest(border) != 1:
            if not longest(last):
                return Sequence((last_of(Sequence(tuple(before))), last))
            if isinstance(last, Repeat) and is_nullable(last):
                return Group("(?:", Choice((last.inner, last_of(Sequence(tuple(before))))))
            return last_of(last)
        case _:
            return border


def needs_digit(tree: Node) -> bool:
    """Tell whether every match holds a digit."""
    match tree:
        case Atom(source=text):
            return _DIGITS.issuperset(taken_by(text))
        case Assertion():
            return False
        case Sequence(items=items):
            return any(needs_digit(item) for item in items)
        case Choice(options=options):
            return all(needs_digit(option) for option in options)
        case Group(inner=inner):
            return needs_digit(inner)
        case Repeat(inner=inner, low=low):
            return low > 0 and needs_digit(inner)


_TAKEN: dict[str, bytes] = {}  # spelling of an atom -> the bytes that it takes; there are some hundred


def taken_by(atom: str) -> bytes:
    """Return the bytes that a character or class takes, whatever their case."""
    if atom not in _TAKEN:
        _TAKEN[atom] = _spelled(atom) if len(atom) == 1 and atom != "." else _searched(f"(?i:{atom})")
    return _TAKEN[atom]


def _written(atom: str) -> bytes:
    """Return the bytes that a class takes as it is written; of a character, in any case."""
    return _searched(f"(?:{atom})") if len(atom) > 1 else taken_by(atom)


def _spelled(character: str) -> bytes:
    folded = fold_bytes(character)
    if not folded:
        return _ALL_BYTES  # a mark that no view shows: it stands anywhere
    if folded.isascii():
        return bytes(sorted({*folded.lower(), *folded.upper()}))  # `№` is two bytes of a view: `No`
    return _searched(f"(?i:{character})")


def _searched(pattern: str) -> bytes:
    regex, taken, place = Regex(f"{pattern}+"), b"", 0
    while (found := regex.search(_ALL_BYTES, place)) is not None:
        begin, place = found[0]
        taken += _ALL_BYTES[begin:place]
    return taken


def tail_of(tree: Node) -> bytes:
    """Return the bytes by which an endless value goes on."""
    taken = (taken_by(atom) for atom in endless_atoms(tree) or atoms(tree))
    return bytes(sorted(frozenset[int]().union(*taken)))
