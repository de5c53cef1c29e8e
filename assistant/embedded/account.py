"""Which account the servers run as: our own, or an unprivileged one when we are root."""

from __future__ import annotations

import os
import pwd
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from assistant.embedded.exit_status import ExitStatus
from assistant.errors import EmbeddedError

_UNPRIVILEGED: Final = ("postgres", "nobody")  # Debian and Red Hat know the first once Postgres was ever installed


@dataclass(frozen=True, slots=True)
class Account:
    """An unprivileged account that already exists; Cloister adds no users to the machine."""

    name: str
    uid: int
    gid: int


def server_account() -> Account | None:
    """Return the account to run servers as, or None for our own.

    Postgres refuses to run as root, and no server should.

    Raises:
        EmbeddedError: we are root and the machine knows no unprivileged account.
    """
    if os.geteuid() != 0:
        return None
    for name in _UNPRIVILEGED:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        if entry.pw_uid != 0:
            return Account(name=name, uid=entry.pw_uid, gid=entry.pw_gid)
    raise EmbeddedError(
        f"Postgres does not run as root, and this machine has none of the accounts {', '.join(_UNPRIVILEGED)}. "
        "Run Cloister as an ordinary user.",
        exit_status=ExitStatus.SERVER_FAILED,
    )


def can_reach(path: Path, account: Account | None) -> bool:
    """Say whether the account may pass through every folder above `path` and read it."""
    if account is None:
        return os.access(path, os.R_OK)
    real = path.resolve()
    return all(_has_search_bit(folder, account) for folder in real.parents)


def give(path: Path, account: Account | None) -> None:
    """Hand a file or folder that Cloister made to the account."""
    if account is not None:
        os.chown(path, account.uid, account.gid, follow_symlinks=False)


def _has_search_bit(folder: Path, account: Account) -> bool:
    status = folder.stat()
    if status.st_uid == account.uid:
        return bool(status.st_mode & 0o100)
    if status.st_gid == account.gid:
        return bool(status.st_mode & 0o010)
    return bool(status.st_mode & 0o001)
