"""An index for 'my log': what somebody else did about a person, such as looking at a turn of theirs.

Such events are few beside what people do themselves, so hardly an insert pays for it.
"""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_INDEX = (
    "CREATE INDEX event_by_subject_of_others ON audit.event (subject, id) "
    "WHERE subject IS NOT NULL AND actor IS DISTINCT FROM subject"
)


def upgrade() -> None:
    """Create it as the log's owner; partitions that come later copy it."""
    for statement in ("SET LOCAL ROLE cloister_audit_owner", _INDEX, "RESET ROLE"):
        op.execute(statement)
