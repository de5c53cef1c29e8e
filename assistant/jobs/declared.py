"""The jobs there are. `assistant` sends them by name; `workers` holds one task for each, which a test checks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class DeclaredJob:
    """A kind of job.

    Attributes:
        name: the name of its Celery task.
        label: what a person reads, such as `Add a document`.
        max_attempts: how often it may start, counting crashes of the worker, before it is given up.
        lease_seconds: how long a worker that went silent keeps it; a heartbeat comes every third of that.
        limit_seconds: a run that takes longer is killed with its process; the next attempt starts anew.
    """

    name: str
    label: str
    max_attempts: int = 5
    lease_seconds: float = 15.0
    limit_seconds: int = 900


INDEX_UPLOAD: Final = DeclaredJob(name="index_upload", label="Add a document")
INDEX_DOCUMENTATION: Final = DeclaredJob(name="index_documentation", label="Read the product's documentation")
WRITE_EXPORTS: Final = DeclaredJob(name="write_exports", label="Write exports of the audit log", limit_seconds=3600)

DECLARED: Final = (INDEX_UPLOAD, INDEX_DOCUMENTATION, WRITE_EXPORTS)
