"""Where output goes: one rotated file a process, and short lines on the console. Neither ever blocks."""

from __future__ import annotations

import os
import select
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from assistant.logging_guard import guard_line, whole_words

_LARGEST_BYTES: Final = 5 << 20
_KEPT_FILES: Final = 3
_REMEMBERED_LINES: Final = 20
_LONGEST_LINE_BYTES: Final = 16 << 10
_CONSOLE_BYTES: Final = 4000  # a writable pipe takes PIPE_BUF (4096) at once without blocking


class RotatedLog:
    """Append to a file that only we can read; when it is large, start a new one and keep a few.

    A disk that is full or read-only loses log lines, nothing else: the trouble is told once, and once when it is over.

    Args:
        file: the newest of the files; older ones end in `.1`, `.2`.
        tell: called with a sentence about the disk.
        largest_bytes: size at which a new file begins.
    """

    def __init__(self, file: Path, tell: Callable[[str], None], *, largest_bytes: int = _LARGEST_BYTES) -> None:
        self._file = file
        self._tell = tell
        self._largest_bytes = largest_bytes
        self._descriptor: int | None = None
        self._size = 0
        self._is_lost = False

    def write(self, chunk: bytes) -> None:
        """Append the bytes as they are."""
        try:
            descriptor = self._open()
            written = 0
            while written < len(chunk):
                written += os.write(descriptor, chunk[written:])
        except OSError as error:
            self._lose(error)
            return
        self._size += len(chunk)
        if self._is_lost:
            self._is_lost = False
            self._tell(f"{self._file.name} can be written again.")

    def close(self) -> None:
        """Close the file."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _open(self) -> int:
        if self._descriptor is not None and self._size >= self._largest_bytes:
            self.close()
            self._rotate()
        if self._descriptor is None:
            self._descriptor = os.open(self._file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            self._size = os.fstat(self._descriptor).st_size
        return self._descriptor

    def _rotate(self) -> None:
        for number in range(_KEPT_FILES - 1, 0, -1):
            older = self._numbered(number)
            if older.exists():
                older.replace(self._numbered(number + 1))
        self._file.replace(self._numbered(1))

    def _numbered(self, number: int) -> Path:
        return self._file.with_name(f"{self._file.name}.{number}")

    def _lose(self, error: OSError) -> None:
        self.close()
        if not self._is_lost:
            self._is_lost = True
            self._tell(
                f"Cannot write {self._file.name}: {error.strerror}. Log lines are lost until the disk can be written "
                "again. What was acknowledged is safe; new questions are refused."
            )


class LineReader:
    """Cut a stream of bytes into lines, guard each, remember the last few, and hand each on.

    Of a line that is too long the rest is left out: cut in two, a secret would be recognised in neither half.
    """

    def __init__(self, on_line: Callable[[str], None], guard: Callable[[str], str] = guard_line) -> None:
        self._on_line = on_line
        self._guard = guard
        self._rest = b""
        self._is_skipping = False
        self.last: deque[str] = deque(maxlen=_REMEMBERED_LINES)

    def feed(self, chunk: bytes) -> None:
        """Take more bytes."""
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        for line in lines:
            self._hand_on(line)
            self._is_skipping = False
        if len(self._rest) > _LONGEST_LINE_BYTES:
            self._hand_on(self._rest)
            self._is_skipping = True
        if self._is_skipping:
            self._rest = b""

    def close(self) -> None:
        """Hand on what had no line end."""
        if self._rest:
            self._hand_on(self._rest)
        self._rest = b""
        self._is_skipping = False

    def _hand_on(self, line: bytes) -> None:
        if self._is_skipping:
            return
        text = line[:_LONGEST_LINE_BYTES].decode("utf-8", "replace").rstrip()
        if len(line) > _LONGEST_LINE_BYTES:
            text = f"{whole_words(text)} [the rest of this line is left out]"
        if text:
            guarded = self._guard(text)
            self.last.append(guarded)
            self._on_line(guarded)


class Console:
    """Write lines to a terminal or pipe; a reader that is gone or asleep costs a line, never a pause."""

    def __init__(self, descriptor: int, log: RotatedLog | None = None) -> None:
        self._descriptor = descriptor
        self._log = log

    def say(self, line: str) -> None:
        """Write a line to the console and, with the time, to the log."""
        if self._log is not None:
            self._log.write(f"{datetime.now(UTC).isoformat(timespec='milliseconds')} {line}\n".encode())
        self.show(line)

    def show(self, line: str, *, patience_seconds: float = 0.0) -> None:
        """Write a line to the console only: the way for what no file may hold."""
        printable = "".join(letter if letter.isprintable() else " " for letter in line)
        data = printable.encode("utf-8", "replace")[: _CONSOLE_BYTES - 1] + b"\n"
        try:
            if select.select([], [self._descriptor], [], patience_seconds)[1]:
                os.write(self._descriptor, data)
        except OSError:
            return  # the terminal is closed; the log goes on
