from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from assistant.embedded.account import Account
from assistant.embedded.exit_status import ExitStatus
from assistant.embedded.folders import (
    SOCKET_PATH_BYTES,
    Folders,
    current_socket_folder,
    forget_socket_folder,
    is_short_enough,
    leave_socket_folder,
    make_private,
    socket_folder,
)
from assistant.errors import EmbeddedError

SOMEBODY = Account(name="somebody", uid=os.geteuid(), gid=os.getegid())


@pytest.fixture
def folders() -> Iterator[Folders]:
    """Not pytest's own folder: its path is often too long for a socket."""
    root = Path(tempfile.mkdtemp(prefix="f-"))
    made = Folders(root / "var")
    made.make()
    yield made
    forget_socket_folder(made)
    shutil.rmtree(root)


def test_a_short_data_folder_keeps_its_sockets(folders: Folders) -> None:
    assert socket_folder(folders, None) == folders.run.resolve()


def test_a_deep_data_folder_gets_a_short_private_folder_and_the_same_one_again(folders: Folders) -> None:
    deep = Folders(folders.data.joinpath(*["quite-a-deep-folder"] * 8))
    deep.make()
    first = socket_folder(deep, None)
    assert len(os.fsencode(first / "postgres" / ".s.PGSQL.5432")) <= SOCKET_PATH_BYTES
    assert first.stat().st_mode & 0o777 == 0o700
    assert socket_folder(deep, None) == first == current_socket_folder(deep)
    forget_socket_folder(deep)
    assert not first.exists()


def test_the_servers_account_may_pass_through_but_not_look(folders: Folders) -> None:
    folder = socket_folder(folders, SOMEBODY)
    assert folder != folders.run
    assert folder.stat().st_mode & 0o777 == 0o711


def test_the_short_folder_goes_with_the_last_server(folders: Folders) -> None:
    folder = socket_folder(folders, SOMEBODY)
    for server in ("postgres", "redis"):
        make_private(folder / server)
    leave_socket_folder(folders, "postgres")
    assert (folder / "redis").exists()
    leave_socket_folder(folders, "redis")
    assert not folder.exists()


def test_a_forged_note_removes_nothing(folders: Folders, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (folders.run / "sockets").write_text(f"{precious}\n", encoding="utf-8")
    forget_socket_folder(folders)
    assert precious.exists()


def test_a_link_in_place_of_the_short_folder_is_not_followed(folders: Folders, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    link = tmp_path / "cloister-forged00"
    link.symlink_to(precious)
    (folders.run / "sockets").write_text(f"{link}\n", encoding="utf-8")
    assert socket_folder(folders, SOMEBODY) != link
    forget_socket_folder(folders)
    assert precious.exists()


@pytest.mark.parametrize(("length", "expected"), [(79, True), (80, True), (81, False)])
def test_the_limit_is_that_of_a_socket_address(length: int, expected: bool) -> None:  # noqa: FBT001 - a table of cases
    folder = Path("/" + "x" * (length - 1))
    assert is_short_enough(folder) is (len(os.fsencode(folder / "postgres/.s.PGSQL.5432")) <= SOCKET_PATH_BYTES)
    assert is_short_enough(folder) is expected


def test_an_open_folder_is_closed_and_its_content_stays(tmp_path: Path) -> None:
    folder = tmp_path / "open"
    folder.mkdir(mode=0o755)
    (folder / "kept").touch()
    make_private(folder)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (folder / "kept").exists()


def test_a_file_in_the_way_is_refused_with_the_setting(tmp_path: Path) -> None:
    (tmp_path / "var").touch()
    with pytest.raises(EmbeddedError, match="CLOISTER_DATA_DIR") as caught:
        Folders(tmp_path / "var").make()
    assert caught.value.exit_status == ExitStatus.DISK
