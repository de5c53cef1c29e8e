"""${message.capitalize()}."""

# Pattern of every revision:
# - One file per room and change, `versions/NNNN_room.py`; `revision` is its number, `down_revision` the one before.
# - Tables stand in schema `public`: what the owner creates there, `cloister_app` may use (0001_foundation).
# - Everything runs in one transaction: no CREATE INDEX CONCURRENTLY, no COMMIT.
# - A released revision never changes; there is no way back: `downgrade` is for nobody, a backup is.
# - The room's SQLModel tables say the same (`tests/integration/test_migrations.py` compares).

import sqlalchemy as sa
from alembic import op
${imports if imports else ""}
revision = "NNNN"  # drafted as ${up_revision}: give it the next number
down_revision = ${repr(down_revision)}
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the change."""
    ${upgrades if upgrades else "pass"}
