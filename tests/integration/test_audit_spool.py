"""Events that wait on the disk while the database is away: acknowledged means found later, and once."""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import time
from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path
from uuid import UUID, uuid4

import psutil
import psycopg
import pytest

from assistant.audit.events import LogOpened
from assistant.audit.record import compose_record, derive_record
from assistant.audit.seals.seal_key import read_public_key
from assistant.audit.verification.findings import Verdict
from assistant.audit.verification.verify import Verifier
from assistant.audit.writing.append import Appender
from assistant.audit.writing.content import ContentKind, ContentText
from assistant.audit.writing.content_keys import ContentKeys
from assistant.audit.writing.detour import SpoolLimits
from assistant.audit.writing.keeping import ContentLog
from assistant.bootstrap.log import open_audit
from assistant.database import libpq_dsn
from assistant.database_roles import AUDIT_WRITER_ROLE, url_for_role
from assistant.embedded.postgres import EmbeddedPostgres
from assistant.errors import AuditUnavailableError
from assistant.keys import Keys
from assistant.migrations import migrate
from assistant.settings import Settings
from tests.fakes.small_disk import small_disk
from tests.integration.conftest import Database
from tests.integration.content_scene import SENTENCE, content_ids, destroy_key, guarded, place, reader
from tests.integration.seal_scene import INSERT, SealedLog
from tests.integration.spool_scene import ORIGIN, PLENTY, SOON, SpoolingLog, away, job

pytestmark = pytest.mark.integration


@pytest.fixture
def log(database: Database, tmp_path: Path) -> SpoolingLog:
    return SpoolingLog(database.owner_url, database.audit_writer_url, tmp_path / "spool", database.keys)


@pytest.fixture(scope="module")
def mortal(tmp_path_factory: pytest.TempPathFactory, keys: Keys) -> Iterator[EmbeddedPostgres]:
    """A server that the test may hold still or kill."""
    with EmbeddedPostgres(tmp_path_factory.mktemp("m"), options={"fsync": "off"}) as server:
        migrate(server.owner_url, keys)
        yield server


def jobs(count: int) -> list[UUID]:
    return [uuid4() for _ in range(count)]


async def test_events_wait_for_a_database_that_is_away_and_come_late_in_their_order(log: SpoolingLog) -> None:
    before, meanwhile, after = jobs(3), jobs(1_200), jobs(3)
    async with log.appender() as appender:
        await log.append(appender, before)
        with away(log.owner_url):
            for at in range(0, len(meanwhile), 100):
                await log.append(appender, meanwhile[at : at + 100])
            assert len(log.files()) == 1
        await log.replayed()
        await log.append(appender, after)
        assert appender.is_connected
    assert log.jobs() == before + meanwhile + after
    (spooled,), (replayed,) = log.bodies("log:spooled"), log.bodies("log:replayed")
    assert spooled["cause"] in ("OperationalError", "AdminShutdown")
    assert replayed["records"] == replayed["added"] == 1_201
    assert replayed["spool"] == spooled["spool"]
    assert list(log.folder.iterdir()) == []


async def test_what_came_late_says_so_and_every_column_is_derivable(log: SpoolingLog) -> None:
    await log.leave_orphan(jobs(2))
    await asyncio.sleep(1.1)
    async with log.appender():
        await log.replayed()
    with psycopg.connect(libpq_dsn(log.owner_url)) as connection:
        rows = connection.execute(
            "SELECT id, occurred_at, type, subject, actor, thread_id, turn_id, rule, severity, model, host, persona, "
            "content_id, body, leaf, recorded_at - occurred_at > interval '1 s' FROM audit.event "
            "WHERE type = 'job:enqueued'"
        ).fetchall()
    assert [row[:15] for row in rows] == [derive_record(row[13]) for row in rows]
    assert [row[15] for row in rows] == [True, True]
    assert log.bodies("log:replayed")[0]["oldest_seconds"] >= 1


async def test_a_log_with_events_that_came_late_verifies_sound(database: Database, log: SpoolingLog) -> None:
    sealed = SealedLog.at(database, log.folder.parent)
    async with log.appender() as appender:
        await log.append(appender, jobs(5))
        await asyncio.to_thread(sealed.seal)
        with away(log.owner_url):
            await log.append(appender, jobs(300))
        await log.append(appender, jobs(5))
        await log.replayed()
    await asyncio.to_thread(sealed.seal)
    async with Verifier(database.audit_reader_url, read_public_key(sealed.keys.public_file)) as verifier:
        findings = await verifier.verify()
    assert findings.problems == []
    assert findings.verdict is Verdict.SOUND
    assert findings.size == 312  # and log:spooled and log:replayed


async def test_a_short_absence_spools_nothing(log: SpoolingLog) -> None:
    patient = SpoolLimits(most_seconds=900, most_bytes=1 << 30, after_seconds=60)
    async with log.appender(patient, patience_seconds=60) as appender:
        await log.append(appender, jobs(1))
        with away(log.owner_url):
            waiting = asyncio.create_task(log.append(appender, jobs(3)))
            await asyncio.sleep(0.3)
            assert not waiting.done()
        await waiting
    assert not log.folder.exists()
    assert log.bodies("log:spooled") == []


async def test_without_limits_nothing_is_spooled(log: SpoolingLog) -> None:
    async with log.appender(None, patience_seconds=2) as appender:
        with away(log.owner_url), pytest.raises(AuditUnavailableError):
            await log.append(appender, jobs(1))
    assert not log.folder.exists()


async def test_callers_who_wait_together_share_a_sync(log: SpoolingLog, monkeypatch: pytest.MonkeyPatch) -> None:
    fdatasync, syncs = os.fdatasync, []
    monkeypatch.setattr(os, "fdatasync", lambda descriptor: (syncs.append(descriptor), fdatasync(descriptor)))
    async with log.appender() as appender:
        with away(log.owner_url):
            await log.append(appender, jobs(1))
            count = len(syncs)
            await log.append(appender, jobs(500))
            assert len(syncs) - count <= 2
        await log.replayed()


async def test_a_cancelled_caller_does_not_cancel_its_spooled_event(log: SpoolingLog) -> None:
    cancelled = jobs(20)
    async with log.appender() as appender:
        with away(log.owner_url):
            await log.append(appender, jobs(1))
            tasks = [asyncio.create_task(appender.append(job(one))) for one in cancelled]
            await asyncio.sleep(0)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        await log.append(appender, jobs(1))
        await log.replayed()
    assert set(cancelled) <= set(log.jobs())


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        (SpoolLimits(most_seconds=0.6, most_bytes=1 << 30, after_seconds=SOON), "more than 0.01 minutes"),
        (SpoolLimits(most_seconds=900, most_bytes=4_000, after_seconds=SOON), "more than 4,000 bytes"),
    ],
)
async def test_beyond_the_limit_is_refused_in_words_and_the_database_helps(
    log: SpoolingLog, limits: SpoolLimits, reason: str
) -> None:
    acknowledged = []
    async with log.appender(limits) as appender:

        async def keep_appending() -> None:
            for one in jobs(100):
                await appender.append(job(one))
                acknowledged.append(one)
                await asyncio.sleep(0.05)

        with away(log.owner_url), pytest.raises(AuditUnavailableError, match=reason):
            await keep_appending()
        await log.replayed()
        (last,) = jobs(1)
        await log.append(appender, [last])
    assert acknowledged
    assert log.jobs() == [*acknowledged, last]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a disk")
async def test_a_disk_that_is_full_is_refused_in_words(log: SpoolingLog, tmp_path: Path) -> None:
    more = jobs(400)
    with small_disk(tmp_path / "disk", "size=64k") as disk:
        log = replace(log, folder=disk / "spool")
        async with log.appender() as appender:
            with away(log.owner_url):
                ends = [await _end_of(log.append(appender, [one])) for one in more]
            await log.replayed()
    acknowledged = {one for one, end in zip(more, ends, strict=True) if end is None}
    assert len(acknowledged) > 50
    assert "No space left on device" in " ".join(str(end) for end in ends)
    assert acknowledged <= set(log.jobs())
    assert len(log.jobs()) == len(set(log.jobs()))


async def _end_of(appending: Awaitable[None]) -> AuditUnavailableError | None:
    try:
        await appending
    except AuditUnavailableError as error:
        return error
    return None


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


async def test_a_disk_that_takes_no_more_is_refused_in_words_and_loses_nothing(log: SpoolingLog) -> None:
    acknowledged, later = jobs(3), jobs(3)
    async with log.appender() as appender:
        with away(log.owner_url):
            await log.append(appender, acknowledged)
            with largest_file(log.files()[0].stat().st_size + 200):
                for _ in range(3):  # the second and third: the disk failed a moment ago
                    with pytest.raises(AuditUnavailableError, match=r"File too large|a moment ago"):
                        await log.append(appender, jobs(1))
            await asyncio.sleep(1.1)
            await log.append(appender, later)  # there is room again: another file
            assert len(log.files()) == 2
        await log.replayed()
    assert set(acknowledged + later) <= set(log.jobs())
    assert log.set_aside() == []


async def test_a_failed_sync_refuses_and_its_file_is_used_no_more(
    log: SpoolingLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(descriptor: int) -> None:
        raise OSError(5, "Input/output error")

    acknowledged, later = jobs(3), jobs(3)
    async with log.appender() as appender:
        with away(log.owner_url):
            await log.append(appender, acknowledged)
            (first,) = log.files()
            size = first.stat().st_size
            with monkeypatch.context() as patch:
                patch.setattr(os, "fdatasync", fail)
                with pytest.raises(AuditUnavailableError, match="Input/output error"):
                    await log.append(appender, jobs(2))
            await asyncio.sleep(1.1)
            await log.append(appender, later)
            assert first.stat().st_size == size
            assert len(log.files()) == 2
        await log.replayed()
    assert set(acknowledged + later) <= set(log.jobs())
    assert len(log.bodies("log:spooled")) == len(log.bodies("log:replayed")) == 2


async def test_a_disk_that_keeps_a_file_is_told_of_it_once_and_asked_again(
    log: SpoolingLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(path: Path, *, missing_ok: bool = False) -> None:
        raise OSError(30, "Read-only file system")

    left = jobs(3)
    await log.leave_orphan(left)
    async with log.appender():
        with monkeypatch.context() as patch:
            patch.setattr(Path, "unlink", fail)
            await asyncio.sleep(0.5)
            assert log.jobs() == left
        await log.replayed()
    assert len(log.bodies("log:replayed")) == 1


async def test_a_server_that_is_held_still_is_not_waited_for(
    mortal: EmbeddedPostgres, tmp_path: Path, keys: Keys
) -> None:
    """Nothing tells the connection that nobody is there."""
    writer_url = url_for_role(mortal.owner_url, AUDIT_WRITER_ROLE, keys)
    log = SpoolingLog(mortal.owner_url, writer_url, tmp_path / "spool", keys)
    limits = SpoolLimits(most_seconds=900, most_bytes=1 << 30, after_seconds=0.5)
    meanwhile = jobs(10)
    assert mortal._process is not None
    postmaster = psutil.Process(mortal._process.pid)
    async with log.appender(limits) as appender:
        await log.append(appender, jobs(1))
        processes = [postmaster, *postmaster.children(recursive=True)]
        for process in processes:
            with contextlib.suppress(psutil.NoSuchProcess):  # Postgres' own come and go
                process.suspend()
        try:
            began = time.monotonic()
            await log.append(appender, meanwhile)
            assert time.monotonic() - began < 60  # it is held for ever
        finally:
            for process in processes:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.resume()
        await log.replayed()
    stored = log.jobs()
    assert len(stored) == len(set(stored))
    assert set(meanwhile) <= set(stored)


async def test_an_orphan_is_adopted_by_one_of_those_who_start(log: SpoolingLog) -> None:
    left = jobs(700)
    await log.leave_orphan(left)
    appenders = [log.appender() for _ in range(4)]
    await asyncio.gather(*(appender.start() for appender in appenders))
    await log.replayed()
    await asyncio.gather(*(appender.close() for appender in appenders))
    assert log.jobs() == left
    assert len(log.bodies("log:replayed")) == 1


async def test_an_orphan_is_adopted_although_the_settings_now_say_deny(log: SpoolingLog) -> None:
    left = jobs(3)
    await log.leave_orphan(left)
    async with log.appender(None):
        await log.replayed()
    assert log.jobs() == left


async def test_a_spool_that_was_replayed_and_not_yet_deleted_adds_nothing(log: SpoolingLog) -> None:
    """What a process leaves that is killed between the last commit and the end of its file."""
    left = jobs(5)
    file = await log.leave_orphan(left)
    content = file.read_bytes()
    async with log.appender():
        await log.replayed()
    file.write_bytes(content)
    async with log.appender():
        await log.replayed()
    assert log.jobs() == left
    assert [data["added"] for data in log.bodies("log:replayed")] == [6, 0]
    assert log.bodies("log:conflicted") == []


async def test_a_record_that_cannot_be_opened_is_set_aside_counted_and_takes_no_other_with_it(log: SpoolingLog) -> None:
    left = jobs(5)
    file = await log.leave_orphan(left)
    content = bytearray(file.read_bytes())
    content[-20] ^= 1
    file.write_bytes(content)
    async with log.appender():
        await log.replayed()
    assert log.jobs() == left[:4]
    (replayed,) = log.bodies("log:replayed")
    assert (replayed["unreadable"], replayed["records"]) == (1, 5)
    assert [aside.read_bytes() for aside in log.set_aside()] == [content]


async def test_a_torn_end_is_set_aside_too(log: SpoolingLog) -> None:
    left = jobs(5)
    file = await log.leave_orphan(left)
    with file.open("ab") as stream:
        stream.write(b"\0\0\1\0half a frame")
    async with log.appender():
        await log.replayed()
    assert log.jobs() == left
    assert log.bodies("log:replayed")[0]["torn_bytes"] == 16
    assert len(log.set_aside()) == 1


async def test_another_event_of_the_same_id_is_told_and_never_passed_over(log: SpoolingLog) -> None:
    file = await log.leave_orphan(jobs(3))
    (spool,) = log.spools().take_orphans(1)
    record = spool.read(spool.begin, 10).entries[1].record
    spool.close()
    other = compose_record(LogOpened(process="test"), ORIGIN, time.time_ns())
    with psycopg.connect(libpq_dsn(log.owner_url)) as connection:
        connection.execute("ALTER TABLE audit.event DROP CONSTRAINT event_says_so")
        connection.execute(INSERT, [record.id, other.occurred_at, other.type, None, None, other.body, other.leaf])
    async with log.appender():
        await log.replayed()
    assert log.bodies("log:conflicted") == [{"event_id": str(record.id)}]
    assert log.bodies("log:replayed")[0]["conflicts"] == 1
    assert [aside.name for aside in log.set_aside()] == [file.name]


@asynccontextmanager
async def _with_texts(database: Database, log: SpoolingLog) -> AsyncIterator[ContentLog]:
    keys = ContentKeys(database.audit_writer_url, database.keys)
    async with log.appender() as appender:
        yield ContentLog(appender, keys)
    await keys.close()


async def test_a_text_waits_with_its_event(database: Database, log: SpoolingLog) -> None:
    turn = place()
    async with _with_texts(database, log) as texts:
        await texts.append_with(guarded(database, turn), SENTENCE)  # its conversation's key is known from here on
        with away(log.owner_url):
            await texts.append_with(guarded(database, turn), f"{SENTENCE} Again.")
            assert b"Heliotrope" not in log.files()[0].read_bytes()
        await log.replayed()
    kept = await reader(database).read(ids := content_ids(database))
    assert [kept[each] for each in ids] == [
        ContentText(ContentKind.PROMPT, text) for text in (SENTENCE, f"{SENTENCE} Again.")
    ]


async def test_a_text_whose_key_was_destroyed_meanwhile_is_left_out_and_its_event_is_not(
    database: Database, log: SpoolingLog
) -> None:
    turn = place()
    async with _with_texts(database, log) as texts:
        await texts.append_with(guarded(database, turn), SENTENCE)
        with away(log.owner_url):
            await texts.append_with(guarded(database, turn), f"{SENTENCE} Again.")
            await log.append(texts._appender, left := jobs(3))  # type: ignore[arg-type]
            appender = texts._appender
            await appender.close()  # type: ignore[attr-defined] # so that nobody replays before the erasure
    destroy_key(database, turn.thread_id)
    async with log.appender():
        await log.replayed()
    assert len(log.bodies("turn:guarded")) == 2
    assert log.jobs() == left
    assert log.bodies("log:replayed")[0]["erased_texts"] == 1
    assert [set(data) for data in log.bodies("text:dropped")] == [{"event_id"}]
    assert log.set_aside() == []


async def test_a_spooled_record_that_the_database_refuses_is_set_aside_alone(log: SpoolingLog) -> None:
    left = jobs(9)
    await log.leave_orphan(left)
    with psycopg.connect(libpq_dsn(log.owner_url)) as connection:
        connection.execute("ALTER TABLE audit.event ADD CHECK (type <> 'log:spooled')")
    async with log.appender():
        await log.replayed()
    assert log.jobs() == left
    assert log.bodies("log:replayed")[0]["refused"] == 1
    assert len(log.set_aside()) == 1


async def test_a_file_of_another_version_is_set_aside_whole(log: SpoolingLog) -> None:
    log.folder.mkdir()
    (log.folder / "0.spool").write_bytes(b"cloister spool 9\n" + bytes(100))
    async with log.appender():
        await log.replayed()
    assert [aside.stat().st_size for aside in log.set_aside()] == [117]


async def test_the_writer_may_ask_for_conflicts_and_for_nothing_more(log: SpoolingLog) -> None:
    async with log.appender() as appender:
        await log.append(appender, jobs(1))
    with psycopg.connect(libpq_dsn(log.writer_url)) as connection:
        assert connection.execute("SELECT * FROM audit.conflicting_events('{}', '{}')").fetchall() == []
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("SELECT id FROM audit.event")


async def test_the_settings_decide(database: Database, tmp_path: Path) -> None:
    def appender(when_down: str) -> Appender:
        return open_audit(
            Settings(data_dir=tmp_path, audit_database_url=database.audit_writer_url, audit_when_down=when_down)
        )

    assert appender("deny")._detour is None
    assert not (tmp_path / "audit-spool").exists()
    spooling = appender("spool")
    assert (tmp_path / "audit-spool").is_dir()
    assert spooling._limits is not None
    assert (spooling._limits.most_seconds, spooling._limits.most_bytes) == (900, PLENTY.most_bytes)
    still = appender("deny")  # what waited must not be forgotten
    assert still._detour is not None
    assert still._limits is None
