"""Read a site's own recognisers in the YAML form of Presidio, and make rules of them.

Presidio runs such patterns with a backtracking engine, in any case and over lines; here they become RE2. What only
backtracking can do (look-around, back references) is refused with file and line. Repetitions without end end after
256 times, so that a stream never waits without bound.
"""

from __future__ import annotations

from policies.document import Entry
from policies.pattern_syntax import PatternSyntaxError, parse_pattern
from policies.patterns import bounded, source, without_captures
from policies.rule import Rule, parse_entity_type

_KEYS = (
    "name",
    "type",
    "enabled",
    "supported_entity",
    "supported_language",
    "supported_languages",
    "supported_countries",
    "patterns",
    "deny_list",
    "deny_list_score",
    "context",
)
_PATTERN_KEYS = ("name", "regex", "score")
_RUN_CHARS = 256
_DENY_LIST_SCORE = 1.0


def parse_recognizer(entry: Entry) -> Rule:
    """Turn one entry under `recognizers` into a rule called `site/<name>`.

    Raises:
        PolicyError: it is not a custom recogniser with patterns or a deny-list, or a pattern cannot run in linear time.
    """
    fields = entry.fields(_KEYS)
    if "type" in fields and fields["type"].text() != "custom":
        raise fields["type"].wrong(
            "Only recognisers of type 'custom' can be loaded; Cloister has its own for the rest."
        )
    if "supported_entity" not in fields:
        raise entry.wrong("The key 'supported_entity' is missing.")
    patterns, scores = _patterns(fields)
    if not patterns:
        raise entry.wrong("A recogniser needs 'patterns' or a 'deny_list'.")
    entity_type = parse_entity_type(fields["supported_entity"])
    name = fields["name"].text() if "name" in fields else entity_type
    return Rule(
        name="site/" + "-".join("".join(c if c.isascii() and c.isalnum() else " " for c in name.lower()).split()),
        label=entity_type.replace("_", " ").lower(),
        entity_type=entity_type,
        patterns=patterns,
        keywords=(),
        checks=(),
        score=min(scores),
        found=(),
        passed=(),
        where=entry.where,
    )


def _patterns(fields: dict[str, Entry]) -> tuple[tuple[str, ...], list[float]]:
    patterns: list[str] = []
    scores: list[float] = []
    for item in fields["patterns"].items() if "patterns" in fields else ():
        parts = item.fields(_PATTERN_KEYS)
        if "regex" not in parts:
            raise item.wrong("The key 'regex' is missing.")
        patterns.append(_linear(parts["regex"]))
        scores.append(parts["score"].fraction() if "score" in parts else _DENY_LIST_SCORE)
    if "deny_list" in fields:
        words = sorted(fields["deny_list"].texts(), key=len, reverse=True)
        patterns.append("(?i)(?:" + "|".join(_quoted(word) for word in words) + ")")
        scores.append(fields["deny_list_score"].fraction() if "deny_list_score" in fields else _DENY_LIST_SCORE)
    return tuple(patterns), scores


def _linear(entry: Entry) -> str:
    try:
        tree = bounded(parse_pattern(entry.text().removeprefix("(?i)")), _RUN_CHARS)
    except PatternSyntaxError as error:
        raise entry.wrong(f"This pattern cannot be used: {error}.") from None
    return f"(?is:{source(without_captures(tree))})"


def _quoted(word: str) -> str:
    """Write a word as a pattern that does not match inside a longer word."""
    letters = "".join(c if c.isalnum() or c in " _" or not c.isascii() else f"\\x{ord(c):02x}" for c in word)
    before, after = (r"\b" if _is_word(end) else "" for end in (word[0], word[-1]))
    return f"{before}{letters}{after}"


def _is_word(character: str) -> bool:
    return character.isascii() and (character.isalnum() or character == "_")
