"""`python -m workers worker` and `python -m workers scheduler`: the lock on the network first, then everything else."""

from __future__ import annotations

import sys

from assistant.egress import lock_process


def main() -> int:
    """Run one of the processes until it is told to stop; returns the exit status."""
    lock_process()
    from workers.command import run  # noqa: PLC0415 - no framework is loaded before the lock is on

    return run()


if __name__ == "__main__":
    sys.exit(main())
