"""No event comes into the log under a time after the year 9998: nothing needs it, and retention could never drop it.

An id begins with its time, and such a one is of no month, so it lies in the default partition. The trigger there is
asked already whether the event was dropped before, so that no ordinary event pays for the question. What came in under
such an id before this revision stays where it is.
"""

from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None

_REFUSE = """
CREATE OR REPLACE FUNCTION audit.refuse_dropped() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
BEGIN
    IF NEW.id >= audit.first_id('9999-01-01') THEN
        RAISE EXCEPTION 'The event % claims a time after the year 9998: look at the clock of who wrote it.', NEW.id
            USING ERRCODE = 'restrict_violation';
    END IF;
    IF EXISTS (SELECT FROM audit.stub WHERE id = NEW.id) THEN
        RAISE EXCEPTION 'Retention dropped the event %: it does not come back.', NEW.id
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$
"""


def upgrade() -> None:
    """Replace the function as the log's owner."""
    for statement in ("SET LOCAL ROLE cloister_audit_owner", _REFUSE, "RESET ROLE"):
        op.execute(statement)
