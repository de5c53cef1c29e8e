"""Files and the disk: who may read the secrets, and how much room there is."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from assistant.doctor.check import Check, fail, ok, warn
from assistant.settings import Settings

_GIB: Final = 1 << 30
_FEW_BYTES: Final = 5 * _GIB
_TOO_FEW_BYTES: Final = 1 * _GIB
_FEW_INODES: Final = 0.05  # of all
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
_OTHERS_WRITE: Final = stat.S_IWGRP | stat.S_IWOTH


@dataclass(frozen=True, slots=True)
class Room:
    """What is left on a disk: bytes, and the share of files (inodes) that can still be made."""

    free_bytes: int
    free_inodes: float


def measure_room(folder: Path) -> Room:
    """Return what an ordinary account can still write there."""
    told = os.statvfs(folder)
    return Room(told.f_bavail * told.f_frsize, told.f_favail / told.f_files if told.f_files else 1.0)


def check_disk(settings: Settings, measure: Callable[[Path], Room] = measure_room) -> Check:
    """Look at the disk of the data folder."""
    name = "disk"
    if not settings.data_dir.is_dir():
        return warn(name, f"There is no data folder {str(settings.data_dir)!r} yet.", "`cloister up` makes it.")
    try:
        room = measure(settings.data_dir)
    except OSError as error:
        return fail(name, f"The disk cannot be asked: {error.strerror}.", "Look whether it is mounted.")
    found = f"{room.free_bytes / _GIB:.1f} GiB free"
    advice = "Make room, or move the data folder and set CLOISTER_DATA_DIR."
    if room.free_bytes < _TOO_FEW_BYTES:
        return fail(name, f"{found}: Postgres stops when it is full.", advice)
    if room.free_inodes < _FEW_INODES:
        return warn(name, f"{found}, but only {room.free_inodes:.0%} of its files can still be made.", advice)
    return ok(name, f"{found}.") if room.free_bytes >= _FEW_BYTES else warn(name, f"{found}.", advice)


def check_files(settings: Settings) -> Iterator[Check]:
    """Look at who may read what is secret, and who may change what decides."""
    key = settings.master_key
    if not key.exists():
        yield warn("master key", f"There is no {str(key)!r} yet.", "`cloister up` makes it at its first start.")
    else:
        yield _private("master key", key)
    folder = settings.data_dir / "secrets"
    if folder.is_dir():
        for file in (folder, *sorted(folder.iterdir())):
            if file != key:
                yield _private("secrets", file)
    yield from _spools(settings.audit_spool)
    if settings.data_dir.is_dir() and settings.data_dir.stat().st_mode & stat.S_IWOTH:
        yield fail("data folder", "Everybody on this machine may write to it.", f"chmod 700 {settings.data_dir}")
    for name, path in (("policy", settings.policy), ("fleet", settings.fleet), ("personas", settings.personas)):
        for file in _within(path):
            if file.stat().st_mode & stat.S_IWOTH:
                yield fail(f"{name} files", f"Everybody on this machine may change {str(file)!r}.", f"chmod o-w {file}")


def _spools(folder: Path) -> Iterator[Check]:
    """Say which audit events wait on the disk, and which could not be brought into the log."""
    name = "audit spool"
    if not folder.is_dir():
        return
    yield _private(name, folder)
    if waiting := len(list(folder.glob("*.spool"))):
        advice = "They come into the log when its database is there and a process of Cloister starts."
        yield warn(name, f"{waiting} files of audit events wait for the database.", advice)
    if aside := sorted((folder / "unreadable").glob("*")):
        advice = "Look for their names in the log, in `log:replayed`; see docs/audit.md. Keep them with your records."
        yield fail(name, f"{len(aside)} files of audit events could not be read in full: {str(aside[0])!r}.", advice)


def _within(path: Path | None) -> tuple[Path, ...]:
    if path is None or not path.exists():
        return ()
    return (path, *sorted(path.rglob("*"))) if path.is_dir() else (path,)


def _private(name: str, file: Path) -> Check:
    """Say whether only its owner, and we, can read it. A secret of a container is its own, and read-only."""
    told = file.stat()
    mode = stat.S_IMODE(told.st_mode)
    if mode & _OTHERS_WRITE or mode & stat.S_IROTH:
        right = "700" if file.is_dir() else "600"
        return fail(name, f"{str(file)!r} is open to others (mode {mode:o}).", f"chmod {right} {file}")
    if mode & _OTHERS:
        return warn(name, f"{str(file)!r} can be read by its group (mode {mode:o}).", f"chmod go-rwx {file}")
    if not os.access(file, os.R_OK):
        return fail(name, f"{str(file)!r} cannot be read by this account.", "Run this as the account of Cloister.")
    return ok(name, f"{file.name} can be read by its owner only.")
