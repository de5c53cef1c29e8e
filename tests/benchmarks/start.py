"""Measure what `make run` promises: how fast it starts, how much memory it takes when idle, how large it is installed.

    python tests/benchmarks/start.py [--json]

Starts the real `cloister up` twice on a new data folder and a free port. Exit status 1 when a limit is broken.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import psutil

_ROOT: Final = Path(__file__).parents[2]
_PATIENCE_SECONDS: Final = 180.0
_POLL_SECONDS: Final = 0.05
_MEBIBYTE: Final = 1 << 20

# The limits that the product states, in the units of `Figures`.
LIMITS: Final = {
    "second_sign_in_seconds": 10.0,
    "second_ready_seconds": 20.0,
    "idle_pss_mib": 900.0 * 1e6 / _MEBIBYTE,
    "install_mib": 1.6e9 / _MEBIBYTE,
}


@dataclass(frozen=True, slots=True)
class Figures:
    """What was measured.

    Attributes:
        first_sign_in_seconds: from the command to a sign-in page, making the database included.
        first_ready_seconds: from the command to `GET /health/ready` answering 200.
        second_sign_in_seconds: the same on the second start.
        second_ready_seconds: likewise.
        stop_seconds: from SIGTERM to the end of the last process.
        idle_pss_mib: proportional set size of all processes together, some seconds after the start.
        processes: its parts, largest first, `name pid` to MiB.
        install_mib: the environment's files on the disk, each counted once.
    """

    first_sign_in_seconds: float
    first_ready_seconds: float
    second_sign_in_seconds: float
    second_ready_seconds: float
    stop_seconds: float
    idle_pss_mib: float
    processes: dict[str, float]
    install_mib: float


class Run:
    """One `cloister up`."""

    def __init__(self, data: Path, port: int) -> None:
        self._port = port
        self._started = time.monotonic()
        env = {name: value for name, value in os.environ.items() if not name.startswith("CLOISTER_")}
        env |= {"CLOISTER_DATA_DIR": str(data), "CLOISTER_PORT": str(port)}
        self._console = (data.parent / "console").open("a+b")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "assistant", "up"],
            cwd=_ROOT,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=self._console,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def seconds_until(self, path: str) -> float:
        """Return how long after the command this page answered 200."""
        while not self._is_served(path):
            waited = time.monotonic() - self._started
            if self._process.poll() is not None or waited > _PATIENCE_SECONDS:
                self._console.seek(0)
                said = self._console.read().decode("utf-8", "replace")
                raise SystemExit(f"{path} was not served after {waited:.0f} s. cloister up said:\n{said}")
            time.sleep(_POLL_SECONDS)
        return time.monotonic() - self._started

    def pss_by_process(self) -> dict[str, float]:
        """Return each process's share of the memory in MiB, largest first."""
        root = psutil.Process(self._process.pid)
        shares = {}
        for process in (root, *root.children(recursive=True)):
            shares[f"{_name_of(process)} {process.pid}"] = process.memory_full_info().pss / _MEBIBYTE
        return dict(sorted(shares.items(), key=lambda share: -share[1]))

    def stop(self) -> float:
        """Stop everything; return the seconds that took."""
        begun = time.monotonic()
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(_PATIENCE_SECONDS)
        self._console.close()
        return time.monotonic() - begun

    def _is_served(self, path: str) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=5)
        try:
            connection.request("GET", path)
            return connection.getresponse().status == http.client.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


def measure(folder: Path, *, idle_seconds: float) -> Figures:
    """Start twice on the same data and return the figures."""
    data, port = folder / "var", free_port()
    first = Run(data, port)
    try:
        first_sign_in, first_ready = first.seconds_until("/sign-in"), first.seconds_until("/health/ready")
    finally:
        first.stop()
    second = Run(data, port)
    stopped = 0.0
    try:
        second_sign_in, second_ready = second.seconds_until("/sign-in"), second.seconds_until("/health/ready")
        time.sleep(idle_seconds)
        shares = second.pss_by_process()
    finally:
        stopped = second.stop()
    return Figures(
        first_sign_in_seconds=first_sign_in,
        first_ready_seconds=first_ready,
        second_sign_in_seconds=second_sign_in,
        second_ready_seconds=second_ready,
        stop_seconds=stopped,
        idle_pss_mib=sum(shares.values()),
        processes=shares,
        install_mib=disk_bytes(Path(sys.prefix)) / _MEBIBYTE,
    )


def _name_of(process: psutil.Process) -> str:
    _, is_module, module = " ".join(process.cmdline()).partition(" -m ")
    return module if is_module else process.name()


def disk_bytes(folder: Path) -> int:
    """Return the room that the files take on the disk; a file with two names counts once."""
    seen: set[tuple[int, int]] = set()
    total = 0
    for path in folder.rglob("*"):
        status = path.lstat()
        if (status.st_dev, status.st_ino) not in seen:
            seen.add((status.st_dev, status.st_ino))
            total += status.st_blocks * 512  # st_blocks counts 512 bytes everywhere, stat(2)
    return total


def free_port() -> int:
    """Return a port that nobody listens on now."""
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        return int(trial.getsockname()[1])


def main() -> int:
    """Measure, print, and say whether every limit holds."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print JSON for machines")
    parser.add_argument("--idle-seconds", type=float, default=15.0, help="rest between ready and the memory figure")
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="cloister-bench-"))
    try:
        figures = asdict(measure(folder, idle_seconds=arguments.idle_seconds))
    finally:
        shutil.rmtree(folder)
    broken = [name for name, limit in LIMITS.items() if figures[name] > limit]
    if arguments.json:
        print(json.dumps({**figures, "limits": LIMITS, "broken": broken}, indent=2))
    else:
        for name, value in figures.items():
            if name != "processes":
                limit = f"   limit {LIMITS[name]:.1f}" if name in LIMITS else ""
                print(f"{name:<26}{value:>9.1f}{limit}{'   BROKEN' if name in broken else ''}")
        for name, share in figures["processes"].items():
            print(f"    {share:7.1f} MiB  {name}")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
