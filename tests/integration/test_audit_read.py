"""Reading the log: newest first pages, searches, and following what comes in."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from uuid import UUID, uuid4

import psycopg
import pytest
from pydantic import SecretStr

from assistant.audit.events import (
    AccessRefused,
    HostUnreachable,
    LogOpened,
    Outcome,
    PersonAdded,
    PromptBlocked,
    Tag,
    TurnAccepted,
)
from assistant.audit.parts import FoundSpan, GuardReport, TurnPlace
from assistant.audit.reading.read import LogReader, Search, StoredEvent
from assistant.audit.record import Origin, compose_record, leaf_of
from assistant.audit.writing.append import Appender
from assistant.conversation import Role, short_reference
from assistant.database import libpq_dsn
from assistant.errors import BadInputError, UnavailableError
from policies.verdict import Action
from tests.integration.conftest import Database
from tests.integration.seal_scene import loosen

pytestmark = pytest.mark.integration

_ORIGIN = Origin("test", 1, "0.1.0")
_ADMINISTRATOR, _ANNA, _BEN = UUID(int=1), UUID(int=2), UUID(int=3)
_TURN = TurnPlace(turn_id=uuid4(), thread_id=uuid4(), person_id=_ANNA)
_OTHER_TURN = TurnPlace(turn_id=uuid4(), thread_id=_TURN.thread_id, person_id=_BEN)


def _accepted(place: TurnPlace) -> TurnAccepted:
    return TurnAccepted(turn=place, door="chat", persona="general", persona_version="sha256:0", chars=1)


_BLOCK = GuardReport(
    Action.BLOCK, "sha256:0", (FoundSpan("secret/aws-access-key", "AWS_ACCESS_KEY", 0, 20, Action.BLOCK),), 1, 1
)
_EVENTS = (
    LogOpened(process="web"),
    PersonAdded(actor=_ADMINISTRATOR, subject=_ANNA, roles=(Role.EMPLOYEE,)),
    _accepted(_TURN),
    PromptBlocked(turn=_TURN, guard=_BLOCK),
    _accepted(_OTHER_TURN),
    HostUnreachable(turn=_OTHER_TURN, host="mini2", model="llama3.1:70b", error="TimeoutError"),
    AccessRefused(actor=_BEN, wanted="console"),
)


@pytest.fixture
async def log(database: Database) -> Database:
    """A log with one of each of the events above, in their order."""
    async with Appender(database.audit_writer_url, _ORIGIN) as appender:
        for event in _EVENTS:
            await appender.append(event)
    return database


@pytest.fixture
async def reader(log: Database) -> AsyncIterator[LogReader]:
    async with LogReader(log.audit_reader_url, poll_seconds=0.01) as reader:
        yield reader


def _types(events: list[StoredEvent]) -> list[str]:
    return [event.type for event in events]


async def test_the_newest_come_last(reader: LogReader) -> None:
    assert _types(await reader.read_newest(100)) == [event.tag.value for event in _EVENTS]
    assert _types(await reader.read_newest(2)) == ["host:unreachable", "access:refused"]


async def test_pages_meet_without_gap_or_overlap(reader: LogReader) -> None:
    pages: list[StoredEvent] = []
    while page := await reader.read_newest(2, before=pages[0].id if pages else None):
        pages = page + pages
    assert pages == await reader.read_newest(100)


@pytest.mark.parametrize(
    ("search", "expected"),
    [
        (Search(types=frozenset({Tag.LOG_OPENED, Tag.PROMPT_BLOCKED})), [0, 3]),
        (Search(reference=short_reference(_TURN.turn_id)), [2, 3]),
        (Search(reference=f" {short_reference(_TURN.turn_id).lower()}"), [2, 3]),
        (Search(turn_id=_TURN.turn_id), [2, 3]),
        (Search(thread_id=_TURN.thread_id), [2, 3, 4, 5]),
        (Search(person_id=_ANNA), [1, 2, 3]),
        (Search(person_id=_ADMINISTRATOR), [1]),
        (Search(person_id=_BEN), [4, 5, 6]),
        (Search(rule="secret/aws-access-key"), [3]),
        (Search(thread_id=_TURN.thread_id, types=frozenset({Tag.TURN_ACCEPTED}), person_id=_BEN), [4]),
        (Search(turn_id=UUID(int=9)), []),
        (Search(model="llama3.1:70b"), [5]),
        (Search(host="mini2"), [5]),
        (Search(host="mini1"), []),
        (Search(persona="general"), [2, 4]),
        (Search(persona="general", person_id=_BEN), [4]),
        (Search(severity=1), [3]),
        (Search(severity=4, person_id=_ANNA), [3]),
        (Search(severity=4, person_id=_BEN), []),
        (Search(outcome=Outcome.REFUSED), [3, 6]),
        (Search(outcome=Outcome.REFUSED, types=frozenset({Tag.ACCESS_REFUSED, Tag.LOG_OPENED})), [6]),
        (Search(outcome=Outcome.FAILED, types=frozenset({Tag.ACCESS_REFUSED})), []),
        (Search(since=datetime(2020, 1, 1, tzinfo=UTC), until=datetime(9999, 1, 1, tzinfo=UTC), host="mini2"), [5]),
        (Search(until=datetime(2020, 1, 1, tzinfo=UTC)), []),
        (Search(since=datetime(9999, 1, 1, tzinfo=UTC)), []),
    ],
)
async def test_a_search_finds_what_it_names(reader: LogReader, search: Search, expected: list[int]) -> None:
    assert _types(await reader.read_newest(100, search)) == [_EVENTS[number].tag.value for number in expected]


async def test_a_row_carries_its_exact_bytes_and_its_reference(reader: LogReader) -> None:
    (event,) = await reader.read_newest(1, Search(types=frozenset({Tag.PROMPT_BLOCKED})))
    assert event.leaf == leaf_of(event.body)
    assert event.reference == short_reference(_TURN.turn_id)
    assert (event.severity, event.rule) == (4, "secret/aws-access-key")
    assert event.document["type"] == "prompt:blocked"


@pytest.mark.parametrize("reference", ["", "short", "toolong8", "1234U67", "' OR 1=1"])
async def test_what_cannot_be_a_reference_is_said_to_be_none(reader: LogReader, reference: str) -> None:
    if not reference:
        assert len(await reader.read_newest(100, Search(reference=reference))) == len(_EVENTS)
        return
    with pytest.raises(BadInputError, match="not a reference"):
        await reader.read_newest(1, Search(reference=reference))


async def test_following_yields_the_newest_and_then_what_comes_in(log: Database, reader: LogReader) -> None:
    following = reader.follow(1)
    assert (await anext(following)).type == "access:refused"
    async with Appender(log.audit_writer_url, _ORIGIN) as appender:
        for number in range(3):
            await appender.append(LogOpened(process=f"p{number}"))
            assert (await anext(following)).document["data"] == {"process": f"p{number}"}
    await following.aclose()


async def test_following_misses_no_commit_that_comes_late(log: Database, reader: LogReader) -> None:
    """An id is made before its commit: here the smaller id is committed after a larger one was already shown."""
    following = reader.follow(0, Search(types=frozenset({Tag.LOG_OPENED})))
    pending = asyncio.ensure_future(anext(following))
    async with await psycopg.AsyncConnection.connect(libpq_dsn(log.audit_writer_url)) as late:
        await asyncio.sleep(0)
        await _insert(late, "late")
        async with Appender(log.audit_writer_url, _ORIGIN) as appender:
            await appender.append(LogOpened(process="early"))
        assert (await pending).document["data"] == {"process": "early"}
        await late.commit()
    assert (await anext(following)).document["data"] == {"process": "late"}
    async with Appender(log.audit_writer_url, _ORIGIN) as appender:
        await appender.append(LogOpened(process="last"))
    assert (await anext(following)).document["data"] == {"process": "last"}  # neither of the others again
    await following.aclose()


async def test_the_reader_holds_no_transaction_open_between_looks(log: Database, reader: LogReader) -> None:
    await reader.read_newest(1)
    with psycopg.connect(libpq_dsn(log.owner_url)) as connection:
        states = connection.execute(
            "SELECT state FROM pg_stat_activity "
            "WHERE usename = 'cloister_audit_reader' AND datname = current_database()"
        ).fetchall()
    assert states == [("idle",)]


async def test_without_a_database_reading_says_so(log: Database, reader: LogReader) -> None:
    with psycopg.connect(libpq_dsn(log.owner_url), autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'cloister_audit_reader' "
            "AND datname = current_database()"
        )
    with pytest.raises(UnavailableError, match="went away"):
        await reader.read_newest(1)
    with pytest.raises(UnavailableError, match="does not answer"):
        await LogReader(SecretStr("postgresql://cloister_audit_reader@/x?host=/nowhere")).__aenter__()


@pytest.mark.parametrize(
    "condition",
    [
        "subject = '{0}'",
        "thread_id = '{0}'",
        "type = 'log:opened'",
        "rule = 'x'",
        "right(turn_id::text, 8) = 'abcdef01'",
    ],
)
async def test_every_search_has_an_index(log: Database, condition: str) -> None:
    with psycopg.connect(libpq_dsn(log.owner_url)) as connection:
        connection.execute("SET enable_seqscan = off")
        rows = connection.execute(
            f"EXPLAIN SELECT * FROM audit.event WHERE {condition.format(_ANNA)} ORDER BY id DESC LIMIT 50"  # noqa: S608 - the conditions above
        ).fetchall()
    plan = "\n".join(row[0] for row in rows)
    assert "Index Cond" in plan
    assert "Seq Scan" not in plan


async def _insert(connection: psycopg.AsyncConnection, process: str) -> None:
    record = compose_record(LogOpened(process=process), _ORIGIN, time.time_ns())
    await connection.execute(
        "INSERT INTO audit.event (id, occurred_at, type, body, leaf) VALUES (%s, %s, %s, %s, %s)",
        [record.id, record.occurred_at, record.type, record.body, record.leaf],
    )


@pytest.mark.parametrize("moment", ["infinity", "-infinity", "4714-12-01 BC"])
async def test_an_event_of_a_time_that_no_clock_shows_stops_no_list(
    log: Database, reader: LogReader, moment: str
) -> None:
    row = compose_record(LogOpened(process="x"), _ORIGIN, time.time_ns())
    loosen(log)
    with psycopg.connect(libpq_dsn(log.audit_writer_url)) as connection:
        connection.execute(
            "INSERT INTO audit.event (id, occurred_at, type, body, leaf) VALUES (%s, %s, %s, %s, %s)",
            [row.id, moment, row.type, row.body, row.leaf],
        )
    assert len(await reader.read_newest(100)) == len(_EVENTS) + 1
