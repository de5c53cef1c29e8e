"""`cloister up` from start to end: it starts, prints, restarts what dies, and leaves nothing running."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from assistant.embedded.account import server_account
from assistant.embedded.postgres import find_owner_url
from tests.fakes.up_process import UpProcess, are_gone, command_line, eventually, free_port

pytestmark = pytest.mark.integration

Start = Callable[..., UpProcess]


@pytest.fixture
def start(quick_path: Path) -> Iterator[Start]:
    started: list[UpProcess] = []

    def begin(data: Path | None = None, **more: str) -> UpProcess:
        console = quick_path / f"console-{len(started)}"
        up = UpProcess(data or quick_path / "var", port=free_port(), console=console, **more)
        started.append(up)
        return up

    yield begin
    for up in started:
        up.destroy()


@pytest.fixture(scope="module")
def running(servers_dir: Path) -> Iterator[UpProcess]:
    """One `up` for the tests that leave it running."""
    folder = servers_dir / "up"
    folder.mkdir(mode=0o700)
    up = UpProcess(folder / "var", port=free_port(), console=folder / "console")
    up.until_ready()
    yield up
    up.destroy()


def starts_counted(data: Path) -> int:
    with psycopg.connect(find_owner_url(data).get_secret_value()) as connection:
        row = connection.execute("SELECT count(*) FROM kept").fetchone()
    assert row is not None
    return int(row[0])


def test_servers_do_not_run_as_root_and_listen_on_no_port(running: UpProcess) -> None:
    account = server_account()
    expected = os.geteuid() if account is None else account.uid
    for name in ("postgres", "redis"):
        server = psutil.Process(running.pid_of(name))
        assert server.uids().effective == expected
        assert server.net_connections(kind="inet") == []


def test_nothing_of_the_data_folder_is_open_to_others(running: UpProcess) -> None:
    for folder in (running.data, *(child for child in running.data.iterdir() if child.is_dir())):
        assert folder.stat().st_mode & 0o077 == 0, folder
    above = running.data.parent.stat()
    assert above.st_uid == os.geteuid()
    assert above.st_mode & 0o077 == 0  # closed as it was before


def test_the_supervisor_is_small_and_holds_no_secret_in_its_environment(running: UpProcess) -> None:
    supervisor = psutil.Process(running.process.pid)
    assert supervisor.memory_info().rss < 64 << 20  # half of it is the scan core, which reads what children print
    assert set(supervisor.environ()) <= {"PYTHONPATH", "LC_CTYPE"}
    assert "cloister" not in "".join(supervisor.cmdline()[3:])


def test_no_password_is_on_any_command_line(running: UpProcess) -> None:
    password = (running.data / "secrets" / "postgres.password").read_text(encoding="ascii").strip()
    lines = [command_line(process) for process in running.family()]
    assert any(lines)
    assert not any(password in line for line in lines)


def test_a_second_up_names_the_first_and_does_not_touch_it(running: UpProcess, start: Start) -> None:
    second = start(running.data)
    assert second.ends() == 6
    assert f"process {running.process.pid}" in second.text
    assert running.process.poll() is None
    assert starts_counted(running.data) == 1


def test_alerts_of_a_child_reach_the_console_and_everything_its_log(running: UpProcess) -> None:
    running.until_says("worker: 2026-01-01 WARNING the stand-in works")
    assert "the stand-in works" in running.log_of("worker")


@pytest.mark.parametrize("name", ["postgres", "redis", "web", "worker"])
def test_what_is_killed_comes_back_and_data_is_there(running: UpProcess, name: str) -> None:
    before = running.pid_of(name)
    children = psutil.Process(before).children(recursive=True)
    os.kill(before, signal.SIGKILL)
    running.until_says(f"{name} ended (killed by SIGKILL); it starts again in 0.5 s")
    if name != "worker":
        running.until_says(f"{name} serves again")
    eventually(lambda: running.pid_of(name) != before, name)
    eventually(lambda: are_gone(children), children)  # a dead worker's own processes do not live on
    assert starts_counted(running.data) == 1


@pytest.mark.parametrize("request_to_stop", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_requested_stop_ends_every_process_and_returns_zero(start: Start, request_to_stop: signal.Signals) -> None:
    up = start()
    up.until_ready()
    family = up.family()
    servers = {psutil.Process(up.pid_of(name)).name() for name in ("postgres", "redis")}
    assert servers == {"postgres", "redis-server"}
    assert up.ends(request_to_stop) == 0
    assert are_gone(family)
    assert "nothing is left running" in up.text
    assert not (up.data / "run" / "processes.json").exists()


def test_the_generated_password_is_shown_once_and_is_in_no_file(start: Start) -> None:
    first = start()
    first.until_ready()
    first.until_says("password ")
    password = next(line.split()[-1] for line in first.text.splitlines() if line.startswith("password "))
    assert first.ends(signal.SIGTERM) == 0
    assert first.text.count(password) == 1
    second = start()
    second.until_ready()
    assert second.ends(signal.SIGTERM) == 0
    assert "password " not in second.text
    written = [file.read_bytes() for file in first.data.rglob("*") if file.is_file()]
    assert written
    assert not any(password.encode() in content for content in written)


def test_data_survives_a_second_start(start: Start) -> None:
    for expected in (1, 2):
        up = start()
        up.until_ready()
        assert starts_counted(up.data) == expected
        assert up.ends(signal.SIGINT) == 0


def test_a_killed_supervisor_leaves_no_orphan_and_the_next_start_works(start: Start) -> None:
    up = start()
    up.until_ready()
    family = up.family()
    grandchildren = psutil.Process(up.pid_of("worker")).children(recursive=True)
    assert up.ends(signal.SIGKILL) == -signal.SIGKILL
    direct = [process for process in family if process not in grandchildren]
    eventually(lambda: are_gone(direct), direct)
    again = start()
    again.until_ready()
    assert are_gone(family)  # also what the dead worker had started
    assert starts_counted(again.data) == 2
    assert again.ends(signal.SIGTERM) == 0


def test_a_deaf_child_is_killed_after_its_grace(start: Start) -> None:
    up = start(SMALL_SCHEDULER="stubborn")
    up.until_ready()
    eventually(lambda: "deaf" in up.log_of("scheduler"))
    family = up.family()
    assert up.ends(signal.SIGTERM) == 0
    assert "scheduler did not end in time and is killed" in up.text
    assert are_gone(family)


def test_a_second_ctrl_c_does_not_wait_for_the_grace(start: Start) -> None:
    up = start(SMALL_SCHEDULER="stubborn", SMALL_GRACE="600")
    up.until_ready()
    eventually(lambda: "deaf" in up.log_of("scheduler"))
    family = up.family()
    up.process.send_signal(signal.SIGINT)
    up.until_says("Stopping")
    assert up.ends(signal.SIGINT) == 0  # the harness does not wait so long
    assert are_gone(family)


def test_a_stop_while_starting_leaves_nothing(start: Start) -> None:
    up = start()
    up.until_says("Starting Postgres")
    family = up.family()
    assert up.ends(signal.SIGTERM) == 0
    assert are_gone(family)


def test_what_a_process_or_a_server_prints_is_guarded_before_it_is_kept(start: Start) -> None:
    secret = "ghp_" + "Zt4Qw8Er2Ty6Ui0Pa5Sd9Fg3Hj7Kl1Xc4Vb8"
    up = start(SMALL_SAYS=f"asked with {secret}")
    up.until_ready()
    with psycopg.connect(find_owner_url(up.data).get_secret_value()) as connection, pytest.raises(psycopg.Error):
        connection.execute("INSERT INTO kept SELECT %s::text::int", [secret])  # Postgres quotes the value in its log
    eventually(lambda: "asked with [" in up.log_of("worker"), up.log_of("worker"))
    eventually(lambda: "invalid input syntax" in up.log_of("postgres"), up.log_of("postgres"))
    assert up.ends(signal.SIGTERM) == 0
    logs = list((up.data / "logs").iterdir())
    assert len(logs) >= 5
    for file in (*logs, up.console):
        assert secret[4:14] not in file.read_text(encoding="utf-8"), file
