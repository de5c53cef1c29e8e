"""What is kept of the fleet: one line a host and minute whoever writes, for as long as it is kept, and its history."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from assistant.database import create_engine, libpq_dsn
from assistant.fleet.records import Bench, FleetRecords
from connectors.model_hosts.sampling import HostSample, ModelSample
from tests.integration.conftest import Database

pytestmark = pytest.mark.integration

NOON = datetime(2026, 11, 29, 12, 0, 10, tzinfo=UTC)
DEV1 = HostSample(
    "Dev1",
    "ollama",
    "http://dev1.lan:11434",
    "fleet",
    is_up=True,
    is_drained=False,
    state="answers",
    since=NOON,
    models=(ModelSample("m", is_loaded=True, memory_bytes=5 << 30, in_flight=2, tokens_per_second=40.0),),
)
DOWN = replace(DEV1, is_up=False, models=(), note="cannot be reached")


@pytest.fixture
async def engine(database: Database) -> AsyncIterator[AsyncEngine]:
    engine = create_engine(database.app_url)
    yield engine
    await engine.dispose()


@pytest.fixture
def records(engine: AsyncEngine) -> FleetRecords:
    return FleetRecords(engine, keep_days=2)


def count(database: Database, table: str) -> int:
    with psycopg.connect(libpq_dsn(database.owner_url)) as connection:
        row = connection.execute(f"SELECT count(*) FROM {table}").fetchone()  # noqa: S608 - a name of ours
        return int(row[0]) if row else 0


async def test_the_host_is_as_it_was_seen_last_and_a_minute_has_one_line(
    records: FleetRecords, database: Database
) -> None:
    await records.write([DEV1], now=NOON)
    await records.write([DOWN], now=NOON + timedelta(seconds=20))
    (seen,) = await records.hosts()
    assert (seen.sample, seen.seen_at) == (DOWN, NOON + timedelta(seconds=20))
    assert count(database, "fleet_sample") == 1
    await records.write([DOWN], now=NOON + timedelta(seconds=60))
    assert count(database, "fleet_sample") == 2


async def test_the_history_is_the_mean_of_its_minutes(records: FleetRecords) -> None:
    for minute, sample in enumerate([DEV1, DOWN, DEV1, DOWN]):
        await records.write([sample], now=NOON + timedelta(minutes=minute))
    since = NOON.replace(second=0)
    history = await records.history(since=since, step=timedelta(hours=1))
    (stretch,) = history["Dev1"]
    assert (stretch.began_at, stretch.up_share, stretch.in_flight, stretch.tokens_per_second) == (since, 0.5, 1.0, 40.0)
    (trouble,) = await records.troubles(since=since)
    assert (trouble.words, trouble.minutes, trouble.last_at) == ("cannot be reached", 2, since + timedelta(minutes=3))


async def test_what_went_wrong_with_an_answer_is_noted_in_its_minute_alone(records: FleetRecords) -> None:
    failed = replace(DEV1, trouble="gave no answer", trouble_at=NOON - timedelta(seconds=5))
    await records.write([failed], now=NOON)
    await records.write([failed], now=NOON + timedelta(minutes=5))
    (trouble,) = await records.troubles(since=NOON - timedelta(hours=1))
    assert (trouble.words, trouble.minutes) == ("gave no answer", 1)


async def test_what_is_older_than_is_kept_is_gone(records: FleetRecords, database: Database) -> None:
    bench = Bench("Dev1", "m", NOON, 100, 20, 0.5, 900.0, 40.0, 1000.0, 50.0)
    await records.write([DEV1], now=NOON)
    await records.add_bench(bench)
    assert await records.benches() == [bench]
    await records.write([], now=NOON + timedelta(days=2, minutes=1))
    assert [count(database, name) for name in ("fleet_sample", "fleet_host", "fleet_bench")] == [0, 0, 0]


async def test_the_newest_measurement_counts(records: FleetRecords) -> None:
    bench = Bench("Dev1", "m", NOON, 100, 20, 0.5, 900.0, 40.0)
    newer = replace(bench, measured_at=NOON + timedelta(hours=1), writing_per_second=50.0)
    for each in (newer, bench):
        await records.add_bench(each)
    assert await records.benches() == [newer]
    assert await records.benches(["Dev2"]) == []


async def test_what_another_version_wrote_is_left_out(records: FleetRecords, database: Database) -> None:
    await records.write([DEV1])
    with psycopg.connect(libpq_dsn(database.owner_url)) as connection:
        connection.execute("UPDATE fleet_host SET sample = sample - 'kind'")
    assert await records.hosts() == []


async def test_no_person_stands_in_what_is_kept_of_hosts(database: Database) -> None:
    with psycopg.connect(libpq_dsn(database.owner_url)) as connection:
        rows = connection.execute(
            "SELECT table_name, column_name FROM information_schema.columns"
            " WHERE table_name IN ('fleet_host', 'fleet_sample', 'fleet_bench') AND udt_name = 'uuid'"
        ).fetchall()
    assert rows == []
