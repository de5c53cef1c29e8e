"""Columns of the audit log to search by: the model host and the persona, and indexes for what reviewers ask.

Events of the first format leave both empty: their bodies say nothing under these names, and a body never changes.
"""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_COLUMNS = "ALTER TABLE audit.event ADD COLUMN host text, ADD COLUMN persona text"

# Each list is read newest first, so each index ends with the id. What the guard merely let pass has severity 0 and is
# most of the log: no list of hits reads it.
_INDEXES = (
    "CREATE INDEX event_by_host ON audit.event (host, id) WHERE host IS NOT NULL",
    "CREATE INDEX event_by_persona ON audit.event (persona, id) WHERE persona IS NOT NULL",
    "CREATE INDEX event_by_model ON audit.event (model, id) WHERE model IS NOT NULL",
    "CREATE INDEX event_by_severity ON audit.event (severity, id) WHERE severity > 0",
)

_RIGHTS = ("GRANT INSERT (host, persona) ON audit.event TO cloister_audit_writer",)


def upgrade() -> None:
    """Add the columns and indexes to the log and to every month, as the log's owner."""
    for statement in ("SET LOCAL ROLE cloister_audit_owner", _COLUMNS, *_INDEXES, *_RIGHTS, "RESET ROLE"):
        op.execute(statement)
