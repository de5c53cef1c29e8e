"""No role holds up what another one does: locks lie on rows and tables, and who seals passes over foreign holders."""

from __future__ import annotations

import asyncio
from pathlib import Path

import psycopg
import pytest
from psycopg import errors

from assistant.audit.anchors.integrity import read_integrity
from assistant.audit.anchors.light import Light
from assistant.audit.seals.heads import LOCK_ID
from assistant.audit.seals.seal import Sealer
from assistant.audit.seals.seal_key import read_public_key
from assistant.database import libpq_dsn
from assistant.database_roles import LOGIN_ROLES, url_for_role
from tests.fakes.open_hosts import eventually
from tests.integration.conftest import Database
from tests.integration.seal_scene import SealedLog

pytestmark = pytest.mark.integration

HOLDING = (
    "LOCK TABLE audit.erasure IN ROW EXCLUSIVE MODE",
    "LOCK TABLE audit.drop_order IN SHARE UPDATE EXCLUSIVE MODE",
    "LOCK TABLE audit.dek IN SHARE MODE",
    "LOCK TABLE audit.event IN SHARE MODE",
    "LOCK TABLE audit.content IN SHARE MODE",
    "SELECT FROM audit.dek FOR UPDATE",
    "SELECT FROM audit.erasure FOR SHARE",
    "SELECT FROM audit.hold FOR UPDATE",
)


@pytest.mark.parametrize("role", LOGIN_ROLES)
def test_no_role_takes_a_lock_that_others_wait_for(database: Database, role: str) -> None:
    attempts = [*HOLDING, *([] if role.endswith("projector") else ["SELECT FROM audit.projection FOR UPDATE"])]
    with psycopg.connect(libpq_dsn(url_for_role(database.owner_url, role, database.keys)), autocommit=True) as own:
        for attempt in attempts:
            with pytest.raises(errors.InsufficientPrivilege), own.transaction():
                own.execute(attempt)  # type: ignore[call-overload]


@pytest.mark.parametrize("role", ["cloister_app", "cloister_audit_reader"])
async def test_a_foreign_holder_does_not_stop_the_sealer_and_is_shown(
    database: Database, tmp_path: Path, role: str, caplog: pytest.LogCaptureFixture
) -> None:
    log, stop = SealedLog.at(database, tmp_path), asyncio.Event()
    with psycopg.connect(libpq_dsn(url_for_role(database.owner_url, role, database.keys)), autocommit=True) as thief:
        thief.execute("SELECT pg_advisory_lock(%s)", [LOCK_ID])
        sealing = asyncio.create_task(Sealer(database.audit_sealer_url, log.keys, tick_seconds=0.02).run(stop))
        await asyncio.to_thread(log.append, 3)
        await eventually(lambda: bool(log.heads()) and log.heads()[-1].size == 3)
        assert f"The role {role} (process {thief.info.backend_pid}" in caplog.text
        state = await read_integrity(database.audit_reader_url, first_key=read_public_key(log.keys.public_file))
        assert state.light is Light.YELLOW
        assert any(role in reason and str(thief.info.backend_pid) in reason for reason in state.reasons)
        stop.set()
        await sealing
    state = await read_integrity(database.audit_reader_url, first_key=read_public_key(log.keys.public_file))
    assert not any("lock" in reason for reason in state.reasons)


async def test_a_sealer_waits_for_a_sealer_that_leads(database: Database, tmp_path: Path) -> None:
    log, stop = SealedLog.at(database, tmp_path), asyncio.Event()
    await asyncio.to_thread(log.append, 1)
    with psycopg.connect(libpq_dsn(database.audit_sealer_url), autocommit=True) as leader:
        leader.execute("SELECT pg_advisory_lock(%s)", [LOCK_ID])
        sealing = asyncio.create_task(Sealer(database.audit_sealer_url, log.keys, tick_seconds=0.02).run(stop))
        waits = (
            "SELECT FROM pg_stat_activity WHERE application_name = 'cloister-audit-sealer' AND query LIKE '%pg_locks%'"
        )
        await eventually(lambda: bool(log.rows(waits)))  # it asked, and who holds the lock is a sealer
        assert log.heads() == []
    await eventually(lambda: bool(log.heads()))
    stop.set()
    await sealing
