"""The site's policy as typed values: rules say what to find, lines say what to do about it.

A policy is a set of YAML files. Each holds one or more of these keys:

- `rules`: what a detector finds, with its own examples;
- `recognizers`: the same in Presidio's own form, for sites that have such files;
- `actions`: which action a rule has, for whom and in which direction; a later line wins.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from types import MappingProxyType

from policies.document import Entry, parse_document
from policies.errors import PolicyError
from policies.rule import Rule, parse_rule
from policies.site_recognizers import parse_recognizer
from policies.verdict import Action, Direction

_FILE_KEYS = ("rules", "recognizers", "actions")
_LINE_KEYS = ("rules", "action", "directions", "personas", "roles")
_NOTHING: Mapping[str, str] = MappingProxyType({})
_VERSION_DIGITS = 12  # 48 bits: two policies of one site will not meet


@dataclass(frozen=True, slots=True)
class ActionLine:
    """What to do with the findings of some rules.

    Attributes:
        rules: names of rules, resolved from patterns such as `secret/*`.
        directions, personas, roles: where the line holds; empty means everywhere. One held role is enough.
    """

    rules: frozenset[str]
    action: Action
    directions: frozenset[Direction] = frozenset()
    personas: frozenset[str] = frozenset()
    roles: frozenset[str] = frozenset()

    def holds(self, direction: Direction, persona: str, roles: frozenset[str]) -> bool:
        """Tell whether this line speaks about such a text."""
        return (
            (not self.directions or direction in self.directions)
            and (not self.personas or persona in self.personas)
            and (not self.roles or not self.roles.isdisjoint(roles))
        )


@dataclass(frozen=True, slots=True)
class Policy:
    """What may pass: every rule, and what happens to its findings.

    Attributes:
        version: `sha256:` and 12 hexadecimal digits of the content; comments and layout do not change it.
        labels: what a person reads for a rule, by its name.
    """

    rules: tuple[Rule, ...]
    lines: tuple[ActionLine, ...]
    version: str
    labels: Mapping[str, str]

    def action(self, rule: str, direction: Direction, persona: str, roles: frozenset[str]) -> Action:
        """Return what happens to a finding of this rule: the last line that speaks about it decides.

        A finding about which nothing is said is held back: the policy fails closed.
        """
        for line in reversed(self.lines):
            if rule in line.rules and line.holds(direction, persona, roles):
                return line.action
        return Action.REDACT


def parse_policy(texts: Mapping[str, str], *, detected: Mapping[str, str] = _NOTHING) -> Policy:
    """Turn the files of a policy, by name and in order, into a policy.

    Args:
        texts: the files.
        detected: names under which detectors beyond the rules report, each with its label in words.

    Raises:
        PolicyError: a file is wrong; the message names file and line.
    """
    rules: list[Rule] = []
    action_entries: list[Entry] = []
    for file, text in texts.items():
        fields = parse_document(text, file).fields(_FILE_KEYS)
        if "rules" in fields:
            rules.extend(parse_rule(entry) for entry in fields["rules"].items())
        if "recognizers" in fields:
            rules.extend(parse_recognizer(entry) for entry in fields["recognizers"].items())
        if "actions" in fields:
            action_entries.extend(fields["actions"].items())
    _refuse_twins(rules)
    names = [*(rule.name for rule in rules), *detected]
    lines = tuple(_parse_line(entry, names) for entry in action_entries)
    _refuse_silence(rules, lines)
    labels = MappingProxyType({**{rule.name: rule.label for rule in rules}, **detected})
    return Policy(tuple(rules), lines, _version(rules, lines), labels)


def _refuse_twins(rules: list[Rule]) -> None:
    seen: dict[str, str] = {}
    for rule in rules:
        if rule.name in seen:
            raise PolicyError(rule.where, f"The rule {rule.name!r} already stands at {seen[rule.name]}. Rename one.")
        seen[rule.name] = rule.where


def _refuse_silence(rules: list[Rule], lines: tuple[ActionLine, ...]) -> None:
    everywhere = frozenset[str]().union(
        *(line.rules for line in lines if not (line.directions or line.personas or line.roles))
    )
    for rule in rules:
        if rule.name not in everywhere:
            raise PolicyError(
                rule.where,
                f"No line under 'actions' says what happens to {rule.name!r} for everybody. Add one.",
            )


def _parse_line(entry: Entry, names: list[str]) -> ActionLine:
    fields = entry.fields(_LINE_KEYS)
    for key in ("rules", "action"):
        if key not in fields:
            raise entry.wrong(f"The key {key!r} is missing.")
    matched: set[str] = set()
    for item in fields["rules"].items():
        hits = {name for name in names if fnmatchcase(name, item.text())}
        if not hits:
            raise item.wrong(f"No rule is called {item.text()!r}. See `cloister policy` for the names.")
        matched |= hits
    return ActionLine(
        rules=frozenset(matched),
        action=Action(_one_of(fields["action"], tuple(Action))),
        directions=frozenset(
            Direction(_one_of(item, tuple(Direction)))
            for item in (fields["directions"].items() if "directions" in fields else ())
        ),
        personas=frozenset(fields["personas"].texts() if "personas" in fields else ()),
        roles=frozenset(fields["roles"].texts() if "roles" in fields else ()),
    )


def _one_of(entry: Entry, words: tuple[str, ...]) -> str:
    word = entry.text()
    if word not in words:
        raise entry.wrong(f"{word!r} is not one of {', '.join(words)}.")
    return word


def _version(rules: list[Rule], lines: tuple[ActionLine, ...]) -> str:
    content = {
        "rules": [{key: value for key, value in asdict(rule).items() if key != "where"} for rule in rules],
        "lines": [
            {key: sorted(value) if isinstance(value, frozenset) else value for key, value in asdict(line).items()}
            for line in lines
        ],
    }
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return "sha256:" + hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()[:_VERSION_DIGITS]
