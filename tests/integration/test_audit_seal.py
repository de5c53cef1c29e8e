"""The sealer on a real server: every committed event once, whatever order transactions end in, whoever else seals."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import stat
import threading
import time
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest

from assistant.audit.seals.checkpoint import Checkpoint, SecretNoteKey, open_note
from assistant.audit.seals.heads import Head
from assistant.audit.seals.seal import Sealer
from assistant.audit.seals.seal_key import Mark, PendingKey, SealKeyFile, SealKeys, read_public_key
from assistant.audit.verification.verify import Verifier
from assistant.database import libpq_dsn
from assistant.errors import SettingsError
from assistant.migrations.migrate import begin_era as begin_next_era
from tests.integration.conftest import Database
from tests.integration.seal_scene import ORIGIN, SealedLog, leaves_of, write_one
from tests.unit.assistant.audit import naive_tree

pytestmark = pytest.mark.integration

LATER_EVENTS = "DELETE FROM audit.event WHERE id <> (SELECT id FROM audit.event ORDER BY era, xid, id LIMIT 1)"
BY_TRANSACTION = "SELECT leaf, xid::text::bigint FROM audit.event ORDER BY era, xid, id"


@pytest.fixture
def log(database: Database, tmp_path: Path) -> SealedLog:
    return SealedLog.at(database, tmp_path)


def sealed(head: Head | None) -> Head:
    assert head is not None
    return head


def test_what_was_there_before_the_first_seal_is_sealed_too(log: SealedLog) -> None:
    log.append(600)
    head = sealed(log.seal())
    leaves = leaves_of(log.rows(BY_TRANSACTION))
    assert (head.batch, head.size, head.era) == (0, 600, 0)
    assert Checkpoint.parse(open_note(head.note, [log.keys.read().current.public])) == Checkpoint(
        log.keys.read().current.name, 600, naive_tree.head(leaves)
    )
    assert leaves_of(log.rows("SELECT data FROM audit.tile ORDER BY level, number")) == [
        naive_tree.tile(0, number, leaves) for number in (0, 1)
    ]
    assert head.leaves == b"".join(leaves[512:])
    assert log.keys.read().current.public.has_signed(head.signed_bytes(), head.signature)


def test_batches_go_on_where_the_last_one_ended_in_any_process(log: SealedLog) -> None:
    sizes = []
    for count in (1, 2, 250, 3, 300, 1):
        log.append(count)
        sizes.append(sealed(log.seal()).size)
        assert log.seal() is None  # nothing is new
    assert sizes == [1, 3, 253, 256, 556, 557]
    leaves = leaves_of(log.rows(BY_TRANSACTION))
    for head in log.heads():
        assert head.checkpoint.root == naive_tree.head(leaves[: head.size])


def test_a_transaction_that_ends_late_is_sealed_when_it_ends_and_holds_up_nobody(log: SealedLog) -> None:
    with log.open_writer() as late:
        write_one(late)
        log.append(5)
        assert sealed(log.seal()).size == 5
        log.append(1)
        assert sealed(log.seal()).size == 6
        late.commit()
    head = sealed(log.seal())
    assert head.size == 7
    rows = log.rows(BY_TRANSACTION)
    assert head.leaves == leaves_of(rows)[0]  # the oldest transaction, and the newest leaf


def test_what_is_rolled_back_is_never_sealed(log: SealedLog) -> None:
    with log.open_writer() as connection:
        write_one(connection)
        connection.execute("SAVEPOINT a")
        write_one(connection)
        connection.execute("ROLLBACK TO a")
        write_one(connection)
        connection.commit()
        write_one(connection)
        connection.rollback()
    assert sealed(log.seal()).size == 2


def test_every_committed_row_once_however_transactions_overlap(log: SealedLog) -> None:
    """Random transactions with savepoints and rollbacks, a seal now and then; also by a sealer that was killed."""
    chance = random.Random(7)  # noqa: S311 - no secret
    writers = [log.open_writer() for _ in range(6)]
    try:
        for step in range(150):
            writer = chance.choice(writers)
            write_one(writer, step)
            match chance.randrange(6):
                case 0 | 1:
                    writer.commit()
                case 2:
                    writer.rollback()
                case 3:
                    writer.execute("SAVEPOINT s")
                    write_one(writer, step)
                    writer.execute(chance.choice(["ROLLBACK TO s", "RELEASE s"]))
            if chance.randrange(8) == 0:
                log.seal()
        for writer in writers:
            writer.commit()
    finally:
        for writer in writers:
            writer.close()
    log.seal()
    heads = log.heads()
    assert heads[-1].size == len(log.rows(BY_TRANSACTION))
    assert len(heads) > 10
    stored = b"".join(head.leaves for head in heads)
    assert sorted(naive_tree_split(stored)) == sorted(leaves_of(log.rows(BY_TRANSACTION)))
    assert_sound(log)


def assert_sound(log: SealedLog) -> None:
    """The verifier, which deals rows out to batches in another way, comes to the same tree."""

    async def run() -> None:
        key = read_public_key(log.keys.public_file)
        async with Verifier(log.database.audit_reader_url, key) as verifier:
            findings = await verifier.verify()
        assert (findings.problems, findings.size) == ([], log.heads()[-1].size)

    asyncio.run(run())


def naive_tree_split(data: bytes) -> list[bytes]:
    return [data[place : place + 32] for place in range(0, len(data), 32)]


def test_a_row_of_a_future_transaction_is_not_sealed_and_makes_no_heads(log: SealedLog) -> None:
    log.append(1)
    log.seal()
    log.execute(
        "INSERT INTO audit.event SELECT audit.first_id('2001-01-01'), 0, '999999999'::xid8, now(), now(), 'x', NULL, "
        "NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'x', sha256('x')"
    )
    assert log.seal() is None


async def test_a_running_sealer_seals_within_ticks_and_beats_when_there_is_nothing(
    database: Database, tmp_path: Path
) -> None:
    log, stop = SealedLog.at(database, tmp_path), asyncio.Event()
    sealer = Sealer(database.audit_sealer_url, log.keys, tick_seconds=0.02, heartbeat_seconds=0.3)
    task = asyncio.create_task(sealer.run(stop))
    await eventually(lambda: len(log.heads()) >= 2)
    first, second = log.heads()[:2]
    assert (first.size, second.size, first.note) == (0, 0, second.note)
    assert (second.sealed_at - first.sealed_at).total_seconds() >= 0.25
    await asyncio.to_thread(log.append, 3)
    await eventually(lambda: log.heads()[-1].size == 3)
    stop.set()
    await task


async def test_of_several_sealers_one_leads_and_another_takes_over(database: Database, tmp_path: Path) -> None:
    log = SealedLog.at(database, tmp_path)
    log.keys.create()
    stops = [asyncio.Event() for _ in range(3)]
    tasks = [
        asyncio.create_task(Sealer(database.audit_sealer_url, log.keys, tick_seconds=0.02).run(stop)) for stop in stops
    ]
    await asyncio.to_thread(log.append, 20)
    await eventually(lambda: bool(log.heads()) and log.heads()[-1].size == 20)
    for stop, task in zip(stops[:2], tasks[:2], strict=True):
        stop.set()
        await task
    await asyncio.to_thread(log.append, 5)
    await eventually(lambda: log.heads()[-1].size == 25)
    stops[2].set()
    await tasks[2]
    assert [head.batch for head in log.heads()] == list(range(len(log.heads())))


async def test_two_that_both_believe_to_lead_do_no_harm(database: Database, tmp_path: Path) -> None:
    """The primary key decides; who was slower reads the log anew."""
    log = SealedLog.at(database, tmp_path)
    log.keys.create()

    async def insist(sealer: Sealer) -> None:
        for _ in range(20):
            with contextlib.suppress(psycopg.errors.UniqueViolation):
                await sealer.seal()

    writing = asyncio.to_thread(log.append, 400)
    await asyncio.gather(writing, *(insist(Sealer(database.audit_sealer_url, log.keys)) for _ in range(3)))
    await Sealer(database.audit_sealer_url, log.keys).seal()
    leaves = leaves_of(log.rows(BY_TRANSACTION))
    assert log.heads()[-1].size == 400
    stored = log.rows("SELECT data FROM audit.tile WHERE level = 0 ORDER BY number")
    assert set(naive_tree_split(b"".join(leaves_of(stored)))) <= set(leaves)


async def test_a_lost_connection_interrupts_sealing_and_no_more(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("assistant.audit.seals.seal._PAUSE_SECONDS", 0.05)
    log, stop = SealedLog.at(database, tmp_path), asyncio.Event()
    task = asyncio.create_task(Sealer(database.audit_sealer_url, log.keys, tick_seconds=0.01).run(stop))
    for size in (2, 4, 6):
        await asyncio.to_thread(log.append, 2)
        await eventually(lambda size=size: bool(log.heads()) and log.heads()[-1].size == size)
        with psycopg.connect(libpq_dsn(database.owner_url)) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE application_name = 'cloister-audit-sealer' AND datname = current_database()"
            )
    stop.set()
    await task


def test_the_key_is_its_owners_alone_and_its_public_half_lies_beside_it(log: SealedLog) -> None:
    log.append(1)
    log.seal()
    file = log.keys._file
    assert file.stat().st_mode & 0o777 == 0o600
    assert log.keys.public_file.read_text().strip() == str(log.keys.read().current.public)
    assert "PRIVATE" not in log.keys.public_file.read_text()


def test_a_log_goes_on_with_its_own_key_only(log: SealedLog, tmp_path: Path) -> None:
    log.append(1)
    log.seal()
    log.append(1)
    other = SealedLog(log.database, SealKeyFile(tmp_path / "other.key"))
    with pytest.raises(SettingsError, match="cannot be used"):
        other.seal()
    other.keys.write(SealKeys(SecretNoteKey.make(log.keys.read().current.name)))
    with pytest.raises(SettingsError, match="not what this installation sealed"):
        other.seal()
    assert len(log.heads()) == 1


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE audit.head SET leaves = sha256('x') WHERE batch = 1",
        "DELETE FROM audit.head WHERE batch = 1",
        "UPDATE audit.tile SET data = data || '' WHERE false; DELETE FROM audit.tile",
        "UPDATE audit.head SET note = replace(note, '259', '258') WHERE batch = 2",
    ],
)
def test_nothing_is_sealed_on_top_of_a_log_that_was_changed(log: SealedLog, change: str) -> None:
    for count in (257, 1, 1):
        log.append(count)
        log.seal()
    log.append(1)
    log.execute(change)
    with pytest.raises(SettingsError, match="not what this installation sealed"):
        log.seal()


@pytest.mark.parametrize("from_batch", [0, 2], ids=["every head is gone", "the last head is gone"])
def test_a_log_that_was_set_back_is_not_sealed_anew(log: SealedLog, from_batch: int) -> None:
    for count in (257, 1, 1):
        log.append(count)
        log.seal()
    log.execute(
        f"DELETE FROM audit.head WHERE batch >= {from_batch}",  # noqa: S608 - a constant
        f"DELETE FROM audit.tile WHERE {from_batch} = 0",  # noqa: S608 - a constant
        "DELETE FROM audit.event WHERE id = (SELECT id FROM audit.event ORDER BY era, xid, id OFFSET 258 LIMIT 1)",
    )
    log.append(2)
    before = log.heads()
    for _ in range(2):
        with pytest.raises(SettingsError, match="set back or changed"):
            log.seal()
    assert log.heads() == before
    assert log.keys.read_mark() is not None


def test_another_log_with_the_same_key_is_not_sealed(log: SealedLog) -> None:
    log.append(1)
    head = sealed(log.seal())
    log.keys.set_mark(Mark(head.batch, head.size, bytes(32)))
    with pytest.raises(SettingsError, match="set back or changed"):
        log.seal()


def test_a_sealer_killed_between_a_head_and_its_mark_goes_on(log: SealedLog) -> None:
    log.append(1)
    first = sealed(log.seal())
    log.append(1)
    second = sealed(log.seal())
    assert log.keys.mark_file.stat().st_mode & 0o777 == 0o600
    log.keys.set_mark(Mark(first.batch, first.size, first.checkpoint.root))
    log.append(1)
    assert sealed(log.seal()).batch == 2
    log.keys.set_mark(Mark(first.batch, first.size, first.checkpoint.root))  # two heads more than any kill leaves
    with pytest.raises(SettingsError, match="set back or changed"):
        log.seal()
    log.keys.set_mark(Mark(second.batch, second.size, bytes(32)))  # a head more, on another root
    with pytest.raises(SettingsError, match="set back or changed"):
        log.seal()
    log.keys.mark_file.write_text("x")
    with pytest.raises(SettingsError, match="cannot be used"):
        log.seal()


def test_a_new_era_is_the_way_on_after_a_restore_to_the_same_server(log: SealedLog) -> None:
    for _ in range(3):
        log.append(1)
        log.seal()
    log.execute("DELETE FROM audit.head WHERE batch > 0", LATER_EVENTS)
    with pytest.raises(SettingsError, match="new-era"):
        log.seal()
    begin_era(log)
    head = sealed(log.seal())
    assert (head.batch, head.era) == (1, 1)
    assert log.keys.read_mark() == Mark(1, head.size, head.checkpoint.root)
    assert_sound(log)


def begin_era(log: SealedLog) -> None:
    """As `cloister audit new-era` does."""
    begin_next_era(log.database.owner_url, ORIGIN)


def test_a_new_key_signs_after_the_batch_that_announces_it_and_the_old_secret_is_gone(log: SealedLog) -> None:
    log.append(1)
    log.seal()
    old = log.keys.read().current
    log.rotate()
    assert sealed(log.seal()).note.count(old.public.name) == 2
    log.append(1)
    announced, after = sealed(log.heads()[-1]), sealed(log.seal())
    new = log.keys.read().current
    assert open_note(announced.note, [old.public])
    assert open_note(after.note, [new.public])
    assert new.public != old.public
    assert new.name == old.name
    content = log.keys._file.read_text()
    assert old.reveal() not in content
    assert content.count("PRIVATE") == 1
    log.append(1)
    assert open_note(sealed(log.seal()).note, [new.public])


def test_an_announcement_that_was_sent_again_changes_the_key_once(log: SealedLog) -> None:
    log.append(1)
    log.seal()
    for _ in range(2):
        log.rotate()
    log.seal()
    log.rotate()  # the sealer has not taken the key yet
    log.seal()
    new = log.keys.read().current
    log.append(1)
    assert open_note(sealed(log.seal()).note, [new.public])
    assert log.keys.read().pending is None


def test_a_second_rotation_waits_for_the_sealer_that_promotes_the_first(log: SealedLog) -> None:
    log.append(1)
    log.seal()
    log.rotate()
    log.seal()
    keys = log.keys.read()
    assert keys.pending is not None
    with log.keys.locked():
        second = threading.Thread(target=log.rotate)
        second.start()
        time.sleep(0.3)
        assert second.is_alive()
        log.keys.write(keys.promoted())
    second.join()
    after = log.keys.read()
    assert after.current.public == keys.pending.key.public  # the old one does not come back
    assert after.pending is not None
    log.seal()
    log.append(1)
    assert open_note(sealed(log.seal()).note, [after.pending.key.public])
    assert_sound(log)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root writes for others")
def test_what_root_writes_belongs_to_whom_the_file_belongs(log: SealedLog) -> None:
    log.append(1)
    log.seal()
    os.chown(log.keys._file, 12345, 12346)
    log.rotate()
    status = log.keys._file.stat()
    assert (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)) == (12345, 12346, 0o600)


def test_a_key_whose_announcement_never_came_to_be_does_not_take_over(log: SealedLog) -> None:
    log.append(1)
    log.seal()
    keys = log.keys.read()
    log.keys.write(SealKeys(keys.current, PendingKey(SecretNoteKey.make(keys.current.name), (UUID(int=7),))))
    log.append(1)
    assert open_note(sealed(log.seal()).note, [keys.current.public])
    assert log.keys.read().current.public == keys.current.public


def test_after_a_restore_to_another_server_nothing_is_sealed_until_a_new_era(log: SealedLog) -> None:
    log.append(3)
    log.seal()
    log.append(2)  # not sealed before the backup
    log.execute("UPDATE audit.head SET cluster = cluster + 1")
    with pytest.raises(SettingsError, match="new-era"):
        log.seal()
    begin_era(log)
    log.append(3)
    head = sealed(log.seal())
    assert (head.era, head.size) == (1, 9)
    assert head.leaves == b"".join(leaves_of(log.rows(BY_TRANSACTION))[3:])
    log.append(1)
    assert sealed(log.seal()).size == 10
    log.execute("UPDATE audit.head SET cluster = cluster - 1 WHERE era = 0")  # as it was signed
    assert_sound(log)


async def eventually(is_so: Any, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not await asyncio.to_thread(is_so):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)
