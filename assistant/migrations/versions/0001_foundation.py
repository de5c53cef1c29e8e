"""Close what Postgres leaves open to everybody, and let the application use what the owner creates."""

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_STATEMENTS = (
    "REVOKE ALL ON SCHEMA public FROM PUBLIC",
    "GRANT USAGE ON SCHEMA public TO cloister_app",
    "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO cloister_app",
    "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO cloister_app",
    # Made before the line above took effect: a process may ask which revision is in force, never change it.
    "GRANT SELECT ON public.alembic_version TO cloister_app",
)


def upgrade() -> None:
    """Set who may use the schema of the ordinary tables."""
    for statement in _STATEMENTS:
        op.execute(statement)
