"""What the light over the log rests on is believed where the sealer's role stands beside it, and nobody else's.

Whoever may write events may write that the log was verified, or that an anchor has it. Those two words count from here
on with a voucher, which takes another password; the event is named by its leaf, so it is this one and no other.
"""

from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

_STATEMENTS = (
    """CREATE TABLE audit.voucher (
        event_id   uuid        NOT NULL PRIMARY KEY,
        type       text        NOT NULL,
        leaf       bytea       NOT NULL CHECK (octet_length(leaf) = 32),
        vouched_at timestamptz NOT NULL DEFAULT clock_timestamp()
    )""",
    "CREATE INDEX voucher_by_type ON audit.voucher (type, vouched_at)",
    """CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON audit.voucher
       FOR EACH ROW EXECUTE FUNCTION audit.refuse_change()""",
    "ALTER TABLE audit.voucher ENABLE ALWAYS TRIGGER refuse_change",
    """CREATE TRIGGER refuse_statement BEFORE UPDATE OR DELETE OR TRUNCATE ON audit.voucher
       FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse_change()""",
    "ALTER TABLE audit.voucher ENABLE ALWAYS TRIGGER refuse_statement",
    "GRANT INSERT (event_id, type, leaf) ON audit.voucher TO cloister_audit_sealer",
    "GRANT SELECT ON audit.voucher TO cloister_audit_reader",
)


def upgrade() -> None:
    """Create the table as the log's owner."""
    for statement in ("SET LOCAL ROLE cloister_audit_owner", *_STATEMENTS, "RESET ROLE"):
        op.execute(statement)
