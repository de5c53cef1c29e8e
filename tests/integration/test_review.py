"""Reports on real tables: filed by the owner alone, once, without a value; read in pages; decided once; counted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import psycopg
import pytest

from assistant.answering.guarding import ConversationGuard
from assistant.answering.words import guard_detail
from assistant.audit.events import PromptBlocked, TurnAnswered, TurnGuarded
from assistant.audit.parts import FoundSpan, GuardReport, TextMark, TurnPlace
from assistant.audit.reading.counts import FindingCounts
from assistant.audit.reading.read import LogReader
from assistant.audit.record import Origin
from assistant.audit.writing.append import Appender
from assistant.conversation import MessageState, Person, Role, Turn
from assistant.database import libpq_dsn
from assistant.errors import BadInputError, NotAllowedError, NotFoundError, UnavailableError
from assistant.policy.source import GuardSource
from assistant.reports.report import Decision, TooManyReportsError
from assistant.reports.reports import Reports
from assistant.review import Figures, Review
from policies.guard import Guard
from policies.pseudonyms import Pseudonyms
from policies.verdict import Action, Direction
from tests.fakes.turn_parts import make_guard
from tests.integration.conftest import Database
from tests.integration.history_scene import Scene, open_scene

pytestmark = pytest.mark.integration

EMAIL = "oskar.lindqvist@northwind-robotics.example"
TOKEN = "ghp_" + "Zt4Qw8Er2Ty6Ui0Pa5Sd9Fg3Hj7Kl1Xc4Vb8"
LABELS = {"personal/email": "e-mail"}


@dataclass(frozen=True, slots=True)
class Desk:
    """A scene with a review on it, and somebody who may decide."""

    scene: Scene
    review: Review
    reports: Reports
    audit: Appender
    guard: Guard
    lena: Person

    async def hold_back(self, text: str, *, person: Person | None = None, answer: str = "") -> Turn:
        """Let the guard look at a question and its answer as a turn does."""
        turn = self.scene.turn(person)
        question, said = self._judge(text, Direction.PROMPT), self._judge(answer, Direction.ANSWER)
        await self.scene.history.start_turn(turn, question.text, detail=guard_detail(question), title="x")
        await self.scene.history.finish_turn(turn, said.text, MessageState.COMPLETE, detail=guard_detail(said))
        return turn

    def _judge(self, text: str, direction: Direction):  # noqa: ANN202 - a verdict
        return self.guard.check(text, direction=direction, persona="", roles=frozenset(), pseudonyms=Pseudonyms())


@pytest.fixture(scope="module")
def guard() -> Guard:
    return make_guard()


@pytest.fixture
async def desk(database: Database, guard: Guard) -> AsyncIterator[Desk]:
    async with open_scene(database) as scene, Appender(database.audit_writer_url, Origin("test", 1, "0")) as audit:
        reports = Reports(scene.engine)
        figures = Figures(audit, reports, FindingCounts(database.audit_reader_url), labels=lambda: LABELS)
        conversation_guard = ConversationGuard(GuardSource(guard), scene.history, database.keys.sealer("pseudonyms"))
        review = Review(scene.history, conversation_guard, audit, reports=reports, figures=figures)
        lena = Person(id=scene.otto.id, name="otto", roles=frozenset({Role.REVIEWER}))
        yield Desk(scene, review, reports, audit, guard, lena)


async def tags(desk: Desk) -> list[str]:
    async with LogReader(desk.scene.database.audit_reader_url) as log:
        return [event.type for event in await log.read_newest(100) if event.type != "turn:guarded"]


async def test_a_report_holds_the_rule_and_the_masked_value_and_never_the_value(desk: Desk) -> None:
    turn = await desk.hold_back(f"write to {EMAIL}")
    comment = f"{EMAIL} is our public address, and {TOKEN} is nothing"
    await desk.review.file(desk.scene.maria, turn.message_id, 0, comment)
    ((row,),) = desk.scene.sql("SELECT row_to_json(report)::text FROM report")
    assert EMAIL not in str(row)
    assert TOKEN not in str(row)
    (report,) = (await desk.review.queue(desk.lena)).reports
    assert (report.person, report.about.rule, report.about.direction) == ("maria", "personal/email", Direction.PROMPT)
    assert report.about.masked in str(row)
    assert report.about.policy_version == desk.guard.policy.version
    assert "is our public address" in report.comment
    assert report.reference == turn.reference
    async with LogReader(desk.scene.database.audit_reader_url) as log:
        (event,) = await log.read_newest(1)
    assert event.type == "report:filed"
    assert EMAIL.encode() not in event.body
    assert event.turn_id == turn.id


async def test_a_finding_in_an_answer_is_reported_as_one(desk: Desk) -> None:
    turn = await desk.hold_back("hello", answer=f"ask {EMAIL}")
    await desk.review.file(desk.scene.maria, turn.answer_id, 0)
    (report,) = (await desk.review.queue(desk.lena)).reports
    assert report.about.direction is Direction.ANSWER


async def test_nobody_reports_in_anothers_turn(desk: Desk) -> None:
    turn = await desk.hold_back(f"write to {EMAIL}")
    for message_id, number in ((turn.message_id, 0), (uuid4(), 0)):
        with pytest.raises(NotFoundError):
            await desk.review.file(desk.scene.otto, message_id, number)
        with pytest.raises(NotFoundError):
            await desk.review.finding(desk.scene.otto, message_id, number)
    assert desk.scene.sql("SELECT * FROM report") == []
    assert await tags(desk) == []
    await desk.review.file(desk.scene.maria, turn.message_id, 0)
    assert await desk.review.reported(desk.scene.otto, turn.thread_id) == frozenset()
    assert await desk.review.reported(desk.scene.maria, turn.thread_id) == {(turn.message_id, 0)}


@pytest.mark.parametrize("number", [-1, 1, 2**31])
async def test_only_what_was_held_back_can_be_reported(desk: Desk, number: int) -> None:
    turn = await desk.hold_back(f"write to {EMAIL}")
    with pytest.raises(NotFoundError):
        await desk.review.file(desk.scene.maria, turn.message_id, number)


async def test_a_finding_is_reported_once_however_often_it_is_pressed(desk: Desk) -> None:
    turn = await desk.hold_back(f"write to {EMAIL}")
    await asyncio.gather(*(desk.review.file(desk.scene.maria, turn.message_id, 0) for _ in range(5)))
    await desk.review.file(desk.scene.maria, turn.message_id, 0, "our public address")
    await desk.review.file(desk.scene.maria, turn.message_id, 0, "a second comment")
    (report,) = (await desk.review.queue(desk.lena)).reports
    assert report.comment == "our public address"


async def test_a_report_survives_its_conversation(desk: Desk) -> None:
    turn = await desk.hold_back(f"write to {EMAIL}")
    await desk.review.file(desk.scene.maria, turn.message_id, 0)
    await desk.scene.history.delete_thread(desk.scene.maria, turn.thread_id)
    assert len((await desk.review.queue(desk.lena)).reports) == 1


async def test_a_person_reports_no_faster_than_a_reviewer_reads(desk: Desk) -> None:
    turn = await desk.hold_back(" ".join(f"oskar{number}@northwind-robotics.example" for number in range(6)))
    reports = Reports(desk.scene.engine, most_an_hour=3)
    desk.review._reports = reports
    done = await asyncio.gather(
        *(desk.review.file(desk.scene.maria, turn.message_id, number) for number in range(6)), return_exceptions=True
    )
    assert [type(one) for one in done if one is not None] == [TooManyReportsError] * 3
    other = await desk.hold_back(f"write to {EMAIL}", person=desk.scene.otto)
    await desk.review.file(desk.scene.otto, other.message_id, 0)
    desk.scene.sql("UPDATE report SET filed_at = filed_at - interval '61 minutes'")
    again = await desk.hold_back(f"write to {EMAIL}")
    await desk.review.file(desk.scene.maria, again.message_id, 0)


@pytest.mark.parametrize("comment", ["x" * 501, "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\n"])
async def test_a_comment_that_may_not_be_kept_files_nothing(desk: Desk, comment: str) -> None:
    turn = await desk.hold_back(f"write to {EMAIL}")
    with pytest.raises(BadInputError):
        await desk.review.file(desk.scene.maria, turn.message_id, 0, comment)
    assert desk.scene.sql("SELECT * FROM report") == []


async def test_only_reviewers_and_administrators_see_and_decide(desk: Desk) -> None:
    turn = await desk.hold_back(f"write to {EMAIL}")
    await desk.review.file(desk.scene.maria, turn.message_id, 0)
    (report,) = (await desk.review.queue(desk.lena)).reports
    for role in Role:
        person = replace(desk.lena, roles=frozenset({role}))
        if role in {Role.REVIEWER, Role.ADMINISTRATOR}:
            await desk.review.queue(person)
            await desk.review.figures(person)
            continue
        for asked in (
            desk.review.queue(person),
            desk.review.figures(person),
            desk.review.decide(person, report.id, Decision.RULE_IS_WRONG),
        ):
            with pytest.raises(NotAllowedError):
                await asked
    assert (await tags(desk)).count("access:refused") == 3 * 4
    assert (await desk.reports.report(report.id)).decision is None


async def test_a_report_is_decided_once(desk: Desk) -> None:
    turn = await desk.hold_back(f"write to {EMAIL}")
    await desk.review.file(desk.scene.maria, turn.message_id, 0)
    (report,) = (await desk.review.queue(desk.lena)).reports
    note = f"a public address, {TOKEN}"
    decisions = [Decision.RULE_IS_WRONG, Decision.RULE_IS_RIGHT, Decision.RULE_IS_WRONG]
    done = await asyncio.gather(
        *(desk.review.decide(desk.lena, report.id, one, note) for one in decisions), return_exceptions=True
    )
    assert sum(one is None for one in done) == 1
    assert all(isinstance(one, BadInputError) for one in done if one is not None)
    assert (await desk.review.queue(desk.lena)).reports == ()
    (decided,) = (await desk.review.queue(desk.lena, is_decided=True)).reports
    assert decided.decision is decisions[done.index(None)]
    assert (decided.decided_by, decided.note.startswith("a public address")) == ("otto", True)
    assert TOKEN not in decided.note
    _, seen = await desk.review.finding(desk.scene.maria, turn.message_id, 0)
    assert seen == decided
    with pytest.raises(NotFoundError):
        await desk.review.decide(desk.lena, uuid4(), Decision.RULE_IS_WRONG)


async def test_the_queue_goes_by_keys_and_leaves_none_out(desk: Desk) -> None:
    turn = await desk.hold_back(" ".join(f"oskar{number}@northwind-robotics.example" for number in range(60)))
    for number in range(60):
        await desk.review.file(desk.scene.maria, turn.message_id, number)
    desk.scene.sql("UPDATE report SET filed_at = date_trunc('minute', filed_at)")  # most of them at once
    seen: list[UUID] = []
    before = ""
    while True:
        page = await desk.review.queue(desk.lena, before=before)
        seen += [report.id for report in page.reports]
        if page.reports:  # what is decided meanwhile moves nothing
            await desk.review.decide(desk.lena, page.reports[-1].id, Decision.RULE_IS_RIGHT)
        before = page.cursor
        if not before:
            break
    assert len(seen) == len(set(seen)) == 60
    assert (await desk.review.queue(desk.lena, rule="secret/none")).reports == ()
    for cursor in ("nonsense", str(uuid4())):
        with pytest.raises(BadInputError):
            await desk.review.queue(desk.lena, before=cursor)


def span(rule: str, action: Action = Action.REDACT) -> FoundSpan:
    return FoundSpan(rule, "X", 0, 1, action)


async def test_each_rule_has_its_figures_from_the_log_and_the_decisions(desk: Desk) -> None:
    turn = await desk.hold_back(f"write to {EMAIL} or x{EMAIL}")
    for number in (0, 1):
        await desk.review.file(desk.scene.maria, turn.message_id, number)
    first, _ = (await desk.review.queue(desk.lena)).reports
    await desk.review.decide(desk.lena, first.id, Decision.RULE_IS_WRONG)
    place, mark = TurnPlace.of(turn), TextMark("0" * 64)
    passed = GuardReport(Action.ALLOW, "sha256:0", (span("personal/ip", Action.ALLOW),), 1, 0)
    two = GuardReport(Action.REDACT, "sha256:0", (span("personal/email"), span("personal/email")), 2, 2)
    three = GuardReport(Action.BLOCK, "sha256:0", (span("secret/pem", Action.BLOCK), span("personal/email")), 2, 2)
    await desk.audit.append(TurnGuarded(turn=place, guard=two, chars=1, text_mark=mark))
    await desk.audit.append(TurnGuarded(turn=place, guard=passed, chars=1, text_mark=mark))
    await desk.audit.append(PromptBlocked(turn=place, guard=three))
    await desk.audit.append(
        TurnAnswered(
            turn=place,
            guard=GuardReport(Action.REDACT, "sha256:0", (span("personal/email"),), 1, 1),
            host="h",
            model="m",
            chars=1,
            text_mark=mark,
            prompt_tokens=1,
            answer_tokens=1,
            first_token_milliseconds=1,
            total_milliseconds=1,
            finish_reason="stop",
        )
    )
    figures = await desk.review.figures(desk.lena)
    found = {one.rule: one for one in figures.rules}
    assert set(found) == {"personal/email", "secret/pem"}
    email, pem = found["personal/email"], found["secret/pem"]
    assert (email.label, email.findings, email.reported, email.confirmed_wrong) == ("e-mail", 4, 2, 1)
    assert email.false_positive_rate == 0.25
    assert (pem.findings, pem.reported, pem.false_positive_rate) == (1, 0, 0.0)
    assert (await tags(desk))[-1] == "log:read"


async def test_figures_are_those_of_the_last_days_only(desk: Desk) -> None:
    turn = await desk.hold_back(f"write to {EMAIL}")
    await desk.review.file(desk.scene.maria, turn.message_id, 0)
    desk.scene.sql("UPDATE report SET found_at = found_at - interval '31 days'")
    assert (await desk.review.figures(desk.lena)).rules == ()
    counts = FindingCounts(desk.scene.database.audit_reader_url)
    guarded = GuardReport(Action.REDACT, "sha256:0", (span("personal/email"),), 1, 1)
    mark = TextMark("0" * 64)
    await desk.audit.append(TurnGuarded(turn=TurnPlace.of(turn), guard=guarded, chars=1, text_mark=mark))
    now = datetime.now(UTC)
    assert await counts.count_findings(now - timedelta(minutes=5)) == {"personal/email": 1}
    assert await counts.count_findings(now + timedelta(minutes=5)) == {}


async def test_figures_say_when_the_log_cannot_be_counted(desk: Desk) -> None:
    turn = await desk.hold_back(f"write to {EMAIL}")
    await desk.review.file(desk.scene.maria, turn.message_id, 0)

    class Away:
        async def count_findings(self, since: datetime) -> dict[str, int]:
            raise UnavailableError(f"Not since {since:%Y}.")

    figures = await Figures(desk.audit, desk.reports, Away()).read(None, door="command")
    (email,) = figures.rules
    assert figures.trouble.startswith("Not since")
    assert (email.findings, email.reported, email.false_positive_rate) == (None, 1, None)


async def test_counting_gives_up_in_time(desk: Desk) -> None:
    counts = FindingCounts(desk.scene.database.audit_reader_url, patience_seconds=0.2)
    with psycopg.connect(libpq_dsn(desk.scene.database.owner_url)) as holder:
        holder.execute("SET ROLE cloister_audit_owner")
        holder.execute("LOCK TABLE audit.event IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(UnavailableError):
            await counts.count_findings(datetime.now(UTC))
        holder.rollback()
