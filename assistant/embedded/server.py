"""A server of ours that is started and stopped by hand, as tests and single commands do."""

from __future__ import annotations

import subprocess
from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self

from assistant.embedded.exit_status import ExitStatus
from assistant.embedded.folders import Folders, leave_socket_folder
from assistant.embedded.program import Program, end, launch
from assistant.embedded.ready import Probe, wait_until
from assistant.errors import EmbeddedError


class EmbeddedServer(ABC):
    """What Postgres and Redis have in common; `cloister up` takes `program` and lets its supervisor run it.

    Args:
        title: what the person reads.
        folders: of the installation.
        start_timeout_seconds: patience with `start`.
    """

    def __init__(self, title: str, folders: Folders, *, start_timeout_seconds: float) -> None:
        self._title = title
        self._folders = folders
        self._start_timeout_seconds = start_timeout_seconds
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
    @abstractmethod
    def probe(self) -> Probe:
        """Return how to ask whether it serves."""

    @property
    @abstractmethod
    def program(self) -> Program:
        """Return how to run the server; `prepare` comes first."""

    @abstractmethod
    def prepare(self) -> None:
        """Make what the server needs.

        Raises:
            EmbeddedError: something is in the way.
        """

    def start(self) -> None:
        """Prepare, start, and return once the server answers.

        Raises:
            EmbeddedError: it cannot start; the message names the log.
        """
        self.prepare()
        log_file = self._folders.logs / f"{self.program.name}.log"
        with log_file.open("ab") as output:
            self._process = process = launch(self.program, output=output)
        is_ready = self.probe.is_ready
        wait_until(lambda: process.poll() is not None or is_ready(process.pid), self._start_timeout_seconds)
        if process.poll() is not None or not is_ready(process.pid):
            self.stop()
            raise EmbeddedError(
                f"{self._title} did not start. See {str(log_file)!r}.", exit_status=ExitStatus.SERVER_FAILED
            )

    def stop(self) -> None:
        """Stop the server if it runs: first it is asked, then made to."""
        if self._process is not None:
            end(self._process, self.program)
            self._process = None
            leave_socket_folder(self._folders, self.program.name)
