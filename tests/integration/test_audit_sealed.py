"""Proofs for a page, made and checked over a real log: sealed, not yet sealed, changed, signed by another key."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import pytest

from assistant.audit.events import PersonSignedIn
from assistant.audit.reader_pool import ReaderPool
from assistant.audit.reading.heads_shown import HeadsReader
from assistant.audit.reading.lists import Cursor, EventLists
from assistant.audit.reading.read import Search, StoredEvent
from assistant.audit.reading.sealed import SealChecks
from assistant.audit.seals.checkpoint import Checkpoint, SecretNoteKey
from assistant.audit.seals.seal import Sealer
from assistant.audit.seals.seal_key import read_public_key, rotate
from assistant.audit.seals.tree import is_consistent
from assistant.audit.writing.append import Appender
from assistant.errors import BadInputError
from tests.integration.conftest import Database
from tests.integration.seal_scene import ORIGIN, SealedLog

pytestmark = pytest.mark.integration


@pytest.fixture
def log(database: Database, tmp_path: Path) -> SealedLog:
    sealed = SealedLog.at(database, tmp_path)
    sealed.append(300)
    sealed.seal()
    sealed.append(5)
    sealed.seal()
    return sealed


def _changed(event: StoredEvent, **columns: object) -> StoredEvent:
    return StoredEvent(**(event._asdict() | columns), recorded_at=event.recorded_at)


async def newest(pool: ReaderPool, count: int) -> list[StoredEvent]:
    return list((await EventLists(pool).page(Search(), Cursor(), limit=count)).events)


async def test_sealed_events_are_proven_and_signed(database: Database, log: SealedLog) -> None:
    key = read_public_key(log.keys.public_file)
    async with ReaderPool(database.audit_reader_url) as pool:
        events = await newest(pool, 8)
        sealed = await SealChecks(pool, lambda: key).check(events)
        unknown = await SealChecks(pool, lambda: None).check(events)
        foreign = await SealChecks(pool, lambda: SecretNoteKey.make("cloister/other").public).check(events)
    assert len(sealed) == 8
    assert {one.batch for one in sealed.values()} == {0, 1}
    assert sorted(one.index for one in sealed.values()) == list(range(297, 305))
    assert all(one.is_proven and one.is_signed for one in sealed.values())
    assert {one.is_signed for one in unknown.values()} == {None}
    assert {one.is_signed for one in foreign.values()} == {False}


async def test_a_changed_body_is_not_proven_and_a_new_event_is_not_sealed(database: Database, log: SealedLog) -> None:
    async with ReaderPool(database.audit_reader_url) as pool:
        (event,) = await newest(pool, 1)
        changed = _changed(event, body=event.body.replace(b'"task":"index"', b'"task":"other"'))
        assert changed.body != event.body
        sealed = await SealChecks(pool, lambda: None).check([changed])
        assert not sealed[event.id].is_proven
        missing = _changed(event, id=uuid4())
        assert await SealChecks(pool, lambda: None).check([missing]) == {}


async def test_growth_is_what_a_browser_can_check(database: Database, log: SealedLog) -> None:
    key = read_public_key(log.keys.public_file)
    async with ReaderPool(database.audit_reader_url) as pool:
        reader = HeadsReader(pool, lambda: key)
        heads = await reader.newest()
        growth = await reader.growth(300)
        with pytest.raises(BadInputError):
            await reader.growth(306)
    assert [head.size for head in heads] == [305, 300]
    old, new = (Checkpoint.parse(head.note.rpartition("\n\n")[0] + "\n") for head in reversed(heads))
    assert is_consistent(300, 305, growth.proof, old.root, new.root)
    assert (growth.head.size, growth.first_key, growth.keys) == (305, key, [])


async def test_a_key_that_followed_is_known(database: Database, log: SealedLog) -> None:
    first = read_public_key(log.keys.public_file)
    await rotate_and_seal(database, log)
    async with ReaderPool(database.audit_reader_url) as pool:
        events = await newest(pool, 2)
        sealed = await SealChecks(pool, lambda: first).check(events)
        growth = await HeadsReader(pool, lambda: first).growth(0)
    assert {one.is_signed for one in sealed.values()} == {True}
    assert len(growth.keys) == 1


async def rotate_and_seal(database: Database, log: SealedLog) -> None:
    """Announce a key, seal the announcement with the old one, and seal one event more with the new one."""

    async with Appender(database.audit_writer_url, ORIGIN) as appender:
        await rotate(log.keys, appender)
        await Sealer(database.audit_sealer_url, log.keys).seal()
        await appender.append(PersonSignedIn(actor=uuid4()))
        await Sealer(database.audit_sealer_url, log.keys).seal()
