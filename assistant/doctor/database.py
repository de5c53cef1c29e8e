"""The database: whether it answers, is what Cloister needs, and lets each role do its own work and no more."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Final, LiteralString

import psycopg
from pydantic import SecretStr

from assistant.database import connect
from assistant.database_roles import (
    APP_ROLE,
    AUDIT_ERASER_ROLE,
    AUDIT_PROJECTOR_ROLE,
    AUDIT_READER_ROLE,
    AUDIT_SEALER_ROLE,
    AUDIT_WRITER_ROLE,
    LOGIN_ROLES,
    url_for_role,
)
from assistant.doctor.check import Check, fail, ok, warn
from assistant.doctor.clocks import check_skew
from assistant.keys import Keys
from assistant.migrations.migrate import OLDEST_SERVER, head_revision

_MAKE_ROLES: Final = "Run `cloister migrate` with the owner's address, and the same master key as before."

_FACTS: Final[LiteralString] = """
SELECT current_setting('server_version_num')::int AS version, clock_timestamp() AS now,
    EXISTS (SELECT FROM pg_extension WHERE extname = 'vector') AS has_vector
"""
_TRIGGERS: Final[LiteralString] = """
SELECT count(*) AS there, count(*) FILTER (WHERE tgenabled <> 'A') AS off
FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid JOIN pg_namespace ON pg_namespace.oid = relnamespace
WHERE nspname = 'audit' AND NOT tgisinternal AND tgname LIKE 'refuse%'
"""
_RIGHTS: Final[LiteralString] = """
SELECT has_schema_privilege(pg_namespace.oid, 'USAGE') AS "enter",
    has_any_column_privilege(pg_class.oid, 'SELECT') AS "read",
    has_any_column_privilege(pg_class.oid, 'INSERT') AS "add",
    has_any_column_privilege(pg_class.oid, 'UPDATE') AS "change",
    has_table_privilege(pg_class.oid, 'DELETE') AS "delete",
    has_table_privilege(pg_class.oid, 'TRUNCATE') AS "empty",
    (SELECT rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls
        FROM pg_roles WHERE rolname = current_user) AS "rule"
FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
WHERE nspname = 'audit' AND relname = 'event'
"""
_OWN_RIGHTS: Final = {
    APP_ROLE: frozenset[str](),
    AUDIT_WRITER_ROLE: frozenset({"enter", "add"}),
    AUDIT_READER_ROLE: frozenset({"enter", "read"}),
    AUDIT_SEALER_ROLE: frozenset({"enter", "read"}),
    AUDIT_PROJECTOR_ROLE: frozenset({"enter", "read"}),
    AUDIT_ERASER_ROLE: frozenset({"enter"}),
}
_MAY: Final = {
    "enter": "enter the audit log's schema",
    "rule": "make roles or databases",
}


async def check_database(owner_url: SecretStr, keys: Keys) -> AsyncIterator[Check]:
    """Look at the server as the application, then at each role.

    Args:
        owner_url: the database; its name and password are not used.
        keys: from which the roles' passwords follow.
    """
    try:
        connection = await connect(url_for_role(owner_url, APP_ROLE, keys), autocommit=True, connect_timeout=5)
    except psycopg.Error as error:
        yield fail("database", f"It does not let {APP_ROLE} in: {_first_line(error)}.", _advice_for(error))
        return
    async with connection:
        facts = await _row(connection, _FACTS)
        version = facts["version"] // 10_000
        if facts["version"] < OLDEST_SERVER:
            yield fail("database", f"Postgres {version} is too old.", "Bring it to 16 or newer.")
        else:
            yield ok("database", f"Postgres {version} answers.")
        if not facts["has_vector"]:
            yield fail("pgvector", "The extension is missing.", "CREATE EXTENSION vector, as a superuser, once.")
        yield check_skew("database clock", facts["now"], datetime.now(UTC))
        yield await _check_tables(connection)
    for role in LOGIN_ROLES:
        yield await _check_role(role, url_for_role(owner_url, role, keys))


async def _check_tables(connection: psycopg.AsyncConnection) -> Check:
    name = "tables"
    there = ""
    with suppress(psycopg.Error):
        there = (await _row(connection, "SELECT version_num FROM public.alembic_version"))["version_num"]
    wanted = head_revision()
    if there == wanted:
        return ok(name, f"They are of this version ({wanted}).")
    return fail(name, f"They are at revision {there or 'none'} and this version needs {wanted}.", "`cloister migrate`")


async def _check_role(role: str, url: SecretStr) -> Check:
    name = f"role {role}"
    try:
        connection = await connect(url, autocommit=True, connect_timeout=5)
    except psycopg.Error as error:
        return fail(name, f"It cannot sign in: {_first_line(error)}.", _MAKE_ROLES)
    async with connection:
        rights = await _row(connection, _RIGHTS)
        has = {right for right, is_given in rights.items() if is_given}
        if excess := has - _OWN_RIGHTS[role]:
            words = ", ".join(_MAY.get(right, f"{right} audit events") for right in sorted(excess))
            return fail(name, f"It may {words}, which is not its work.", f"Revoke it from {role}; ask who gave it.")
        if missing := _OWN_RIGHTS[role] - has:
            return fail(name, f"It may not {', '.join(sorted(missing))} audit events.", _MAKE_ROLES)
        if role == AUDIT_READER_ROLE:
            triggers = await _row(connection, _TRIGGERS)
            if triggers["off"] or not triggers["there"]:
                return fail(
                    "audit triggers",
                    f"{triggers['off']} of {triggers['there']} triggers that refuse changes are switched off.",
                    "Somebody with a superuser's rights did that. Keep the database as it is and find out who and why.",
                )
    return ok(name, "It may do its own work and no more.")


async def _row(connection: psycopg.AsyncConnection, statement: LiteralString) -> dict[str, Any]:
    async with connection.cursor(row_factory=psycopg.rows.dict_row) as cursor:
        await cursor.execute(statement)
        return await cursor.fetchone() or {}


def _first_line(error: psycopg.Error) -> str:
    return str(error).strip().partition("\n")[0].rstrip(".") or type(error).__name__


def _advice_for(error: psycopg.Error) -> str:
    if "password authentication failed" in str(error) or "does not exist" in str(error):
        return _MAKE_ROLES
    return "Look whether the server runs and CLOISTER_DATABASE_URL names it."


def not_running(words: str) -> Check:
    """Return what is said where no database was named and none runs."""
    return warn("database", words, "Start `cloister up`; then run this again.")
