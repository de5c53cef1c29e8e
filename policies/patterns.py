r"""The patterns of rules as trees, and what is to be known of one.

The syntax is RE2's without what a rule does not need: characters, classes, `.`, groups, `(?i)`, `|`, repetitions, `\b`,
`^` and `$` (both by line).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Atom:
    r"""Something that takes exactly one character, in its own spelling: `a`, `\d`, `[a-z]`, `.`."""

    source: str

    @property
    def is_wide(self) -> bool:
        """Tell whether it may take a space, so that a run of it may go on over words."""
        if self.source.startswith("[^"):
            return " " not in self.source and "\\s" not in self.source
        if self.source.startswith("["):
            return any(part in self.source for part in (" ", "\\s", "\\W", "\\D"))
        return self.source in {".", " ", "\\s", "\\W", "\\D"}


@dataclass(frozen=True, slots=True)
class Assertion:
    r"""Something that takes no character: `\b`, `^`, `$`."""

    source: str


@dataclass(frozen=True, slots=True)
class Sequence:
    """One node after the other."""

    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """One node or another, the first preferred."""

    options: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """A node in brackets; `opening` is `(`, `(?:` or `(?i:`."""

    opening: str
    inner: Node


@dataclass(frozen=True, slots=True)
class Repeat:
    """A node from `low` to `high` times; `high` None is without end; `suffix` is `?` for a lazy one."""

    inner: Node
    low: int
    high: int | None
    suffix: str


Node: TypeAlias = Atom | Assertion | Sequence | Choice | Group | Repeat


def source(node: Node) -> str:
    """Write a tree as RE2 syntax."""
    match node:
        case Atom(source=text) | Assertion(source=text):
            return text
        case Sequence(items=items):
            return "".join(source(item) for item in items)
        case Choice(options=options):
            return "|".join(source(option) for option in options)
        case Group(opening=opening, inner=inner):
            return f"{opening}{source(inner)})"
        case Repeat(inner=inner, low=low, high=high, suffix=suffix):
            once = source(inner) if isinstance(inner, Atom | Group) else f"(?:{source(inner)})"
            return f"{once}{{{low},{'' if high is None else high}}}{suffix}"


def is_nullable(node: Node) -> bool:
    """Tell whether the node matches the empty text."""
    match node:
        case Atom():
            return False
        case Assertion():
            return True
        case Sequence(items=items):
            return all(is_nullable(item) for item in items)
        case Choice(options=options):
            return any(is_nullable(option) for option in options)
        case Group(inner=inner):
            return is_nullable(inner)
        case Repeat(inner=inner, low=low):
            return low == 0 or is_nullable(inner)


def nullable_tail(node: Node) -> tuple[Node, Node]:
    """Split a tree before the last of its parts that may be missing; the first to match alone matches as in the whole.

    Of several ways to match, RE2 takes the first that leads on; what may be missing never stops one from leading on.
    """
    match node:
        case Group(opening=opening, inner=inner) if opening != "(":
            head, tail = nullable_tail(inner)
            return (Group(opening, head), Group(opening, tail)) if tail != NOTHING else (node, NOTHING)
        case Sequence(items=items) if items and isinstance(items[-1], Repeat) and is_nullable(items[-1]):
            return Sequence(items[:-1]), items[-1]
        case _:
            return node, NOTHING


def is_bounded(node: Node) -> bool:
    """Tell whether every match has a longest length."""
    match node:
        case Atom() | Assertion():
            return True
        case Sequence(items=parts) | Choice(options=parts):
            return all(is_bounded(part) for part in parts)
        case Group(inner=inner):
            return is_bounded(inner)
        case Repeat(inner=inner, high=high):
            return high is not None and is_bounded(inner)


def has_only_endless_tail(node: Node) -> bool:
    """Tell whether a repetition without end stands only where all that follows may be missing.

    Then a text that has been held back for long *is* a match already, and a limit on its length means the same
    however the text arrived.
    """
    match node:
        case Group(inner=inner):
            return has_only_endless_tail(inner)
        case Choice(options=options):
            return all(has_only_endless_tail(option) for option in options)
        case Sequence(items=items):
            for place, item in enumerate(items):
                if not is_bounded(item):
                    return has_only_endless_tail(item) and all(is_nullable(later) for later in items[place + 1 :])
            return True
        case Repeat(inner=inner):
            return is_bounded(inner)
        case Atom() | Assertion():
            return True


def bounded(node: Node, high: int) -> Node:
    """Return the tree with every repetition without end ended after `high` times."""
    match node:
        case Atom() | Assertion():
            return node
        case Sequence(items=items):
            return Sequence(tuple(bounded(item, high) for item in items))
        case Choice(options=options):
            return Choice(tuple(bounded(option, high) for option in options))
        case Group(opening=opening, inner=inner):
            return Group(opening, bounded(inner, high))
        case Repeat(inner=inner, low=low, high=limit, suffix=suffix):
            return Repeat(bounded(inner, high), low, max(low, high) if limit is None else limit, suffix)


def without_captures(node: Node) -> Node:
    """Return the tree with every group that captures made one that does not."""
    match node:
        case Atom() | Assertion():
            return node
        case Sequence(items=items):
            return Sequence(tuple(without_captures(item) for item in items))
        case Choice(options=options):
            return Choice(tuple(without_captures(option) for option in options))
        case Group(opening=opening, inner=inner):
            return Group("(?:" if opening == "(" else opening, without_captures(inner))
        case Repeat():
            return replace(node, inner=without_captures(node.inner))


def longer_first(node: Node) -> Node:
    """Return the tree with each option before those that it begins with: `es|est` becomes `est|es`.

    What is matched without what stands behind it takes the first option that fits, and would miss the longer one.
    """
    match node:
        case Atom() | Assertion():
            return node
        case Sequence(items=items):
            return Sequence(tuple(longer_first(item) for item in items))
        case Choice(options=options):
            ordered: list[Node] = []
            for option in map(longer_first, options):
                hiding = (place for place, other in enumerate(ordered) if _begins_with(option, other))
                ordered.insert(next(hiding, len(ordered)), option)
            return Choice(tuple(ordered))
        case Group() | Repeat():
            return replace(node, inner=longer_first(node.inner))


def _begins_with(node: Node, other: Node) -> bool:
    items, others = _items(node), _items(other)
    return items[: len(others)] == others


def _items(node: Node) -> tuple[Node, ...]:
    if isinstance(node, Sequence):
        return tuple(item for part in node.items for item in _items(part))
    return (node,)


def longest(node: Node) -> int | None:
    """Return how many characters the longest match takes; None when there is no longest."""
    match node:
        case Atom():
            return 1
        case Assertion():
            return 0
        case Sequence(items=items):
            lengths = [longest(item) for item in items]
            return None if None in lengths else sum(length or 0 for length in lengths)
        case Choice(options=options):
            lengths = [longest(option) for option in options]
            return None if None in lengths else max(length or 0 for length in lengths)
        case Group(inner=inner):
            return longest(inner)
        case Repeat(inner=inner, high=high):
            length = longest(inner)
            return None if high is None or length is None else high * length


def atoms(node: Node) -> frozenset[str]:
    """Return the spellings of all characters and classes in the tree."""
    match node:
        case Atom(source=text):
            return frozenset({text})
        case Assertion():
            return frozenset()
        case Sequence(items=parts) | Choice(options=parts):
            return frozenset[str]().union(*(atoms(part) for part in parts))
        case Group(inner=inner) | Repeat(inner=inner):
            return atoms(inner)


def first_atoms(node: Node) -> frozenset[str]:
    """Return the spellings of the characters and classes with which a match may begin."""
    match node:
        case Atom(source=text):
            return frozenset({text})
        case Assertion():
            return frozenset()
        case Choice(options=options):
            return frozenset[str]().union(*map(first_atoms, options))
        case Group(inner=inner) | Repeat(inner=inner):
            return first_atoms(inner)
        case Sequence(items=items):
            found = frozenset[str]()
            for item in items:
                found |= first_atoms(item)
                if not is_nullable(item):
                    break
            return found


def endless_atoms(node: Node) -> frozenset[str]:
    """Return the spellings of all characters and classes that are repeated without end."""
    match node:
        case Atom() | Assertion():
            return frozenset()
        case Repeat(inner=inner, high=None):
            return atoms(inner)
        case Sequence(items=parts) | Choice(options=parts):
            return frozenset[str]().union(*(endless_atoms(part) for part in parts))
        case Repeat(inner=inner):
            return atoms(inner) if endless_atoms(inner) else frozenset()
        case Group(inner=inner):
            return endless_atoms(inner)


def in_parts(node: Node) -> tuple[tuple[Node, Node, Node], ...]:  # noqa: PLR0911 - one return for each kind of node
    """Split a pattern into context, value and right border: before, in and behind the first group that captures.

    A choice at the top gives one triple for each option. Without such a group all is value.
    """
    match node:
        case Choice(options=options):
            return tuple(part for option in options for part in in_parts(option))
        case Group(opening=opening, inner=inner) if opening != "(":
            return tuple(
                (Group(opening, before), Group(opening, value), Group(opening, behind))
                for before, value, behind in in_parts(inner)
            )
        case Group(opening="(", inner=inner):
            return ((NOTHING, without_captures(inner), NOTHING),)
        case Sequence(items=items):
            for place, item in enumerate(items):
                if isinstance(item, Group) and item.opening == "(":
                    before = without_captures(Sequence(items[:place]))
                    return ((before, without_captures(item.inner), without_captures(Sequence(items[place + 1 :]))),)
                if has_capture(item):
                    return tuple(
                        (Sequence((*items[:place], before)), value, Sequence((behind, *items[place + 1 :])))
                        for before, value, behind in in_parts(item)
                    )
            return ((NOTHING, node, NOTHING),)
        case _:
            return ((NOTHING, without_captures(node), NOTHING),)


def in_steps(node: Node) -> tuple[Node, Repeat, Node] | None:
    """Split words at the last repetition of a group that is lazy: before it, its steps, behind it; None without one."""
    match node:
        case Group(opening=opening, inner=inner):
            split = in_steps(inner)
            if split is None:
                return None
            before, steps, behind = split
            return Group(opening, before), replace(steps, inner=Group(opening, steps.inner)), Group(opening, behind)
        case Sequence(items=items):
            for place in reversed(range(len(items))):
                if (split := in_steps(items[place])) is not None:
                    before, steps, behind = split
                    return Sequence((*items[:place], before)), steps, Sequence((behind, *items[place + 1 :]))
            return None
        case Repeat(inner=Group(), high=int(), suffix="?") if node.high != 1:
            return NOTHING, node, NOTHING
        case _:
            return None


def has_capture(node: Node) -> bool:
    """Tell whether a group in the tree captures."""
    match node:
        case Atom() | Assertion():
            return False
        case Sequence(items=parts) | Choice(options=parts):
            return any(has_capture(part) for part in parts)
        case Group(opening=opening, inner=inner):
            return opening == "(" or has_capture(inner)
        case Repeat(inner=inner):
            return has_capture(inner)


NOTHING = Sequence(())
