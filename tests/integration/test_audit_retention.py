"""Months whose time is over lose what their events say; all else is checked as before, and nothing else may go."""

# ruff: noqa: S608 - every statement of this file is made of its own constants

from __future__ import annotations

import asyncio
import json
import time
import zipfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import psycopg
import pytest

from assistant.audit.events import Tag
from assistant.audit.exports.export import ExportRequest, create_export
from assistant.audit.exports.export_query import ExportQuery
from assistant.audit.exports.offline import verify as offline_verify
from assistant.audit.reading.proof import prove
from assistant.audit.record import canonical_bytes, compose_record, derive_record, leaf_of
from assistant.audit.removal.retention import (
    Digest,
    Month,
    RetentionUrls,
    drop_month,
    list_due,
    open_cases_in,
    sign_retention,
    weigh_month,
)
from assistant.audit.seals.checkpoint import SecretNoteKey
from assistant.audit.seals.seal_key import read_public_key
from assistant.audit.verification.anchor import Anchor
from assistant.audit.verification.findings import Verdict
from assistant.audit.writing.append import Appender
from assistant.database import libpq_dsn
from assistant.errors import AuditUnavailableError, BadInputError, UnavailableError
from tests.integration.conftest import Database
from tests.integration.retention_scene import (
    OLD,
    PERSON,
    THREAD,
    drop,
    month_of,
    send,
    this_month,
    two_old_months,
    verify,
)
from tests.integration.seal_scene import ORIGIN, SealedLog, job
from tests.integration.test_audit_commands import run

pytestmark = pytest.mark.integration


@pytest.fixture
def log(database: Database, tmp_path: Path) -> SealedLog:
    return two_old_months(database, tmp_path)


def test_a_log_that_lost_its_old_months_is_sound_and_every_hash_is_still_checked(log: SealedLog) -> None:
    anchors = [Anchor.parse(str(head.batch), head.note) for head in log.heads()]
    months = asyncio.run(list_due(log.database.audit_reader_url, 400, datetime.now(UTC)))
    assert [str(month) for month in months] == [f"{OLD:%Y-%m}", f"{OLD + timedelta(days=32):%Y-%m}"]
    assert [drop(log, month) for month in months] == [300, 39]
    for _ in range(2):  # before its events are sealed, and after
        for is_quick in (False, True):
            findings = verify(log, *anchors, is_quick=is_quick)
            assert findings.problems == []
            assert (findings.verdict, findings.dropped, findings.anchors) == (Verdict.SOUND, 339, 4)
        log.seal()
    assert log.rows("SELECT count(*) FROM audit.event WHERE type = 'job:enqueued'") == [(5,)]
    assert log.rows("SELECT count(*) FROM audit.event WHERE type = 'log:restored'") == [(1,)]
    assert asyncio.run(list_due(log.database.audit_reader_url, 400, datetime.now(UTC))) == []


def test_an_event_that_was_dropped_is_still_proved(log: SealedLog) -> None:
    ((identifier, leaf),) = log.rows("SELECT id, leaf FROM audit.event ORDER BY era, xid, id OFFSET 123 LIMIT 1")
    drop(log, month_of(log))
    log.seal()
    proof = asyncio.run(prove(log.database.audit_reader_url, UUID(str(identifier))))
    assert proof.index == 123
    assert proof.shows(bytes(leaf), [read_public_key(log.keys.public_file)])  # type: ignore[call-overload]


def test_an_event_that_was_dropped_does_not_come_back(log: SealedLog) -> None:
    ((body,),) = log.rows("SELECT body FROM audit.event ORDER BY era, xid, id OFFSET 123 LIMIT 1")
    drop(log, month_of(log))

    with pytest.raises(AuditUnavailableError):
        send(log, derive_record(bytes(body)))  # type: ignore[call-overload]
    send(log, compose_record(job(1), ORIGIN, int(OLD.timestamp() * 1_000_000_000)))  # late, and never dropped
    log.seal()
    assert verify(log).verdict is Verdict.SOUND


def test_no_event_claims_a_time_that_is_of_no_month(log: SealedLog) -> None:
    """Whoever may add events could fill the log for ever: retention goes by months."""
    beyond = int(datetime(9999, 1, 1, tzinfo=UTC).timestamp()) * 1_000_000_000
    send(log, compose_record(job(1), ORIGIN, beyond - 1))
    with pytest.raises(AuditUnavailableError):
        send(log, compose_record(job(1), ORIGIN, beyond))
    assert log.rows("SELECT count(*) FROM audit.event_default") == [(1,)]


def test_a_month_goes_no_earlier_than_the_floor(log: SealedLog) -> None:
    with pytest.raises(BadInputError, match="183 days at least"):
        drop(log, month_of(log), keep_days=182)
    with pytest.raises(BadInputError, match="not over"):
        drop(log, this_month(), keep_days=183)
    with pytest.raises(BadInputError, match="no such month"):
        drop(log, Month.parse("2001-01"))
    assert verify(log).dropped == 0


def test_an_order_that_names_a_young_head_drops_nothing(log: SealedLog) -> None:
    month, database = month_of(log), log.database
    urls = RetentionUrls(database.audit_sealer_url, database.audit_eraser_url)
    newest = log.heads()[-1].batch
    for batch in (newest, newest + 1, None):
        weighed = replace(asyncio.run(weigh_month(database.audit_reader_url, month, 400)), batch=batch)
        with pytest.raises(BadInputError, match="No head of that time"):
            asyncio.run(drop_month(urls, log.keys.read().current, month, weighed, keep_days=400, origin=ORIGIN))


@pytest.mark.parametrize(("scope", "subject"), [("person", PERSON), ("thread", THREAD)])
def test_a_legal_hold_keeps_the_month_of_whom_it_is_about(log: SealedLog, scope: str, subject: UUID) -> None:
    month = month_of(log)
    log.execute(
        "INSERT INTO audit.hold (id, scope, subject_id, reason_mark, placed_by) "
        f"VALUES (uuidv7(), '{scope}', '{subject}', 'x', uuidv7())"
    )
    with pytest.raises(BadInputError, match="legal hold"):
        drop(log, month)
    log.execute("UPDATE audit.hold SET released_by = uuidv7(), released_at = clock_timestamp()")
    assert drop(log, month) == 300


def open_a_case(log: SealedLog) -> None:
    """A case on the one turn of the old month."""
    log.execute(
        "INSERT INTO compliance_case (id, title, opened_by, due_at)"
        " VALUES ('00000000-0000-0000-0000-00000000000c', 'x', uuidv7(), now());"
        "INSERT INTO case_turn (case_id, turn_id, thread_id, subject, added_by)"
        " SELECT '00000000-0000-0000-0000-00000000000c', turn_id, thread_id, subject, uuidv7() FROM audit.event"
        " WHERE turn_id IS NOT NULL"
    )


def test_an_open_case_keeps_its_months_and_no_others(log: SealedLog) -> None:
    first, second = asyncio.run(list_due(log.database.audit_reader_url, 400, datetime.now(UTC)))
    open_a_case(log)
    with pytest.raises(BadInputError, match=r"open case \(number 1\)"):
        drop(log, first)
    assert asyncio.run(open_cases_in(log.database.audit_reader_url, first)) == [1]
    assert asyncio.run(open_cases_in(log.database.audit_reader_url, second)) == []
    assert drop(log, second) == 39
    log.execute(
        "UPDATE compliance_case SET state = 'decided', disposition = 'benign', proposed_by = id, decided_by = id"
    )
    assert drop(log, first) == 300
    log.seal()
    assert verify(log).verdict is Verdict.SOUND


def test_the_command_says_which_case_keeps_a_month_and_the_log_has_it(log: SealedLog) -> None:
    open_a_case(log)
    assert "it would stay, because case 1 is open" in run(log, "retention", "--dry-run").stdout
    told = run(log, "retention")
    assert told.returncode == 1
    assert "open case (number 1). Decide it first." in told.stderr
    assert "39 events dropped" in told.stdout  # the other month goes
    data = "convert_from(body, 'UTF8')::jsonb -> 'data'"
    ((refused,),) = log.rows(f"SELECT {data} FROM audit.event WHERE type = 'retention:refused'")
    assert refused == {"month": f"{OLD:%Y-%m}", "keep_days": 400, "cases": 1}


@pytest.mark.parametrize("role", ["app", "writer", "reader", "sealer"])
def test_nobody_but_the_eraser_drops(log: SealedLog, role: str) -> None:
    name = "app_url" if role == "app" else f"audit_{role}_url"
    with (
        psycopg.connect(libpq_dsn(getattr(log.database, name))) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute("SELECT audit.drop_month(uuidv7())")


@pytest.mark.parametrize("statement", ["DELETE FROM", "UPDATE", "TRUNCATE"])
def test_what_is_left_is_not_changed_in_place_by_a_superuser_either(log: SealedLog, statement: str) -> None:
    drop(log, month_of(log))
    with (
        psycopg.connect(libpq_dsn(log.database.owner_url)) as connection,
        pytest.raises(psycopg.errors.RestrictViolation),
    ):
        connection.execute(f"{statement} audit.stub" + (" SET era = 1" if statement == "UPDATE" else ""))  # type: ignore[call-overload]


def cut(log: SealedLog, where: str) -> None:
    """As a superuser: what is left of an event is put in its place."""
    log.execute(
        f"INSERT INTO audit.stub SELECT id, era, xid, recorded_at, leaf FROM audit.event WHERE {where}",
        f"DELETE FROM audit.event WHERE {where}",
    )


def said(log: SealedLog, month: Month, key: SecretNoteKey | None = None) -> None:
    """Write the event that says so much, signed by a key."""
    weighed = asyncio.run(weigh_month(log.database.audit_reader_url, month, 0))
    log.append_events(sign_retention(month, weighed.digest, 400, key or log.keys.read().current))


def test_a_month_that_is_taken_away_without_a_word_is_missed(log: SealedLog) -> None:
    month = month_of(log)
    log.execute(f"DROP TABLE audit.event_{month.year}_{month.month:02d}")
    assert {"root", "size"} & {problem.check for problem in verify(log).problems}


def test_a_month_that_is_cut_without_a_word_is_missed(log: SealedLog) -> None:
    cut(log, f"id < audit.first_id('{OLD + timedelta(days=10):%Y-%m-%d}')")
    findings = verify(log)
    assert {problem.check for problem in findings.problems} == {"retention"}
    assert "no event of this log's key says why" in findings.problems[0].message


def test_a_month_that_is_cut_with_a_forged_word_is_missed(log: SealedLog) -> None:
    said(log, month_of(log), SecretNoteKey.make(log.keys.read().current.name))
    cut(log, f"id < audit.first_id('{(OLD + timedelta(days=32)).replace(day=1):%Y-%m-%d}')")
    log.seal()
    findings = verify(log)
    assert {problem.check for problem in findings.problems} == {"retention"}
    assert [warning.check for warning in findings.warnings] == ["retention"]


def test_one_event_more_than_the_log_says_is_missed(log: SealedLog) -> None:
    """Of the same month, where the event that says so stands already."""
    second = (OLD + timedelta(days=32)).replace(day=1)
    drop(log, month_of(log))
    drop(log, month_of(log))
    log.seal()
    cut(log, "type = 'log:restored'")
    findings = verify(log)
    assert {problem.check for problem in findings.problems} == {"retention"}
    assert findings.problems[0].message.startswith(f"{second:%Y-%m}: Other events")


def test_a_fresh_event_that_is_cut_with_the_stolen_key_is_missed(log: SealedLog) -> None:
    said(log, this_month())
    cut(log, "type = 'job:enqueued' AND recorded_at > now() - interval '1 day'")
    log.seal()
    findings = verify(log)
    assert {problem.check for problem in findings.problems} == {"retention"}
    assert "not 183 days old" in findings.problems[0].message


def test_an_event_that_is_cut_before_it_is_sealed_is_missed(log: SealedLog) -> None:
    log.append(1)
    cut(log, "type = 'job:enqueued' AND recorded_at > now() - interval '1 day'")
    assert {problem.check for problem in verify(log).problems} == {"retention"}


@pytest.mark.parametrize(
    ("statement", "check"),
    [
        ("UPDATE audit.stub SET leaf = sha256('x') WHERE id = {}", "root"),
        ("UPDATE audit.stub SET recorded_at = recorded_at + interval '1 us' WHERE id = {}", "rows"),
        ("DELETE FROM audit.stub WHERE id = {}", "root"),
    ],
)
def test_what_is_left_is_checked_as_the_events_were(log: SealedLog, statement: str, check: str) -> None:
    drop(log, month_of(log))
    log.seal()
    log.execute(statement.format("(SELECT id FROM audit.stub ORDER BY era, xid, id OFFSET 7 LIMIT 1)"))
    assert check in {problem.check for problem in verify(log).problems}


def test_a_text_goes_with_its_event(log: SealedLog) -> None:
    month = month_of(log)
    dek, text = uuid4(), uuid4()
    columns = "id, thread_id, turn_id, kind, dek_id, sealed"
    log.execute(
        f"INSERT INTO audit.dek (id, thread_id, person_id, wrapped) VALUES ('{dek}', '{THREAD}', '{PERSON}', "
        f"decode(repeat('00', 60), 'hex'))",
        f"INSERT INTO audit.content ({columns}) SELECT '{text}', thread_id, turn_id, "
        f"'prompt', '{dek}', decode(repeat('00', 60), 'hex') FROM audit.event WHERE type = 'feedback:given'",
        f"UPDATE audit.event SET content_id = '{text}' WHERE type = 'feedback:given'",
    )
    drop(log, month)
    assert log.rows("SELECT count(*) FROM audit.content") == [(0,)]
    assert verify(log).problems == []


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"month": 7, "events": 1, "digest": "x", "keep_days": 400, "signature": "AA=="},
        {"month": "2024-13", "events": 1, "digest": "x", "keep_days": 400, "signature": "AA=="},
        {"month": "2024-01", "events": "1", "digest": "x", "keep_days": 400, "signature": 7},
    ],
)
def test_what_is_no_word_about_a_month_stops_no_check(log: SealedLog, data: dict[str, object]) -> None:
    """Whoever may write events may write anything."""
    event = sign_retention(Month.parse("2024-01"), Digest(), 400, log.keys.read().current)
    row = compose_record(event, ORIGIN, time.time_ns())
    body = canonical_bytes({**json.loads(row.body), "data": data})
    with psycopg.connect(libpq_dsn(log.database.audit_writer_url)) as connection:
        connection.execute(
            "INSERT INTO audit.event (id, occurred_at, type, body, leaf) VALUES (%s, %s, %s, %s, %s)",
            [row.id, row.occurred_at, row.type, body, leaf_of(body)],
        )
    for warned in (1, 1):
        findings = verify(log)
        assert (findings.verdict, findings.warned) == (Verdict.SOUND, warned)
        log.seal()


def test_a_stub_of_a_time_that_is_no_month_stops_no_check(log: SealedLog) -> None:
    log.execute(
        "UPDATE audit.event SET id = 'ffffffff-ffff-7fff-bfff-ffffffffffff' WHERE type = 'feedback:given'",
    )
    cut(log, "type = 'feedback:given'")
    assert "retention" in {problem.check for problem in verify(log).problems}


def test_a_log_that_is_being_read_is_not_held_up(log: SealedLog) -> None:
    month = month_of(log)
    with psycopg.connect(libpq_dsn(log.database.audit_reader_url)) as connection:
        connection.execute("SELECT count(*) FROM audit.event")
        with pytest.raises(UnavailableError, match="being read"):
            drop(log, month)
    assert drop(log, month) == 300


def export(log: SealedLog, target: Path, query: ExportQuery) -> str:
    async def run() -> None:
        async with Appender(log.database.audit_writer_url, ORIGIN) as audit:
            key, url = read_public_key(log.keys.public_file), log.database.audit_reader_url
            await create_export(url, key, ExportRequest(query=query, reason="a reason to ask"), audit, target)

    asyncio.run(run())
    with zipfile.ZipFile(target) as file:
        return "\n".join(offline_verify.check(file, str(read_public_key(log.keys.public_file)), []))


def test_an_export_over_dropped_months_names_what_was_dropped(log: SealedLog, tmp_path: Path) -> None:
    drop(log, month_of(log))
    log.seal()
    told = export(log, tmp_path / "all.zip", ExportQuery(since=OLD))
    assert told.startswith("46 events")  # 40 of the second month, 5 of today, and the one that says what was dropped
    assert "but for [[0, 300]].\nNot proved: that retention dropped [[0, 300]]" in told
    told = export(log, tmp_path / "some.zip", ExportQuery(types=frozenset({Tag.JOB_ENQUEUED})))
    assert told.startswith("44 events")


def test_the_command_says_what_it_would_drop_and_then_drops_it(log: SealedLog) -> None:
    second = (OLD + timedelta(days=32)).replace(day=1)
    told = run(log, "retention", "--dry-run")
    assert told.stdout.splitlines() == [
        f"{OLD:%Y-%m}: 300 events would be dropped.",
        f"{second:%Y-%m}: 39 events would be dropped.",
    ], told.stderr
    assert verify(log).dropped == 0
    done = run(log, "retention")
    assert done.returncode == 0, done.stderr
    assert (verify(log).dropped, verify(log).problems) == (339, [])
    assert run(log, "retention").stdout == "No month is older than 400 days.\n"
    refused = run(log, "retention", CLOISTER_AUDIT_KEEP_DAYS="30")
    assert refused.returncode != 0
    assert "CLOISTER_AUDIT_KEEP_DAYS" in refused.stderr
