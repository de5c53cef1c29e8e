"""A site's own tests of its policy, as data: a text, and what the guard must or must not find and do there.

A rule's `examples` say whether the rule works alone; a case says what the whole policy makes of a text, for somebody
and in some direction.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from policies.document import Entry, parse_document
from policies.guard import Guard
from policies.policy import Asker, Policy, resolve_rules
from policies.pseudonyms import Pseudonyms
from policies.verdict import Action, Direction

_FILE_KEYS = ("cases",)
_CASE_KEYS = ("text", "finds", "passes", "action", "direction", "persona", "roles")
_MARKS = str.maketrans("", "", "«»")


@dataclass(frozen=True, slots=True)
class Case:
    """One text and what is expected of it.

    Attributes:
        text: as the guard gets it.
        value: what every rule under `finds` must find, if the text marks it with `«»`.
        finds: rules that must find something.
        passes: rules that must find nothing.
        action: what must happen to the text; None leaves it open.
        asker: for whom.
        where: file and line.
    """

    text: str
    value: str
    finds: frozenset[str]
    passes: frozenset[str]
    action: Action | None
    asker: Asker
    where: str


def parse_cases(texts: Mapping[str, str], policy: Policy) -> tuple[Case, ...]:
    """Turn files of cases, by name, into cases.

    Raises:
        PolicyError: a file is wrong; the message names file and line.
    """
    cases: list[Case] = []
    for file, text in texts.items():
        root = parse_document(text, file)
        keys = root.fields(_FILE_KEYS)
        if "cases" not in keys:
            raise root.wrong("The key 'cases' is missing.")
        cases.extend(_parse_case(entry, policy) for entry in keys["cases"].items())
    return tuple(cases)


def complaint(guard: Guard, case: Case) -> str:
    """Run a case and say what is wrong, without a word of its text; empty when all is as expected."""
    findings = guard.find(case.text)
    for rule in sorted(case.finds):
        values = [case.text[finding.start : finding.end] for finding in findings if finding.rule == rule]
        if not values:
            return f"{rule!r} finds nothing here."
        if case.value and case.value not in values:
            return f"{rule!r} finds something else than what is marked."
    unwanted = sorted({finding.rule for finding in findings} & case.passes)
    if unwanted:
        return f"{', '.join(map(repr, unwanted))} must find nothing here."
    if case.action is None:
        return ""
    asker = case.asker
    verdict = guard.check(
        case.text, direction=asker.direction, persona=asker.persona, roles=asker.roles, pseudonyms=Pseudonyms()
    )
    if verdict.failure:
        return f"The guard failed: {verdict.failure}."
    return "" if verdict.action is case.action else f"The action is {verdict.action.value}, not {case.action.value}."


def _parse_case(entry: Entry, policy: Policy) -> Case:
    keys = entry.fields(_CASE_KEYS)
    if "text" not in keys:
        raise entry.wrong("The key 'text' is missing.")
    if not keys.keys() & {"finds", "passes", "action"}:
        raise entry.wrong("Say what is expected: 'finds', 'passes' or 'action'.")
    text = keys["text"].text()
    names = tuple(policy.labels)
    return Case(
        text=text.translate(_MARKS),
        value=text.partition("«")[2].partition("»")[0],
        finds=resolve_rules(keys["finds"], names) if "finds" in keys else frozenset(),
        passes=resolve_rules(keys["passes"], names) if "passes" in keys else frozenset(),
        action=Action(keys["action"].one_of(tuple(Action))) if "action" in keys else None,
        asker=Asker(
            direction=Direction(keys["direction"].one_of(tuple(Direction)))
            if "direction" in keys
            else Direction.PROMPT,
            persona=keys["persona"].text() if "persona" in keys else "",
            roles=frozenset(keys["roles"].texts() if "roles" in keys else ()),
        ),
        where=entry.where,
    )
