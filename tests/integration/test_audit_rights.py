"""What each role may do to the log: the writer adds, the reader reads, everybody else is refused, the owner too."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

import psycopg
import pytest
from psycopg import errors
from pydantic import SecretStr

from assistant.audit.events import LogOpened
from assistant.audit.record import Origin, compose_record
from assistant.audit.writing.append import Appender
from assistant.audit.writing.partitions import ensure_partitions
from assistant.database import libpq_dsn
from assistant.database_roles import LOGIN_ROLES, url_for_role
from assistant.embedded.postgres import EmbeddedPostgres
from assistant.keys import Keys
from tests.integration.conftest import Database, fresh_database
from tests.integration.seal_scene import loosen

pytestmark = pytest.mark.integration

# ruff: noqa: S608 - every statement of this file is made of its own constants

_OLD_ID = "('00' || substr(gen_random_uuid()::text, 3))::uuid"  # of a month without a table
_ROW = f"{_OLD_ID}, now(), 'log:opened', '\\x00', sha256('\\x00')"
_INSERT = f"INSERT INTO audit.event (id, occurred_at, type, body, leaf) VALUES ({_ROW})"
_REFUSED = errors.InsufficientPrivilege
_STOPPED = errors.RestrictViolation

_CHANGES = {
    "update": "UPDATE audit.event SET type = 'x'",
    "update nothing": "UPDATE audit.event SET type = 'x' WHERE false",
    "delete": "DELETE FROM audit.event",
    "truncate": "TRUNCATE audit.event",
    "merge": "MERGE INTO audit.event e USING (SELECT 1) s ON true WHEN MATCHED THEN DELETE",
    "upsert": f"{_INSERT} ON CONFLICT (id) DO UPDATE SET type = 'x'",
    "update a partition": "UPDATE audit.event_default SET type = 'x'",
    "delete from a partition": "DELETE FROM audit.{month}",
    "truncate a partition": "TRUNCATE audit.{month}",
    "truncate the default partition": "TRUNCATE audit.event_default",
}
_DEFINITIONS = {
    "drop": "DROP TABLE audit.event",
    "drop a partition": "DROP TABLE audit.{month}",
    "detach a partition": "ALTER TABLE audit.event DETACH PARTITION audit.{month}",
    "disable triggers": "ALTER TABLE audit.event DISABLE TRIGGER ALL",
    "disable a partition's triggers": "ALTER TABLE audit.{month} DISABLE TRIGGER ALL",
    "drop a trigger": "DROP TRIGGER refuse_change ON audit.event",
    "drop the refusal": "DROP FUNCTION audit.refuse_change() CASCADE",
    "add a rule": "CREATE RULE silent AS ON INSERT TO audit.event DO INSTEAD NOTHING",
    "add a partition by hand": "SELECT audit.add_partition('event_x', 'DEFAULT')",
    "create a table": "CREATE TABLE audit.mine (id int)",
    "become the owner": "SET ROLE cloister_audit_owner",
    "silence triggers": "SET session_replication_role = 'replica'",
}
_FORGERIES = {
    "a transaction id": f"INSERT INTO audit.event (xid, id, occurred_at, type, body, leaf) SELECT '1'::xid8, {_ROW}",
    "a recording time": f"INSERT INTO audit.event (recorded_at, id, occurred_at, type, body, leaf) SELECT now(),{_ROW}",
    "an era": f"INSERT INTO audit.event (era, id, occurred_at, type, body, leaf) SELECT 1, {_ROW}",
    "a row in a partition": _INSERT.replace("audit.event", "audit.event_default"),
}
_READS = {
    "read": "SELECT id FROM audit.event",
    "read a partition": "SELECT id FROM audit.event_default",
    "read by returning": f"{_INSERT} RETURNING body",
    "copy out": "COPY audit.event TO STDOUT",
}

_READS_OF_BODIES = {
    **_READS,
    "read a body": "SELECT body FROM audit.event",
    "read who": "SELECT actor FROM audit.event",
    "insert": _INSERT,
    "make partitions": "SELECT audit.ensure_partitions(1)",
    "another era": "SELECT audit.begin_era()",
}
del _READS_OF_BODIES["read"]
_SEALS = {
    "a head": "INSERT INTO audit.head VALUES (0, 0, 1, '1:1:', 2, sha256(''), '', now(), 'note', sha512(''))",
    "a tile": "INSERT INTO audit.tile VALUES (0, 0, convert_to(repeat('x', 8192), 'UTF8'))",
    "a cosignature": "INSERT INTO audit.cosignature VALUES (2, 'witness+00000000', 'line')",
}
_SEAL_CHANGES = {
    f"{name} {table}": statement.format(table=table)
    for table, column in (("head", "size"), ("tile", "number"), ("cosignature", "size"))
    for name, statement in {
        "update": f"UPDATE audit.{{table}} SET {column} = 7",
        "delete": "DELETE FROM audit.{table}",
        "truncate": "TRUNCATE audit.{table}",
    }.items()
}


@pytest.fixture
def month() -> str:
    """The partition of the present month."""
    return time.strftime("event_%Y_%m", time.gmtime())


@pytest.fixture(scope="module")
def filled(postgres: EmbeddedPostgres, migrated_template: str, keys: Keys) -> Iterator[Database]:
    """A log with one row in the present month and one in the default partition; no attempt may change it."""
    with fresh_database(postgres, migrated_template, keys) as database:
        _fill(database)
        yield database


def _fill(database: Database) -> None:
    loosen(database)  # the rows here say nothing
    row = compose_record(LogOpened(process="test"), Origin("h", 1, "b"), time.time_ns())
    with psycopg.connect(libpq_dsn(database.audit_writer_url)) as connection:
        connection.execute(_INSERT)
        connection.execute(
            "INSERT INTO audit.event (id, occurred_at, type, body, leaf) VALUES (%s, %s, %s, %s, %s)",
            [row.id, row.occurred_at, row.type, row.body, row.leaf],
        )


@pytest.fixture
def rows(filled: Database) -> Iterator[None]:
    """Whatever the test does, the rows are as they were afterwards."""
    with psycopg.connect(libpq_dsn(filled.owner_url), autocommit=True) as connection:
        before = connection.execute("SELECT e::text FROM audit.event e ORDER BY id").fetchall()
        assert len(before) == 2
        yield
        assert connection.execute("SELECT e::text FROM audit.event e ORDER BY id").fetchall() == before


def _attempt(url: SecretStr, statement: str, month: str) -> None:
    with psycopg.connect(libpq_dsn(url), autocommit=True) as connection:
        if statement.startswith("COPY"):
            with connection.cursor().copy(statement) as copy:
                list(copy)
        else:
            connection.execute(statement.format(month=month))


@pytest.mark.usefixtures("rows")
@pytest.mark.parametrize("attempt", [*_CHANGES, *_DEFINITIONS, *_FORGERIES, *_READS])
def test_the_writer_may_insert_and_nothing_else(filled: Database, month: str, attempt: str) -> None:
    statement = (_CHANGES | _DEFINITIONS | _FORGERIES | _READS)[attempt]
    with pytest.raises(_REFUSED):
        _attempt(filled.audit_writer_url, statement, month)


@pytest.mark.usefixtures("rows")
@pytest.mark.parametrize("attempt", [*_CHANGES, *_DEFINITIONS, *_FORGERIES, "insert", "make partitions"])
def test_the_reader_may_read_and_nothing_else(filled: Database, month: str, attempt: str) -> None:
    others = {"insert": _INSERT, "make partitions": "SELECT audit.ensure_partitions(1)"}
    with pytest.raises(_REFUSED):
        _attempt(filled.audit_reader_url, (_CHANGES | _DEFINITIONS | _FORGERIES | others)[attempt], month)


@pytest.mark.usefixtures("rows")
@pytest.mark.parametrize("attempt", [*_CHANGES, *_DEFINITIONS, *_FORGERIES, *_READS, "insert", "make partitions"])
def test_the_application_has_nothing_to_do_with_the_log(filled: Database, month: str, attempt: str) -> None:
    others = {"insert": _INSERT, "make partitions": "SELECT audit.ensure_partitions(1)"}
    statement = (_CHANGES | _DEFINITIONS | _FORGERIES | _READS | others)[attempt]
    with pytest.raises(_REFUSED):
        _attempt(filled.app_url, statement, month)


@pytest.mark.usefixtures("rows")
@pytest.mark.parametrize("attempt", [*_CHANGES, *_DEFINITIONS, *_FORGERIES, *_READS_OF_BODIES, *_SEAL_CHANGES])
def test_the_sealer_may_add_seals_and_nothing_else(filled: Database, month: str, attempt: str) -> None:
    statement = (_CHANGES | _DEFINITIONS | _FORGERIES | _READS_OF_BODIES | _SEAL_CHANGES)[attempt]
    with pytest.raises(_REFUSED):
        _attempt(filled.audit_sealer_url, statement, month)


def test_the_sealer_reads_what_it_seals_and_adds_seals(database: Database) -> None:
    _fill(database)
    with psycopg.connect(libpq_dsn(database.audit_sealer_url)) as connection:
        assert len(connection.execute("SELECT id, era, xid, recorded_at, leaf FROM audit.event").fetchall()) == 2
        for statement in _SEALS.values():
            connection.execute(statement)
        for table in ("head", "tile", "cosignature"):
            assert len(connection.execute(f"SELECT * FROM audit.{table}").fetchall()) == 1
        assert connection.execute("SELECT audit.current_era()").fetchone() == (0,)
        row = connection.execute("SELECT system_identifier > 0 FROM pg_control_system()").fetchone()
        assert row == (True,)  # by which a restore to another server is noticed


_CONTENT = (
    "(id, thread_id, turn_id, kind, dek_id, sealed) SELECT gen_random_uuid(), gen_random_uuid(), gen_random_uuid()"
)
_TEXTS = {
    "add a text": f"INSERT INTO audit.content {_CONTENT}, 'prompt', gen_random_uuid(), '\\x00'",
    "update a text": "UPDATE audit.content SET sealed = ''",
    "delete a text": "DELETE FROM audit.content",
    "truncate texts": "TRUNCATE audit.content",
    "add a key": "INSERT INTO audit.dek (id, thread_id, person_id) SELECT gen_random_uuid(), gen_random_uuid(), NULL",
    "destroy a key": "UPDATE audit.dek SET wrapped = NULL, destroyed_at = now()",
    "delete a key": "DELETE FROM audit.dek",
    "truncate keys": "TRUNCATE audit.dek",
}
_GET_KEY = "SELECT audit.conversation_key(gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), sha512(''))"
_PROJECTIONS = {
    f"{name} {table}": statement.format(table=table)
    for table in ("search", "tally", "projection")
    for name, statement in {"delete": "DELETE FROM audit.{table}", "truncate": "TRUNCATE audit.{table}"}.items()
}


@pytest.mark.usefixtures("rows")
@pytest.mark.parametrize("attempt", [*_CHANGES, *_DEFINITIONS, *_FORGERIES, *_SEAL_CHANGES, *_SEALS, *_TEXTS, "key"])
def test_the_projector_may_read_and_write_its_own_tables_only(filled: Database, month: str, attempt: str) -> None:
    statement = (_CHANGES | _DEFINITIONS | _FORGERIES | _SEAL_CHANGES | _SEALS | _TEXTS | {"key": _GET_KEY})[attempt]
    with pytest.raises(_REFUSED):
        _attempt(filled.audit_projector_url, statement, month)


def test_the_projector_does_its_own_work(database: Database) -> None:
    with psycopg.connect(libpq_dsn(database.audit_projector_url)) as connection:
        for table in ("event", "head", "content", "dek", "search", "tally", "projection"):
            connection.execute(f"SELECT * FROM audit.{table}")
        connection.execute("UPDATE audit.projection SET batch = 0")
        connection.execute("DELETE FROM audit.search")
        connection.execute("DELETE FROM audit.tally")


_NOTING = {
    "place a hold": "SELECT audit.place_hold(uuidv7(), 'thread', uuidv7(), 'mark', uuidv7(), '{{}}')",
    "order a release": "SELECT audit.order_release(uuidv7(), uuidv7(), '{{}}')",
    "request": "SELECT audit.request_erasure(uuidv7(), 'thread', uuidv7(), 'mark', uuidv7(), '{{}}')",
    "deny": "SELECT audit.deny_erasure(uuidv7(), uuidv7(), '{{}}')",
    "withdraw": "SELECT audit.withdraw_erasure(uuidv7(), uuidv7(), '{{}}')",
    "approve": "SELECT audit.approve_erasure(uuidv7(), uuidv7(), '{{}}', '{{}}')",
}
_ERASING = {
    "release a hold": "SELECT audit.release_hold(uuidv7())",
    "execute": "SELECT audit.execute_erasure(uuidv7())",
    "drop a month": "SELECT audit.drop_month(uuidv7())",
}
_ORDER = {
    "order a drop": "INSERT INTO audit.drop_order (month, keep_days, events, word) VALUES ('2020-01', 400, 0, '{{}}')"
}
_INSIDE = {
    "destroy keys": "SELECT audit.destroy_keys('thread', uuidv7())",
    "add an event": "SELECT audit.add_event('{{}}', 'erasure:executed', uuidv7())",
    "erase a thread": "SELECT public.erase_thread(uuidv7())",
    "erase a person": "SELECT public.erase_person(uuidv7())",
    "read holds": "SELECT * FROM audit.hold",
    "lift a hold": "UPDATE audit.hold SET released_by = uuidv7(), released_at = now()",
    "add a request": "INSERT INTO audit.erasure (id) VALUES (uuidv7())",
}


@pytest.mark.usefixtures("rows")
@pytest.mark.parametrize(
    "attempt",
    [
        *_CHANGES,
        *_DEFINITIONS,
        *_FORGERIES,
        *_READS,
        *_SEAL_CHANGES,
        *_SEALS,
        *_TEXTS,
        *_PROJECTIONS,
        *_INSIDE,
        *_NOTING,
        *_ORDER,
        "insert",
    ],
)
def test_the_eraser_may_call_what_erases_and_nothing_else(filled: Database, month: str, attempt: str) -> None:
    known = _CHANGES | _DEFINITIONS | _FORGERIES | _READS | _SEAL_CHANGES | _SEALS | _TEXTS | _PROJECTIONS | _INSIDE
    known |= _NOTING | _ORDER
    with pytest.raises(_REFUSED):
        _attempt(filled.audit_eraser_url, (known | {"insert": _INSERT})[attempt], month)


@pytest.mark.usefixtures("rows")
@pytest.mark.parametrize("attempt", [*_ERASING, *list(_INSIDE)[:4]])
@pytest.mark.parametrize("role", [role for role in LOGIN_ROLES if role != "cloister_audit_eraser"])
def test_nobody_else_may_call_what_erases(filled: Database, month: str, role: str, attempt: str) -> None:
    with pytest.raises(_REFUSED):
        _attempt(url_for_role(filled.owner_url, role, filled.keys), (_ERASING | _INSIDE)[attempt], month)


@pytest.mark.usefixtures("rows")
@pytest.mark.parametrize("attempt", _ERASING)
def test_the_eraser_does_nothing_that_nobody_asked_for(filled: Database, month: str, attempt: str) -> None:
    with pytest.raises(errors.NoDataFound):
        _attempt(filled.audit_eraser_url, _ERASING[attempt], month)


@pytest.mark.usefixtures("rows")
@pytest.mark.parametrize("attempt", _NOTING)
def test_the_writer_notes_no_word_of_nobody(filled: Database, month: str, attempt: str) -> None:
    with pytest.raises((errors.CheckViolation, errors.NoDataFound)):
        _attempt(filled.audit_writer_url, _NOTING[attempt], month)


@pytest.mark.usefixtures("rows")
@pytest.mark.parametrize("attempt", [*_NOTING, *_ORDER])
@pytest.mark.parametrize("role", ["cloister_app", "cloister_audit_reader", "cloister_audit_projector"])
def test_nobody_else_notes_what_erases(filled: Database, month: str, role: str, attempt: str) -> None:
    with pytest.raises(_REFUSED):
        _attempt(url_for_role(filled.owner_url, role, filled.keys), (_NOTING | _ORDER)[attempt], month)


@pytest.mark.parametrize("change", ["subject_id = uuidv7()", "reason_mark = 'x'", "DELETE", "TRUNCATE"])
@pytest.mark.parametrize("table", ["hold", "erasure"])
def test_holds_and_requests_are_ended_and_not_changed(database: Database, table: str, change: str) -> None:
    by = {"hold": "placed_by", "erasure": "requested_by"}[table]
    statement = {"DELETE": f"DELETE FROM audit.{table}", "TRUNCATE": f"TRUNCATE audit.{table}"}.get(
        change, f"UPDATE audit.{table} SET {change}"
    )
    with psycopg.connect(libpq_dsn(database.owner_url)) as connection:
        connection.execute(
            f"INSERT INTO audit.{table} (id, scope, subject_id, reason_mark, {by}) "
            "VALUES (uuidv7(), 'thread', uuidv7(), 'mark', uuidv7())"
        )
        connection.execute("SET session_replication_role = 'replica'")
        with pytest.raises(_STOPPED):
            connection.execute(statement)


@pytest.mark.parametrize("attempt", [*_TEXTS, *_PROJECTIONS, "key", "read texts"])
@pytest.mark.parametrize("role", ["cloister_audit_sealer", "cloister_app", "cloister_audit_reader"])
def test_nobody_else_touches_texts_keys_and_projections(filled: Database, month: str, role: str, attempt: str) -> None:
    others = {"key": _GET_KEY, "read texts": "SELECT * FROM audit.content, audit.dek"}
    if role == "cloister_audit_reader" and attempt == "read texts":
        _attempt(filled.audit_reader_url, others[attempt], month)
        return
    with pytest.raises(_REFUSED):
        _attempt(url_for_role(filled.owner_url, role, filled.keys), (_TEXTS | _PROJECTIONS | others)[attempt], month)


@pytest.mark.parametrize("attempt", [*list(_TEXTS)[1:], "read texts", "read keys", *_PROJECTIONS])
def test_the_writer_adds_texts_and_reads_none(filled: Database, month: str, attempt: str) -> None:
    others = {"read texts": "SELECT * FROM audit.content", "read keys": "SELECT * FROM audit.dek"}
    with pytest.raises(_REFUSED):
        _attempt(filled.audit_writer_url, (_TEXTS | _PROJECTIONS | others)[attempt], month)


@pytest.mark.parametrize("attempt", list(_TEXTS)[1:])
@pytest.mark.parametrize("first", ["SELECT 1", "SET session_replication_role = 'replica'"])
def test_triggers_stop_changes_of_texts_and_keys_also_by_the_superuser(
    filled: Database, attempt: str, first: str
) -> None:
    with psycopg.connect(libpq_dsn(filled.owner_url), autocommit=True) as connection:
        connection.execute(_GET_KEY)
        connection.execute(first)
        stopped = errors.NotNullViolation if attempt == "add a key" else _STOPPED
        with pytest.raises(stopped):
            connection.execute(_TEXTS[attempt])


@pytest.mark.parametrize("change", ["thread_id = gen_random_uuid()", "wrapped = sha512('x')", "destroyed_at = now()"])
def test_a_key_can_be_destroyed_and_not_changed_also_by_what_erases(database: Database, change: str) -> None:
    with psycopg.connect(libpq_dsn(database.owner_url)) as connection:
        connection.execute(_GET_KEY)
        connection.execute("SET LOCAL cloister.erasing = 'on'")
        with pytest.raises((_STOPPED, errors.CheckViolation)):
            connection.execute(f"UPDATE audit.dek SET {change}")


@pytest.mark.parametrize("attempt", [*_SEAL_CHANGES, *_SEALS, "another era"])
@pytest.mark.parametrize("role", ["cloister_audit_writer", "cloister_audit_reader", "cloister_app"])
def test_nobody_else_adds_or_changes_seals(filled: Database, month: str, role: str, attempt: str) -> None:
    statement = (_SEAL_CHANGES | _SEALS | {"another era": "SELECT audit.begin_era()"})[attempt]
    with pytest.raises(_REFUSED):
        _attempt(url_for_role(filled.owner_url, role, filled.keys), statement, month)


@pytest.mark.parametrize("table", ["head", "tile", "cosignature"])
def test_seals_are_read_by_the_reader_alone(filled: Database, month: str, table: str) -> None:
    _attempt(filled.audit_reader_url, f"SELECT * FROM audit.{table}", month)
    for url in (filled.audit_writer_url, filled.app_url):
        with pytest.raises(_REFUSED):
            _attempt(url, f"SELECT * FROM audit.{table}", month)


@pytest.mark.parametrize("attempt", _SEAL_CHANGES)
@pytest.mark.parametrize("first", ["SELECT 1", "SET session_replication_role = 'replica'"])
def test_triggers_stop_changes_of_seals_also_by_the_superuser(filled: Database, attempt: str, first: str) -> None:
    with psycopg.connect(libpq_dsn(filled.owner_url), autocommit=True) as connection:
        connection.execute(first)
        with pytest.raises(_STOPPED):
            connection.execute(_SEAL_CHANGES[attempt])


def test_a_new_era_is_the_owners_to_begin_and_the_same_until_it_is_used(database: Database) -> None:
    with psycopg.connect(libpq_dsn(database.owner_url)) as connection:
        connection.execute("SET ROLE cloister_audit_owner")
        assert connection.execute("SELECT audit.begin_era()").fetchone() == (1,)
        assert connection.execute("SELECT audit.current_era()").fetchone() == (1,)
        assert connection.execute("SELECT audit.begin_era()").fetchone() == (1,)
        connection.execute("RESET ROLE")
        connection.commit()
        _fill(database)
        assert connection.execute("SELECT DISTINCT era FROM audit.event").fetchall() == [(1,)]
        connection.execute("SET ROLE cloister_audit_owner")
        assert connection.execute("SELECT audit.begin_era()").fetchone() == (2,)
        connection.execute("SELECT audit.ensure_partitions(12)")
        eras = connection.execute(
            "SELECT DISTINCT pg_get_expr(adbin, adrelid) FROM pg_attrdef JOIN pg_attribute ON attrelid = adrelid "
            "AND attnum = adnum WHERE attname = 'era' AND adrelid::regclass::text LIKE 'audit.event%'"
        ).fetchall()
        assert len(eras) == 1  # in months to come, too


@pytest.mark.usefixtures("rows")
@pytest.mark.parametrize("attempt", _CHANGES)
@pytest.mark.parametrize("first", ["SELECT 1", "SET session_replication_role = 'replica'"])
def test_triggers_stop_even_the_servers_superuser(filled: Database, month: str, attempt: str, first: str) -> None:
    with psycopg.connect(libpq_dsn(filled.owner_url), autocommit=True) as connection:
        connection.execute(first)
        with pytest.raises(_STOPPED):
            connection.execute(_CHANGES[attempt].format(month=month))


@pytest.mark.usefixtures("rows")
@pytest.mark.parametrize("attempt", _CHANGES)
def test_triggers_stop_the_owner_of_the_log(filled: Database, month: str, attempt: str) -> None:
    with psycopg.connect(libpq_dsn(filled.owner_url), autocommit=True) as connection:
        connection.execute("SET ROLE cloister_audit_owner")
        with pytest.raises(_STOPPED):
            connection.execute(_CHANGES[attempt].format(month=month))


@pytest.mark.usefixtures("rows")
@pytest.mark.parametrize("role", LOGIN_ROLES)
def test_nobody_grants_itself_more(filled: Database, month: str, role: str) -> None:
    """Postgres answers such a GRANT with an error or, where some right is held, with a warning and no grant."""
    url = url_for_role(filled.owner_url, role, filled.keys)
    with contextlib.suppress(_REFUSED):
        _attempt(url, "GRANT ALL ON audit.event TO CURRENT_USER", month)
    with pytest.raises(_REFUSED):
        _attempt(url, _CHANGES["delete"], month)


def test_every_partition_is_guarded_also_a_new_one(database: Database) -> None:
    with psycopg.connect(libpq_dsn(database.owner_url)) as connection:
        connection.execute("SELECT audit.ensure_partitions(24)")
        guards = connection.execute(
            "SELECT relname, array_agg(tgname || ' ' || tgenabled::text ORDER BY tgname), relowner::regrole::text, "
            "relacl::text FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid LEFT JOIN pg_trigger "
            "ON tgrelid = inhrelid WHERE inhparent = 'audit.event'::regclass GROUP BY 1, 3, 4"
        ).fetchall()
    assert len(guards) == 25
    always = ["refuse_change A", "refuse_statement A", "refuse_textless A"]
    default = ["refuse_change A", "refuse_dropped A", "refuse_statement A", "refuse_textless A"]
    for name, triggers, *owner_and_rights in guards:
        assert triggers == (default if name == "event_default" else always), name
        assert owner_and_rights == ["cloister_audit_owner", None], name


async def test_writer_may_ask_for_months_ahead_and_gets_each_once(database: Database) -> None:
    assert await ensure_partitions(database.audit_writer_url, 7) == 3  # four came with the migration
    assert await ensure_partitions(database.audit_writer_url, 7) == 0
    assert await ensure_partitions(database.audit_writer_url, 10_000) == 17  # two years and no more


async def test_a_month_whose_events_came_too_early_keeps_them(database: Database) -> None:
    far = time.time_ns() + 150 * 86_400 * 10**9  # five months ahead: no partition yet
    async with Appender(database.audit_writer_url, Origin("h", 1, "b"), clock=lambda: far) as appender:
        await appender.append(LogOpened(process="clock-is-wrong"))
    assert await ensure_partitions(database.audit_writer_url, 12) == 7  # eight were missing; one month stays as it is
    with psycopg.connect(libpq_dsn(database.owner_url)) as connection:
        assert connection.execute("SELECT type FROM audit.event_default").fetchall() == [("log:opened",)]


def test_the_login_roles_have_no_power_over_the_server(database: Database) -> None:
    with psycopg.connect(libpq_dsn(database.owner_url)) as connection:
        powerful = connection.execute(
            "SELECT rolname FROM pg_roles WHERE rolname IN ('cloister_app', 'cloister_audit_writer', "
            "'cloister_audit_reader', 'cloister_audit_sealer', 'cloister_audit_projector', 'cloister_audit_eraser', "
            "'cloister_audit_owner') AND (rolsuper OR "
            "rolcreaterole OR "
            "rolcreatedb OR rolreplication OR rolbypassrls OR rolcanlogin = (rolname = 'cloister_audit_owner'))"
        ).fetchall()
        members = connection.execute(
            "SELECT member::regrole::text FROM pg_auth_members WHERE member::regrole::text ~ '^cloister_(app|audit)'"
        ).fetchall()
    assert (powerful, members) == ([], [])


@pytest.mark.parametrize("table", ["person", "thread", "message", "job", "alembic_version"])
def test_audit_roles_see_no_ordinary_table(database: Database, table: str) -> None:
    for role in LOGIN_ROLES[1:]:
        url = url_for_role(database.owner_url, role, database.keys)
        with psycopg.connect(libpq_dsn(url)) as connection, pytest.raises(_REFUSED):
            connection.execute(f"SELECT * FROM public.{table}")


def test_application_cannot_change_which_revision_is_in_force(database: Database) -> None:
    with psycopg.connect(libpq_dsn(database.app_url)) as connection:
        assert connection.execute("SELECT count(*) FROM alembic_version").fetchone() == (1,)
        with pytest.raises(_REFUSED):
            connection.execute("UPDATE alembic_version SET version_num = '0000'")


def test_every_table_of_the_log_is_guarded_but_the_projections(database: Database) -> None:
    with psycopg.connect(libpq_dsn(database.owner_url)) as connection:
        tables = connection.execute(
            "SELECT relname, bool_or(tgtype & 8 > 0), bool_or(tgtype & 32 > 0), bool_and(tgenabled = 'A') "
            "FROM pg_class LEFT JOIN pg_trigger ON tgrelid = pg_class.oid AND NOT tgisinternal "
            "WHERE relnamespace = 'audit'::regnamespace AND relkind IN ('r', 'p') GROUP BY relname"
        ).fetchall()
    guarded = {name for name, *has in tables if has == [True, True, True]}  # delete, truncate, always
    assert {"event", "head", "tile", "cosignature", "content", "dek", "hold", "erasure", "drop_order"} < guarded
    assert {name for name, *_ in tables} - guarded == {"search", "tally", "projection"}
