"""Whether a process id still means the process it meant: ids are used again, start times are not."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from pathlib import Path
from typing import Final

PS: Final = ("/bin/ps",)  # where the kernel shows no files of processes (macOS)

_START_FIELD: Final = 19  # starttime is field 22 of /proc/PID/stat (proc(5)), counted after "pid (comm) state"
_ZOMBIE: Final = "Z"
_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")  # start times count from the boot


def start_mark(pid: int) -> str | None:
    """Return what tells this process from a later one with the same id, or None if no such process lives."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError, IndexError):
            # The name in parentheses may hold spaces and parentheses itself.
            fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
            return None if fields[0] == _ZOMBIE else f"{_boot()}/{fields[_START_FIELD]}"
        return None
    else:  # noqa: RET505 - mypy takes code after the branch for this platform as unreachable
        return _ask_ps(pid, "lstart") or None


def is_same_process(pid: int, mark: str) -> bool:
    """Say whether the process lives and is still the one that bore this mark."""
    return bool(mark) and start_mark(pid) == mark


def is_orphaned_group(leader: int, mark: str) -> bool:
    """Say whether the process is gone but a group it led may live on.

    The kernel gives no process an id that still names a group, so a group of that number is the one we made, unless
    the machine was started again since.
    """
    return sys.platform == "linux" and start_mark(leader) is None and mark.partition("/")[0] == _boot()


def works_in(pid: int, folder: Path) -> bool:
    """Say whether the process lives and has this folder as its working directory, as a Postgres has its cluster."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            return Path(f"/proc/{pid}/cwd").resolve() == folder.resolve()
        return False
    else:  # noqa: RET505 - see above
        return str(folder) in _ask_ps(pid, "command")


def _boot() -> str:
    return _BOOT_ID.read_text(encoding="ascii").strip()


def _ask_ps(pid: int, column: str) -> str:
    done = subprocess.run(  # noqa: S603 - a number and constants
        [*PS, "-o", f"{column}=", "-p", str(pid)], check=False, capture_output=True, encoding="utf-8"
    )
    return done.stdout.strip()
