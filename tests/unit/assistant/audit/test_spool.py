"""Spools on a real disk: what was synced is found again, whatever else happened to the file."""

from __future__ import annotations

import fcntl
import os
import resource
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assistant.audit.events import JobEnqueued
from assistant.audit.record import Origin, compose_record
from assistant.audit.writing import resync
from assistant.audit.writing import spool as spool_file
from assistant.audit.writing.content import ContentRow
from assistant.audit.writing.insert import Entry
from assistant.audit.writing.spool import SPOOL_PURPOSE, Spool, SpoolFolder
from assistant.errors import SettingsError
from assistant.keys import Keys

KEYS = Keys(bytes(range(32)))
PLANTED = "AKIAIOSFODNN7EXAMPLE"


def entry(number: int, task: str = "index") -> Entry:
    event = JobEnqueued(actor=None, job_id=UUID(int=number), task=task)
    text = ContentRow(*(UUID(int=number) for _ in range(3)), "answer", UUID(int=7), bytes(range(60)))
    return Entry(compose_record(event, Origin("test", 1, "0.1.0"), time.time_ns()), text if number % 2 else None)


def folder_at(path: Path, keys: Keys = KEYS) -> SpoolFolder:
    return SpoolFolder(path, keys.sealer(SPOOL_PURPOSE))


def read_all(spool: Spool) -> tuple[list[Entry], int, int]:
    found = spool.read(spool.begin, 1_000)
    return found.entries, found.unreadable, found.torn_bytes


def write_and_die(folder: SpoolFolder, *batches: list[Entry]) -> Path:
    """Leave a file as a killed process does: nothing of it is held any more."""
    spool = folder.create()
    for batch in batches:
        spool.append(batch)
    spool.close()
    return spool.path


def take(folder: SpoolFolder) -> Spool:
    (spool,) = folder.take_orphans(10)
    return spool


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """As a full disk: the system writes what fits, and then nothing."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_what_was_appended_is_read_again_in_its_order(tmp_path: Path) -> None:
    folder = folder_at(tmp_path / "spool")
    entries = [entry(number) for number in range(7)]
    write_and_die(folder, entries[:3], entries[3:])
    assert read_all(take(folder)) == (entries, 0, 0)


def test_the_files_are_for_their_owner_alone_and_tell_nothing(tmp_path: Path) -> None:
    folder = folder_at(tmp_path / "spool")
    path = write_and_die(folder, [entry(1, PLANTED)])
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert PLANTED.encode() not in path.read_bytes()
    assert read_all(take(folder))[0][0].record.body.count(PLANTED.encode()) == 1  # it is there, sealed


def test_a_file_belongs_to_one_process_at_a_time(tmp_path: Path) -> None:
    folder = folder_at(tmp_path / "spool")
    spool = folder.create()
    spool.append([entry(1)])
    assert folder.take_orphans(10) == []
    spool.close()
    taken = take(folder)
    assert folder.take_orphans(10) == []
    taken.remove()
    assert folder.take_orphans(10) == []
    assert list((tmp_path / "spool").iterdir()) == []


def test_a_file_that_went_away_between_its_opening_and_its_lock_is_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = folder_at(tmp_path / "spool")
    path = write_and_die(folder, [entry(1)])
    flock = fcntl.flock

    def lock_late(descriptor: int, how: int) -> None:
        if how & fcntl.LOCK_NB:
            path.unlink()  # the process that had it brought it into the log
        flock(descriptor, how)

    monkeypatch.setattr(spool_file.fcntl, "flock", lock_late)
    assert folder.take_orphans(10) == []


def test_what_cannot_be_opened_is_told_of_once_and_holds_up_no_other(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Such as the spool of a container's process, which is another user."""
    folder = folder_at(tmp_path)
    (tmp_path / "0-folder.spool").mkdir()
    os.mkfifo(tmp_path / "0-pipe.spool")
    (tmp_path / "0-link.spool").symlink_to(write_and_die(folder_at(tmp_path / "elsewhere"), [entry(0)]))
    waiting = entry(1)
    write_and_die(folder, [waiting])
    with caplog.at_level("ERROR"):
        assert read_all(take(folder)) == ([waiting], 0, 0)
        assert folder.take_orphans(9) == []
    assert len(caplog.records) == 3


def test_cut_at_every_byte_nothing_before_the_cut_is_lost(tmp_path: Path) -> None:
    """A process that is killed in the middle of a write leaves any part of its last batch."""
    folder = folder_at(tmp_path / "spool")
    entries = [entry(1), entry(2)]
    path = write_and_die(folder, entries[:1])
    whole = path.stat().st_size
    spool = take(folder)
    spool.append([entries[1]])
    spool.close()
    content = path.read_bytes()
    for length in range(whole, len(content)):
        path.write_bytes(content[:length])
        spool = take(folder)
        assert read_all(spool) == (entries[:1], 0, length - whole)
        spool.close()


def test_a_file_without_a_whole_head_holds_nothing_and_goes(tmp_path: Path) -> None:
    folder = folder_at(tmp_path / "spool")
    path = write_and_die(folder)
    head = path.read_bytes()
    for length in range(len(head)):
        path.write_bytes(head[:length])
        assert folder.take_orphans(10) == []
        assert not path.exists()


@settings(max_examples=150, deadline=None)
@given(at=st.integers(0, 10**6), flip=st.integers(1, 255))
def test_whatever_byte_was_changed_no_other_record_is_lost_and_none_is_invented(
    tmp_path_factory: pytest.TempPathFactory, at: int, flip: int
) -> None:
    path = tmp_path_factory.mktemp("spool")
    folder = folder_at(path)
    entries = [entry(number) for number in range(4)]
    file = write_and_die(folder, entries)
    content = bytearray(file.read_bytes())
    content[at % len(content)] ^= flip
    file.write_bytes(content)
    taken = folder.take_orphans(10)
    if not taken:  # its head was hit: the file lies aside, whole
        assert (path / "unreadable" / file.name).read_bytes() == content
        return
    found, unreadable, torn_bytes = read_all(taken[0])
    hit = at % len(content) - taken[0].begin
    assert len(found) == (0 if hit < 0 else 3)  # the head's id is what all are sealed for
    assert found == [item for item in entries if item in found]
    assert (unreadable, torn_bytes > 0) in ((4 - len(found), False), (0, True))
    place = taken[0].set_aside()
    assert place.read_bytes() == content


@pytest.mark.parametrize("length", [0, 29, 100, 100_000, 2**31])
def test_a_length_that_was_changed_hides_no_frame_behind_it(tmp_path: Path, length: int) -> None:
    folder = folder_at(tmp_path / "spool")
    entries = [entry(number) for number in range(5)]
    file = write_and_die(folder, entries)
    spool = take(folder)
    second = spool.read(spool.begin, 1).end
    spool.close()
    content = bytearray(file.read_bytes())
    content[second : second + 4] = length.to_bytes(4, "big")
    file.write_bytes(content)
    assert read_all(take(folder)) == ([entries[0], *entries[2:]], 1, 0)


def test_a_length_that_leads_to_a_later_frame_hides_none_before_it(tmp_path: Path) -> None:
    folder = folder_at(tmp_path / "spool")
    entries = [entry(number) for number in range(5)]
    file = write_and_die(folder, entries)
    spool = take(folder)
    second, fourth = (spool.read(spool.begin, count).end for count in (1, 3))
    spool.close()
    content = bytearray(file.read_bytes())
    content[second : second + 4] = (fourth - second - 8).to_bytes(4, "big")
    file.write_bytes(content)
    assert read_all(take(folder)) == ([entries[0], *entries[2:]], 1, 0)


def test_a_stretch_of_noise_hides_no_frame_behind_it(tmp_path: Path) -> None:
    folder = folder_at(tmp_path / "spool")
    entries = [entry(number) for number in range(6)]
    file = write_and_die(folder, entries)
    spool = take(folder)
    second, fifth = (spool.read(spool.begin, count).end for count in (1, 4))
    spool.close()
    content = bytearray(file.read_bytes())
    content[second + 3 : fifth - 3] = bytes(fifth - second - 6)
    file.write_bytes(content)
    found, unreadable, torn_bytes = read_all(take(folder))
    assert (found, torn_bytes) == ([entries[0], *entries[4:]], 0)
    assert unreadable > 0


def test_what_looks_like_lengths_is_given_up_and_not_searched_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resync, "_MOST_SUMMED_BYTES", 1 << 20)
    folder = folder_at(tmp_path / "spool")
    file = write_and_die(folder, [entry(0)])
    with file.open("ab") as more:
        more.write(b"\0\x00\xff\xff" * 200_000)
    found, unreadable, torn_bytes = read_all(take(folder))
    assert (len(found), unreadable, torn_bytes) == (1, 0, 800_000)


def test_a_frame_that_was_taken_out_moved_or_repeated_is_seen(tmp_path: Path) -> None:
    folder = folder_at(tmp_path / "spool")
    file = write_and_die(folder, [entry(1)], [entry(2)], [entry(3)])
    content = file.read_bytes()
    spool = take(folder)
    first = spool.read(spool.begin, 1).end
    second = spool.read(first, 1).end
    spool.close()
    head, one, two, three = (
        content[: spool.begin],
        content[spool.begin : first],
        content[first:second],
        content[second:],
    )
    for forged in (head + one + three, head + two + one + three, head + one + one + two + three):
        file.write_bytes(forged)
        spool = take(folder)
        assert read_all(spool)[1] > 0
        spool.close()


def test_another_installations_key_opens_nothing(tmp_path: Path) -> None:
    write_and_die(folder_at(tmp_path / "spool"), [entry(1), entry(2)])
    spool = take(folder_at(tmp_path / "spool", Keys(bytes(32))))
    assert read_all(spool) == ([], 2, 0)


def test_a_disk_that_fills_refuses_and_keeps_what_it_confirmed(tmp_path: Path) -> None:
    folder = folder_at(tmp_path / "spool")
    spool = folder.create()
    kept = entry(1)
    spool.append([kept])
    with largest_file(spool.size + 100), pytest.raises(OSError, match="File too large"):
        spool.append([entry(2)])  # some of it was written
    assert spool.is_broken
    with pytest.raises(OSError, match="broken"):
        spool.append([entry(3)])
    spool.close()
    assert read_all(take(folder)) == ([kept], 0, 0)


def test_after_a_failed_sync_the_file_is_never_trusted_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = folder_at(tmp_path / "spool")
    spool = folder.create()
    kept = entry(1)
    spool.append([kept])

    def fail(descriptor: int) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fdatasync", fail)
        with pytest.raises(OSError, match="Input/output"):
            spool.append([entry(2)])
    with pytest.raises(OSError, match="broken"):  # the next sync would succeed, and mean nothing
        spool.append([entry(3)])
    assert read_all(spool) == ([kept], 0, 0)


def test_short_writes_are_written_to_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = folder_at(tmp_path / "spool")
    pwrite = os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda descriptor, content, offset: pwrite(descriptor, content[:7], offset))
    entries = [entry(1), entry(2)]
    write_and_die(folder, entries)
    assert read_all(take(folder)) == (entries, 0, 0)


def test_a_folder_in_memory_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder_at(tmp_path / "spool").prepare()
    monkeypatch.setattr(spool_file, "_file_system_of", lambda path: "tmpfs")
    with pytest.raises(SettingsError, match="in memory"):
        folder_at(tmp_path / "spool").prepare()


def test_the_kind_of_a_file_system_is_known() -> None:
    assert spool_file._file_system_of(Path("/proc")) == "proc"


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SettingsError, match="cannot be used"):
        folder_at(tmp_path / "file" / "spool").prepare()
