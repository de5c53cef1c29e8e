"""What `cloister up` refuses: each with its own exit status, a message that helps, and untouched data."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from assistant.embedded.postgres import EmbeddedPostgres
from tests.fakes.small_disk import small_disk
from tests.fakes.up_process import UpProcess, free_port

pytestmark = pytest.mark.integration

Start = Callable[..., UpProcess]


@pytest.fixture
def start(quick_path: Path) -> Iterator[Start]:
    started: list[UpProcess] = []

    def begin(data: Path | None = None, *, port: int = 0, **more: str) -> UpProcess:
        console = quick_path / f"console-{len(started)}"
        up = UpProcess(data or quick_path / "var", port=port or free_port(), console=console, **more)
        started.append(up)
        return up

    yield begin
    for up in started:
        up.destroy()


def fingerprint(folder: Path) -> str:
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    return hashlib.sha256(b"".join(str(file).encode() + file.read_bytes() for file in files)).hexdigest()


def test_a_taken_port_is_named_with_the_setting_that_changes_it(start: Start) -> None:
    with socket.socket() as squatter:
        squatter.bind(("127.0.0.1", 0))
        squatter.listen()
        port = squatter.getsockname()[1]
        up = start(port=port)
        assert up.ends() == 3
    assert f"Port {port}" in up.text
    assert "CLOISTER_PORT" in up.text
    assert "Traceback" not in up.text
    assert not (up.data / "postgres").exists()


def test_data_of_another_major_version_is_left_alone(start: Start, quick_path: Path) -> None:
    cluster = quick_path / "var" / "postgres" / "data"
    (cluster / "global").mkdir(parents=True)
    (cluster / "PG_VERSION").write_text("16\n", encoding="ascii")
    (cluster / "global" / "pg_control").write_bytes(b"precious")
    before = fingerprint(cluster)
    up = start()
    assert up.ends() == 5
    assert "Postgres 16" in up.text
    assert "Postgres 18" in up.text
    assert fingerprint(cluster) == before
    assert not list(cluster.parent.glob("data-set-aside-*"))


def test_an_interrupted_first_start_is_tidied_and_nothing_that_might_be_data_is_lost(
    start: Start, quick_path: Path
) -> None:
    postgres = quick_path / "var" / "postgres"
    (postgres / "unfinished-00c0ffee" / "base").mkdir(parents=True)
    (postgres / "unfinished-00c0ffee.password").write_text("old", encoding="ascii")
    (postgres / "data" / "base").mkdir(parents=True)
    (postgres / "data" / "base" / "half").write_bytes(b"half a cluster")
    up = start()
    up.until_ready()
    assert up.ends(signal.SIGTERM) == 0
    assert not list(postgres.glob("unfinished-*"))
    (aside,) = postgres.glob("data-set-aside-*")
    assert (aside / "base" / "half").read_bytes() == b"half a cluster"


def test_initdb_killed_in_the_middle_does_not_stop_the_next_start(start: Start) -> None:
    up = start()
    up.until_says("Making the database")
    assert up.ends(signal.SIGKILL) == -signal.SIGKILL
    again = start(up.data)
    again.until_ready()
    assert again.ends(signal.SIGTERM) == 0
    assert not list((up.data / "postgres").glob("unfinished-*"))


def test_a_file_in_place_of_the_data_folder_is_refused(start: Start, quick_path: Path) -> None:
    (quick_path / "var").write_text("precious", encoding="ascii")
    up = start()
    assert up.ends() == 4
    assert "CLOISTER_DATA_DIR" in up.text
    assert "Traceback" not in up.text
    assert (quick_path / "var").read_text(encoding="ascii") == "precious"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a disk; test_checks refuses a read-only one as well")
def test_a_read_only_disk_is_refused(start: Start, quick_path: Path) -> None:
    with small_disk(quick_path / "disk", "size=8m", "ro") as disk:
        up = start(disk / "var")
        assert up.ends() == 4
    assert "Read-only file system" in up.text
    assert "Traceback" not in up.text


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a disk; test_checks refuses a full one as well")
def test_a_full_disk_is_refused_and_data_on_it_is_untouched(start: Start, quick_path: Path) -> None:
    with small_disk(quick_path / "disk", "size=8m") as disk:
        data = disk / "var"
        (data / "postgres").mkdir(parents=True)
        (data / "postgres" / "kept").write_bytes(b"precious")
        with pytest.raises(OSError, match="No space left"):
            (disk / "ballast").write_bytes(bytes(9 << 20))
        up = start(data)
        assert up.ends() == 4
        assert (data / "postgres" / "kept").read_bytes() == b"precious"
    assert "Make room" in up.text
    assert "Traceback" not in up.text


def test_an_unknown_setting_of_a_child_ends_the_start_with_its_own_words(start: Start) -> None:
    up = start(SMALL_PAGE="broken")
    assert up.ends() == 2
    assert "fleet.yaml line 3" in up.text
    assert "nothing is left running" in up.text


def test_a_server_that_somebody_else_started_on_the_data_is_named(start: Start, quick_path: Path) -> None:
    with EmbeddedPostgres(quick_path / "var") as server:
        up = start()
        assert up.ends() == 6, up.text
        pid = (server.cluster / "postmaster.pid").read_text(encoding="ascii").splitlines()[0]
    assert f"process {pid}" in up.text


def test_a_deep_data_folder_works_although_socket_paths_are_short(start: Start, quick_path: Path) -> None:
    deep = quick_path.joinpath(*["quite-a-deep-folder"] * 8) / "var"
    up = start(deep)
    up.until_ready()
    assert up.ends(signal.SIGTERM) == 0
    shutil.rmtree(quick_path / "quite-a-deep-folder")


def test_a_lost_master_key_is_not_replaced(start: Start, quick_path: Path) -> None:
    with EmbeddedPostgres(quick_path / "var"):
        pass
    up = start(CLOISTER_MASTER_KEY_FILE=str(quick_path / "elsewhere" / "master.key"))
    assert up.ends() == 2
    assert "master.key" in up.text
    assert "Restore the key" in up.text
    assert not (quick_path / "elsewhere").exists()
