"""What must be true before anything is started. Each refusal says what to do."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from assistant.embedded.exit_status import ExitStatus
from assistant.errors import EmbeddedError

LEAST_FREE_BYTES: Final = 200 << 20  # Postgres's WAL may take 256 MB; below this a start is asking for trouble
_PYTHONS: Final = ((3, 11), (3, 13))


def check_python(version: tuple[int, int] = sys.version_info[:2]) -> None:
    """Refuse a Python that Cloister was not tested on.

    Raises:
        EmbeddedError: with the versions that will do.
    """
    oldest, newest = _PYTHONS
    if not oldest <= version <= newest:
        raise EmbeddedError(
            f"Python {version[0]}.{version[1]} runs this, and Cloister needs {oldest[0]}.{oldest[1]} to "
            f"{newest[0]}.{newest[1]}. Set UV_PYTHON to one of those and run `make install`.",
            exit_status=ExitStatus.SETTINGS,
        )


def free_bytes(folder: Path) -> int:
    """Return how much an ordinary account can still write there."""
    return shutil.disk_usage(folder).free


def check_disk(folder: Path, measure: Callable[[Path], int] = free_bytes) -> None:
    """Refuse a disk that is nearly full or cannot be written, before Postgres finds out the hard way.

    Raises:
        EmbeddedError: with the room there is.
    """
    probe = folder / "run" / "probe"
    try:
        free = measure(folder)
        probe.write_bytes(b"x")
        probe.unlink()
    except OSError as error:
        raise _write_refusal(folder, error) from error
    if free < LEAST_FREE_BYTES:
        raise EmbeddedError(
            f"The disk of {str(folder)!r} has {free >> 20} MB left and Cloister needs {LEAST_FREE_BYTES >> 20} MB to "
            "start. Nothing was started. Make room, or set CLOISTER_DATA_DIR to another disk.",
            exit_status=ExitStatus.DISK,
        )


def check_port(host: str, port: int) -> None:
    """Refuse a port that somebody else listens on.

    Raises:
        EmbeddedError: with the setting to change.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the web does: TIME_WAIT is no obstacle
            trial.bind(address)
            trial.listen(1)
    except socket.gaierror as error:
        raise EmbeddedError(
            f"CLOISTER_HOST {host!r} is not an address of this machine. Use 127.0.0.1, or 0.0.0.0 for all.",
            exit_status=ExitStatus.SETTINGS,
        ) from error
    except OSError as error:
        raise _port_refusal(host, port, error) from error


def lock_data(file: Path, address: str) -> int:
    """Take the data folder for this process and return the descriptor that holds it.

    The kernel lets go of the lock when the process ends, however it ends.

    Raises:
        EmbeddedError: another Cloister has it; with its process id and address.
    """
    try:
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise _write_refusal(file, error) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        pid, _, other = os.read(descriptor, 1000).decode("utf-8", "replace").partition(" ")
        os.close(descriptor)
        raise EmbeddedError(
            f"Cloister already runs on {str(file.parents[1])!r} (process {pid}). Open {other or 'its page'}, "
            f"or stop it with `kill {pid}`.",
            exit_status=ExitStatus.ALREADY_RUNNING,
        ) from None
    try:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()} {address}".encode(), 0)
    except OSError as error:
        os.close(descriptor)
        raise _write_refusal(file, error) from error
    return descriptor


def _write_refusal(path: Path, error: OSError) -> EmbeddedError:
    return EmbeddedError(
        f"Cannot write to {str(path)!r}: {error.strerror}. Nothing was started. Make room or make the disk writable, "
        "or set CLOISTER_DATA_DIR to another disk.",
        exit_status=ExitStatus.DISK,
    )


def _port_refusal(host: str, port: int, error: OSError) -> EmbeddedError:
    if error.errno == errno.EADDRINUSE:
        return EmbeddedError(
            f"Port {port} on {host} is taken by another program. Stop that one, or choose another port: "
            f"CLOISTER_PORT={port + 1 if port < 65535 else 8420} cloister up",  # noqa: PLR2004 - the largest port
            exit_status=ExitStatus.PORT_TAKEN,
        )
    if error.errno == errno.EACCES:
        return EmbeddedError(
            f"Port {port} needs more rights than this account has. Set CLOISTER_PORT to one from 1024 up.",
            exit_status=ExitStatus.SETTINGS,
        )
    return EmbeddedError(
        f"Cannot listen on {host}, port {port}: {error.strerror}. Check CLOISTER_HOST and CLOISTER_PORT.",
        exit_status=ExitStatus.SETTINGS,
    )
