"""An order to measure a model at a host is a row, too, so that the log has its end whatever becomes of the command."""

from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Allow the word; every row that is there keeps to the new list as well."""
    op.execute("ALTER TABLE fleet_order DROP CONSTRAINT ck_fleet_order_act")
    op.execute(
        "ALTER TABLE fleet_order ADD CONSTRAINT ck_fleet_order_act "
        "CHECK (act IN ('drain', 'undrain', 'load', 'unload', 'pull', 'bench'))"
    )
