"""An order that a command carries out is a row, too, so that somebody ends it when the command is killed.

Nobody's name stands in it: who may start commands on the machine is not known to Cloister.
"""

from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Allow orders of nobody who is known."""
    op.execute("ALTER TABLE fleet_order ALTER COLUMN requested_by DROP NOT NULL")
