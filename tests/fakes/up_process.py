"""Drive `cloister up` (with the small product) from the outside, as a terminal would."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import psutil

_PATIENCE_SECONDS: Final = 120.0
_ROOT: Final = Path(__file__).parents[2]


class UpProcess:
    """One run of `cloister up` and everything it printed."""

    def __init__(self, data: Path, *, port: int, console: Path, **more: str) -> None:
        self.data = data
        self.console = console
        env = {name: value for name, value in os.environ.items() if not name.startswith("CLOISTER_")}
        env |= {"CLOISTER_DATA_DIR": str(data), "CLOISTER_PORT": str(port), **more}
        with console.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.fakes.small_product"],
                cwd=_ROOT,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def text(self) -> str:
        return self.console.read_text(encoding="utf-8")

    def until_says(self, words: str, times: int = 1) -> None:
        eventually(lambda: self.text.count(words) >= times or self.process.poll() is not None, self.text)
        assert self.text.count(words) >= times, self.text

    def until_ready(self) -> None:
        self.until_says("Cloister is ready")

    def pid_of(self, name: str) -> int:
        records = json.loads((self.data / "run" / "processes.json").read_text(encoding="utf-8"))
        return int(next(record["pid"] for record in records if record["name"] == name))

    def log_of(self, name: str) -> str:
        file = self.data / "logs" / f"{name}.log"
        return file.read_text(encoding="utf-8") if file.exists() else ""

    def family(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def ends(self, request: signal.Signals | None = None) -> int:
        if request is not None:
            self.process.send_signal(request)
        return self.process.wait(_PATIENCE_SECONDS)

    def destroy(self) -> None:
        """Leave nothing behind, whatever the test found."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(_PATIENCE_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


def eventually(is_so: Callable[[], bool], what: object = "it") -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not is_so():
        assert time.monotonic() < deadline, f"still not so: {what}"
        time.sleep(0.02)


def is_alive(process: psutil.Process) -> bool:
    """Tell whether a process runs; it may end while it is looked at."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def are_gone(family: list[psutil.Process]) -> bool:
    return not any(is_alive(process) for process in family)


def command_line(process: psutil.Process) -> str:
    """Return what a process was started with; nothing if it has ended: Postgres' own come and go."""
    try:
        return " ".join(process.cmdline())
    except psutil.NoSuchProcess:
        return ""


def free_port() -> int:
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        return int(trial.getsockname()[1])
