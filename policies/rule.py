"""A rule: what a detector looks for, in data."""

from __future__ import annotations

from dataclasses import dataclass, field

from policies.document import Entry
from policies.nearness import near_keywords, near_pattern
from policies.placeholders import ENTITY_MAX_CHARS

_KEYS = (
    "name",
    "label",
    "entity_type",
    "near",
    "patterns",
    "keywords",
    "unless",
    "unless_in_line",
    "checks",
    "every_step",
    "score",
    "examples",
)
_REQUIRED = ("name", "label", "entity_type", "patterns")
_EXAMPLE_KEYS = ("found", "passed")
_NAME_CHARS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-/")
_ENTITY_CHARS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")
_DEFAULT_SCORE = 0.9


@dataclass(frozen=True, slots=True)
class Rule:
    """What to look for. A match is a finding when every check agrees.

    Attributes:
        name: as the administrator sees it, such as `secret/aws-access-key`.
        label: the kind in words for a person, such as `AWS access key`.
        entity_type: Presidio's word for the kind; placeholders are made of it: `[AWS_ACCESS_KEY_1]`.
        patterns: RE2 syntax; the first group that took part is the value, else the whole match.
        keywords: lower-case; a match without one of them does not count. Empty: no keyword is needed.
        checks: names from `policies.detectors.checks`.
        unless: RE2 syntax; a value is another thing when one matches in the words that led to it.
        unless_in_line: the same, anywhere in the line before the value.
        has_steps: the last lazy repetition before a value is tried at each of its steps, not at the first that fits.
        found, passed: texts in which this rule must, or must not, find something; in `found`, `«»` mark the value.
        where: file and line, for messages; a rule that moves with what was written above it is the same.
    """

    name: str
    label: str
    entity_type: str
    patterns: tuple[str, ...]
    keywords: tuple[str, ...]
    checks: tuple[str, ...]
    score: float
    found: tuple[str, ...]
    passed: tuple[str, ...]
    where: str = field(compare=False)
    has_steps: bool = False
    unless: tuple[str, ...] = ()
    unless_in_line: tuple[str, ...] = ()


def parse_rule(entry: Entry) -> Rule:
    """Turn one entry under `rules` into a rule.

    Raises:
        PolicyError: a key is missing, unknown or of the wrong form.
    """
    fields = entry.fields(_KEYS)
    for key in _REQUIRED:
        if key not in fields:
            raise entry.wrong(f"The key {key!r} is missing.")
    examples = fields["examples"].fields(_EXAMPLE_KEYS) if "examples" in fields else {}
    near = fields["near"].texts() if "near" in fields else ()
    patterns, keywords = fields["patterns"].texts(), fields["keywords"].texts() if "keywords" in fields else ()
    if near:
        # `near` words, then the patterns of the value alone; see policies/nearness.py.
        patterns = (near_pattern(near, patterns),)
        try:
            keywords = keywords or near_keywords(near)
        except ValueError as error:
            raise fields["near"].wrong(f"The word {error}, which the search for it needs. Name 'keywords'.") from None
    return Rule(
        name=_spelled(fields["name"], _NAME_CHARS, "small letters, digits, '-' and '/'"),
        label=fields["label"].text(),
        entity_type=parse_entity_type(fields["entity_type"]),
        patterns=patterns,
        keywords=tuple(word.lower() for word in keywords),
        checks=fields["checks"].texts() if "checks" in fields else (),
        score=fields["score"].fraction() if "score" in fields else _DEFAULT_SCORE,
        found=examples["found"].texts() if "found" in examples else (),
        passed=examples["passed"].texts() if "passed" in examples else (),
        where=entry.where,
        has_steps="every_step" in fields and fields["every_step"].one_of(("true", "false")) == "true",
        unless=fields["unless"].texts() if "unless" in fields else (),
        unless_in_line=fields["unless_in_line"].texts() if "unless_in_line" in fields else (),
    )


def parse_entity_type(entry: Entry) -> str:
    """Return an entity type that can stand in a placeholder.

    Raises:
        PolicyError: it is too long, or has other characters.
    """
    entity_type = _spelled(entry, _ENTITY_CHARS, "capital letters, digits and '_'")
    if len(entity_type) > ENTITY_MAX_CHARS or not entity_type[0].isalpha():
        raise entry.wrong(f"{entity_type!r} must begin with a letter and have at most {ENTITY_MAX_CHARS} characters.")
    return entity_type


def _spelled(entry: Entry, allowed: frozenset[str], words: str) -> str:
    text = entry.text()
    if not allowed.issuperset(text):
        raise entry.wrong(f"{text!r} may hold only {words}.")
    return text
