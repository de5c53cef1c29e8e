"""Read the patterns of a rule into trees, and from these what must be known of it (`policies.detectors.facts`)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import re2

from policies.detectors.facts import ContextFacts, Facts, Held, Opening, PlainFacts, Steps
from policies.detectors.openers import OpenerReader
from policies.detectors.pattern_kinds import BLOCK_CHARS, CONTEXT_CHARS, HELD_CHARS_CAP
from policies.detectors.runs import BORDER_CHARS, IN_RUN, is_bordered, is_inside_run, last_of, needs_digit, tail_of
from policies.errors import PolicyError
from policies.pattern_beginnings import beginnings, coarse
from policies.pattern_literals import openings, until_keyword
from policies.pattern_syntax import PatternSyntaxError, parse_pattern
from policies.patterns import (
    NOTHING,
    Group,
    Node,
    Repeat,
    Sequence,
    has_only_endless_tail,
    in_parts,
    in_steps,
    longer_first,
    longest,
    nullable_tail,
    source,
)
from policies.rule import Rule
from policies.views.fold import fold_bytes
from policies.views.regex import Regex

_LISTED_WORDS = 40  # a pattern: of a rule with more, the patterns hold all of them in one choice
_OPENING_CHARS = 3  # a shorter word would stand in most of what is held
_WORD_PARTS = re.compile(rb"[a-z0-9\x80-\x9f]{2,}")


class _Place(NamedTuple):
    """Where the words that open a pattern are read, and what is looked at around them."""

    tree: Node
    before_chars: int
    keyword_chars: int


def read_facts(rule: Rule, keywords: tuple[bytes, ...]) -> Facts:
    """Return what must be known of a rule.

    Args:
        rule: the rule.
        keywords: its keywords, as views show them.

    Raises:
        PolicyError: a pattern cannot be used; the message names file and line.
    """
    trees = tuple(_parse(rule, pattern) for pattern in rule.patterns)
    plain: list[tuple[PlainFacts, _Place]] = []
    context: list[tuple[ContextFacts, _Place]] = []
    held: list[Held] = []
    for words, value, border in (part for tree in trees for part in _parts(rule, tree)):
        if _has_words(words, keywords):
            context.append(_context(words, value, border, has_steps=rule.has_steps))
            continue
        read = _plain(words, value, border)
        plain.append(read)
        if not read[0].is_run and not _is_held_by_run(rule, words, value):
            held.append(_held(_held_part(words, value, border), rule.keywords))
    places = [place for _, place in (*plain, *context)]
    return Facts(
        plain=tuple(facts for facts, _ in plain),
        context=tuple(facts for facts, _ in context),
        openings=tuple(_openings(places, keywords)),
        gate=() if keywords else tuple(source(tree) for tree in trees),
        held=tuple(held),
        needs_digit=all(needs_digit(tree) for tree in trees),
    )


def _parse(rule: Rule, pattern: str) -> Node:
    try:
        tree = parse_pattern(pattern)
        Regex(source(tree))
    except PatternSyntaxError as error:
        raise PolicyError(rule.where, f"A pattern of {rule.name!r} cannot be used: {error}.") from None
    except re2.error as error:
        raise PolicyError(rule.where, f"RE2 refuses a pattern of {rule.name!r}: {error}.") from None
    if not has_only_endless_tail(tree):
        raise PolicyError(
            rule.where,
            f"A pattern of {rule.name!r} repeats without end before something that must follow. "
            "Write an upper limit, such as '{1,64}'.",
        )
    return tree


def _parts(rule: Rule, tree: Node) -> tuple[tuple[Node, Node, Node], ...]:
    """Return what stands before each value, the value, and what stands behind it."""
    parts = in_parts(tree)
    for words, _, _ in parts:
        length = longest(words)
        if length is None or length > CONTEXT_CHARS:
            raise PolicyError(
                rule.where,
                f"A pattern of {rule.name!r} may take {length or 'endlessly many'} characters before its value; "
                f"at most {CONTEXT_CHARS} are looked at.",
            )
    return parts


def _has_words(words: Node, keywords: tuple[bytes, ...]) -> bool:
    """Tell whether what stands before a value is more than a border, and where a keyword is looked for.

    A keyword that may come only with the value or behind it comes too late for a stream: then all of the pattern
    is held.
    """
    length = longest(words)
    return length is not None and length > BORDER_CHARS and _may_hold(fold_bytes(source(words)).lower(), keywords)


def _may_hold(spelled: bytes, keywords: Iterable[bytes]) -> bool:
    """Tell whether the spelling of a pattern holds a part of a keyword, or all signs of one without letters."""
    for word in keywords:
        parts = _WORD_PARTS.findall(word)
        if any(part in spelled for part in parts) or (not parts and all(sign in spelled for sign in word)):
            return True
    return False


def _plain(words: Node, value: Node, border: Node) -> tuple[PlainFacts, _Place]:
    tree = Sequence((words, Group("(", value), border))
    is_run = is_inside_run(words, value, border)
    facts = PlainFacts(
        regex=source(tree),
        is_run=is_run,
        keyword_chars=_reach(tree),
        tail=_tail(tree),
        coarse="" if is_run else beginnings(tree, is_exact=False),
        exact="" if is_run else beginnings(tree, is_exact=True),
        chars=longest(tree),
    )
    return facts, _Place(tree, BORDER_CHARS, facts.keyword_chars)


def _context(words: Node, value: Node, border: Node, *, has_steps: bool) -> tuple[ContextFacts, _Place]:
    words = longer_first(words)  # they are matched without the value, which would ask for another option
    split = in_steps(words) if has_steps else None
    # What may be missing is taken by itself: it is spelled alike in many patterns, and so are its automata one.
    head, missing = nullable_tail(words) if split is None else (split[0], NOTHING)
    before_chars = longest(words) or CONTEXT_CHARS
    valued = Sequence((value, border))
    is_run = is_inside_run(NOTHING, value, border)
    facts = ContextFacts(
        words=source(head),
        filler="" if missing == NOTHING else source(missing),
        value=f"({source(value)}){source(border)}",
        is_run=is_run,
        before_chars=before_chars,
        keyword_chars=before_chars if split is None else (longest(head) or CONTEXT_CHARS) + BORDER_CHARS,
        value_chars=longest(valued),
        needs_digit=needs_digit(value) and longest(valued) is not None,
        growing="" if is_run else beginnings(valued, is_exact=True),
        tail=_tail(valued),
        steps=None if split is None else _steps(split, value),
    )
    return facts, _Place(words if split is None else head, before_chars, facts.keyword_chars)


def _steps(split: tuple[Node, Repeat, Node], value: Node) -> Steps:
    _, step, tail = split
    behind = Sequence((step, tail, value))
    return Steps(
        fewest=step.low,
        most=step.high or 0,
        step=source(step.inner),
        tail=source(tail),
        tail_chars=longest(tail) or 0,
        behind=coarse(behind),
        behind_chars=(longest(behind) or HELD_CHARS_CAP) + BORDER_CHARS,
    )


def _reach(tree: Node) -> int:
    """Return how much of the longest match is looked at."""
    length = longest(tree)
    return HELD_CHARS_CAP + BLOCK_CHARS if length is None else min(length, HELD_CHARS_CAP) + 1


def _tail(tree: Node) -> str:
    """Return the bytes by which a value goes on that may be longer than what is held of it."""
    length = longest(tree)
    return tail_of(tree).decode("latin-1") if length is None or length > HELD_CHARS_CAP else ""


def _openings(places: list[_Place], keywords: tuple[bytes, ...]) -> Iterator[Opening]:
    """Yield the words that open the patterns of a rule."""
    if not keywords:
        return
    reader = OpenerReader(word.lower() for word in keywords)
    # One list of many words in one pattern: what would be read of it at start are the keywords again.
    is_one_list = len(keywords) > _LISTED_WORDS * len(places)
    for place in places:
        opener = None if is_one_list else reader.opener_of(place.tree)
        words = keywords if opener is None else sorted(opener.words)
        reach = place.keyword_chars if opener is None else opener.reach
        yield Opening(place.before_chars, reach, tuple(word.decode("latin-1") for word in words))


def _is_held_by_run(rule: Rule, words: Node, value: Node) -> bool:
    """Tell whether a run holds a plain pattern up to its keyword, before which nothing else matters."""
    until, is_passed = until_keyword(value, rule.keywords)
    return is_passed and is_inside_run(words, until, NOTHING)


def _held_part(words: Node, value: Node, border: Node) -> Node:
    """Return the part of a plain pattern that is held: of a border at most a character."""
    if is_bordered(words, value):
        return Sequence((value, border))
    return Sequence((last_of(words) if longest(words) in range(BORDER_CHARS + 1) else words, value, border))


def _held(part: Node, keywords: tuple[str, ...]) -> Held:
    words = _opening_words(part)
    # Until a match has passed its keyword, only the part of the pattern up to there matters; a run holds some.
    head = part if words else until_keyword(part, keywords)[0]
    return Held(
        words=words,
        chars=longest(head),
        size=len(source(head)),
        coarse=beginnings(head, is_exact=False),
        exact=beginnings(head, is_exact=True),
    )


def _opening_words(tree: Node) -> tuple[str, ...]:
    """Return the words, all inside a run, with one of which every match begins; none when they are not known."""
    words = sorted(fold_bytes(word) for word in openings(tree))
    is_known = all(len(word) >= _OPENING_CHARS and IN_RUN.issuperset(word) for word in words)
    return tuple(word.decode("latin-1") for word in words) if is_known else ()
