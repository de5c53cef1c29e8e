"""Indexes for the lists of the console: what the guard held back, and what one model was asked.

Each serves `this value, the newest first`. The first is partial: most events have no finding, and an insert of one of
those costs nothing more.
"""

from alembic import op

revision = "0012"
down_revision = "0007"
branch_labels = None
depends_on = None

_INDEXES = (
    "CREATE INDEX event_by_severity ON audit.event (severity, id) WHERE severity >= 1",
    "CREATE INDEX event_by_model ON audit.event (model, id) WHERE model IS NOT NULL",
)


def upgrade() -> None:
    """Create them as the log's owner; partitions that come later copy them."""
    for statement in ("SET LOCAL ROLE cloister_audit_owner", *_INDEXES, "RESET ROLE"):
        op.execute(statement)
