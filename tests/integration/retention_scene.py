"""A log of old months, what comes late into them, and retention as its command runs it."""

# ruff: noqa: S608 - every statement of this file is made of its own constants

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from assistant.audit.events import Event, FeedbackGiven, LogRestored
from assistant.audit.record import Record, compose_record
from assistant.audit.removal.retention import (
    Month,
    RetentionUrls,
    drop_month,
    list_due,
    weigh_month,
)
from assistant.audit.seals import seal as seal_module
from assistant.audit.seals.seal_key import read_public_key
from assistant.audit.verification.anchor import Anchor
from assistant.audit.verification.findings import Findings
from assistant.audit.verification.verify import Verifier
from assistant.audit.writing.append import Appender
from assistant.database import libpq_dsn
from tests.integration.conftest import Database
from tests.integration.seal_scene import ORIGIN, SealedLog, job

NOW = datetime.now(UTC)
OLD = datetime(NOW.year - 2, 3, 1, tzinfo=UTC)  # a month long ago, and the one after it
PERSON, THREAD = uuid4(), uuid4()


def at_that_time(log: SealedLog, moment: datetime, *events: Event, ids_of: datetime | None = None) -> None:
    """Write and seal events as a log has them that was there then; late ones have ids of another time."""
    with psycopg.connect(libpq_dsn(log.database.owner_url)) as connection:
        for number, event in enumerate(events):
            said = (ids_of or moment).timestamp() + number
            row = compose_record(event, ORIGIN, int(said * 1_000_000_000))._asdict()
            row["recorded_at"] = moment + timedelta(seconds=number)
            names = ", ".join(row)
            places = ", ".join(["%s"] * len(row))
            connection.execute(f"INSERT INTO audit.event ({names}) VALUES ({places})", [*row.values()])  # type: ignore[call-overload]
    with pytest.MonkeyPatch.context() as patch:
        then = f"'{moment.isoformat()}'::timestamptz + interval '1 minute'"
        patch.setattr(seal_module, "_NOW", seal_module._NOW.replace("clock_timestamp()", then))
        log.seal()


def add_months(log: SealedLog, *months: datetime) -> None:
    with psycopg.connect(libpq_dsn(log.database.owner_url)) as connection:
        connection.execute("SET ROLE cloister_audit_owner")
        for month in months:
            following = (month + timedelta(days=32)).replace(day=1)
            connection.execute(
                "SELECT audit.add_partition(%s, format('FOR VALUES FROM (%%L) TO (%%L)', "
                "audit.first_id(%s::timestamp), audit.first_id(%s::timestamp)))",
                [f"event_{month:%Y_%m}", f"{month:%Y-%m-%d}", f"{following:%Y-%m-%d}"],
            )


def two_old_months(database: Database, tmp_path: Path) -> SealedLog:
    """Return a log with two old months of 300 and 40 events, one that others rest on among them, and five of today."""
    log = SealedLog.at(database, tmp_path)
    second = (OLD + timedelta(days=32)).replace(day=1)
    add_months(log, OLD, second)
    at_that_time(log, OLD + timedelta(days=3), *(job(number) for number in range(299)))
    at_that_time(
        log,
        OLD + timedelta(days=20),
        FeedbackGiven(actor=PERSON, thread_id=THREAD, turn_id=uuid4(), message_id=uuid4(), is_helpful=True),
    )
    at_that_time(
        log, second + timedelta(days=3), LogRestored(actor=None, era=0), *(job(number) for number in range(39))
    )
    log.append(5)
    log.seal()
    return log


def this_month() -> Month:
    """Return the month in which an event is written now: a run of the tests may begin in one and end in the next."""
    return Month.parse(f"{datetime.now(UTC):%Y-%m}")


def month_of(log: SealedLog) -> Month:
    return asyncio.run(list_due(log.database.audit_reader_url, 400, datetime.now(UTC)))[0]


def drop(log: SealedLog, month: Month, keep_days: int = 400) -> int:
    database = log.database
    urls = RetentionUrls(database.audit_sealer_url, database.audit_eraser_url)
    key = log.keys.read().current
    weighed = asyncio.run(weigh_month(database.audit_reader_url, month, keep_days))
    return asyncio.run(drop_month(urls, key, month, weighed, keep_days=keep_days, origin=ORIGIN))


def verify(log: SealedLog, *anchors: Anchor, is_quick: bool = False) -> Findings:
    async def run() -> Findings:
        key = read_public_key(log.keys.public_file)
        async with Verifier(log.database.audit_reader_url, key, anchors=anchors, is_quick=is_quick) as verifier:
            return await verifier.verify()

    return asyncio.run(run())


def send(log: SealedLog, record: Record) -> None:
    """Write a record as processes do."""

    async def append() -> None:
        async with Appender(log.database.audit_writer_url, ORIGIN) as appender:
            await appender.append_record(record)

    asyncio.run(append())


def come_late(log: SealedLog, month: Month, *events: Event) -> None:
    """Write events with ids of an old month, as anybody can who holds the writer's password; and seal them."""
    with psycopg.connect(libpq_dsn(log.database.audit_writer_url)) as connection:
        write_late(connection, month, *events)
    log.seal()


def write_late(connection: psycopg.Connection, month: Month, *events: Event) -> None:
    moment = int((month.begin + timedelta(days=5)).timestamp() * 1_000_000_000)
    names = ("id", "occurred_at", "type", "subject", "actor", "thread_id", "turn_id", "body", "leaf")
    places = ", ".join(["%s"] * len(names))
    for number, event in enumerate(events):
        row = compose_record(event, ORIGIN, moment + number * 1_000_000)
        connection.execute(
            f"INSERT INTO audit.event ({', '.join(names)}) VALUES ({places})",  # type: ignore[call-overload]
            [getattr(row, name) for name in names],
        )


def grow_older(log: SealedLog, days: int) -> None:
    """Let time pass for all that was sealed: as a superuser, and only where nothing is verified after it."""
    log.execute(f"UPDATE audit.head SET sealed_at = sealed_at - interval '{days} days'")
