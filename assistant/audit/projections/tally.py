"""What charts count of an event: kinds, rules, models, hosts and personas by day. No person is counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final, NamedTuple

from policies.verdict import Action

_NO_SEVERITY: Final = -1
_SEVERITIES: Final = {action.value: action.severity for action in Action}


class TallyKey(NamedTuple):
    """What a count is of; the fields are the key of the table.

    Attributes:
        day: in UTC, by the clock of the process that wrote the event.
        rule: empty counts each event once; else the rule that held something back or warned.
        severity: of the event or, with a rule, of its strictest action; -1 where the guard had no say.
    """

    day: date
    type: str
    rule: str
    model: str
    host: str
    persona: str
    severity: int


class Counted(NamedTuple):
    """The columns of an event that are counted."""

    occurred_at: datetime
    type: str
    model: str | None
    host: str | None
    persona: str | None
    severity: int | None
    document: Mapping[str, object]


@dataclass(slots=True)
class Tally:
    """Counts that are added to those in the table."""

    events: Counter[TallyKey] = field(default_factory=Counter)
    findings: Counter[TallyKey] = field(default_factory=Counter)

    def add(self, event: Counted) -> None:
        """Count an event once, and once more under each rule that did something."""
        severity = _NO_SEVERITY if event.severity is None else event.severity
        names = (event.model or "", event.host or "", event.persona or "")
        day = event.occurred_at.date()
        by_rule: dict[str, list[int]] = {}
        for rule, strictness in _findings_of(event.document):
            by_rule.setdefault(rule, []).append(strictness)
        whole = TallyKey(day, event.type, "", *names, severity)
        self.events[whole] += 1
        self.findings[whole] += sum(map(len, by_rule.values()))
        for rule, levels in by_rule.items():
            key = TallyKey(day, event.type, rule, *names, max(levels))
            self.events[key] += 1
            self.findings[key] += len(levels)


def _findings_of(document: Mapping[str, object]) -> Iterator[tuple[str, int]]:
    """Yield rule and severity of each finding that did not simply pass, as far as the body is as we write it."""
    data = document.get("data")
    guard = data.get("guard") if isinstance(data, Mapping) else None
    findings = guard.get("findings") if isinstance(guard, Mapping) else None
    for finding in findings if isinstance(findings, list) else ():
        if isinstance(finding, Mapping) and (severity := _SEVERITIES.get(str(finding.get("action")), 0)):
            yield str(finding.get("rule")), severity
