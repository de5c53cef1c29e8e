"""Bring a database to this version: login roles, the vector extension, then every revision, in one transaction."""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import psycopg
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from pydantic import SecretStr
from sqlalchemy import Connection, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError
from sqlmodel import SQLModel

from assistant.audit.events import LogRestored
from assistant.audit.record import Origin, Record, compose_record
from assistant.audit.writing.partitions import MONTHS_AHEAD
from assistant.database import create_command_engine, parse_url
from assistant.errors import CloisterError, SettingsError, UnavailableError
from assistant.keys import Keys
from assistant.migrations.roles import AUDIT_OWNER_ROLE, prepare_database

# Any number does that no other program takes on this database; this one spells "cloister" in ASCII, as a bigint.
_LOCK_ID: Final = int.from_bytes(b"cloister", "big")
OLDEST_SERVER: Final = 160000  # Postgres 16: membership without inheritance, which roles.py needs
_INSERT_EVENT: Final = text(
    f"INSERT INTO audit.event ({', '.join(Record._fields)}) "  # noqa: S608 - constants
    f"VALUES ({', '.join(f':{name}' for name in Record._fields)})"
)
_LOCATION: Final = Path(__file__).parent


def migrate(owner_url: SecretStr, keys: Keys) -> None:
    """Create or update roles and tables; safe to repeat, and safe when two processes do it at once.

    Everything happens in one transaction: a revision that fails leaves the database as it was. So a revision may
    not hold statements that Postgres refuses inside a transaction, such as `CREATE INDEX CONCURRENTLY`.

    Args:
        owner_url: the owner of the database; it may create roles (CREATEROLE) and need not be a superuser.
        keys: the passwords of the login roles are derived from them.

    Raises:
        UnavailableError: the database does not answer.
        SettingsError: it is too old or was made by a newer Cloister, or the owner lacks a right.
    """
    with _transaction(owner_url) as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:id)"), {"id": _LOCK_ID})
        _refuse_other_versions(connection)
        prepare_database(connection, keys)
        command.upgrade(_config(connection), "heads")
        connection.execute(text(f"SET LOCAL ROLE {AUDIT_OWNER_ROLE}"))
        connection.execute(text("SELECT audit.ensure_partitions(:months)"), {"months": MONTHS_AHEAD})
        connection.execute(text("RESET ROLE"))


def begin_era(owner_url: SecretStr, origin: Origin) -> int:
    """Have new audit events belong to the next era, after a restore; return it.

    The event that says so is of the same transaction: so the first batch of the era has it.

    Raises:
        UnavailableError: the database does not answer.
        SettingsError: the owner lacks a right.
    """
    with _transaction(owner_url) as connection:
        connection.execute(text(f"SET LOCAL ROLE {AUDIT_OWNER_ROLE}"))
        era = int(connection.scalar(text("SELECT audit.begin_era()")) or 0)
        record = compose_record(LogRestored(actor=None, era=era), origin, time.time_ns())
        connection.execute(_INSERT_EVENT, record._asdict())
        return era


def head_revision() -> str:
    """Return the revision that this version of Cloister needs."""
    return ScriptDirectory(str(_LOCATION)).get_current_head() or ""


def find_drift(owner_url: SecretStr) -> list[str]:
    """Return what differs between the rooms' tables and the migrated database; empty when they agree."""
    from assistant.migrations.tables import METADATA  # noqa: PLC0415 - every room's tables, which only this check needs

    with _transaction(owner_url) as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "include_object": _is_ours})
        return [repr(difference) for difference in compare_metadata(context, METADATA)]


@contextmanager
def _transaction(owner_url: SecretStr) -> Generator[Connection]:
    address = parse_url(owner_url)
    engine = create_command_engine(owner_url)
    try:
        with engine.begin() as connection:
            yield connection
    except (DBAPIError, psycopg.Error) as error:
        explained = _explain(error, address)
        if explained is None:
            raise
        raise explained from error
    finally:
        engine.dispose()


def _explain(error: DBAPIError | psycopg.Error, address: URL) -> CloisterError | None:
    cause = error.orig if isinstance(error, DBAPIError) else error
    first_line = str(cause).partition("\n")[0].strip()
    if isinstance(cause, psycopg.errors.InsufficientPrivilege):
        return SettingsError(
            f"The role {address.username!r} may not do this in the database {address.database!r}: {first_line}. "
            "It must own the database and the roles that begin with cloister_, and have CREATEROLE."
        )
    if isinstance(cause, psycopg.OperationalError):
        return UnavailableError(
            f"The database at {address.host or 'the local socket'!r} does not answer or refuses {address.username!r}: "
            f"{first_line}. Check CLOISTER_DATABASE_URL and that the server runs."
        )
    return None


def _refuse_other_versions(connection: Connection) -> None:
    server = int(connection.scalar(text("SHOW server_version_num")) or 0)
    if server < OLDEST_SERVER:
        raise SettingsError(
            f"The database runs Postgres {server // 10_000}; Cloister needs 16 or newer. Upgrade the server."
        )
    script = ScriptDirectory(str(_LOCATION))
    for revision in MigrationContext.configure(connection).get_current_heads():
        try:
            script.get_revision(revision)
        except CommandError:
            raise SettingsError(
                f"The database is at revision {revision!r}, which this version of Cloister does not know: a newer "
                "version has used it. Install that version again, or restore a backup made by this one."
            ) from None


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_LOCATION).replace("%", "%%"))  # ConfigParser expands `%`
    config.attributes["connection"] = connection
    return config


def _is_ours(_thing: object, name: str | None, kind: str, _is_reflected: bool, _compared: object) -> bool:  # noqa: FBT001 - Alembic's signature
    return not (kind == "table" and name == "alembic_version" and name not in SQLModel.metadata.tables)
