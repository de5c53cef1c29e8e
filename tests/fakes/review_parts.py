"""Fakes behind the review of reports: rows in memory, counts that a test sets, a guard that knows two values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from uuid import UUID

from assistant.conversation import Person
from assistant.errors import BadInputError, NotFoundError, UnavailableError
from assistant.reports.report import Decision, Report, Reported, ReportPage, RuleReports, TooManyReportsError


@dataclass
class FakeReports:
    """Reports in memory, with the rules of the real ones."""

    most_an_hour: int = 60
    rows: dict[UUID, Report] = field(default_factory=dict)

    async def require_room(self, person: Person) -> None:
        if sum(report.person_id == person.id for report in self.rows.values()) >= self.most_an_hour:
            raise TooManyReportsError("You reported enough values in the last hour.")

    async def file(self, person: Person, about: Reported, comment: str, *, report_id: UUID) -> UUID:
        await self.require_room(person)
        if earlier := await self.find(about.message_id, about.turn_id, about.number):
            return earlier.id
        now = datetime.now(UTC)
        self.rows[report_id] = Report(report_id, person.id, person.name, about, comment, now, None, "", "", None)
        return report_id

    async def comment(self, person: Person, report_id: UUID, comment: str) -> bool:
        report = self.rows[report_id]
        if report.person_id != person.id or report.comment or report.decision:
            return False
        self.rows[report_id] = replace(report, comment=comment)
        return True

    async def find(self, message_id: UUID, turn_id: UUID, number: int) -> Report | None:
        wanted = (message_id, turn_id, number)
        for report in self.rows.values():
            if (report.about.message_id, report.about.turn_id, report.about.number) == wanted:
                return report
        return None

    async def of_thread(self, person: Person, thread_id: UUID) -> frozenset[tuple[UUID, int]]:
        own = [one.about for one in self.rows.values() if one.person_id == person.id]
        return frozenset((about.message_id, about.number) for about in own if about.thread_id == thread_id)

    async def page(self, *, is_decided: bool, rule: str, before: str, limit: int) -> ReportPage:
        fitting = [
            report
            for report in reversed(self.rows.values())
            if (report.decision is not None) is is_decided and (not rule or report.about.rule == rule)
        ]
        if before:
            places = [place for place, report_id in enumerate(self.rows) if str(report_id) == before]
            if not places:
                raise BadInputError("This page of the list is not there any more. Go back to the newest.")
            older = list(self.rows)[: places[0]]
            fitting = [report for report in fitting if report.id in older]
        cursor = str(fitting[limit - 1].id) if len(fitting) > limit else ""
        return ReportPage(tuple(fitting[:limit]), cursor)

    async def report(self, report_id: UUID) -> Report:
        if report_id not in self.rows:
            raise NotFoundError("There is no such report.")
        return self.rows[report_id]

    async def decide(self, reviewer: Person, report_id: UUID, decision: Decision, note: str) -> None:
        report = await self.report(report_id)
        if report.decision is not None:
            raise BadInputError("Somebody decided this report before you did. Look under Decided.")
        now = datetime.now(UTC)
        self.rows[report_id] = replace(report, decision=decision, note=note, decided_by=reviewer.name, decided_at=now)

    async def counts(self, since: datetime) -> dict[str, RuleReports]:
        counted: dict[str, RuleReports] = {}
        for report in self.rows.values():
            if report.about.found_at >= since:
                now = counted.get(report.about.rule, RuleReports(0, 0))
                is_wrong = report.decision is Decision.RULE_IS_WRONG
                counted[report.about.rule] = RuleReports(now.reported + 1, now.confirmed_wrong + is_wrong)
        return counted


@dataclass
class FakeCounts:
    """How often each rule found something, or that nobody can tell."""

    findings: dict[str, int] = field(default_factory=dict)
    is_away: bool = False

    async def count_findings(self, since: datetime) -> Mapping[str, int]:
        assert since < datetime.now(UTC)
        if self.is_away:
            raise UnavailableError("The findings could not be counted in time. Ask again in a minute.")
        return self.findings
