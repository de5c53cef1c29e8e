"""Files that a crash leaves whole: the old content or the new one, on the disk when the call returns."""

from __future__ import annotations

import os
import secrets
from pathlib import Path


def replace_file(file: Path, content: str, *, mode: int) -> None:
    """Write a file so that a crash leaves the old one or the new one; root writes for whom it belongs to.

    Raises:
        OSError: it cannot be written; the old one is there still.
    """
    draft = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            _give_to_owner(descriptor, file)
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        draft.replace(file)
        folder = os.open(file.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    finally:
        draft.unlink(missing_ok=True)


def _give_to_owner(descriptor: int, file: Path) -> None:
    """Let root write for whom the file or its folder belongs to: the sealer of a container is somebody else."""
    if os.geteuid() == 0:
        owner = (file if file.exists() else file.parent).stat()
        os.fchown(descriptor, owner.st_uid, owner.st_gid)


def append_to_file(file: Path, content: str) -> None:
    """Add to the end of a file, also of one that may only be added to, and make it where there is none.

    Raises:
        OSError: it cannot be written.
    """
    descriptor = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    with os.fdopen(descriptor, "a", encoding="utf-8") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
