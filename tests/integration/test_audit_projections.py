"""Projections follow what was sealed, each event once; words are found and cannot be read; all can be made anew."""

from __future__ import annotations

import asyncio
from pathlib import Path
from uuid import UUID, uuid4

import psycopg
import pytest

from assistant.audit.events import PromptBlocked, Tag
from assistant.audit.parts import FoundSpan, GuardReport
from assistant.audit.projections import project as project_module
from assistant.audit.projections.project import Projector
from assistant.audit.projections.text_search import TextPage, TextSearch
from assistant.audit.reader_pool import ReaderPool
from assistant.audit.reading.read import Search
from assistant.database import libpq_dsn
from assistant.errors import BadInputError, UnavailableError
from policies.verdict import Action
from tests.integration.conftest import Database
from tests.integration.content_scene import SENTENCE, as_superuser, destroy_key, guarded, open_log, place
from tests.integration.seal_scene import SealedLog, write_one

pytestmark = pytest.mark.integration

TALLY = "SELECT type, rule, severity, events, findings FROM audit.tally ORDER BY 1, 2, 3"


@pytest.fixture
def log(database: Database, tmp_path: Path) -> SealedLog:
    return SealedLog.at(database, tmp_path)


def write(database: Database, *texts: str, thread_id: UUID | None = None) -> None:
    async def run() -> None:
        async with open_log(database) as log:
            for text in texts:
                await log.append_with(guarded(database, place(thread_id), text), text)

    asyncio.run(run())


def project(database: Database) -> int:
    return asyncio.run(Projector(database.audit_projector_url, database.keys).follow())


def find(database: Database, words: str, **options: object) -> list[UUID]:
    page = asyncio.run(look(database, words, **options))
    assert not page.is_cut_off
    return [event.id for event in page.events]


async def look(database: Database, words: str, patience_seconds: float = 10.0, **options: object) -> TextPage:
    async with ReaderPool(database.audit_reader_url, patience_seconds=patience_seconds) as pool:
        return await TextSearch(pool, database.keys).search_text(words, **options)  # type: ignore[arg-type]


def ids(database: Database) -> list[UUID]:
    return [UUID(str(row[0])) for row in as_superuser(database, "SELECT id FROM audit.event ORDER BY id")]


def test_words_are_found_once_their_event_is_sealed(log: SealedLog) -> None:
    write(log.database, SENTENCE, "The fleet.yaml of boto3.client", "Straße nach MÜNCHEN")
    assert project(log.database) == 0  # not sealed yet
    log.seal()
    assert project(log.database) == 3
    first, second, third = ids(log.database)
    assert find(log.database, "heliotrope MERGER") == [first]
    assert find(log.database, "client fleet") == [second]
    assert find(log.database, "strasse münchen") == [third]
    assert find(log.database, "the") == [second, first]
    assert find(log.database, "heliotrope fleet") == []
    assert find(log.database, "the", before=second) == [first]
    assert find(log.database, "the", limit=1) == [second]
    assert find(log.database, "the", search=Search(types=frozenset({Tag.TURN_ANSWERED}))) == []
    assert find(log.database, "the", search=Search(types=frozenset({Tag.TURN_GUARDED}), severity=0)) == [second, first]
    with pytest.raises(BadInputError):
        find(log.database, " . ")


def test_a_search_says_up_to_when_it_is_complete(log: SealedLog) -> None:
    assert asyncio.run(look(log.database, "heliotrope")).until is None
    write(log.database, SENTENCE)
    head = log.seal()
    project(log.database)
    assert head is not None
    page = asyncio.run(look(log.database, "heliotrope"))
    assert (page.until, len(page.events)) == (head.sealed_at, 1)


def test_no_word_can_be_read_in_the_database(log: SealedLog) -> None:
    write(log.database, SENTENCE)
    log.seal()
    project(log.database)
    with psycopg.connect(libpq_dsn(log.database.owner_url)) as connection:
        ((stored,),) = connection.execute("SELECT s::text FROM audit.search s").fetchall()
    assert "eliotrope" not in stored
    assert stored.count(",") > 7  # the words are there


def test_each_event_counts_once_whatever_happens(log: SealedLog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(project_module, "_EVENTS_A_STEP", 3)
    for _ in range(4):
        log.append(2)
        log.seal()

    async def race() -> list[int]:
        projectors = [Projector(log.database.audit_projector_url, log.database.keys) for _ in range(4)]
        return await asyncio.gather(*(projector.follow() for projector in projectors))

    assert sum(asyncio.run(race())) == 8
    assert project(log.database) == 0
    assert as_superuser(log.database, TALLY) == [("job:enqueued", "", -1, 8, 0)]


def test_a_late_transaction_is_projected_with_its_own_batch(log: SealedLog) -> None:
    with log.open_writer() as slow:
        write_one(slow)
        log.append(1)
        log.seal()
        assert project(log.database) == 1
    log.seal()
    assert project(log.database) == 1
    assert as_superuser(log.database, "SELECT sum(events) FROM audit.tally") == [(2,)]


def test_hits_are_counted_by_rule_and_events_once(log: SealedLog) -> None:
    spans = (
        FoundSpan("secret/key", "KEY", 0, 4, Action.BLOCK),
        FoundSpan("secret/key", "KEY", 5, 9, Action.BLOCK),
        FoundSpan("personal/email", "EMAIL", 10, 14, Action.PSEUDONYMISE),
        FoundSpan("personal/date", "DATE", 15, 19, Action.ALLOW),
    )
    log.append_events(PromptBlocked(turn=place(), guard=GuardReport(Action.BLOCK, "sha256:0", spans, 4, 3)))
    log.seal()
    project(log.database)
    assert as_superuser(log.database, TALLY) == [
        ("prompt:blocked", "", 4, 1, 3),
        ("prompt:blocked", "personal/email", 2, 1, 1),
        ("prompt:blocked", "secret/key", 4, 1, 2),
    ]


def test_everything_can_be_made_anew(log: SealedLog) -> None:
    write(log.database, SENTENCE, "Another text.")
    log.seal()
    project(log.database)
    log.append(3)
    log.seal()
    project(log.database)
    everything = "SELECT s::text FROM audit.search s UNION ALL SELECT t::text FROM audit.tally t ORDER BY 1"
    before = as_superuser(log.database, everything)
    projector = Projector(log.database.audit_projector_url, log.database.keys)
    assert asyncio.run(projector.rebuild()) == 5
    assert as_superuser(log.database, everything) == before


def test_what_was_erased_or_damaged_leaves_no_words(log: SealedLog) -> None:
    erased = uuid4()
    write(log.database, SENTENCE, thread_id=erased)
    write(log.database, SENTENCE)
    write(log.database, SENTENCE)
    destroy_key(log.database, erased)
    damaged, intact = ids(log.database)[1:]
    as_superuser(
        log.database,
        "UPDATE audit.content SET sealed = set_byte(sealed, 20, get_byte(sealed, 20) # 1) WHERE id = "
        "(SELECT content_id FROM audit.event WHERE id = %s)",
        damaged,
    )
    log.seal()
    assert project(log.database) == 3
    assert find(log.database, "heliotrope") == [intact]


def test_a_log_that_was_set_back_is_not_projected_on(log: SealedLog) -> None:
    log.append(1)
    log.seal()
    project(log.database)
    log.execute("DELETE FROM audit.head")
    with pytest.raises(UnavailableError, match="rebuild-projections"):
        project(log.database)


def test_a_search_that_takes_too_long_says_so(log: SealedLog) -> None:
    write(log.database, *[f"common {number}" for number in range(50)])
    log.seal()
    project(log.database)
    with psycopg.connect(libpq_dsn(log.database.owner_url), autocommit=True) as connection:
        connection.execute("BEGIN")
        connection.execute("LOCK TABLE audit.search")  # it cannot answer
        page = asyncio.run(look(log.database, "common", patience_seconds=0.2))
    assert (page.events, page.is_cut_off) == ((), True)
