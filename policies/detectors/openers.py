"""Which words a pattern must hold: only where one of them stands is the pattern looked for.

A rule may have fifty patterns and a keyword for each. Opened by the rule's keywords, `openssl` would run the pattern
of `mysql` too. So the words are read from each pattern itself: of everything that a match must pass, what can be
spelled out and holds one of the rule's keywords. A pattern of which nothing can be spelled is opened by all of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple, TypeAlias

from policies.detectors.runs import taken_by
from policies.patterns import Assertion, Atom, Choice, Group, Node, Repeat, Sequence
from policies.views.fold import fold_bytes

_LEAST_CHARS = 6  # of a part of a keyword; a shorter one stands everywhere
_MOST_WORDS = 256  # of a choice; `near` rules have as many
_MOST_SPELLINGS = 48  # of words behind words: each is one more to look for
_MOST_LETTERS = 4  # of a class that is spelled out: `[ _-]`, not `[a-z]`
_MOST_REPEATED = 4


@dataclass(frozen=True, slots=True)
class Opener:
    """Words, in lower case, one of which stands in every match.

    Attributes:
        words: the words.
        reach: how far behind the beginning of the match one of them begins at most.
    """

    words: frozenset[bytes]
    reach: int

    @property
    def worth(self) -> tuple[int, int, int]:
        """Return what is compared: the longer the shortest word, the fewer and the nearer, the better."""
        return min(map(len, self.words)), -len(self.words), -self.reach


_Words: TypeAlias = frozenset[bytes]
_EMPTY: _Words = frozenset((b"",))


class _Read(NamedTuple):
    """What was read of a node.

    Attributes:
        texts: all that it matches; None when they are many.
        opener: its best opener, None without one.
        chars: the length of its longest match; None when there is no longest.
    """

    texts: _Words | None
    opener: Opener | None
    chars: int | None


class OpenerReader:
    """Read what the nodes of the patterns of a rule spell, and which words stand in all that they match.

    Args:
        keywords: of the rule, in lower case.
    """

    def __init__(self, keywords: Iterable[bytes]) -> None:
        self._words = tuple(sorted(keywords, key=len))
        self._keywords = b"\0".join(self._words)
        self._least = min(_LEAST_CHARS, *map(len, self._words))
        self._good: dict[bytes, bool] = {}  # patterns of one rule spell the same again and again
        self._choices: dict[Node, _Read] = {}  # likewise

    def opener_of(self, tree: Node) -> Opener | None:
        """Return the best words of a pattern, each of which holds one of the keywords; None when there are none."""
        return self.read(tree).opener

    def read(self, node: Node) -> _Read:
        """Read a node."""
        match node:
            case Assertion():
                return _Read(_EMPTY, None, 0)
            case Atom(source=text):
                letters = _letters(text)
                return _Read(letters, self._opener(letters, 0), 1)
            case Group(inner=inner):
                return self.read(inner)
            case Choice(options=options):
                if node not in self._choices:
                    self._choices[node] = self._choice(options)
                return self._choices[node]
            case Sequence(items=items):
                return self._sequence(items)
            case Repeat():
                return self._repeat(node)

    def _choice(self, options: tuple[Node, ...]) -> _Read:
        read = [self.read(option) for option in options]
        texts = _together([option.texts for option in read], _MOST_WORDS)
        words = _together([None if option.opener is None else option.opener.words for option in read], _MOST_WORDS)
        lengths = [option.chars for option in read]
        reach = max(0 if option.opener is None else option.opener.reach for option in read)
        chars = None if None in lengths else max(length or 0 for length in lengths)
        return _Read(texts, Opener(words, reach) if words else None, chars)

    def _repeat(self, node: Repeat) -> _Read:
        once = self.read(node.inner)
        opener = once.opener if node.low else None
        chars = None if node.high is None or once.chars is None else node.high * once.chars
        if once.texts is None or node.high is None or node.high > _MOST_REPEATED:
            return _Read(None, opener, chars)
        times: list[_Words | None] = [_EMPTY]
        for _ in range(node.high):
            times.append(_continued(times[-1], once.texts))
        return _Read(_together(times[node.low :], _MOST_SPELLINGS), opener, chars)

    def _sequence(self, items: tuple[Node, ...]) -> _Read:
        found: list[Opener | None] = []
        run: _Words = _EMPTY  # what has been spelled without a gap, from `begin` on
        begin: int | None = 0
        end: int | None = 0  # where the longest match of what was read ends
        is_whole = True
        for item in items:
            texts, opener, length = self.read(item)
            if opener is not None and end is not None:
                found.append(Opener(opener.words, opener.reach + end))
            behind = None if end is None or length is None else end + length
            longer = None if texts is None else _continued(run, texts)
            if longer is not None:
                run = longer
            else:
                is_whole = False
                found.append(self._opener(run, begin))
                run, begin = (_EMPTY, behind) if texts is None else (texts, end)
            end = behind
        found.append(self._opener(run, begin))
        best = max((opener for opener in found if opener is not None), key=lambda one: one.worth, default=None)
        return _Read(run if is_whole else None, best, end)

    def _opener(self, words: _Words | None, reach: int | None) -> Opener | None:
        if not words or reach is None or min(map(len, words)) < self._least:
            return None
        return Opener(words, reach) if all(map(self._is_good, words)) else None

    def _is_good(self, word: bytes) -> bool:
        """Tell whether a word holds a keyword, which is as rare as its author found it to be, or is much of one."""
        if word not in self._good:
            self._good[word] = (len(word) >= _LEAST_CHARS and word in self._keywords) or any(
                keyword in word for keyword in self._words
            )
        return self._good[word]


@cache
def _letters(atom: str) -> _Words | None:
    if len(atom) == 1 and len(folded := fold_bytes(atom)) != 1:
        return frozenset((folded.lower(),))  # `№` is `No` in a view
    letters = frozenset(bytes((byte,)).lower() for byte in taken_by(atom))
    return letters if len(letters) <= _MOST_LETTERS else None


def _continued(texts: _Words | None, more: _Words) -> _Words | None:
    """Return each text with each of the others behind it; None when they would be many."""
    if texts is None or len(texts) * len(more) > max(_MOST_SPELLINGS, len(texts), len(more)):
        return None
    return frozenset(text + one for text in texts for one in more)


def _together(choices: Iterable[_Words | None], most: int) -> _Words | None:
    texts: set[bytes] = set()
    for choice in choices:
        if choice is None:
            return None
        texts |= choice
    return frozenset(texts) if len(texts) <= most else None
