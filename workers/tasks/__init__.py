"""One file per task, and the list of them all. A task parses, runs one use case, and returns a receipt."""

from __future__ import annotations

from typing import Final

from workers.tasks import (
    close_stale_turns,
    draw_second_looks,
    ensure_audit_partitions,
    expire_unmasking,
    follow_hits,
    forget_old_jobs,
    index_documentation,
    index_upload,
    note_ended_jobs,
    project_audit,
    reap_jobs,
    refresh_documentation,
    sweep_uploads,
    tend_exports,
    write_exports,
)

JOBS: Final = {
    "index_upload": index_upload.run,
    "index_documentation": index_documentation.run,
    "write_exports": write_exports.run,
}
"""Tasks of declared jobs, by the name under which they are sent; each gets the id of its job."""

CHORES: Final = {
    "reap_jobs": reap_jobs.run,
    "note_ended_jobs": note_ended_jobs.run,
    "close_stale_turns": close_stale_turns.run,
    "sweep_uploads": sweep_uploads.run,
    "refresh_documentation": refresh_documentation.run,
    "forget_old_jobs": forget_old_jobs.run,
    "ensure_audit_partitions": ensure_audit_partitions.run,
    "follow_hits": follow_hits.run,
    "draw_second_looks": draw_second_looks.run,
    "expire_unmasking": expire_unmasking.run,
    "tend_exports": tend_exports.run,
    "project_audit": project_audit.run,
}
"""Tasks that the schedule sends; they have no row, because the next one makes up for one that was lost."""
