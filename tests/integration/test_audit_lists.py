"""Lists of the real log: each filter alone and together, page by page in both directions, and bounded in time."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import psycopg
import pytest

from assistant.audit.events import (
    Event,
    PersonSignedIn,
    PromptBlocked,
    ReviewViewed,
    Tag,
    TurnAccepted,
    TurnGuarded,
    TurnRouted,
)
from assistant.audit.parts import FoundSpan, GuardReport, TextMark, TurnPlace
from assistant.audit.reader_pool import ReaderPool, TooBroadError
from assistant.audit.reading.lists import Cursor, EventLists, select_hosts, select_page
from assistant.audit.reading.read import EVENT_COLUMNS, Search, StoredEvent
from assistant.audit.record import first_id
from assistant.audit.writing.append import Appender
from assistant.conversation import short_reference
from assistant.database import libpq_dsn
from assistant.errors import BadInputError, UnavailableError
from policies.verdict import Action
from tests.integration.conftest import Database
from tests.integration.seal_scene import ORIGIN, loosen

pytestmark = pytest.mark.integration

MARIA, BEN, LENA = (UUID(int=number << 64 | number) for number in (1, 2, 3))
KEY, MAIL = "secret/aws-access-key", "personal/e-mail"


def report(action: Action, rule: str) -> GuardReport:
    return GuardReport(action, "sha256:0", (FoundSpan(rule, "X", 1, 2, action),), found=1, held_back=1)


def turn(person: UUID, action: Action, rule: str) -> tuple[TurnPlace, list[Event]]:
    place = TurnPlace(uuid4(), uuid4(), person)
    judged: Event = (
        PromptBlocked(turn=place, guard=report(action, rule))
        if action is Action.BLOCK
        else TurnGuarded(turn=place, guard=report(action, rule), chars=9, text_mark=TextMark("0" * 64))
    )
    return place, [
        TurnAccepted(turn=place, door="chat", persona="general", persona_version="1", chars=9),
        judged,
        TurnRouted(turn=place, host="Mini2", model="llama3.1:70b", reason="most room"),
    ]


@pytest.fixture
async def lists(database: Database) -> AsyncIterator[EventLists]:
    async with ReaderPool(database.audit_reader_url) as pool:
        yield EventLists(pool)


async def write(database: Database, events: Sequence[Event]) -> None:
    async with Appender(database.audit_writer_url, ORIGIN) as log:
        for event in events:
            await log.append(event)


async def ids(lists: EventLists, search: Search, limit: int = 100) -> list[str]:
    return [event.type for event in (await lists.page(search, Cursor(), limit=limit)).events]


async def test_pages_go_down_and_up_again_without_a_gap(database: Database, lists: EventLists) -> None:
    await write(database, [event for _ in range(7) for event in turn(MARIA, Action.REDACT, KEY)[1]])
    search = Search(severity=3)
    whole = await lists.page(search, Cursor(), limit=100)
    assert (len(whole.events), whole.has_newer, whole.has_older) == (7, False, False)
    first = await lists.page(search, Cursor(), limit=3)
    second = await lists.page(search, Cursor(before=first.events[-1].id), limit=3)
    third = await lists.page(search, Cursor(before=second.events[-1].id), limit=3)
    assert [*first.events, *second.events, *third.events] == list(whole.events)
    assert [page.has_older for page in (first, second, third)] == [True, True, False]
    back = await lists.page(search, Cursor(after=third.events[0].id), limit=3)
    assert back.events == second.events
    assert (back.has_newer, back.has_older) == (True, True)
    top = await lists.page(search, Cursor(after=second.events[0].id), limit=3)
    assert (top.events, top.has_newer) == (first.events, False)


async def test_each_filter_alone_and_together(database: Database, lists: EventLists) -> None:
    place, marias = turn(MARIA, Action.REDACT, KEY)
    _, bens = turn(BEN, Action.BLOCK, MAIL)
    viewed = ReviewViewed(actor=LENA, subject=MARIA, turn_id=place.turn_id, view="turn")
    await write(database, [PersonSignedIn(actor=MARIA), *marias, *bens, viewed, PersonSignedIn(actor=LENA)])
    assert await ids(lists, Search(severity=3)) == ["prompt:blocked", "turn:guarded"]
    assert await ids(lists, Search(severity=4)) == ["prompt:blocked"]
    assert await ids(lists, Search(rule=KEY)) == ["turn:guarded"]
    assert await ids(lists, Search(model="llama3.1:70b")) == ["turn:routed"] * 2
    assert await ids(lists, Search(types=frozenset({Tag.TURN_ACCEPTED, Tag.PROMPT_BLOCKED}))) == [
        "prompt:blocked",
        "turn:accepted",
        "turn:accepted",
    ]
    about_maria = ["review:viewed", "turn:routed", "turn:guarded", "turn:accepted", "person:signed-in"]
    assert await ids(lists, Search(person_id=MARIA)) == about_maria
    assert await ids(lists, Search(person_id=LENA)) == ["person:signed-in", "review:viewed"]
    assert await ids(lists, Search(done_to=MARIA)) == ["review:viewed"]
    assert await ids(lists, Search(host="Mini2")) == ["turn:routed"] * 2
    assert await ids(lists, Search(persona="general")) == ["turn:accepted"] * 2
    assert await ids(lists, Search(severity=1, severest=3)) == ["turn:guarded"]
    assert await ids(lists, Search(person_id=BEN, severity=3)) == ["prompt:blocked"]
    now = datetime.now(UTC)
    assert await ids(lists, Search(rule=KEY, since=now - timedelta(hours=1), until=now + timedelta(hours=1))) != []
    assert await ids(lists, Search(rule=KEY, until=now - timedelta(hours=1))) == []
    assert await lists.count(Search(person_id=MARIA), most=3) == 3
    assert await lists.count(Search(person_id=MARIA), most=100) == 5


async def test_a_turn_is_found_by_id_and_by_reference(database: Database, lists: EventLists) -> None:
    place, events = turn(MARIA, Action.REDACT, KEY)
    await write(database, [*events, *turn(BEN, Action.REDACT, KEY)[1]])
    by_id = await lists.turn(place.turn_id)
    assert [event.type for event in by_id] == ["turn:accepted", "turn:guarded", "turn:routed"]
    assert await lists.turn(short_reference(place.turn_id)) == by_id
    almost = UUID(int=place.turn_id.int ^ 1 << 100)  # the same last digits
    assert await lists.turn(almost) == []
    with pytest.raises(BadInputError):
        await lists.turn("nonsense!")
    assert await lists.hosts_of(by_id) == {place.turn_id: "Mini2"}


@pytest.mark.parametrize(
    "search",
    [
        Search(),
        Search(severity=3, severest=3),
        Search(severity=3),
        Search(rule=KEY),
        Search(model="m"),
        Search(types=frozenset({Tag.TURN_ROUTED})),
        Search(person_id=MARIA),
        Search(thread_id=MARIA),
        Search(host="Mini2"),
        Search(persona="general"),
        Search(done_to=MARIA),
        Search(reference="7QK2M4X"),
    ],
    ids=lambda search: repr(search)[:60],
)
@pytest.mark.parametrize("edge", ["", "before", "after"])
@pytest.mark.parametrize("days", [None, 7])
async def test_each_single_filter_walks_an_index(
    database: Database, search: Search, edge: str, days: int | None
) -> None:
    """With scans and sorts of whole tables made dear, the plan of a page has neither."""
    now = datetime.now(UTC)
    during = replace(search, since=now - timedelta(days=days), until=now) if days else search
    cursor = Cursor(**{edge: first_id(now - timedelta(days=1))}) if edge else Cursor()
    query = select_page(during, cursor, limit=25)
    with psycopg.connect(libpq_dsn(database.audit_reader_url)) as connection:
        connection.execute("SET enable_seqscan = off")
        connection.execute("SET enable_bitmapscan = off")
        connection.execute("SET enable_sort = off")
        plan = "\n".join(row[0] for row in connection.execute("EXPLAIN " + query.as_string()).fetchall())  # type: ignore[arg-type]
    assert "Seq Scan" not in plan, plan
    assert "Bitmap" not in plan, plan
    assert "Filter:" not in plan, plan  # no row is read and thrown away


MOSTLY_EARLIER = """
INSERT INTO audit.event (id, occurred_at, type, subject, actor, turn_id, rule, severity, body, leaf)
SELECT audit.first_id(now() AT TIME ZONE 'UTC' - interval '30 s' + n * interval '1 ms'), now(),
    CASE n %% 2 WHEN 0 THEN 'turn:routed' ELSE 'x' END, person, person, gen_random_uuid(),
    CASE WHEN person = %(person)s THEN 'secret/of-then' END, CASE WHEN person = %(person)s THEN 3 END, '', sha256('')
FROM generate_series(1, 20000) n,
    LATERAL (SELECT CASE WHEN n < 15000 AND n %% 3 = 0 THEN %(person)s ELSE md5((n %% 97)::text)::uuid END AS person) w
"""


async def test_what_was_a_quarter_of_the_log_is_found_though_it_is_no_more(database: Database) -> None:
    """By the statistics it is everywhere, so going down the whole log would seem to come upon it soon."""
    loosen(database)
    with psycopg.connect(libpq_dsn(database.owner_url), autocommit=True) as connection:
        connection.execute("SET ROLE cloister_audit_owner")
        connection.execute(MOSTLY_EARLIER, {"person": MARIA})
        connection.execute("ANALYZE audit.event")
        connection.execute("SET random_page_cost = 10")  # what lies apart is dear, as in a log larger than the memory
        connection.execute("SET enable_sort = off")
        for search in (
            Search(person_id=MARIA),
            Search(done_to=MARIA),
            Search(rule="secret/of-then"),
            Search(severity=3),
        ):
            query = "EXPLAIN (ANALYZE) " + select_page(search, Cursor(), limit=25).as_string()
            plan = "\n".join(row[0] for row in connection.execute(query).fetchall())  # type: ignore[arg-type]
            assert "Rows Removed" not in plan, plan
            assert "Bitmap" not in plan, plan
        columns = EVENT_COLUMNS.as_string()
        query = f"SELECT {columns} FROM audit.event WHERE severity = 3 ORDER BY md5(id::text) LIMIT 25"  # noqa: S608
        events = [StoredEvent.of_row(row) for row in connection.execute(query).fetchall()]  # type: ignore[arg-type]
        query = "EXPLAIN (ANALYZE) " + select_hosts(events).as_string()
        plan = "\n".join(row[0] for row in connection.execute(query).fetchall())  # type: ignore[arg-type]
        (removed,) = re.findall(r"Rows Removed by Filter: ([0-9]+)", plan) or ["0"]
        assert int(removed) <= 1, plan  # of each turn: what was not routed


async def test_a_slow_answer_is_given_up(database: Database) -> None:
    async with ReaderPool(database.audit_reader_url, patience_seconds=0.2, most=1) as pool:
        begin = time.monotonic()
        with pytest.raises(TooBroadError):
            await pool.rows(psycopg.sql.SQL("SELECT pg_sleep({})").format(60))
        assert time.monotonic() - begin < 30
        assert await pool.rows(psycopg.sql.SQL("SELECT {}").format(1)) == [(1,)]  # the connection is well again


async def test_what_an_index_has_in_order_is_not_sorted_and_nothing_else_is_asked_otherwise(database: Database) -> None:
    """Also when the same is asked so often that it is prepared."""
    is_sorting = psycopg.sql.SQL("SELECT current_setting('enable_sort')").format()
    async with ReaderPool(database.audit_reader_url, most=1) as pool:
        for _ in range(8):
            assert await pool.rows(is_sorting, is_in_order=True) == [("off",)]
            assert await pool.rows(is_sorting) == [("on",)]
        with pytest.raises(UnavailableError):
            await pool.rows(psycopg.sql.SQL("SELECT 1 FROM {}").format(psycopg.sql.Identifier("x")), is_in_order=True)
        assert await pool.rows(is_sorting, is_in_order=True) == [("off",)]


async def test_no_list_is_compiled_where_the_site_compiles_what_is_dear(database: Database) -> None:
    """Before Postgres 18 a sort that is switched off costs more than anything, so each page would take much longer."""
    name = psycopg.sql.Identifier(psycopg.conninfo.conninfo_to_dict(libpq_dsn(database.owner_url))["dbname"])
    with psycopg.connect(libpq_dsn(database.owner_url), autocommit=True) as connection:
        connection.execute(psycopg.sql.SQL("ALTER DATABASE {} SET jit = on").format(name))
    async with ReaderPool(database.audit_reader_url) as pool:
        assert await pool.rows(psycopg.sql.SQL("SELECT current_setting('jit')").format()) == [("off",)]


async def test_a_caller_that_goes_away_spoils_no_connection(database: Database) -> None:
    async with ReaderPool(database.audit_reader_url, most=1) as pool:
        waiting = asyncio.create_task(pool.rows(psycopg.sql.SQL("SELECT pg_sleep({})").format(5)))
        await asyncio.sleep(0.1)
        waiting.cancel()
        await asyncio.wait((waiting,))
        assert await pool.rows(psycopg.sql.SQL("SELECT {}").format(1)) == [(1,)]


async def test_the_pool_can_write_nothing(database: Database) -> None:
    async with ReaderPool(database.audit_reader_url) as pool:
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            await pool.rows(psycopg.sql.SQL("CREATE TABLE {} ()").format(psycopg.sql.Identifier("x")))
