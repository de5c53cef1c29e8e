"""What comes late into old months, or into none: it keeps nothing, holds nobody up, and goes when it is old itself."""

# ruff: noqa: S608 - every statement of this file is made of its own constants

from __future__ import annotations

import asyncio
import json
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from assistant.audit.events import FeedbackGiven, LogRestored, RetentionExecuted
from assistant.audit.record import derive_record
from assistant.audit.removal.retention import (
    Month,
    RetentionUrls,
    drop_month,
    list_due,
    weigh_month,
)
from assistant.database import libpq_dsn
from assistant.errors import AuditUnavailableError, BadInputError
from tests.integration.conftest import Database
from tests.integration.retention_scene import (
    NOW,
    OLD,
    add_months,
    at_that_time,
    come_late,
    drop,
    grow_older,
    month_of,
    send,
    two_old_months,
    verify,
    write_late,
)
from tests.integration.seal_scene import ORIGIN, SealedLog, job
from tests.integration.test_audit_commands import run

pytestmark = pytest.mark.integration


@pytest.fixture
def log(database: Database, tmp_path: Path) -> SealedLog:
    return two_old_months(database, tmp_path)


def drop_so_many(log: SealedLog, month: Month, events: int) -> None:
    """Order what nobody weighed."""
    database = log.database
    urls = RetentionUrls(database.audit_sealer_url, database.audit_eraser_url)
    weighed = asyncio.run(weigh_month(database.audit_reader_url, month, 400))
    key = log.keys.read().current
    asyncio.run(drop_month(urls, key, month, replace(weighed, events=events), keep_days=400, origin=ORIGIN))


def test_what_comes_late_keeps_no_month_and_goes_when_it_is_old_itself(log: SealedLog) -> None:
    """Else one event a year, written with the writer's password alone, would keep a month for ever."""
    month = month_of(log)
    late_one = uuid4()
    feedback = FeedbackGiven(actor=late_one, thread_id=uuid4(), turn_id=uuid4(), message_id=uuid4(), is_helpful=True)
    come_late(log, month, job(1), feedback)
    log.execute(  # nor does a hold on whom only the late event is about
        "INSERT INTO audit.hold (id, scope, subject_id, reason_mark, placed_by) "
        f"VALUES (uuidv7(), 'person', '{late_one}', 'x', uuidv7())"
    )
    assert drop(log, month) == 300
    table = f"audit.event_{month.year}_{month.month:02d}"
    assert log.rows(f"SELECT type FROM {table} ORDER BY id") == [("job:enqueued",), ("feedback:given",)]
    log.seal()
    findings = verify(log)
    assert (findings.problems, findings.dropped) == ([], 300)
    assert run(log, "retention").stdout.startswith(f"{month}: nothing is old enough.")
    come_late(log, month, job(2))  # into the new table
    grow_older(log, 500)
    with pytest.raises(BadInputError, match="legal hold"):
        drop(log, month)
    log.execute("UPDATE audit.hold SET released_by = uuidv7(), released_at = clock_timestamp()")
    assert drop(log, month) == 3
    assert log.rows(f"SELECT to_regclass('{table}') IS NULL") == [(True,)]
    assert log.rows("SELECT count(*) FROM audit.stub") == [(303 + 39,)]  # with those of the other month


def test_what_is_dropped_in_two_goes_is_one_month_to_who_verifies(database: Database, tmp_path: Path) -> None:
    """The second go speaks of all that is gone, and the first one's word no more counts alone."""
    log, month = SealedLog.at(database, tmp_path), Month(OLD.year, OLD.month)
    add_months(log, OLD)
    at_that_time(log, OLD + timedelta(days=3), *(job(number) for number in range(30)))
    between = OLD + timedelta(days=200)
    at_that_time(log, between, *(job(number) for number in range(3)), ids_of=OLD + timedelta(days=4))
    log.append(1)
    log.seal()
    days = (datetime.now(UTC) - between).days + 1
    assert drop(log, month, keep_days=days) == 30
    log.seal()
    assert (verify(log).problems, verify(log).dropped) == ([], 30)
    assert drop(log, month, keep_days=days - 2) == 3
    for _ in range(2):
        assert (verify(log).problems, verify(log).dropped) == ([], 33)
        log.seal()
    ((body,),) = log.rows(
        "SELECT body FROM audit.event WHERE type = 'retention:executed' ORDER BY era, xid, id LIMIT 1"
    )
    first = json.loads(bytes(body))["data"]  # type: ignore[call-overload]
    log.append_events(RetentionExecuted(**first))  # as whoever holds the writer's password may do
    log.seal()
    assert (verify(log).problems, verify(log).dropped) == ([], 33)


def test_what_was_dropped_does_not_come_back_into_a_month_that_came_back(log: SealedLog) -> None:
    month = month_of(log)
    ((body,),) = log.rows("SELECT body FROM audit.event ORDER BY era, xid, id OFFSET 123 LIMIT 1")
    come_late(log, month, job(1))
    assert drop(log, month) == 300
    row = derive_record(bytes(body))  # type: ignore[call-overload]
    with (
        psycopg.connect(libpq_dsn(log.database.audit_writer_url)) as connection,
        pytest.raises(psycopg.errors.RestrictViolation),
    ):
        connection.execute(
            "INSERT INTO audit.event (id, occurred_at, type, body, leaf) VALUES (%s, %s, %s, %s, %s)",
            [row.id, row.occurred_at, row.type, row.body, row.leaf],
        )


def patient(log: SealedLog, *, most_under_lock: int = 10_000) -> None:
    """Have retention wait for what these tests hold, however slow the machine; and promise less about its lock."""
    log.execute(
        "ALTER FUNCTION audit.drop_month(uuid) SET lock_timeout = '120s'",
        "CREATE OR REPLACE FUNCTION audit.most_under_lock() RETURNS integer LANGUAGE sql IMMUTABLE "
        f"AS 'SELECT {most_under_lock}'",
    )


def wait_for_lock(log: SealedLog, table: str, dropping: Future[int]) -> None:
    """Wait until retention waits for a table."""
    waits = f"SELECT FROM pg_locks WHERE NOT granted AND relation = '{table}'::regclass"
    while not log.rows(waits):
        assert not dropping.done(), dropping.result()
        time.sleep(0.01)


def late_ids(log: SealedLog, month: Month) -> int:
    ((count,),) = log.rows(f"SELECT count(*) FROM audit.event_{month.year}_{month.month:02d}")
    return int(str(count))


def test_nobody_waits_to_write_while_what_stays_of_a_month_is_copied(log: SealedLog) -> None:
    """Not even who writes into that month; and what comes meanwhile is kept."""
    month = month_of(log)
    come_late(log, month, job(1))
    patient(log)
    with ThreadPoolExecutor() as threads:
        with psycopg.connect(libpq_dsn(log.database.owner_url)) as holding:
            holding.execute("LOCK TABLE audit.search")
            dropping = threads.submit(drop, log, month)
            wait_for_lock(log, "audit.search", dropping)  # it has copied, and takes away the words of what goes
            come_late(log, month, *(job(number) for number in range(4)))
            log.append(1)
        assert dropping.result() == 300
    assert late_ids(log, month) == 5
    log.seal()
    assert (verify(log).problems, verify(log).dropped) == ([], 300)


@pytest.mark.parametrize(("come", "is_dropped"), [(3, True), (4, False)])
def test_under_its_lock_retention_copies_no_more_than_a_batch(log: SealedLog, come: int, is_dropped: bool) -> None:  # noqa: FBT001
    """Else whoever holds the writer's password keeps everybody from writing for as long as they like."""
    month = month_of(log)
    come_late(log, month, *(job(number) for number in range(10)))
    patient(log, most_under_lock=3)
    with ThreadPoolExecutor() as threads:
        with psycopg.connect(libpq_dsn(log.database.audit_writer_url)) as flooding:
            write_late(flooding, month, *(job(number) for number in range(come)))
            dropping = threads.submit(drop, log, month)
            wait_for_lock(log, "audit.event", dropping)  # it has copied the ten, and sees none of these
        if is_dropped:
            assert dropping.result() == 300
        else:
            with pytest.raises(BadInputError, match="More events come into it than can be kept at once"):
                dropping.result()
    log.seal()
    assert (verify(log).problems, verify(log).dropped) == ([], 300 if is_dropped else 0)
    assert late_ids(log, month) == (0 if is_dropped else 300) + 10 + come
    if not is_dropped:
        assert drop(log, month) == 300  # nobody floods it now
        assert late_ids(log, month) == 10 + come


FAR = (datetime(2001, 5, 6, tzinfo=UTC), datetime(NOW.year + 40, 5, 6, tzinfo=UTC))  # by clocks that were wrong


def test_what_lies_in_no_months_table_goes_when_it_is_old_itself(log: SealedLog) -> None:
    """For ever there would stay what came with an id of the past or the future, or of a month that is gone."""
    told = datetime.now(UTC)
    database = log.database
    for number, moment in enumerate(FAR, start=1):
        come_late(log, Month(moment.year, moment.month), *(job(each) for each in range(number)))
    come_late(log, Month(2001, 5), LogRestored(actor=None, era=0))  # later ones rest on it
    assert len(asyncio.run(list_due(database.audit_reader_url, 400, told))) == 2
    with pytest.raises(BadInputError, match="Other events are old enough"):
        drop_so_many(log, Month(2001, 5), 1)
    grow_older(log, 500)
    come_late(log, Month(1970, 1), job(1))  # young
    months = asyncio.run(list_due(database.audit_reader_url, 400, told))[2:]
    assert list(map(str, months)) == ["2001-05", f"{FAR[1]:%Y-%m}"]
    assert [drop(log, month) for month in months] == [1, 2]
    left = log.rows("SELECT type FROM audit.event_default ORDER BY id")
    assert left == [("job:enqueued",), ("log:restored",)]
    assert len(asyncio.run(list_due(database.audit_reader_url, 400, told))) == 2
    with pytest.raises(BadInputError, match="no such month"):
        drop(log, Month(2001, 6))
    guards = log.rows(
        "SELECT tgname || ' ' || tgenabled::text FROM pg_trigger WHERE tgrelid = 'audit.event_default'::regclass "
        "ORDER BY 1"
    )
    assert [each for (each,) in guards] == [
        "refuse_change A",
        "refuse_dropped A",
        "refuse_statement A",
        "refuse_textless A",
    ]


def test_a_log_that_lost_events_of_no_months_table_is_sound(database: Database, tmp_path: Path) -> None:
    log = SealedLog.at(database, tmp_path)
    moment = OLD + timedelta(days=3)
    at_that_time(log, moment, *(job(number) for number in range(30)), ids_of=FAR[0])
    at_that_time(log, moment + timedelta(hours=1), *(job(number) for number in range(20)), ids_of=FAR[1])
    log.append(5)
    log.seal()
    come_late(log, Month(2001, 5), job(1))
    ((body,),) = log.rows("SELECT body FROM audit.event_default ORDER BY era, xid, id LIMIT 1")
    told = run(log, "retention", "--dry-run").stdout.splitlines()
    assert told == ["2001-05: 30 events would be dropped.", f"{FAR[1]:%Y-%m}: 20 events would be dropped."]
    assert run(log, "retention").returncode == 0
    for _ in range(2):
        assert (verify(log).problems, verify(log).dropped) == ([], 50)
        log.seal()
    assert log.rows("SELECT count(*) FROM audit.event_default") == [(1,)]  # what came late
    with pytest.raises(AuditUnavailableError):  # nor does it come back
        send(log, derive_record(bytes(body)))  # type: ignore[call-overload]
