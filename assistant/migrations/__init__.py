"""One history of the whole database: roles first, then the revisions in `versions/`, all or nothing.

A room that owns tables adds one file to `versions/` and one line to `tables.py`; nothing else changes.
"""

from assistant.migrations.migrate import find_drift, migrate

__all__ = ["find_drift", "migrate"]
