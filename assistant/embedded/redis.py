"""Redis from the wheel: reached over a Unix socket only, every write in an append-only file within a second."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Final
from urllib.parse import quote

from pydantic import SecretStr

from assistant.embedded.account import Account, server_account
from assistant.embedded.exit_status import ExitStatus
from assistant.embedded.folders import Folders, current_socket_folder, make_private, socket_folder
from assistant.embedded.program import Program
from assistant.embedded.ready import RedisProbe
from assistant.embedded.server import EmbeddedServer
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


class EmbeddedRedis(EmbeddedServer):
    """One Redis server on one data folder.

    Args:
        data_dir: Cloister's data folder; the append-only file lies in `redis` below it.
        sockets: the folder for the socket; None finds one.
    """

    def __init__(self, data_dir: Path, *, sockets: Path | None = None) -> None:
        super().__init__("Redis", Folders(data_dir.resolve()), start_timeout_seconds=_START_TIMEOUT_SECONDS)
        self._sockets = sockets
        self._server: Path | None = None
        self._account: Account | None = None

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
