"""Postgres 18 with pgvector from the wheel: a data folder made once, a server described as a `Program`."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from urllib.parse import quote

from pydantic import SecretStr

from assistant.embedded.account import Account, server_account
from assistant.embedded.cluster import (
    DATABASE,
    ENVIRONMENT,
    OWNER_ROLE,
    check_unused,
    check_version,
    create_cluster,
    known_as,
    set_unfinished_aside,
)
from assistant.embedded.exit_status import ExitStatus
from assistant.embedded.folders import Folders, current_socket_folder, make_private, socket_folder
from assistant.embedded.program import Program
from assistant.embedded.ready import PostgresProbe
from assistant.embedded.server import EmbeddedServer
from assistant.embedded.wheels import postgres_for
from assistant.errors import EmbeddedError

_START_TIMEOUT_SECONDS: Final = 60.0  # a crash recovery replays at most max_wal_size
_GRACE_SECONDS: Final = 15.0

# Lean for a desktop that runs a model beside us, and as durable as Postgres is by default (fsync stays on).
_OPTIONS: Final[Mapping[str, str]] = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "60",
    "shared_buffers": "48MB",
    "work_mem": "4MB",
    "maintenance_work_mem": "64MB",
    "effective_cache_size": "512MB",
    "huge_pages": "off",
    "jit": "off",
    "io_method": "sync",  # no standing I/O workers: three processes less
    "max_worker_processes": "4",
    "max_parallel_workers": "2",
    "max_parallel_workers_per_gather": "1",
    "autovacuum_worker_slots": "2",
    "autovacuum_max_workers": "1",
    "wal_level": "minimal",  # no replication here; a company with a standby brings its own Postgres
    "max_wal_senders": "0",
    "max_replication_slots": "0",
    "max_logical_replication_workers": "0",
    "min_wal_size": "32MB",
    "max_wal_size": "256MB",
    "random_page_cost": "1.1",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %q%u ",
    "log_checkpoints": "off",
    # A log holds no text that a person wrote: no statements, no DETAIL ("Failing row contains …").
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
}


class EmbeddedPostgres(EmbeddedServer):
    """One Postgres server on one data folder, reached over a Unix socket only, every login by scram.

    Args:
        data_dir: Cloister's data folder; the cluster lies in `postgres/data` below it.
        options: Postgres settings that replace ours, for tests.
        sockets: the folder for the socket; None finds one.
    """

    def __init__(
        self, data_dir: Path, *, options: Mapping[str, str] | None = None, sockets: Path | None = None
    ) -> None:
        super().__init__("Postgres", Folders(data_dir.resolve()), start_timeout_seconds=_START_TIMEOUT_SECONDS)
        self._options = {**_OPTIONS, **(options or {})}
        self._sockets = sockets
        self._install: Path | None = None
        self._account: Account | None = None

    @property
    def cluster(self) -> Path:
        """Return the folder of the cluster."""
        return self._folders.postgres / "data"

    @property
    def owner_url(self) -> SecretStr:
        """Return the address of the database `cloister` as its owner.

        Raises:
            EmbeddedError: there is no cluster yet.
        """
        folder = self._socket_folder()
        return _owner_url(self._folders, folder)

    @property
    def probe(self) -> PostgresProbe:
        """Return how to ask whether it accepts connections."""
        return PostgresProbe(self.cluster)

    @property
    def program(self) -> Program:
        """Return how to run the server; `prepare` comes first."""
        if self._install is None:
            raise EmbeddedError("Postgres was not prepared.", exit_status=ExitStatus.SERVER_FAILED)
        options = [part for name, value in self._options.items() for part in ("-c", f"{name}={value}")]
        return Program(
            name="postgres",
            argv=(
                str(self._install / "bin" / "postgres"),
                *("-D", known_as(self.cluster, self._account), "-k", str(self._socket_folder()), *options),
            ),
            env=dict(ENVIRONMENT),
            stop_signal=signal.SIGINT,  # fast shutdown; SIGTERM would wait for every client
            hurry_signal=signal.SIGQUIT,  # ends at once; the next start replays the log
            orphan_signal=signal.SIGINT,
            grace_seconds=_GRACE_SECONDS,
            account=self._account,
            folder=self.cluster,
        )

    def prepare(self) -> None:
        """Check the data folder, make the cluster on first start, set an interrupted attempt aside.

        Raises:
            EmbeddedError: another version's data, another server on it, a disk that cannot be written, or a failed
                initdb. Data that was there is untouched.
        """
        self._account = server_account()
        self._folders.make()
        check_version(self.cluster)
        if self._sockets is None:
            self._sockets = socket_folder(self._folders, self._account)
        self._install = postgres_for(self._account, self._sockets)
        make_private(self._folders.postgres, self._account)
        make_private(self._socket_folder(), self._account)
        set_unfinished_aside(self._folders.postgres)
        if self.cluster.exists():
            check_unused(self.cluster)
        else:
            create_cluster(self._folders, self._install, self._account)

    def _socket_folder(self) -> Path:
        return (self._sockets or current_socket_folder(self._folders)) / "postgres"


def find_owner_url(data_dir: Path) -> SecretStr:
    """Return the database owner's address of the server that `cloister up` runs on this data folder.

    Raises:
        EmbeddedError: there is no cluster.
    """
    folders = Folders(data_dir.resolve())
    return _owner_url(folders, current_socket_folder(folders) / "postgres")


def _owner_url(folders: Folders, sockets: Path) -> SecretStr:
    try:
        password = folders.owner_password.read_text(encoding="ascii").strip()
    except OSError as error:
        raise EmbeddedError(
            f"Cannot read the database owner's password {str(folders.owner_password)!r}: {error.strerror}. "
            "Restore var/secrets from a backup, or start Cloister here once with `cloister up`.",
            exit_status=ExitStatus.SERVER_FAILED,
        ) from error
    return SecretStr(f"postgresql://{OWNER_ROLE}:{quote(password)}@/{DATABASE}?host={quote(str(sockets))}")
