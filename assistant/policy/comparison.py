"""What is different between two policies: rules, actions, allowed values, and the verdicts on texts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import fields
from itertools import product

from policies.guard import Guard
from policies.policy import Asker, Policy
from policies.pseudonyms import Pseudonyms
from policies.rule import Rule
from policies.verdict import Direction

_EXAMPLES = ("found", "passed", "where")  # no text is judged differently because of them
_LISTED_RULES = 6


def compare_rules(old: Policy, new: Policy) -> Iterator[str]:
    """Yield a line for each rule that came, went or changed."""
    before, after = ({rule.name: rule for rule in policy.rules} for policy in (old, new))
    for name in sorted(before.keys() | after.keys()):
        if name not in before:
            yield f"+ rule {name}  ({after[name].where})"
        elif name not in after:
            yield f"- rule {name}  ({before[name].where})"
        elif changed := _changed_fields(before[name], after[name]):
            yield f"~ rule {name}: {', '.join(changed)}  ({after[name].where})"


def compare_actions(old: Policy, new: Policy) -> Iterator[str]:
    """Yield a line for each change of what happens to findings, with the rules, and for whom, it is about."""
    askers = _askers(old, new)
    changes: defaultdict[tuple[str, str, str], list[str]] = defaultdict(list)
    for rule in sorted(old.labels.keys() & new.labels.keys()):
        by_change: defaultdict[tuple[str, str], list[Asker]] = defaultdict(list)
        for asker in askers:
            before, after = _words(old, rule, asker), _words(new, rule, asker)
            if before != after:
                by_change[before, after].append(asker)
        for (before, after), where in by_change.items():
            changes[before, after, _scope(where, askers)].append(rule)
    for (before, after, scope), rules in changes.items():
        more = f" and {len(rules) - _LISTED_RULES} more" if len(rules) > _LISTED_RULES else ""
        yield f"~ {before} -> {after}, {scope}: {', '.join(rules[:_LISTED_RULES])}{more}"


def compare_allowed(old: Policy, new: Policy) -> Iterator[str]:
    """Yield a line for each value that may pass now, or no longer."""
    before, after = (
        {(value.digest, value.rules, value.until): value for value in policy.allow_list.values} for policy in (old, new)
    )
    for key, value in after.items():
        if key not in before:
            yield f"+ allow {value.note}  ({value.where})"
    for key, value in before.items():
        if key not in after:
            yield f"- allow {value.note}  ({value.where})"


def compare_verdict(old: Guard, new: Guard, text: str, asker: Asker) -> str:
    """Return how the verdict on a text changes, without a word of the text; empty if it does not."""
    before, after = (
        guard.check(text, direction=asker.direction, persona=asker.persona, roles=asker.roles, pseudonyms=Pseudonyms())
        for guard in (old, new)
    )
    gone, come = (
        {(one.finding.start, one.finding.end, one.finding.rule, one.action.value) for one in verdict.decisions}
        for verdict in (before, after)
    )
    if (before.action, before.failure, gone) == (after.action, after.failure, come):
        return ""
    parts = [
        f"{sign}{rule} at {start}-{end} {action}"
        for sign, found in (("-", gone - come), ("+", come - gone))
        for start, end, rule, action in sorted(found)
    ]
    return f"{before.failure or before.action.value} -> {after.failure or after.action.value}: {', '.join(parts)}"


def _changed_fields(before: Rule, after: Rule) -> list[str]:
    return [
        one.name
        for one in fields(Rule)
        if one.name not in _EXAMPLES and getattr(before, one.name) != getattr(after, one.name)
    ]


def _words(policy: Policy, rule: str, asker: Asker) -> str:
    line = policy.line_for(rule, asker)
    if line is None:
        return "redact (no line)"
    return f"{line.action.value} from {line.min_score:g}" if line.min_score else line.action.value


def _askers(*policies: Policy) -> list[Asker]:
    """Return everybody between whom these policies tell a difference; the empty persona stands for all others."""
    personas = sorted({persona for policy in policies for line in policy.lines for persona in line.personas})
    roles = sorted({role for policy in policies for line in policy.lines for role in line.roles})
    return [
        Asker(direction, persona, frozenset({role} if role else ()))
        for direction, persona, role in product(Direction, ["", *personas], ["", *roles])
    ]


def _scope(askers: list[Asker], everybody: list[Asker]) -> str:
    """Say for whom, by the narrowest words that are exactly those askers, or by listing them."""
    if len(askers) == len(everybody):
        return "everywhere"
    directions = {asker.direction for asker in askers}
    personas = {asker.persona for asker in askers}
    roles = {asker.roles for asker in askers}
    if len(directions) * len(personas) * len(roles) != len(askers):  # no plain product of the three
        return "; ".join(_scope([asker], everybody) for asker in askers)
    parts = []
    if len(directions) < len({asker.direction for asker in everybody}):
        parts.append("direction " + "/".join(sorted(directions)))
    if len(personas) < len({asker.persona for asker in everybody}):
        parts.append("persona " + "/".join(sorted(persona or "any other" for persona in personas)))
    if len(roles) < len({asker.roles for asker in everybody}):
        parts.append("role " + "/".join(sorted(next(iter(role), "any other") for role in roles)))
    return ", ".join(parts)
