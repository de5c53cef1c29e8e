"""What Alembic runs for each command.

The product calls `assistant.migrations.migrate`, which hands over its own connection and transaction. A developer
who drafts a revision runs `alembic revision --autogenerate -m "what changes"` with CLOISTER_DATABASE_URL set to a
migrated database, then reads and renames the draft: `versions/NNNN_room.py`, `revision = "NNNN"`.
"""

from alembic import context
from sqlalchemy import Connection

from assistant.database import create_command_engine
from assistant.errors import SettingsError
from assistant.settings import read_settings


def _run_given(connection: Connection) -> None:
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()


def _run_for_developer() -> None:
    from assistant.migrations.tables import METADATA  # noqa: PLC0415 - every room's tables, which only drafting needs

    url = read_settings().database_url
    if url is None:
        raise SettingsError("Set CLOISTER_DATABASE_URL to a database that Alembic may compare with.")
    with create_command_engine(url).connect() as connection:
        context.configure(connection=connection, target_metadata=METADATA)
        with context.begin_transaction():
            context.run_migrations()


given = context.config.attributes.get("connection")
if isinstance(given, Connection):
    _run_given(given)
else:
    _run_for_developer()
