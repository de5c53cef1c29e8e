"""The literal texts in the patterns of rules: where a match has passed a keyword, and how matches begin."""

from __future__ import annotations

from policies.patterns import Assertion, Atom, Choice, Group, Node, Repeat, Sequence

_MOST_SPELLINGS = 256  # of a choice of words, of words behind words
_MOST_REPEATED = 4


def until_keyword(node: Node, keywords: tuple[str, ...]) -> tuple[Node, bool]:
    """Cut the tree behind the place where every match has passed one of the keywords, and tell whether there is one."""
    match node:
        case Group(opening=opening, inner=inner):
            cut, is_passed = until_keyword(inner, keywords)
            return Group(opening, cut), is_passed
        case Choice(options=options):
            cuts = [until_keyword(option, keywords) for option in options]
            return Choice(tuple(cut for cut, _ in cuts)), all(is_passed for _, is_passed in cuts)
        case Sequence(items=items):
            return _sequence_until_keyword(items, keywords)
        case Atom() | Assertion() | Repeat():
            return node, isinstance(node, Atom) and _letter(node) in keywords


def _sequence_until_keyword(items: tuple[Node, ...], keywords: tuple[str, ...]) -> tuple[Node, bool]:
    # How the literal text up to here may read, for matches that have passed no keyword in it yet.
    texts = frozenset({""})
    for place, item in enumerate(items):
        cut, is_passed = until_keyword(item, keywords)
        if is_passed:
            return Sequence((*items[:place], cut)), True
        texts = frozenset(
            text for text in _continued(texts, spellings(item)) or {""} if not any(word in text for word in keywords)
        )
        if not texts:
            return Sequence(items[: place + 1]), True
    return Sequence(items), False


def spellings(node: Node) -> frozenset[str] | None:  # noqa: PLR0911 - one return for each kind of node
    """Return all texts, in lower case, that the node matches; None when they are many or not known."""
    match node:
        case Assertion():
            return frozenset({""})
        case Atom():
            return frozenset({_letter(node)}) if _letter(node) else None
        case Group(inner=inner):
            return spellings(inner)
        case Choice(options=options):
            found = [spellings(option) for option in options]
            return None if None in found else _few(frozenset[str]().union(*(one or () for one in found)))
        case Sequence(items=items):
            texts: frozenset[str] | None = frozenset({""})
            for item in items:
                texts = None if texts is None else _continued(texts, spellings(item))
            return texts
        case Repeat(inner=inner, low=low, high=high):
            once = spellings(inner)
            if once is None or high is None or high > _MOST_REPEATED:
                return None
            times = [frozenset({""})]
            for _ in range(high):
                times.append(_continued(times[-1], once) or frozenset())
            return _few(frozenset[str]().union(*times[low:])) if all(times) else None


def _continued(texts: frozenset[str], more: frozenset[str] | None) -> frozenset[str] | None:
    return None if more is None else _few(frozenset(text + one for text in texts for one in more))


def _few(texts: frozenset[str]) -> frozenset[str] | None:
    return texts if len(texts) <= _MOST_SPELLINGS else None


def openings(node: Node) -> frozenset[str]:
    """Return the spellings, in lower case, one of which stands at the beginning of every match; empty when unknown."""
    match node:
        case Group(inner=inner):
            return openings(inner)
        case Choice(options=options):
            found = [openings(option) for option in options]
            return frozenset[str]().union(*found) if all(found) else frozenset()
        case Sequence(items=items):
            run = ""
            for item in items:
                if isinstance(item, Assertion):
                    continue
                if not _letter(item):
                    return frozenset({run}) if run else openings(item)
                run += _letter(item)
            return frozenset({run}) if run else frozenset()
        case Atom():
            return frozenset({_letter(node)}) if _letter(node) else frozenset()
        case _:
            return frozenset()


def _letter(node: Node) -> str:
    """Return the one character that an atom takes, in lower case; empty when there is a choice."""
    if not isinstance(node, Atom) or node.source == "." or node.source.startswith("["):
        return ""
    escaped = node.source.removeprefix("\\")
    is_class = escaped != node.source and escaped[:1].isalnum()
    return "" if is_class else escaped.lower()
