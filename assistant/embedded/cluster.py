"""The folder of a Postgres cluster: which version it is, whether it is whole, and how a new one is made.

When we are root, Postgres runs as an unprivileged account below folders that this account may not pass through.
It gets the cluster as its working directory, entered before privileges are dropped, and knows it only as
`/proc/self/cwd`: nothing above the cluster has to be opened to anybody.
"""

from __future__ import annotations

import logging
import os
import secrets
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Final

from assistant.embedded.account import Account, give
from assistant.embedded.exit_status import ExitStatus
from assistant.embedded.folders import Folders, make_private
from assistant.embedded.identity import works_in
from assistant.embedded.program import PRIVATE_UMASK, tie_to_parent
from assistant.embedded.wheels import POSTGRES_MAJOR
from assistant.errors import EmbeddedError

_log = logging.getLogger(__name__)

OWNER_ROLE: Final = "cloister_owner"
DATABASE: Final = "cloister"
# The whole environment of the server: no PG* variable of the caller's may change what it does.
ENVIRONMENT: Final[Mapping[str, str]] = MappingProxyType({"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"})

_ATTEMPT_PREFIX: Final = "unfinished-"
_STEP_TIMEOUT_SECONDS: Final = 120.0  # initdb takes half a second; a slow disk may need patience
_DISK_TROUBLE: Final = ("No space left on device", "Read-only file system", "Disk quota exceeded")


def check_version(cluster: Path) -> None:
    """Refuse a cluster of another major version of Postgres.

    Raises:
        EmbeddedError: with both versions and the way out.
    """
    try:
        found = (cluster / "PG_VERSION").read_text(encoding="ascii", errors="replace").strip()
    except FileNotFoundError:
        return
    except NotADirectoryError:
        found = "unknown"
    if found != str(POSTGRES_MAJOR):
        raise EmbeddedError(
            f"The data in {str(cluster)!r} belongs to Postgres {found}, and this Cloister carries Postgres "
            f"{POSTGRES_MAJOR}. Nothing was changed. Start the Cloister that wrote it, dump it with pg_dump, and "
            "restore that into a new CLOISTER_DATA_DIR; or move the folder away to start anew.",
            exit_status=ExitStatus.DATA_VERSION,
        )


def set_unfinished_aside(postgres: Path) -> None:
    """Tidy up after a first start that was interrupted; keep whatever might be data.

    Folders named by `create_cluster` never held a person's data and are removed. Anything else at the cluster's
    place that is not a whole cluster is renamed and kept.
    """
    for leftover in postgres.glob(f"{_ATTEMPT_PREFIX}*"):
        _log.warning("Removed %s, left by a first start that was interrupted.", leftover.name)
        if leftover.is_dir() and not leftover.is_symlink():
            shutil.rmtree(leftover)
        else:
            leftover.unlink()
    cluster = postgres / "data"
    if os.path.lexists(cluster) and not _is_whole(cluster):
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%f")
        aside = cluster.with_name(f"data-set-aside-{stamp}")
        cluster.rename(aside)
        _log.warning("The folder %s is not a whole Postgres cluster; it was kept as %s.", cluster, aside.name)


def check_unused(cluster: Path) -> None:
    """Refuse a cluster that a living server works on; a stale `postmaster.pid` is Postgres's own to clear.

    Raises:
        EmbeddedError: with the process id.
    """
    try:
        pid = int((cluster / "postmaster.pid").read_text(encoding="ascii", errors="replace").split("\n", 1)[0])
    except (OSError, ValueError):
        return
    if works_in(pid, cluster):
        raise EmbeddedError(
            f"Another Postgres (process {pid}) already runs on {str(cluster)!r}. "
            f"Stop the Cloister it belongs to, or end it with `kill -INT {pid}`.",
            exit_status=ExitStatus.ALREADY_RUNNING,
        )


def known_as(cluster: Path, account: Account | None) -> str:
    """Return the name under which a server started in this folder finds it."""
    return "/proc/self/cwd" if account is not None and sys.platform == "linux" else str(cluster)


def create_cluster(folders: Folders, install: Path, account: Account | None) -> None:
    """Make the cluster and its database under another name and rename it: it exists whole or not at all.

    Raises:
        EmbeddedError: the disk cannot be written, or initdb failed.
    """
    attempt = folders.postgres / f"{_ATTEMPT_PREFIX}{secrets.token_hex(4)}"
    password_file = attempt.with_suffix(".password")
    make_private(attempt, account)
    try:
        _write_private(password_file, keep_owner_password(folders))
        give(password_file, account)
        _initialise(attempt, install, account, password_file)
        attempt.rename(folders.postgres / "data")
        _sync_folder(folders.postgres)
    except OSError as error:
        raise _disk_error(folders.postgres, error.strerror) from error
    finally:
        password_file.unlink(missing_ok=True)
        shutil.rmtree(attempt, ignore_errors=True)


def keep_owner_password(folders: Folders) -> str:
    """Return the owner's password; write a new one, durable and for our eyes only, before a cluster needs it.

    Raises:
        OSError: the disk cannot be written.
    """
    if folders.owner_password.exists():
        return folders.owner_password.read_text(encoding="ascii").strip()
    password = secrets.token_urlsafe(24)
    attempt = folders.owner_password.with_suffix(".new")
    attempt.unlink(missing_ok=True)
    _write_private(attempt, password)
    attempt.replace(folders.owner_password)
    _sync_folder(folders.secrets)
    return password


def _initialise(attempt: Path, install: Path, account: Account | None, password_file: Path) -> None:
    """Fill the folder and write it to the disk once, at the end: nobody depends on it before it has its name."""
    known = known_as(attempt, account)
    initdb, postgres = str(install / "bin" / "initdb"), str(install / "bin" / "postgres")
    steps = (
        (
            *(initdb, "-D", known, f"--username={OWNER_ROLE}", "--auth=scram-sha-256"),
            f"--pwfile=../{password_file.name}",  # relative: the account cannot pass through the folders above
            *("--encoding=UTF8", "--data-checksums", "--no-instructions", "--no-sync"),
            # The builtin provider sorts by code point everywhere: an index survives a move to another libc.
            *("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
        ),
        (postgres, "--single", "-c", "fsync=off", "-D", known, "postgres"),
        (initdb, "-D", known, "--sync-only"),
    )
    for step in steps:
        _run(step, attempt, account, stdin=f"CREATE DATABASE {DATABASE};\n" if "--single" in step else "")


def _run(argv: tuple[str, ...], folder: Path, account: Account | None, *, stdin: str = "") -> None:
    try:
        done = subprocess.run(  # noqa: S603 - our own program from the wheel
            argv,
            check=False,
            capture_output=True,
            cwd=folder,
            encoding="utf-8",
            errors="replace",
            env=ENVIRONMENT,
            input=stdin,
            timeout=_STEP_TIMEOUT_SECONDS,
            umask=PRIVATE_UMASK,
            user=None if account is None else account.uid,
            group=None if account is None else account.gid,
            extra_groups=None if account is None else [],
            preexec_fn=tie_to_parent(signal.SIGKILL),
        )
    except subprocess.TimeoutExpired as error:
        raise EmbeddedError(
            f"Making the database took over {error.timeout:.0f} s. Nothing was changed. Try a faster disk.",
            exit_status=ExitStatus.SERVER_FAILED,
        ) from error
    trouble = next((words for words in _DISK_TROUBLE if words in done.stderr), None)
    if done.returncode != 0 and trouble is not None:
        raise _disk_error(folder.parent, trouble)
    if done.returncode != 0:
        raise EmbeddedError(
            f"Making the database failed in {Path(argv[0]).name!r}: {_last_words(done.stderr)}. Nothing was changed.",
            exit_status=ExitStatus.SERVER_FAILED,
        )


def _disk_error(folder: Path, trouble: str | None) -> EmbeddedError:
    return EmbeddedError(
        f"Cannot make the database in {str(folder)!r}: {trouble}. Nothing was changed. Make room or make the disk "
        "writable, or set CLOISTER_DATA_DIR to another disk.",
        exit_status=ExitStatus.DISK,
    )


def _is_whole(cluster: Path) -> bool:
    # Postgres itself refuses a folder without either file.
    return (cluster / "PG_VERSION").is_file() and (cluster / "global" / "pg_control").is_file()


def _write_private(file: Path, line: str) -> None:
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as stream:
        stream.write(f"{line}\n")
        stream.flush()
        os.fsync(stream.fileno())


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _last_words(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    wrong = [line for line in lines if "error" in line.lower() or "fatal" in line.lower() or "could not" in line]
    return (wrong or lines or ["it said nothing"])[-1]
