"""One operating-system process: described as a value, started, told to stop."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final

from assistant.embedded.account import Account

_PR_SET_PDEATHSIG: Final = 1  # prctl(2)
PRIVATE_UMASK: Final = 0o077


@dataclass(frozen=True, slots=True)
class Program:
    """A process that Cloister starts.

    Attributes:
        name: short; also the name of its log file.
        argv: the program and its arguments.
        env: its whole environment; nothing is inherited. Kept out of `repr`, it holds passwords.
        stop_signal: asks it to end.
        hurry_signal: asks again once the grace is over, before SIGKILL; None skips that step.
        orphan_signal: what the kernel sends it when its parent dies without a word (Linux only).
        grace_seconds: patience after each of the two signals.
        account: whom to run as; None is our own account.
        folder: its working directory.
    """

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    stop_signal: signal.Signals = signal.SIGTERM
    hurry_signal: signal.Signals | None = None
    orphan_signal: signal.Signals = signal.SIGTERM
    grace_seconds: float = 10.0
    account: Account | None = None
    folder: Path | None = None


def launch(
    program: Program, *, output: int | IO[bytes] = subprocess.PIPE, stdin: int = subprocess.DEVNULL
) -> subprocess.Popen[bytes]:
    """Start a program in its own session, so that Ctrl-C reaches it only through us.

    Call this from the main thread: the kernel ties the child to the *thread* that made it.

    Args:
        program: what to start.
        output: where standard output and error go together.
        stdin: where standard input comes from.

    Raises:
        OSError: the program does not exist or may not be run.
    """
    account = program.account
    return subprocess.Popen(  # noqa: S603 - argv comes from our own plan, never from a person
        program.argv,
        env=dict(program.env),
        cwd=program.folder,
        stdin=stdin,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        umask=PRIVATE_UMASK,
        user=None if account is None else account.uid,
        group=None if account is None else account.gid,
        extra_groups=None if account is None else [],
        preexec_fn=tie_to_parent(program.orphan_signal),  # noqa: PLW1509 - we have one thread when we start processes
    )


def end(process: subprocess.Popen[bytes], program: Program) -> int:
    """Ask a program to stop, wait, insist, kill; return its exit status. Whatever it had started ends with it."""
    for request in (program.stop_signal, program.hurry_signal):
        if request is not None and process.poll() is None:
            process.send_signal(request)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(program.grace_seconds)
    kill_group(process.pid)
    return process.wait()


def kill_group(leader: int) -> None:
    """Kill every process that is left in the group which `launch` made."""
    with contextlib.suppress(ProcessLookupError, PermissionError):  # macOS says EPERM for a group of zombies
        os.killpg(leader, signal.SIGKILL)


def tie_to_parent(orphan_signal: signal.Signals) -> Callable[[], None] | None:
    """Return what the child runs between fork and exec so that it does not outlive a killed parent.

    `preexec_fn` runs after the change of account, which would clear the tie; that is why `user=` alone is not enough.
    """
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl  # loaded before the fork: the child must not allocate much
    parent = os.getpid()

    def tie() -> None:
        prctl(_PR_SET_PDEATHSIG, int(orphan_signal), 0, 0, 0)
        if os.getppid() != parent:  # it died in between, so the kernel has nothing left to tell us
            os._exit(1)

    return tie
