"""The one question that the writer may ask of the log: which of my events stand there with another hash."""

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

# What was stored while its commit's fate was unknown is sent again and skipped. Skipped because it is there is well;
# skipped because something else took its id is not, and must not look the same.
_CONFLICTING_EVENTS = """
CREATE FUNCTION audit.conflicting_events(ids uuid[], leaves bytea[]) RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' AS $$
    SELECT sent.id FROM unnest(ids, leaves) AS sent (id, leaf) JOIN audit.event stored ON stored.id = sent.id
    WHERE stored.leaf <> sent.leaf
$$
"""

_RIGHTS = (
    "REVOKE ALL ON FUNCTION audit.conflicting_events(uuid[], bytea[]) FROM PUBLIC",
    "GRANT EXECUTE ON FUNCTION audit.conflicting_events(uuid[], bytea[]) TO cloister_audit_writer",
)


def upgrade() -> None:
    """Create the function as the log's owner, who may read it."""
    for statement in ("SET LOCAL ROLE cloister_audit_owner", _CONFLICTING_EVENTS, *_RIGHTS, "RESET ROLE"):
        op.execute(statement)
