"""The database's roles: who may log in, with which password, and who owns the audit log without logging in."""

from __future__ import annotations

from typing import Final, LiteralString

import psycopg
from psycopg import sql
from sqlalchemy import Connection

from assistant.database_roles import LOGIN_ROLES, role_password
from assistant.errors import SettingsError
from assistant.keys import Keys

AUDIT_OWNER_ROLE: Final = "cloister_audit_owner"  # owns the schema `audit`; nobody logs in as it

_PLAIN: Final = sql.SQL("NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS NOINHERIT")
_POWERS: Final = ("rolsuper", "rolcreatedb", "rolcreaterole", "rolreplication", "rolbypassrls")


def prepare_database(connection: Connection, keys: Keys) -> None:
    """Create what the revisions build on: login roles, the audit log's owner, the vector extension.

    Roles belong to the whole Postgres server, so one server holds one installation of Cloister.

    Raises:
        SettingsError: the extension is absent and the owner may not create it, or a role has powers it must not have.
    """
    raw = connection.connection.driver_connection
    if not isinstance(raw, psycopg.Connection):
        raise TypeError(f"Migrations speak psycopg, not {type(raw).__name__}.")
    for role in LOGIN_ROLES:
        _create_role(raw, role)
        _set_password(raw, role, role_password(keys, role))
        raw.execute(_on_database(raw, "GRANT CONNECT ON DATABASE {database} TO {role}", role))
    _create_role(raw, AUDIT_OWNER_ROLE)
    _join_audit_owner(raw)
    raw.execute(_on_database(raw, "REVOKE TEMPORARY ON DATABASE {database} FROM PUBLIC"))
    _create_vector_extension(raw)


def _create_role(raw: psycopg.Connection, role: str) -> None:
    powers = raw.execute(
        sql.SQL("SELECT {} FROM pg_roles WHERE rolname = %s").format(
            sql.SQL(" OR ").join(map(sql.Identifier, _POWERS))
        ),
        [role],
    ).fetchone()
    if powers is None:
        raw.execute(sql.SQL("CREATE ROLE {} NOLOGIN {}").format(sql.Identifier(role), _PLAIN))
    elif powers[0]:
        raise SettingsError(
            f"The database role {role!r} is a superuser or may create roles or databases. "
            f"Take these rights away (ALTER ROLE {role} NOSUPERUSER NOCREATEROLE NOCREATEDB NOREPLICATION NOBYPASSRLS)."
        )


def _set_password(raw: psycopg.Connection, role: str, password: str) -> None:
    # Only the SCRAM verifier (RFC 5802) travels: a server that logs its statements never sees the password.
    verifier = raw.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256").decode()
    raw.execute(sql.SQL("ALTER ROLE {} LOGIN PASSWORD {}").format(sql.Identifier(role), sql.Literal(verifier)))


def _join_audit_owner(raw: psycopg.Connection) -> None:
    """Let the owner become the audit log's owner by `SET ROLE`, and hold none of its rights until then."""
    is_able = raw.execute("SELECT pg_has_role(current_user, %s, 'SET')", [AUDIT_OWNER_ROLE]).fetchone()
    if is_able != (True,):
        raw.execute(
            sql.SQL("GRANT {} TO CURRENT_USER WITH INHERIT FALSE, SET TRUE").format(sql.Identifier(AUDIT_OWNER_ROLE))
        )


def _create_vector_extension(raw: psycopg.Connection) -> None:
    # No table uses it so far. It is asked for at the first start because only a superuser of the company's server may
    # create it: a later version with embeddings must not stop at an upgrade, waiting for one.
    if raw.execute("SELECT 1 FROM pg_extension WHERE extname = 'vector'").fetchone():
        return
    try:
        raw.execute("CREATE EXTENSION vector")
    except (psycopg.errors.InsufficientPrivilege, psycopg.errors.FeatureNotSupported) as error:
        raise SettingsError(
            "The database lacks the extension `vector` (pgvector). Install pgvector on the server and let "
            f"a superuser run `CREATE EXTENSION vector` in the database {raw.info.dbname!r}, then start again."
        ) from error


def _on_database(raw: psycopg.Connection, statement: LiteralString, role: str = "") -> sql.Composed:
    return sql.SQL(statement).format(database=sql.Identifier(raw.info.dbname), role=sql.Identifier(role or "public"))
