from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from assistant.embedded import checks
from assistant.embedded.checks import LEAST_FREE_BYTES, check_disk, check_python, lock_data
from assistant.embedded.exit_status import ExitStatus
from assistant.errors import EmbeddedError


@pytest.fixture
def data(tmp_path: Path) -> Path:
    (tmp_path / "run").mkdir()
    return tmp_path


def test_a_disk_with_room_is_accepted_and_nothing_is_left_on_it(data: Path) -> None:
    check_disk(data, lambda _: LEAST_FREE_BYTES)
    assert list((data / "run").iterdir()) == []


def test_a_nearly_full_disk_is_refused_with_what_is_left(data: Path) -> None:
    with pytest.raises(EmbeddedError, match="199 MB left") as caught:
        check_disk(data, lambda _: LEAST_FREE_BYTES - 1)
    assert caught.value.exit_status == ExitStatus.DISK


def test_a_read_only_disk_is_refused(data: Path) -> None:
    def refuse(_: Path) -> int:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    with pytest.raises(EmbeddedError, match="Read-only file system") as caught:
        check_disk(data, refuse)
    assert caught.value.exit_status == ExitStatus.DISK


@pytest.mark.parametrize("version", [(3, 11), (3, 12), (3, 13)])
def test_the_supported_pythons_pass(version: tuple[int, int]) -> None:
    check_python(version)


@pytest.mark.parametrize("version", [(3, 10), (3, 14), (2, 7)])
def test_other_pythons_are_refused_with_those_that_will_do(version: tuple[int, int]) -> None:
    with pytest.raises(EmbeddedError, match=r"3\.11 to 3\.13") as caught:
        check_python(version)
    assert caught.value.exit_status == ExitStatus.SETTINGS


def test_one_data_folder_has_one_holder_who_is_named_to_the_next(data: Path) -> None:
    lock = lock_data(data / "run" / "up.lock", "http://127.0.0.1:8420")
    with pytest.raises(EmbeddedError, match=rf"process {os.getpid()}.*http://127\.0\.0\.1:8420") as caught:
        lock_data(data / "run" / "up.lock", "http://127.0.0.1:9999")
    assert caught.value.exit_status == ExitStatus.ALREADY_RUNNING
    os.close(lock)
    os.close(lock_data(data / "run" / "up.lock", "http://127.0.0.1:9999"))


@pytest.mark.parametrize(
    ("number", "status", "words"),
    [
        (errno.EADDRINUSE, ExitStatus.PORT_TAKEN, "CLOISTER_PORT=8421"),
        (errno.EACCES, ExitStatus.SETTINGS, "from 1024 up"),
        (errno.EADDRNOTAVAIL, ExitStatus.SETTINGS, "CLOISTER_HOST"),
    ],
)
def test_each_trouble_with_the_port_has_its_own_advice(number: int, status: ExitStatus, words: str) -> None:
    refusal = checks._port_refusal("127.0.0.1", 8420, OSError(number, os.strerror(number)))
    assert refusal.exit_status == status
    assert words in str(refusal)
