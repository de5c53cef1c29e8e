"""An event that retention dropped does not come back, whoever still has its body: from a copy of a spool, or by hand.

Its month is gone, so it would come into the default partition, where hardly any other event comes.
"""

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

_REFUSE = """
CREATE FUNCTION audit.refuse_dropped() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
BEGIN
    IF EXISTS (SELECT FROM audit.stub WHERE id = NEW.id) THEN
        RAISE EXCEPTION 'Retention dropped the event %: it does not come back.', NEW.id
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$
"""

_TRIGGER = (
    """CREATE TRIGGER refuse_dropped BEFORE INSERT ON audit.event_default
       FOR EACH ROW EXECUTE FUNCTION audit.refuse_dropped()""",
    "ALTER TABLE audit.event_default ENABLE ALWAYS TRIGGER refuse_dropped",
)


def upgrade() -> None:
    """Add the trigger as the log's owner."""
    for statement in (
        "SET LOCAL ROLE cloister_audit_owner",
        _REFUSE,
        "REVOKE ALL ON FUNCTION audit.refuse_dropped() FROM PUBLIC",
        *_TRIGGER,
        "RESET ROLE",
    ):
        op.execute(statement)
