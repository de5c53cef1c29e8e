"""What `cloister up` returns to the shell."""

from __future__ import annotations

from enum import IntEnum


class ExitStatus(IntEnum):
    """Say in one number why `cloister up` ended; documented for the operator in docs/operate.md."""

    STOPPED = 0  # Ctrl-C or SIGTERM, everything ended
    FAILED = 1  # something nobody foresaw; the log has it
    SETTINGS = 2  # a setting is wrong, or the Python is too old
    PORT_TAKEN = 3
    DISK = 4  # the data folder is full, read-only or not a folder
    DATA_VERSION = 5  # the data belongs to another major version of Postgres
    ALREADY_RUNNING = 6  # another Cloister uses this data folder
    SERVER_FAILED = 7  # Postgres, Redis, the migrations or the web did not come up
