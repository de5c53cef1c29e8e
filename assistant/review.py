"""“This is wrong”: a person says so of one finding, a reviewer decides, and each rule gets its figures.

Only the owner of a message can report a finding in it, and only what the history keeps about it goes on: the rule and
the masked value. Who decides sees no text of the conversation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol
from uuid import UUID, uuid4

from assistant.answering.guarding import ConversationGuard
from assistant.answering.words import held_back_of_detail, policy_of_detail
from assistant.audit.events import AccessRefused, LogRead, ReportDecided, ReportFiled
from assistant.audit.log import AuditLog
from assistant.conversation import Author, Person
from assistant.errors import NotAllowedError, NotFoundError, UnavailableError
from assistant.history.history import History
from assistant.reports.report import Decision, Report, Reported, ReportPage, RuleReports
from assistant.reports.reports import Reports
from assistant.rights import HOLDERS, Right
from policies.verdict import Direction

REVIEWERS: Final = HOLDERS[Right.DECIDE_REPORTS]
COUNTED_DAYS: Final = 30
COMMENT_CHARS: Final = 500
_A_PAGE: Final = 25


class FindingCounts(Protocol):
    """The audit log as a source of figures."""

    async def count_findings(self, since: datetime) -> Mapping[str, int]:
        """Return how many values each rule held back since then.

        Raises:
            UnavailableError: the log cannot be read now.
        """


@dataclass(frozen=True, slots=True)
class RuleFigures:
    """What 30 days say about one rule.

    Attributes:
        findings: values that it held back; none if the log could not be counted.
        reported: how many of them somebody called wrong.
        confirmed_wrong: how many of those a reviewer confirmed.
    """

    rule: str
    label: str
    findings: int | None
    reported: int
    confirmed_wrong: int

    @property
    def false_positive_rate(self) -> float | None:
        """Return the confirmed part of all findings, from 0 to 1; none where there is nothing to divide by.

        A text with more than 32 findings is counted as 32: a rate above 1 is then one of too few findings.
        """
        return min(1.0, self.confirmed_wrong / self.findings) if self.findings else None

    @property
    def words(self) -> str:
        """Return the rate as a person reads it; what nobody looked at is not called right."""
        if self.false_positive_rate is None:
            return "no data"
        return f"{self.false_positive_rate:.1%}" if self.reported else "nobody reported"


@dataclass(frozen=True, slots=True)
class AllFigures:
    """The figures of every rule that found something or was reported, the most often reported first.

    Attributes:
        trouble: why the findings could not be counted; empty if they could.
    """

    days: int
    rules: tuple[RuleFigures, ...]
    trouble: str = ""


class Figures:
    """Put together what the log and the reports say about each rule.

    Args:
        audit: hears of each look at its own counts.
        reports: what was reported and confirmed.
        counts: how often each rule found something.
        labels: the words for each rule of the policy that is in force now.
    """

    def __init__(
        self,
        audit: AuditLog,
        reports: Reports,
        counts: FindingCounts,
        *,
        labels: Callable[[], Mapping[str, str]] = dict,
    ) -> None:
        self._audit = audit
        self._reports = reports
        self._counts = counts
        self._labels = labels

    async def read(self, actor: UUID | None, *, door: str) -> AllFigures:
        """Return findings, reports and confirmed false positives of each rule in the last 30 days.

        Args:
            actor: who asks; none for a command on the server.
            door: through which door, for the audit log.
        """
        since = datetime.now(UTC) - timedelta(days=COUNTED_DAYS)
        reported = await self._reports.counts(since)
        findings: Mapping[str, int] = {}
        trouble = ""
        await self._audit.append(LogRead(actor=actor, door=door, filters=("findings-by-rule",)))
        try:
            findings = await self._counts.count_findings(since)
        except UnavailableError as error:
            trouble = str(error)
        labels = self._labels()
        nothing = RuleReports(0, 0)
        rules = [
            RuleFigures(
                rule=rule,
                label=labels.get(rule, ""),
                findings=None if trouble else findings.get(rule, 0),
                reported=reported.get(rule, nothing).reported,
                confirmed_wrong=reported.get(rule, nothing).confirmed_wrong,
            )
            for rule in {*findings, *reported}
        ]
        rules.sort(key=lambda one: (-one.confirmed_wrong, -one.reported, -(one.findings or 0), one.rule))
        return AllFigures(COUNTED_DAYS, tuple(rules), trouble)


class Review:
    """File, read and decide reports.

    Args:
        history: whose messages hold the findings.
        guard: guards comments and notes.
        audit: hears of each report and of each decision.
        reports: where they lie.
        figures: of each rule.
    """

    def __init__(
        self, history: History, guard: ConversationGuard, audit: AuditLog, *, reports: Reports, figures: Figures
    ) -> None:
        self._history = history
        self._guard = guard
        self._audit = audit
        self._reports = reports
        self._figures = figures

    async def finding(self, person: Person, message_id: UUID, number: int) -> tuple[Reported, Report | None]:
        """Return one finding in a message of the person's own, and its report if there is one.

        Raises:
            NotFoundError: the message is foreign or does not exist, or nothing was held back at this place.
        """
        about = await self._find(person, message_id, number)
        return about, await self._reports.find(about.message_id, about.turn_id, about.number)

    async def file(self, person: Person, message_id: UUID, number: int, comment: str = "") -> None:
        """Report that a finding in a message of the person's own is wrong.

        A second time files nothing; a comment that comes later is put to the report as long as it is open.

        Raises:
            BadInputError: the comment is too long, or the guard does not let it pass.
            NotFoundError: the message is foreign or does not exist, or nothing was held back at this place.
            TooManyReportsError: the person filed as many in the last hour as fit.
        """
        about, earlier = await self.finding(person, message_id, number)
        guarded = await self._guard.check_note(comment, person, most_chars=COMMENT_CHARS)
        if earlier is not None:
            if guarded and not earlier.comment and earlier.decision is None:
                await self._note_filed(person, about, earlier.id, guarded)
                await self._reports.comment(person, earlier.id, guarded)
            return
        await self._reports.require_room(person)
        report_id = uuid4()
        await self._note_filed(person, about, report_id, guarded)
        await self._reports.file(person, about, guarded, report_id=report_id)

    async def reported(self, person: Person, thread_id: UUID) -> frozenset[tuple[UUID, int]]:
        """Return which findings of a thread the person reported: message and number of each."""
        return await self._reports.of_thread(person, thread_id)

    async def queue(
        self, reviewer: Person, *, is_decided: bool = False, rule: str = "", before: str = ""
    ) -> ReportPage:
        """Return a page of reports, the latest first; see `Reports.page`.

        Raises:
            BadInputError: `before` is not the cursor of a page.
            NotAllowedError: this person is no reviewer.
        """
        await self._require_reviewer(reviewer)
        return await self._reports.page(is_decided=is_decided, rule=rule, before=before, limit=_A_PAGE)

    async def decide(self, reviewer: Person, report_id: UUID, decision: Decision, note: str = "") -> None:
        """Say whether the rule of a report is wrong; it stays decided.

        Raises:
            BadInputError: it is decided already, or the note is too long or does not pass the guard.
            NotAllowedError: this person is no reviewer.
            NotFoundError: there is no such report.
        """
        await self._require_reviewer(reviewer)
        report = await self._reports.report(report_id)
        guarded = await self._guard.check_note(note, reviewer, most_chars=COMMENT_CHARS)
        if report.decision is None:
            await self._audit.append(
                ReportDecided(
                    actor=reviewer.id,
                    subject=report.person_id,
                    turn_id=report.about.turn_id,
                    report_id=report.id,
                    finding_rule=report.about.rule,
                    decision=decision.value,
                    note_chars=len(guarded),
                )
            )
        await self._reports.decide(reviewer, report_id, decision, guarded)

    async def figures(self, reviewer: Person) -> AllFigures:
        """Return findings, reports and confirmed false positives of each rule in the last 30 days.

        Raises:
            NotAllowedError: this person is no reviewer.
        """
        await self._require_reviewer(reviewer)
        return await self._figures.read(reviewer.id, door="review")

    async def _find(self, person: Person, message_id: UUID, number: int) -> Reported:
        stored = await self._history.stored_message(person, message_id)
        held_back = held_back_of_detail(stored.detail)
        if not 0 <= number < len(held_back):
            raise NotFoundError("Nothing was held back here, or it is not yours.")
        message, found = stored.message, held_back[number]
        return Reported(
            turn_id=message.turn_id,
            thread_id=message.thread_id,
            message_id=message.id,
            direction=Direction.PROMPT if message.author is Author.USER else Direction.ANSWER,
            number=number,
            rule=found.rule,
            label=found.label,
            masked=found.masked,
            action=found.action,
            policy_version=policy_of_detail(stored.detail),
            found_at=message.created_at or datetime.now(UTC),
        )

    async def _note_filed(self, person: Person, about: Reported, report_id: UUID, comment: str) -> None:
        await self._audit.append(
            ReportFiled(
                actor=person.id,
                thread_id=about.thread_id,
                turn_id=about.turn_id,
                report_id=report_id,
                message_id=about.message_id,
                finding_rule=about.rule,
                policy_version=about.policy_version,
                direction=about.direction.value,
                comment_chars=len(comment),
            )
        )

    async def _require_reviewer(self, person: Person) -> None:
        if not person.has_any(REVIEWERS):
            await self._audit.append(AccessRefused(actor=person.id, wanted="review", door="review"))
            raise NotAllowedError("Reports are decided by reviewers and administrators. Ask an administrator.")
