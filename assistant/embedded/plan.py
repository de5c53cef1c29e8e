"""What the supervisor starts, in order, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from assistant.embedded.program import Program
from assistant.embedded.ready import Probe


@dataclass(frozen=True, slots=True)
class Service:
    """A process that runs as long as Cloister runs, and is started again when it dies.

    Attributes:
        program: what runs.
        title: what the person reads, such as `Postgres 18`.
        probe: tells when it serves; None where nobody waits for it.
        is_awaited: the next step starts only once this one serves.
        alerts: a line of its output that holds one of these is repeated on the console.
    """

    program: Program
    title: str
    probe: Probe | None = None
    is_awaited: bool = False
    alerts: tuple[str, ...] = (" WARNING", " ERROR", " CRITICAL")


@dataclass(frozen=True, slots=True)
class Task:
    """A process that runs once and must succeed before the next step.

    Attributes:
        program: what runs.
        title: what the person reads.
        stdin: what it reads; kept out of `repr`, it may be a password.
        notices: told to the person once, on the console only, when the task prints the key on a line of its own.
    """

    program: Program
    title: str
    stdin: bytes = field(default=b"", repr=False)
    notices: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything between the start and the end of `cloister up`.

    Attributes:
        data: the data folder, absolute.
        steps: started in this order, ended in the opposite one.
        address: what the person opens once every probe is content.
        start_timeout_seconds: patience for one service's first start.
        keep_open: file descriptors (the lock on the data folder) that live as long as the supervisor.
    """

    data: Path
    steps: tuple[Service | Task, ...]
    address: str
    start_timeout_seconds: float = 90.0
    keep_open: tuple[int, ...] = ()
