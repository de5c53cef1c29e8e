"""Points around each write of a process to its disk, and the end at one of them: what is made to be killed."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any


class Points:
    """Count the points that a process passes, and kill it at one of them."""

    def __init__(self, last: int) -> None:
        self.passed = 0
        self._last = last

    def __call__(self) -> None:
        self.passed += 1
        if self.passed == self._last:
            os.kill(os.getpid(), signal.SIGKILL)


def watch_files(point: Callable[[], None]) -> None:
    """Pass a point before and after each sync and each renaming of a file."""
    fsync, replace = os.fsync, Path.replace

    def watched_fsync(descriptor: int) -> None:
        point()
        fsync(descriptor)
        point()

    def watched_replace(self: Path, target: Any) -> Path:
        point()
        result = replace(self, target)
        point()
        return result

    os.fsync = watched_fsync  # type: ignore[assignment]
    Path.replace = watched_replace  # type: ignore[method-assign]
