"""Whether a process is ready to serve, asked without loading any client library."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

_POLL_SECONDS: Final = 0.02
_PATIENCE_SECONDS: Final = 1.0  # the supervisor does nothing else while it asks
_STATUS_LINE: Final = 7  # LOCK_FILE_LINE_PM_STATUS less one, src/include/utils/pidfile.h


class Probe(Protocol):
    """A question to a process; the answer must come within about a second."""

    def is_ready(self, pid: int) -> bool:
        """Say whether the process with this id serves."""
        ...


@dataclass(frozen=True, slots=True)
class PostgresProbe:
    """Read what the server says of itself in `postmaster.pid`.

    Source: `pg_ctl -w` reads the same line (src/bin/pg_ctl/pg_ctl.c, wait_for_postmaster_start).
    """

    cluster: Path

    def is_ready(self, pid: int) -> bool:
        """Say whether the server accepts connections; an older server's file does not count."""
        with contextlib.suppress(OSError):
            lines = (self.cluster / "postmaster.pid").read_text(encoding="ascii", errors="replace").splitlines()
            return len(lines) > _STATUS_LINE and lines[0].strip() == str(pid) and lines[_STATUS_LINE].strip() == "ready"
        return False


@dataclass(frozen=True, slots=True)
class RedisProbe:
    """Send PING to the socket; while Redis loads its file it answers `-LOADING`."""

    path: Path

    def is_ready(self, pid: int) -> bool:  # noqa: ARG002 - the socket belongs to whoever answers on it
        """Say whether Redis answers PONG."""
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(_PATIENCE_SECONDS)
            connection.connect(str(self.path))
            connection.sendall(b"PING\r\n")
            return connection.recv(64).startswith(b"+PONG")
        return False


@dataclass(frozen=True, slots=True)
class PageProbe:
    """Get a page of our own over HTTP."""

    host: str
    port: int
    path: str

    def is_ready(self, pid: int) -> bool:  # noqa: ARG002 - the port was free before we started
        """Say whether the answer is 200."""
        with contextlib.suppress(OSError), socket.create_connection((self.host, self.port), _PATIENCE_SECONDS) as page:
            page.settimeout(_PATIENCE_SECONDS)
            host = f"[{self.host}]" if ":" in self.host else self.host
            page.sendall(f"GET {self.path} HTTP/1.1\r\nHost: {host}:{self.port}\r\nConnection: close\r\n\r\n".encode())
            return page.recv(64).split(b" ", 2)[1:2] == [b"200"]
        return False


def wait_until(is_done: Callable[[], bool], timeout_seconds: float) -> bool:
    """Ask again and again until the answer is yes; False when time is up."""
    deadline = time.monotonic() + timeout_seconds
    while not is_done():
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_SECONDS)
    return True
