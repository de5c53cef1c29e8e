"""The site's policy as typed values: rules say what to find, lines say what to do about it.

A policy is a set of YAML files. Each holds one or more of these keys:

- `rules`: what a detector finds, with its own examples;
- `recognizers`: the same in Presidio's own form, for sites that have such files;
- `words`: what gives away values that have no form of their own, such as the names of services;
- `actions`: which action a rule has, for whom and in which direction; a later line wins;
- `allow`: exact values that may pass, as keyed hashes;
- `places`: which labels a model host must have, for whom and for which data.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import date
from fnmatch import fnmatchcase
from types import MappingProxyType

from policies.allow_list import AllowedValue, AllowList, parse_allowed_value
from policies.document import Entry, parse_document
from policies.errors import PolicyError
from policies.places import PlaceLine, parse_place
from policies.rule import Rule, parse_rule
from policies.site_recognizers import parse_recognizer
from policies.verdict import Action, Direction, Finding, Ground
from policies.words import NO_WORDS, TOKEN_RULES, Words, parse_words

_FILE_KEYS = ("rules", "recognizers", "words", "actions", "allow", "places")
_LINE_KEYS = ("rules", "action", "directions", "personas", "roles", "min_score")
_NOTHING: Mapping[str, str] = MappingProxyType({})
_NOT_CONTENT = ("where", "note")
_VERSION_DIGITS = 12  # 48 bits: two policies of one site will not meet


@dataclass(frozen=True, slots=True)
class ActionLine:
    """What to do with the findings of some rules.

    Attributes:
        rules: names of rules, resolved from patterns such as `secret/*`.
        directions, personas, roles: where the line holds; empty means everywhere. One held role is enough.
        min_score: a finding that is less sure than this is allowed.
        where: file and line, for messages.
    """

    rules: frozenset[str]
    action: Action
    directions: frozenset[Direction] = frozenset()
    personas: frozenset[str] = frozenset()
    roles: frozenset[str] = frozenset()
    min_score: float = 0.0
    where: str = ""

    def holds(self, direction: Direction, persona: str, roles: frozenset[str]) -> bool:
        """Tell whether this line speaks about such a text."""
        return (
            (not self.directions or direction in self.directions)
            and (not self.personas or persona in self.personas)
            and (not self.roles or not self.roles.isdisjoint(roles))
        )


@dataclass(frozen=True, slots=True)
class Asker:
    """For whom, and in which direction, a text goes."""

    direction: Direction
    persona: str
    roles: frozenset[str]


@dataclass(frozen=True, slots=True)
class Ruling:
    """What happens to a finding, why, and where the policy says so."""

    action: Action
    ground: Ground
    where: str = ""


@dataclass(frozen=True, slots=True)
class Policy:
    """What may pass: every rule, and what happens to its findings.

    Attributes:
        version: `sha256:` and 12 hexadecimal digits of the content; comments and layout do not change it.
        labels: what a person reads for a rule, by its name.
        allow_list: the exact values that may pass.
        words: what gives away values without a form of their own.
        places: which hosts may be sent what.
    """

    rules: tuple[Rule, ...]
    lines: tuple[ActionLine, ...]
    version: str
    labels: Mapping[str, str]
    allow_list: AllowList = field(default_factory=AllowList)
    words: Words = NO_WORDS
    places: tuple[PlaceLine, ...] = ()

    def labels_for(self, persona: str, roles: frozenset[str], found: frozenset[str]) -> tuple[frozenset[str], ...]:
        """Return the labels that a model host must have for a prompt: one of each set. Every line that holds counts.

        Args:
            persona: whose prompt it is.
            roles: of the person.
            found: rules that found something in it.
        """
        return tuple(dict.fromkeys(line.only for line in self.places if line.holds(persona, roles, found)))

    def labels_for_unseen(self) -> tuple[frozenset[str], ...]:
        """Return the labels that a host must have for a text of which nobody knows yet what is in it, or for whom."""
        return tuple(dict.fromkeys(line.only for line in self.places))

    def action(self, rule: str, direction: Direction, persona: str, roles: frozenset[str]) -> Action:
        """Return what happens to a sure finding of this rule."""
        return self.rule_on(rule, 1.0, Asker(direction, persona, roles)).action

    def rule_on(self, rule: str, score: float, asker: Asker) -> Ruling:
        """Return what happens to a finding of this rule: the last line that speaks about it decides.

        A finding about which nothing is said is held back: the policy fails closed.
        """
        line = self.line_for(rule, asker)
        if line is None:
            return Ruling(Action.REDACT, Ground.SILENCE)
        if score < line.min_score:
            return Ruling(Action.ALLOW, Ground.LOW_SCORE, line.where)
        return Ruling(line.action, Ground.LINE, line.where)

    def line_for(self, rule: str, asker: Asker) -> ActionLine | None:
        """Return the line that decides about a rule: the last that speaks about it."""
        return next(
            (
                line
                for line in reversed(self.lines)
                if rule in line.rules and line.holds(asker.direction, asker.persona, asker.roles)
            ),
            None,
        )

    def rule_on_all(self, text: str, findings: Sequence[Finding], asker: Asker) -> list[Ruling]:
        """Return what happens to each finding in a text, the site's allowed values included.

        A finding inside an allowed value passes with it where the entry speaks about its rule: a part of what may pass
        may pass.
        """
        rulings = [self.rule_on(finding.rule, finding.score, asker) for finding in findings]
        if not self.allow_list:
            return rulings
        return self._with_allowed(text, findings, rulings)

    def _with_allowed(self, text: str, findings: Sequence[Finding], rulings: list[Ruling]) -> list[Ruling]:
        """Let allowed values pass, in one sweep: a text may repeat such a value ten thousand times."""
        reach: dict[AllowedValue, int] = {}  # up to where an entry allowed something that has begun
        order = sorted(range(len(findings)), key=lambda index: (findings[index].start, -findings[index].end))
        begun = 0
        for index in order:
            finding = findings[index]
            while begun < len(order) and findings[order[begun]].start <= finding.start:
                outer = findings[order[begun]]
                entry = self.allow_list.find(text[outer.start : outer.end], outer.rule)
                if entry is not None:
                    reach[entry] = max(reach.get(entry, 0), outer.end)
                begun += 1
            for entry, end in reach.items():
                if finding.end <= end and finding.rule in entry.rules:
                    rulings[index] = Ruling(Action.ALLOW, Ground.ALLOW_LIST, entry.where)
                    break
        return rulings

    def without_blocks(self) -> Policy:
        """Return this policy with `redact` wherever it says `block`: for a filter, whose text must go on."""
        lines = (replace(line, action=min(line.action, Action.REDACT, key=_severity)) for line in self.lines)
        return replace(self, lines=tuple(lines))


def parse_policy(
    texts: Mapping[str, str],
    *,
    detected: Mapping[str, str] = _NOTHING,
    allow_key: bytes | None = None,
    today: Callable[[], date] | None = None,
) -> Policy:
    """Turn the files of a policy, by name and in order, into a policy.

    Args:
        texts: the files.
        detected: names under which detectors beyond the rules report, each with its label in words.
        allow_key: the site's key for allowed values; without it none of them passes.
        today: the clock for values that are allowed until a day.

    Raises:
        PolicyError: a file is wrong; the message names file and line.
    """
    rules: list[Rule] = []
    action_entries: list[Entry] = []
    allow_entries: list[Entry] = []
    place_entries: list[Entry] = []
    words = NO_WORDS
    for file, text in texts.items():
        keys = parse_document(text, file).fields(_FILE_KEYS)
        if "rules" in keys:
            rules.extend(parse_rule(entry) for entry in keys["rules"].items())
        if "recognizers" in keys:
            rules.extend(parse_recognizer(entry) for entry in keys["recognizers"].items())
        if "words" in keys:
            words |= parse_words(keys["words"])
        if "actions" in keys:
            action_entries.extend(keys["actions"].items())
        if "allow" in keys:
            allow_entries.extend(keys["allow"].items())
        if "places" in keys:
            place_entries.extend(keys["places"].items())
    _refuse_twins(rules)
    if words != NO_WORDS:
        detected = {**TOKEN_RULES, **detected}
    names = [*(rule.name for rule in rules), *detected]
    lines = tuple(_parse_line(entry, names) for entry in action_entries)
    _refuse_silence(rules, lines)
    allowed = [
        parse_allowed_value(entry, lambda patterns: resolve_rules(patterns, names), frozenset(names))
        for entry in allow_entries
    ]
    places = tuple(parse_place(entry, lambda patterns: resolve_rules(patterns, names)) for entry in place_entries)
    labels = MappingProxyType({**{rule.name: rule.label for rule in rules}, **detected})
    allow_list = AllowList(allowed, key=allow_key, today=today)
    version = _version(rules, lines, allowed, words, places)
    return Policy(tuple(rules), lines, version, labels, allow_list, words, places)


def resolve_rules(patterns: Entry, names: Iterable[str]) -> frozenset[str]:
    """Return the names of rules that a list of patterns such as `secret/*` means.

    Raises:
        PolicyError: a pattern means none.
    """
    known = tuple(names)
    matched: set[str] = set()
    for item in patterns.items():
        hits = {name for name in known if fnmatchcase(name, item.text())}
        if not hits:
            raise item.wrong(f"No rule is called {item.text()!r}. `cloister policy check --rules` lists the names.")
        matched |= hits
    return frozenset(matched)


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
    keys = entry.fields(_LINE_KEYS)
    for key in ("rules", "action"):
        if key not in keys:
            raise entry.wrong(f"The key {key!r} is missing.")
    return ActionLine(
        rules=resolve_rules(keys["rules"], names),
        action=Action(keys["action"].one_of(tuple(Action))),
        directions=frozenset(
            Direction(item.one_of(tuple(Direction)))
            for item in (keys["directions"].items() if "directions" in keys else ())
        ),
        personas=frozenset(keys["personas"].texts() if "personas" in keys else ()),
        roles=frozenset(keys["roles"].texts() if "roles" in keys else ()),
        min_score=keys["min_score"].fraction() if "min_score" in keys else 0.0,
        where=entry.where,
    )


def _severity(action: Action) -> int:
    return action.severity


def _version(
    rules: list[Rule],
    lines: tuple[ActionLine, ...],
    allowed: list[AllowedValue],
    words: Words,
    places: tuple[PlaceLine, ...],
) -> str:
    content: dict[str, object] = {
        "rules": [_content(rule) for rule in rules],
        "lines": [_content(line) for line in lines],
        "allow": [_content(value) for value in allowed],
        "words": {key: sorted(word.decode("latin-1") for word in found) for key, found in asdict(words).items()},
    }
    if places:  # a policy without any keeps the version that it had
        content["places"] = [_content(place) for place in places]
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)
    return "sha256:" + hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()[:_VERSION_DIGITS]


def _content(part: Rule | ActionLine | AllowedValue | PlaceLine) -> dict[str, object]:
    """Return what a part says, without where it stands and what it is called for people."""
    values = {one.name: getattr(part, one.name) for one in fields(part) if one.name not in _NOT_CONTENT}
    return {key: sorted(value) if isinstance(value, frozenset) else value for key, value in values.items()}
