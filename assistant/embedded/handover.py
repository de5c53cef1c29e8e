"""Replace the process that read the settings by a small one that only supervises.

Reading settings and deriving passwords loads pydantic, SQLAlchemy and cryptography: 70 MB that the supervisor would
hold for weeks. `exec` keeps the process id, the terminal and the lock on the data folder, and gives the memory back.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import sys
from pathlib import Path
from typing import Final, NoReturn

from assistant.egress import allow_programs
from assistant.embedded.identity import PS
from assistant.embedded.plan import Plan
from assistant.embedded.supervisor import supervise
from policies.egress import Program

SUPERVISOR: Final = (sys.executable, "-P", "-m", "assistant.embedded")  # and the descriptor of its plan


def hand_over(plan: Plan) -> int:
    """Become the supervisor of this plan; where the system has no anonymous files (macOS), supervise right here.

    Returns:
        The exit status; where `exec` works, it is the process's own and this does not return.
    """
    if hasattr(os, "memfd_create"):
        with contextlib.suppress(
            OSError
        ):  # no memory for it, or a Python that may not be run twice: large, but it works
            _replace_ourselves(plan)
    return _supervise(plan)


def _replace_ourselves(plan: Plan) -> NoReturn:
    # The plan holds passwords: it travels in memory, never in a file, an argument or the environment.
    descriptor = os.memfd_create("cloister-plan", 0)
    with os.fdopen(descriptor, "wb", closefd=False) as stream:
        pickle.dump(plan, stream)
    os.lseek(descriptor, 0, os.SEEK_SET)
    for held in plan.keep_open:
        os.set_inheritable(held, True)
    sys.stdout.flush()
    sys.stderr.flush()
    argv = [*SUPERVISOR, str(descriptor)]
    # Nothing else of the environment: the supervisor needs none of it, and it may hold the administrator's password.
    os.execve(sys.executable, argv, {"PYTHONPATH": str(Path(__file__).parents[2])})  # noqa: S606 - ourselves


def take_over(descriptor: int) -> int:
    """Read the plan that `hand_over` left and supervise it."""
    with os.fdopen(descriptor, "rb") as stream:
        plan = pickle.load(stream)  # noqa: S301 - our own bytes, from our own process, never outside memory
    if not isinstance(plan, Plan):
        raise TypeError("The descriptor does not hold a plan.")
    for held in plan.keep_open:
        os.set_inheritable(held, False)
    return _supervise(plan)


def _supervise(plan: Plan) -> int:
    """Start what the plan names, argument for argument, and ask whether the page answers; the lock allows no more."""
    commands = (step.program.argv for step in plan.steps)
    allow_programs(map(Program.of, (*commands, PS)), url=plan.address)
    return supervise(plan)
