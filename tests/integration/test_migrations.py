"""Migrations on a real server: as superuser and as a company's plain owner, twice, at once, too old, too new."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from pydantic import SecretStr

from assistant.database import libpq_dsn, parse_url
from assistant.database_roles import LOGIN_ROLES, role_password, url_for_role
from assistant.embedded.postgres import EmbeddedPostgres
from assistant.errors import SettingsError, UnavailableError
from assistant.keys import Keys
from assistant.migrations import find_drift, migrate
from tests.integration.conftest import Database, url_of_database

pytestmark = pytest.mark.integration

# Everything that a repeated migration could change: tables, columns, rights, triggers, indexes, default rights.
_CATALOGUE = """
SELECT 'relation', relname::text, relkind::text, relacl::text, pg_get_expr(relpartbound, oid)
  FROM pg_class WHERE relnamespace IN ('public'::regnamespace, 'audit'::regnamespace)
UNION ALL SELECT 'column', attrelid::regclass::text, attname::text, atttypid::regtype::text, attacl::text
  FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
  WHERE relnamespace IN ('public'::regnamespace, 'audit'::regnamespace)
UNION ALL SELECT 'trigger', tgrelid::regclass::text, tgname::text, tgenabled::text, NULL
  FROM pg_trigger WHERE NOT tgisinternal
UNION ALL SELECT 'default', defaclobjtype::text, defaclacl::text, NULL, NULL FROM pg_default_acl
UNION ALL SELECT 'schema', nspname::text, nspacl::text, NULL, NULL FROM pg_namespace WHERE nspname !~ '^pg_'
UNION ALL SELECT 'membership', roleid::regrole::text, member::regrole::text, inherit_option::text, set_option::text
  FROM pg_auth_members
ORDER BY 1, 2, 3, 4, 5
"""


def _catalogue(owner_url: SecretStr) -> list[tuple[object, ...]]:
    with psycopg.connect(libpq_dsn(owner_url)) as connection:
        return connection.execute(_CATALOGUE).fetchall()


def test_rooms_tables_and_the_migrated_database_agree(database: Database) -> None:
    assert find_drift(database.owner_url) == []


def test_a_table_that_changed_behind_the_rooms_back_is_seen(database: Database) -> None:
    with psycopg.connect(libpq_dsn(database.owner_url)) as connection:
        connection.execute("ALTER TABLE person ADD COLUMN shoe_size integer")
        connection.execute("CREATE TABLE stray (id integer)")
    assert ["shoe_size" in drift or "stray" in drift for drift in find_drift(database.owner_url)] == [True, True]


def test_history_is_one_line(database: Database) -> None:
    with psycopg.connect(libpq_dsn(database.owner_url)) as connection:
        assert len(connection.execute("SELECT version_num FROM alembic_version").fetchall()) == 1


def test_migrating_again_changes_nothing(database: Database) -> None:
    before = _catalogue(database.owner_url)
    migrate(database.owner_url, database.keys)
    assert _catalogue(database.owner_url) == before


def test_several_may_migrate_at_once(empty_database: SecretStr, database: Database, keys: Keys) -> None:
    with ThreadPoolExecutor() as pool:
        for done in [pool.submit(migrate, empty_database, keys) for _ in range(3)]:
            done.result()
    assert _catalogue(empty_database) == _catalogue(database.owner_url)


def test_a_database_of_a_newer_version_is_refused_untouched(database: Database) -> None:
    with psycopg.connect(libpq_dsn(database.owner_url)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    before = _catalogue(database.owner_url)
    with pytest.raises(SettingsError, match=r"'9999'.*newer version"):
        migrate(database.owner_url, database.keys)
    assert _catalogue(database.owner_url) == before


@pytest.mark.parametrize("role", LOGIN_ROLES)
def test_every_role_logs_in_with_its_derived_password_and_no_other(database: Database, role: str) -> None:
    url = url_for_role(database.owner_url, role, database.keys)
    with psycopg.connect(libpq_dsn(url)) as connection:
        assert connection.info.user == role
    wrong = parse_url(url).set(password="wrong").render_as_string(hide_password=False)
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(libpq_dsn(SecretStr(wrong)))


def test_new_master_key_changes_the_passwords(empty_database: SecretStr, keys: Keys) -> None:
    try:
        migrate(empty_database, Keys(b"x" * 32))
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(libpq_dsn(url_for_role(empty_database, LOGIN_ROLES[0], keys)))
    finally:
        migrate(empty_database, keys)  # the server's roles are those of the other tests, too
    psycopg.connect(libpq_dsn(url_for_role(empty_database, LOGIN_ROLES[0], keys))).close()


def test_a_server_that_logs_every_statement_learns_no_password(
    empty_database: SecretStr, keys: Keys, servers_dir: Path
) -> None:
    with psycopg.connect(libpq_dsn(empty_database), autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {parse_url(empty_database).database} SET log_statement = 'all'")
    migrate(empty_database, keys)
    log = (servers_dir / "p" / "logs" / "postgres.log").read_text()  # a walk would meet folders that Postgres removes
    assert f'ALTER ROLE "{LOGIN_ROLES[0]}" LOGIN PASSWORD' in log
    assert not [role for role in LOGIN_ROLES if role_password(keys, role) in log]


def test_a_companys_plain_owner_is_told_about_pgvector_and_then_served(tmp_path: Path, keys: Keys) -> None:
    """On a server of its own: roles belong to a server, and here nobody has made them yet."""
    with EmbeddedPostgres(tmp_path, options={"fsync": "off"}) as server:
        with psycopg.connect(libpq_dsn(server.owner_url), autocommit=True) as connection:
            connection.execute("CREATE ROLE company LOGIN CREATEROLE PASSWORD 'owner'")
            connection.execute("CREATE DATABASE company OWNER company")
        admin_url = url_of_database(server.owner_url, "company")
        owner_url = SecretStr(
            parse_url(admin_url).set(username="company", password="owner").render_as_string(hide_password=False)
        )

        with pytest.raises(SettingsError, match="superuser run `CREATE EXTENSION vector` in the database 'company'"):
            migrate(owner_url, keys)
        with psycopg.connect(libpq_dsn(admin_url)) as connection:
            connection.execute("CREATE EXTENSION vector")
        migrate(owner_url, keys)
        migrate(owner_url, keys)

        with psycopg.connect(libpq_dsn(owner_url)) as connection:
            assert connection.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user").fetchone() == (
                False,
            )
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute("SELECT * FROM audit.event")  # a member of the log's owner, without its rights


def test_an_owner_without_createrole_is_told_so(database: Database) -> None:
    """The writer stands for any login that may not create roles."""
    with pytest.raises(SettingsError, match=r"'cloister_audit_writer' may not .* CREATEROLE"):
        migrate(database.audit_writer_url, database.keys)


def test_a_role_with_powers_it_must_not_have_is_refused(tmp_path: Path, keys: Keys) -> None:
    with EmbeddedPostgres(tmp_path, options={"fsync": "off"}) as server:
        with psycopg.connect(libpq_dsn(server.owner_url), autocommit=True) as connection:
            connection.execute("CREATE ROLE cloister_app LOGIN SUPERUSER")
        with pytest.raises(SettingsError, match="'cloister_app' is a superuser"):
            migrate(server.owner_url, keys)


def test_a_database_that_is_away_is_said_to_be_without_its_password(tmp_path: Path, keys: Keys) -> None:
    url = SecretStr(f"postgresql://owner:s3cret-word@/cloister?host={tmp_path}")
    with pytest.raises(UnavailableError, match="does not answer") as caught:
        migrate(url, keys)
    assert "s3cret-word" not in str(caught.value)
