"""`python -m assistant.embedded FD`: the supervisor that `cloister up` becomes; see `handover`."""

from __future__ import annotations

import sys

from assistant.egress import lock_process


def main() -> int:
    """Supervise the plan that this file descriptor holds; returns the exit status."""
    lock_process()
    from assistant import logging_guard  # noqa: PLC0415 - the lock is on first
    from assistant.embedded.handover import take_over  # noqa: PLC0415 - likewise

    logging_guard.install()
    return take_over(int(sys.argv[1]))


if __name__ == "__main__":
    sys.exit(main())
