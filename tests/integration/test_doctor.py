"""The doctor against real servers: what is wrong with them, in words that help."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest
from pydantic import SecretStr

from assistant.database import libpq_dsn
from assistant.doctor.check import Check, State
from assistant.doctor.database import check_database
from assistant.doctor.hosts import check_hosts
from assistant.doctor.redis import check_redis
from assistant.keys import Keys
from connectors.model_hosts.catalogue import read_fleet
from tests.fakes.model_host import FakeModelHost
from tests.integration.conftest import Database

pytestmark = pytest.mark.integration


async def look(database: Database, keys: Keys | None = None) -> dict[str, Check]:
    return {check.name: check async for check in check_database(database.owner_url, keys or database.keys)}


async def test_a_sound_database(database: Database) -> None:
    found = await look(database)
    assert {check.state for check in found.values()} == {State.OK}, found
    assert {"database", "database clock", "tables"} < set(found)
    assert sum(name.startswith("role ") for name in found) == 6


@pytest.mark.parametrize(
    ("statement", "name", "words"),
    [
        ("GRANT USAGE ON SCHEMA audit TO cloister_app", "role cloister_app", "enter the audit log's schema"),
        ("GRANT SELECT ON audit.event TO cloister_audit_writer", "role cloister_audit_writer", "read audit events"),
        ("GRANT UPDATE (body) ON audit.event TO cloister_audit_writer", "role cloister_audit_writer", "change"),
        ("GRANT DELETE ON audit.event TO cloister_audit_reader", "role cloister_audit_reader", "delete"),
        ("REVOKE SELECT ON audit.event FROM cloister_audit_reader", "role cloister_audit_reader", "may not read"),
        ("UPDATE alembic_version SET version_num = '0001'", "tables", "revision 0001"),
        ("ALTER TABLE audit.event DISABLE TRIGGER refuse_change", "audit triggers", "switched off"),
    ],
)
async def test_what_was_changed_behind_our_back_is_found(
    database: Database, statement: str, name: str, words: str
) -> None:
    with psycopg.connect(libpq_dsn(database.owner_url), autocommit=True) as connection:
        connection.execute(statement)
    found = await look(database)
    assert found[name].state is State.FAIL
    assert words in found[name].found
    assert found[name].advice


async def test_another_master_key_is_told_apart_from_a_server_that_is_away(database: Database) -> None:
    found = await look(database, Keys(bytes(32)))
    assert set(found) == {"database"}
    assert "cloister migrate" in found["database"].advice


async def test_a_server_that_is_away() -> None:
    nobody = Database(SecretStr("postgresql://x:made-up-word@127.0.0.1:1/cloister"), Keys(bytes(32)))
    found = await look(nobody)
    assert found["database"].state is State.FAIL
    assert "made-up-word" not in str(found)


async def test_redis(redis_url: str) -> None:
    assert (await check_redis(SecretStr(redis_url))).state is State.OK
    away = await check_redis(SecretStr("redis://:made-up-word@127.0.0.1:1/0"))
    assert away.state is State.FAIL
    assert "made-up-word" not in str(away)


async def test_hosts_that_answer_lack_a_model_or_are_away(tmp_path: Path) -> None:
    with FakeModelHost("ollama") as host, FakeModelHost("lmstudio") as other:
        fleet = tmp_path / "fleet.yaml"
        fleet.write_text(
            f"hosts:\n  - name: Dev1\n    kind: ollama\n    address: {host.address}\n"
            "  - name: Dev2\n    kind: ollama\n    address: http://127.0.0.1:1\n"
            f"  - name: Dev3\n    kind: vllm\n    address: {other.address}\n"
        )
        found = {check.name: check async for check in check_hosts(read_fleet(fleet)) if "clock" not in check.name}
    assert found["host Dev1"].state is State.OK
    assert found["host Dev2"].state is State.FAIL
    assert found["host Dev3"].state is State.FAIL
