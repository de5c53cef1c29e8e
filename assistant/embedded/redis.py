"""Redis from the wheel: reached over a Unix socket only, every write in an append-only file within a second."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Final, Self
from urllib.parse import quote

from pydantic import SecretStr

from assistant.embedded.account import Account, server_account
from assistant.embedded.exit_status import ExitStatus
from assistant.embedded.folders import Folders, current_socket_folder, leave_socket_folder, make_private, socket_folder
from assistant.embedded.program import Program, end, launch
from assistant.embedded.ready import RedisProbe, wait_until
from assistant.embedded.wheels import redis_for
from assistant.errors import EmbeddedError

_START_TIMEOUT_SECONDS: Final = 30.0
_GRACE_SECONDS: Final = 10.0
_SOCKET_NAME: Final = "redis.sock"

# The queue is a wake-up call, the truth is in Postgres; it must still not forget silently (noeviction refuses).
_OPTIONS: Final = (
    *("--port", "0"),
    *("--unixsocketperm", "700"),
    *("--protected-mode", "yes"),
    *("--daemonize", "no"),
    *("--databases", "4"),
    *("--appendonly", "yes"),
    *("--appendfsync", "everysec"),
    *("--save", ""),
    *("--maxmemory", "128mb"),
    *("--maxmemory-policy", "noeviction"),
    *("--maxclients", "512"),
    *("--loglevel", "notice"),
)


class EmbeddedRedis:
    """One Redis server on one data folder.

    `start` and `stop` serve tests; `cloister up` takes `program` and lets its supervisor run it.

    Args:
        data_dir: Cloister's data folder; the append-only file lies in `redis` below it.
        sockets: the folder for the socket; None finds one.
    """

    def __init__(self, data_dir: Path, *, sockets: Path | None = None) -> None:
        self._folders = Folders(data_dir.resolve())
        self._sockets = sockets
        self._server: Path | None = None
        self._account: Account | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        """Start the server."""
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the server."""
        self.stop()

    @property
    def socket(self) -> Path:
        """Return the server's socket."""
        return (self._sockets or current_socket_folder(self._folders)) / "redis" / _SOCKET_NAME

    @property
    def url(self) -> SecretStr:
        """Return the address as redis-py takes it: `unix:///path?db=0`."""
        return SecretStr(f"unix://{quote(str(self.socket))}?db=0")

    @property
    def probe(self) -> RedisProbe:
        """Return how to ask whether it answers."""
        return RedisProbe(self.socket)

    @property
    def program(self) -> Program:
        """Return how to run the server; `prepare` comes first."""
        if self._server is None:
            raise EmbeddedError("Redis was not prepared.", exit_status=ExitStatus.SERVER_FAILED)
        return Program(
            name="redis",
            # The append-only file goes to the working directory, which the account enters but cannot reach by name.
            argv=(str(self._server), "--unixsocket", str(self.socket), *_OPTIONS),
            env={"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"},
            stop_signal=signal.SIGTERM,
            orphan_signal=signal.SIGTERM,
            grace_seconds=_GRACE_SECONDS,
            account=self._account,
            folder=self._folders.redis,
        )

    def prepare(self) -> None:
        """Make the folders and find the program.

        Raises:
            EmbeddedError: the disk cannot be written, or the wheel is missing.
        """
        self._account = server_account()
        self._folders.make()
        if self._sockets is None:
            self._sockets = socket_folder(self._folders, self._account)
        self._server = redis_for(self._account, self._sockets)
        make_private(self._folders.redis, self._account)
        make_private(self.socket.parent, self._account)

    def start(self) -> None:
        """Prepare, start, and return once the server answers.

        Raises:
            EmbeddedError: it cannot start; the message names the log.
        """
        self.prepare()
        log_file = self._folders.logs / "redis.log"
        with log_file.open("ab") as output:
            self._process = process = launch(self.program, output=output)
        is_ready = self.probe.is_ready
        wait_until(lambda: process.poll() is not None or is_ready(process.pid), _START_TIMEOUT_SECONDS)
        if process.poll() is not None or not is_ready(process.pid):
            self.stop()
            raise EmbeddedError(f"Redis did not start. See {str(log_file)!r}.", exit_status=ExitStatus.SERVER_FAILED)

    def stop(self) -> None:
        """Stop the server if it runs; it writes its file to the end first."""
        if self._process is not None:
            end(self._process, self.program)
            self._process = None
            leave_socket_folder(self._folders, "redis")
