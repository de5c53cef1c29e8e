from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from assistant.embedded.identity import is_same_process, start_mark
from assistant.embedded.records import Record, end_leftovers, read_records, write_records

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]


@pytest.mark.parametrize("content", [b"", b"[", b"\xff", b"{}", b'[{"name": 1}]', b'[{"pid": 1, "evil": true}]'])
def test_a_torn_file_means_that_nothing_was_left(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "processes.json").write_bytes(content)
    assert end_leftovers(tmp_path / "processes.json") == ()


def test_what_was_written_is_read(tmp_path: Path) -> None:
    records = (Record("web", 12, "boot/1", 15), Record("postgres", 11, "boot/2", 2))
    write_records(tmp_path / "processes.json", records)
    assert read_records(tmp_path / "processes.json") == records


def test_a_process_left_behind_is_ended(tmp_path: Path) -> None:
    with subprocess.Popen(SLEEP, start_new_session=True) as left:
        mark = start_mark(left.pid)
        assert mark is not None
        write_records(tmp_path / "p.json", [Record("web", left.pid, mark, int(signal.SIGTERM))])
        assert end_leftovers(tmp_path / "p.json") == ("web",)
        assert left.wait() == -signal.SIGTERM
    assert not (tmp_path / "p.json").exists()


def test_a_stranger_with_a_recorded_id_is_not_touched(tmp_path: Path) -> None:
    with subprocess.Popen(SLEEP, start_new_session=True) as stranger:
        write_records(tmp_path / "p.json", [Record("web", stranger.pid, "boot/1", int(signal.SIGTERM))])
        assert end_leftovers(tmp_path / "p.json") == ()
        assert stranger.poll() is None
        stranger.kill()


def test_we_are_who_we_are_and_nobody_else() -> None:
    mark = start_mark(os.getpid())
    assert mark is not None
    assert is_same_process(os.getpid(), mark)
    assert not is_same_process(os.getpid(), "")
    assert not is_same_process(os.getpid(), f"{mark}0")
