"""What a stream needs to know of a pattern: which texts may still become a match.

From the tree of a pattern `ab{2}c` follows, mechanically, a pattern of everything that can still grow into a match:
``, `a`, `ab`, `abb`. Anchored at the end of what has streamed so far, its leftmost match is the first character that
must be held back.
"""

from __future__ import annotations

from policies.patterns import Assertion, Atom, Choice, Group, Node, Repeat, Sequence, atoms

_COLLAPSE_FROM = 12  # repetitions of at least so many become unbounded in the coarse form


def beginnings(node: Node, *, is_exact: bool) -> str:
    """Write the pattern of all beginnings of the node's matches, the empty one and the whole ones among them.

    Args:
        node: the tree of a pattern.
        is_exact: count long runs exactly; otherwise a long run of characters that are no spaces counts as endless,
            which holds back a little more and keeps the automaton small.
    """
    match node:
        case Atom():
            return f"(?:{node.source})?"
        case Assertion():
            return ""  # whether it holds may depend on the character that has not come yet
        case Group(opening=opening, inner=inner):
            return f"{'(?:' if opening == '(' else opening}{beginnings(inner, is_exact=is_exact)})"
        case Choice(options=options):
            return f"(?:{'|'.join(beginnings(option, is_exact=is_exact) for option in options)})"
        case Repeat():
            return _repeat_beginnings(node, is_exact=is_exact)
        case Sequence(items=items):
            rest = ""
            for item in reversed(items):
                rest = _sequence_beginnings(item, rest, is_exact=is_exact)
            return rest


def _sequence_beginnings(first: Node, rest: str, *, is_exact: bool) -> str:
    if not rest:
        return beginnings(first, is_exact=is_exact)
    if isinstance(first, Atom | Assertion):
        return f"(?:{first.source}{rest})?"
    return f"(?:{beginnings(first, is_exact=is_exact)}|{_plain(first, is_exact=is_exact)}{rest})"


def _repeat_beginnings(node: Repeat, *, is_exact: bool) -> str:
    if isinstance(_unwrapped(node.inner), Atom):
        return f"{_single(node.inner, is_exact=is_exact)}{_bounds(node, 0, is_exact=is_exact)}"
    last = beginnings(node.inner, is_exact=is_exact)
    if node.high == 1:
        return last
    fewer = Repeat(node.inner, 0, None if node.high is None else node.high - 1, "")
    return f"{_single(node.inner, is_exact=is_exact)}{_bounds(fewer, 0, is_exact=is_exact)}{last}"


def _plain(node: Node, *, is_exact: bool) -> str:
    """Write a whole node without capturing groups, long runs collapsed unless exact."""
    match node:
        case Atom() | Assertion():
            return node.source
        case Sequence(items=items):
            return "".join(_plain(item, is_exact=is_exact) for item in items)
        case Choice(options=options):
            return f"(?:{'|'.join(_plain(option, is_exact=is_exact) for option in options)})"
        case Group(opening=opening, inner=inner):
            return f"{'(?:' if opening == '(' else opening}{_plain(inner, is_exact=is_exact)})"
        case Repeat(inner=inner, low=low):
            return f"{_single(inner, is_exact=is_exact)}{_bounds(node, low, is_exact=is_exact)}"


def coarse(node: Node) -> str:
    """Write the node so that long runs count as endless: it matches all that the node does, and more."""
    return _plain(node, is_exact=False)


def _bounds(node: Repeat, low: int, *, is_exact: bool) -> str:
    is_run = not any(Atom(text).is_wide for text in atoms(node.inner))
    if not is_exact and is_run and node.high is not None and node.high >= _COLLAPSE_FROM:
        return "*" if low == 0 else "+"  # a superset: fewer are enough, more are too
    if node.high is None:
        return {0: "*", 1: "+"}.get(low, f"{{{low},}}")
    return f"{{{low},{node.high}}}"


def _single(node: Node, *, is_exact: bool) -> str:
    text = _plain(node, is_exact=is_exact)
    return text if isinstance(node, Atom | Group) else f"(?:{text})"


def _unwrapped(node: Node) -> Node:
    while isinstance(node, Group) and node.opening in {"(", "(?:"}:
        node = node.inner
    return node
