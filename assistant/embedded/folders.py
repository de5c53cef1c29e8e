"""The folders of an installation: the data folder, and a short private one for sockets."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from assistant.embedded.account import Account, can_reach, give
from assistant.embedded.exit_status import ExitStatus
from assistant.errors import EmbeddedError

SOCKET_PATH_BYTES: Final = 103  # sun_path less its NUL: 107 on Linux, 103 on macOS
_LONGEST_SOCKET_NAME: Final = "postgres/.s.PGSQL.5432"
_SHORT_PREFIX: Final = "cloister-"


@dataclass(frozen=True, slots=True)
class Folders:
    """Name everything below the data folder. Only their owner can enter them."""

    data: Path

    @property
    def postgres(self) -> Path:
        """Postgres's folder; the cluster itself is `data` in it."""
        return self.data / "postgres"

    @property
    def redis(self) -> Path:
        """Redis's append-only file."""
        return self.data / "redis"

    @property
    def secrets(self) -> Path:
        """The master key and the database owner's password."""
        return self.data / "secrets"

    @property
    def owner_password(self) -> Path:
        """The password of the embedded database's owner."""
        return self.secrets / "postgres.password"

    @property
    def run(self) -> Path:
        """What only matters while Cloister runs: the lock, process records, sockets."""
        return self.data / "run"

    @property
    def records(self) -> Path:
        """Which processes are ours; see `records`."""
        return self.run / "processes.json"

    @property
    def logs(self) -> Path:
        """One log a process."""
        return self.data / "logs"

    def make(self) -> None:
        """Create what is missing and close it to everybody else.

        Raises:
            EmbeddedError: the disk is full or read-only, or something else stands where a folder should be.
        """
        for folder in (self.data, self.secrets, self.run, self.logs):
            make_private(folder)


def make_private(folder: Path, account: Account | None = None) -> Path:
    """Create a folder that only the account (None: ours) can enter; an existing one keeps what is in it.

    Raises:
        EmbeddedError: it cannot be made.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if stat.S_IMODE(folder.stat().st_mode) & 0o077:
            folder.chmod(0o700)
        give(folder, account)
    except OSError as error:
        raise EmbeddedError(
            f"Cannot write to the folder {str(folder)!r}: {error.strerror}. "
            "Free it, or set CLOISTER_DATA_DIR to a folder on a disk that can be written.",
            exit_status=ExitStatus.DISK,
        ) from error
    return folder


def socket_folder(folders: Folders, account: Account | None) -> Path:
    """Return a private folder for sockets that the servers' account can reach and whose path is short enough.

    That is `run` in the data folder if it will do; else a new folder with an unguessable name among the system's
    temporary files, noted in `run/sockets` so that the next start takes it over and other commands find it.

    Raises:
        EmbeddedError: no temporary folder will do.
    """
    noted = current_socket_folder(folders)
    if noted.name.startswith(_SHORT_PREFIX) and _is_own_folder(noted):
        return noted
    inside = folders.run.resolve()
    if account is None and is_short_enough(inside):
        return inside
    for parent in dict.fromkeys((tempfile.gettempdir(), "/tmp", "/run", "/var/tmp")):  # noqa: S108 - mkdtemp inside
        candidate = Path(parent).resolve()
        if _will_do(candidate, account):
            folder = Path(tempfile.mkdtemp(prefix=_SHORT_PREFIX, dir=candidate))
            if account is not None:
                folder.chmod(0o711)  # the account passes through to its own closed folder
            _note(folders).write_text(f"{folder}\n", encoding="utf-8")
            return folder
    raise EmbeddedError(
        "No folder for the servers' sockets: every temporary folder has too long a path or is closed. "
        "Set TMPDIR to a short one.",
        exit_status=ExitStatus.SERVER_FAILED,
    )


def hold(folder: Path) -> int:
    """Return a descriptor that keeps a temporary folder from being cleaned away while it is open.

    Source: systemd-tmpfiles(8) leaves a directory alone, with all that is below it, while somebody holds a lock on it.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    fcntl.flock(descriptor, fcntl.LOCK_SH)
    return descriptor


def current_socket_folder(folders: Folders) -> Path:
    """Return the folder that the running servers' sockets lie in."""
    with contextlib.suppress(OSError):
        return Path(_note(folders).read_text(encoding="utf-8").strip())
    return folders.run.resolve()


def leave_socket_folder(folders: Folders, server: str) -> None:
    """Remove one server's sockets, and the short folder with the last of them."""
    folder = current_socket_folder(folders)
    shutil.rmtree(folder / server, ignore_errors=True)
    if not any((folder / other).exists() for other in ("postgres", "redis")):
        forget_socket_folder(folders)


def forget_socket_folder(folders: Folders) -> None:
    """Remove the short folder. It must be ours by name and by owner."""
    folder = current_socket_folder(folders)
    if folder.name.startswith(_SHORT_PREFIX) and _is_own_folder(folder):
        shutil.rmtree(folder, ignore_errors=True)
    _note(folders).unlink(missing_ok=True)


def is_short_enough(folder: Path) -> bool:
    """Say whether the longest socket's path in this folder fits into a socket address."""
    return len(os.fsencode(folder / _LONGEST_SOCKET_NAME)) <= SOCKET_PATH_BYTES


def _will_do(parent: Path, account: Account | None) -> bool:
    if not os.access(parent, os.W_OK | os.X_OK) or not is_short_enough(parent / f"{_SHORT_PREFIX}12345678"):
        return False
    return account is None or can_reach(parent / "anything", account)


def _note(folders: Folders) -> Path:
    return folders.run / "sockets"


def _is_own_folder(folder: Path) -> bool:
    with contextlib.suppress(OSError):
        status = folder.lstat()
        return stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid()
    return False
