"""`cloister audit seal` as a process: it seals, weighs and does little, ends when told, and stays when it may not."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from tests.integration.conftest import Database
from tests.integration.seal_scene import SealedLog

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]
MOST_BYTES = 60 << 20  # of its own, when it has nothing to do
MOST_BYTES_TALKING = 180 << 20


@contextmanager
def sealer(database: Database, folder: Path, **settings: str) -> Iterator[subprocess.Popen[bytes]]:
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("CLOISTER_")},
        "CLOISTER_DATA_DIR": str(folder),
        "CLOISTER_SEAL_KEY_FILE": str(folder / "seal.key"),
        "CLOISTER_DATABASE_URL": database.audit_sealer_url.get_secret_value(),
        "CLOISTER_AUDIT_DATABASE_URL": database.audit_writer_url.get_secret_value(),
        **settings,
    }
    with (folder / "log").open("wb") as log:
        command = [sys.executable, "-P", "-m", "assistant", "audit", "seal"]
        environment |= {"PYTHONPATH": str(ROOT)}
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def eventually(is_so: Callable[[], bool], told: Callable[[], str]) -> None:
    deadline = time.monotonic() + 180
    while not is_so():
        assert time.monotonic() < deadline, told()
        time.sleep(0.05)


def test_it_seals_weighs_little_and_ends_when_told(database: Database, tmp_path: Path) -> None:
    log = SealedLog.at(database, tmp_path)
    with sealer(database, tmp_path) as process:
        log.append(300)
        eventually(lambda: bool(log.heads()) and log.heads()[-1].size == 301, (tmp_path / "log").read_text)
        own = psutil.Process(process.pid)
        begin, since = own.cpu_times(), time.monotonic()
        time.sleep(2)
        end = own.cpu_times()
        assert (end.user + end.system - begin.user - begin.system) / (time.monotonic() - since) < 0.1
        assert own.memory_full_info().uss < MOST_BYTES
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 0
    assert log.rows("SELECT type FROM audit.event WHERE type = 'log:opened'") == [("log:opened",)]


def test_it_goes_on_after_kill_9(database: Database, tmp_path: Path) -> None:
    log = SealedLog.at(database, tmp_path)
    for round_number in (1, 2):
        with sealer(database, tmp_path) as process:
            log.append(10)
            wanted = round_number * 11
            eventually(
                lambda wanted=wanted: bool(log.heads()) and log.heads()[-1].size == wanted,  # type: ignore[misc]
                (tmp_path / "log").read_text,
            )
            process.send_signal(signal.SIGKILL)


@pytest.mark.parametrize("change", ["cluster = 1", "sealed_at = 'infinity'", "sealed_at = '4714-12-01 BC'"])
def test_it_says_why_it_does_not_seal_and_stays(database: Database, tmp_path: Path, change: str) -> None:
    log = SealedLog.at(database, tmp_path)
    log.append(1)
    log.seal()
    log.execute(f"UPDATE audit.head SET {change}")  # noqa: S608 - a constant
    with sealer(database, tmp_path) as process:
        eventually(lambda: "new-era" in (tmp_path / "log").read_text(), (tmp_path / "log").read_text)
        assert process.poll() is None
        # With the guard for its log lines, which is built at the first one; the container has 256 MiB.
        status = Path(f"/proc/{process.pid}/status").read_text()
        assert int(status.partition("VmHWM:")[2].split()[0]) << 10 < MOST_BYTES_TALKING
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 0
