"""Read the pattern of a rule into a tree (`policies.patterns`), and refuse by name what linear time cannot do."""

from __future__ import annotations

from policies.patterns import Assertion, Atom, Choice, Group, Node, Repeat, Sequence

_ONE_CHARACTER_ESCAPES = frozenset("dDsSwWntrf.\\+*?()[]{}|^$/-#\"'&@:=~!%<>, _;`")
_LATIN_1_LAST = 0xFF  # up to here the scanned view of a text has every character as itself (policies/views/fold.py)
_ASSERTIONS = {"b": r"\b", "B": r"\B"}
_HINTS = {
    "(?=": "look-ahead",
    "(?!": "look-ahead",
    "(?<": "look-behind",
    "(?P": "named groups",
    "(?>": "atomic groups",
    "(?(": "conditions",
}
_OPENINGS = ("(?:", "(?i:", "(?s:", "(?is:", "(?im:", "(?ims:")


class PatternSyntaxError(ValueError):
    """A pattern uses something that these rules do not have; the message says what, and at which character."""


def parse_pattern(pattern: str) -> Node:
    r"""Turn a pattern into its tree.

    Examples:
        >>> from policies.patterns import source
        >>> source(parse_pattern(r"ab{2}|[x-z]+\b"))
        'ab{2,2}|[x-z]{1,}\\b'

    Raises:
        PatternSyntaxError: the pattern is not of the subset that runs in linear time and can be streamed.
    """
    flags = ""
    if pattern.startswith("(?i)"):
        flags, pattern = "(?i:", pattern.removeprefix("(?i)")
    reader = _Reader(pattern)
    tree = reader.choice()
    if reader.place < len(pattern):
        raise reader.wrong("a bracket closes that was not opened")
    return Group(flags, tree) if flags else tree


class _Reader:
    """Read one pattern from left to right."""

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.place = 0

    def wrong(self, message: str) -> PatternSyntaxError:
        return PatternSyntaxError(f"at character {self.place + 1}, {message}")

    def sees(self, text: str) -> bool:
        return self.pattern.startswith(text, self.place)

    def take(self, count: int) -> str:
        text = self.pattern[self.place : self.place + count]
        if len(text) < count:
            raise self.wrong("the pattern ends too early")
        self.place += count
        return text

    def choice(self) -> Node:
        options = [self.sequence()]
        while self.sees("|"):
            self.take(1)
            options.append(self.sequence())
        return options[0] if len(options) == 1 else Choice(tuple(options))

    def sequence(self) -> Node:
        items: list[Node] = []
        while self.place < len(self.pattern) and self.pattern[self.place] not in "|)":
            items.append(self.repeated(self.item()))
        return items[0] if len(items) == 1 else Sequence(tuple(items))

    def item(self) -> Node:
        character = self.take(1)
        if character == "(":
            self.place -= 1
            return self.group()
        if character == "[":
            return Atom(self.character_class())
        if character == "\\":
            return self.escape()
        if character in "^$":
            return Assertion(f"(?m:{character})")
        if character in "*+?{":
            raise self.wrong(f"{character!r} repeats nothing; write '\\{character}' for the character")
        return Atom(character)

    def group(self) -> Node:
        for opening in _OPENINGS:
            if self.sees(opening):
                break
        else:
            if self.sees("(?"):
                name = _HINTS.get(self.pattern[self.place : self.place + 3], "this kind of group")
                raise self.wrong(f"{name} cannot run in linear time or cannot be streamed")
            opening = "("
        self.take(len(opening))
        inner = self.choice()
        if not self.sees(")"):
            raise self.wrong("a bracket is not closed")
        self.take(1)
        return Group(opening, inner)

    def escape(self) -> Node:
        letter = self.take(1)
        if letter in _ASSERTIONS:
            return Assertion(_ASSERTIONS[letter])
        if letter == "x":
            return Atom("\\x" + self.take(2))
        if letter in _ONE_CHARACTER_ESCAPES:
            return Atom("\\" + letter if not letter.isspace() and letter not in "_/\"'&@:=~!%<>,;`#" else letter)
        raise self.wrong(f"'\\{letter}' is not among the escapes that these rules have")

    def character_class(self) -> str:
        start = self.place - 1
        if self.sees("^"):
            self.take(1)
        if self.sees("]"):
            self.take(1)
        while not self.sees("]"):
            if self.take(1) == "\\":
                self.take(1)
            elif self.pattern[self.place - 1] == "[" and self.sees(":"):
                raise self.wrong("named classes are not among what these rules have")
        self.take(1)
        spelled = self.pattern[start : self.place]
        if "-" in spelled[2:-2] and any(ord(character) > _LATIN_1_LAST for character in spelled):
            raise self.wrong("a range of letters beyond U+00FF must be written as the letters themselves")
        return spelled

    def repeated(self, node: Node) -> Node:
        if self.place >= len(self.pattern) or self.pattern[self.place] not in "*+?{":
            return node
        if isinstance(node, Assertion):
            raise self.wrong("a place between characters cannot be repeated")
        sign = self.take(1)
        low, high = {"*": (0, None), "+": (1, None), "?": (0, 1)}.get(sign) or self.braces()
        suffix = self.take(1) if self.sees("?") else ""
        if self.place < len(self.pattern) and self.pattern[self.place] in "*+{":
            raise self.wrong("one repetition follows another")
        return Repeat(node, low, high, suffix)

    def braces(self) -> tuple[int, int | None]:
        end = self.pattern.find("}", self.place)
        first, comma, last = self.pattern[self.place : end].partition(",") if end > 0 else ("", "", "")
        if not first.isdecimal() or (last and not last.isdecimal()):
            raise self.wrong("'{' must be followed by counts, such as '{2,5}'; write '\\{' for the character")
        self.take(end + 1 - self.place)
        if not comma:
            return int(first), int(first)
        return int(first), int(last) if last else None
