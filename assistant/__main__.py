"""The `cloister` command: the lock on the network first, then everything else."""

from __future__ import annotations

from assistant.egress import lock_process


def main() -> None:
    """Run the command line in a process that reaches nothing but what the settings will name."""
    lock_process()
    from assistant.commands.app import run  # noqa: PLC0415 - no framework is loaded before the lock is on

    run()


if __name__ == "__main__":
    main()
