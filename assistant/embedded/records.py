"""Which processes are ours, written down so that a start after a `kill -9` can end what was left behind."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from assistant.embedded.identity import is_orphaned_group, is_same_process
from assistant.embedded.program import kill_group
from assistant.embedded.ready import wait_until

_GRACE_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True)
class Record:
    """One process that we started.

    Attributes:
        name: the program's.
        pid: its process id, also its group's.
        mark: tells it from a later process with the same id (`identity.start_mark`).
        stop_signal: asks it to end.
    """

    name: str
    pid: int
    mark: str
    stop_signal: int


def write_records(file: Path, records: Iterable[Record]) -> None:
    """Replace the file as a whole.

    Raises:
        OSError: the disk cannot be written.
    """
    attempt = file.with_suffix(".new")
    attempt.write_text(json.dumps([asdict(record) for record in records]), encoding="utf-8")
    attempt.replace(file)


def read_records(file: Path) -> tuple[Record, ...]:
    """Read what is there; a missing or torn file means nothing was left."""
    with contextlib.suppress(OSError, ValueError, TypeError):
        return tuple(Record(**entry) for entry in json.loads(file.read_text(encoding="utf-8")))
    return ()


def end_leftovers(file: Path) -> tuple[str, ...]:
    """End what an earlier supervisor left running, last started first, and return the names.

    Only a process whose id *and* start time are on record is touched.
    """
    ended = []
    for record in reversed(read_records(file)):
        if is_same_process(record.pid, record.mark):
            _end(record)
            ended.append(record.name)
        elif is_orphaned_group(record.pid, record.mark):
            kill_group(record.pid)
    file.unlink(missing_ok=True)
    return tuple(ended)


def _end(record: Record) -> None:
    """Ask, wait, then kill the process with everything it started."""

    def is_over() -> bool:
        return not is_same_process(record.pid, record.mark)

    with contextlib.suppress(ProcessLookupError):
        os.kill(record.pid, record.stop_signal)
    wait_until(is_over, _GRACE_SECONDS)
    kill_group(record.pid)
    wait_until(is_over, _GRACE_SECONDS)
