"""One running child of the supervisor: its process, its output, its fate."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable

from assistant.embedded.backoff import Backoff
from assistant.embedded.identity import start_mark
from assistant.embedded.logs import LineReader, RotatedLog
from assistant.embedded.program import Program, kill_group, launch
from assistant.embedded.records import Record

_CHUNK_BYTES = 64 << 10


class Child:
    """A program that was started, perhaps several times, and the pipe that its output comes through.

    Args:
        program: what runs.
        log: where its output goes.
        selector: wakes the supervisor when there is output.
        on_line: called with each line of output.
    """

    def __init__(
        self, program: Program, log: RotatedLog, selector: selectors.BaseSelector, on_line: Callable[[str], None]
    ) -> None:
        self.program = program
        self.is_ready = False
        self.has_served = False
        self.backoff = Backoff()
        self.restart_at: float | None = None
        self.lines = LineReader(self._take)
        self._on_line = on_line
        self._log = log
        self._selector = selector
        self._process: subprocess.Popen[bytes] | None = None
        self._started_at = 0.0
        self._mark = ""

    @property
    def pid(self) -> int | None:
        """Return the id of the running process, None while there is none."""
        return None if self._process is None else self._process.pid

    @property
    def record(self) -> Record | None:
        """Return what a later start needs to end this process."""
        if self._process is None:
            return None
        return Record(self.program.name, self._process.pid, self._mark, int(self.program.stop_signal))

    @property
    def lived_seconds(self) -> float:
        """Return how long ago it was started."""
        return time.monotonic() - self._started_at

    def start(self, *, stdin: bytes = b"") -> None:
        """Start the program; `stdin` must fit into a pipe (a password does).

        Raises:
            OSError: it cannot be started.
        """
        self.restart_at = None
        self.is_ready = False
        self._started_at = time.monotonic()
        if stdin:
            reading, writing = os.pipe()
            os.write(writing, stdin)
            os.close(writing)
            try:
                self._process = launch(self.program, stdin=reading)
            finally:
                os.close(reading)
        else:
            self._process = launch(self.program)
        self._mark = start_mark(self._process.pid) or ""
        if self._process.stdout is not None:
            os.set_blocking(self._process.stdout.fileno(), False)
            self._selector.register(self._process.stdout, selectors.EVENT_READ, self)

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the process, not to what it started."""
        if self._process is not None:
            self._process.send_signal(number)

    def kill(self) -> None:
        """Kill the process and everything it started."""
        if self._process is not None:
            kill_group(self._process.pid)

    def pump(self) -> bool:
        """Move what output there is to the log; False when there is no more for now."""
        stream = None if self._process is None else self._process.stdout
        if stream is None or stream.closed:
            return False
        try:
            chunk = os.read(stream.fileno(), _CHUNK_BYTES)
        except BlockingIOError:
            return False
        if not chunk:
            self._selector.unregister(stream)
            stream.close()
            return False
        self.lines.feed(chunk)
        return True

    def reap(self) -> int | None:
        """Return the exit status if the process has ended, and end whatever it left behind."""
        if self._process is None or not _has_ended(self._process):
            return None
        # Before the id is given back to the system: the group may still hold children of the dead process.
        kill_group(self._process.pid)
        status = self._process.wait()
        while self.pump():
            pass
        stream = self._process.stdout
        if stream is not None and not stream.closed:  # a grandchild of its own session may hold the other end
            self._selector.unregister(stream)
            stream.close()
        self.lines.close()
        self._process = None
        self.is_ready = False
        return status

    def close(self) -> None:
        """Close the log."""
        self._log.close()

    def _take(self, line: str) -> None:
        """Log a line that was guarded, and hand it on."""
        self._log.write(f"{line}\n".encode())
        self._on_line(line)


def describe_exit(status: int) -> str:
    """Say in words how a process ended.

    >>> describe_exit(3), describe_exit(-9)
    ('exit status 3', 'killed by SIGKILL')
    """
    if status >= 0:
        return f"exit status {status}"
    try:
        return f"killed by {signal.Signals(-status).name}"
    except ValueError:
        return f"killed by signal {-status}"


def _has_ended(process: subprocess.Popen[bytes]) -> bool:
    if not hasattr(os, "waitid"):  # macOS
        return process.poll() is not None
    return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
