"""`cloister audit hold` and `erase`, signed by persons with their passwords."""

from __future__ import annotations

import asyncio
from pathlib import Path
from uuid import uuid4

import pytest

from assistant.conversation import Role
from assistant.database import create_engine
from assistant.identity import Identity
from tests.integration.conftest import Database
from tests.integration.content_scene import guarded, open_log, place
from tests.integration.seal_scene import SealedLog
from tests.integration.test_audit_commands import run

pytestmark = pytest.mark.integration

PASSWORD = "correct horse battery"


@pytest.fixture
def log(database: Database, tmp_path: Path) -> SealedLog:
    async def people() -> None:
        engine = create_engine(database.app_url)
        identity = Identity(engine, session_hours=8)
        await identity.add_first_administrator("root", PASSWORD)
        await identity.add_person("ruth", {Role.REVIEWER}, PASSWORD)
        await identity.add_person("andrea", {Role.APPROVER}, PASSWORD)
        await identity.add_person("maria", {Role.EMPLOYEE}, PASSWORD)
        await engine.dispose()

    asyncio.run(people())
    return SealedLog.at(database, tmp_path)


def sign(log: SealedLog, *arguments: str, name: str, password: str = PASSWORD) -> tuple[int, str]:
    done = run(log, *arguments, "--as", name, "--password-stdin", input_=f"{password}\n")
    return done.returncode, (done.stdout + done.stderr).strip()


def test_two_persons_erase_a_conversation_unless_it_is_held(log: SealedLog) -> None:
    thread_id = uuid4()

    async def write() -> None:
        async with open_log(log.database) as kept:
            await kept.append_with(guarded(log.database, place(thread_id)), "A text.")

    asyncio.run(write())
    about = ("--thread", str(thread_id), "--reason", "case 2026-117")
    hold_id = sign(log, "hold", "place", *about, name="ruth")[1].split()[1]
    request_id = sign(log, "erase", "request", *about, name="ruth")[1].split()[1]
    assert str(thread_id) in sign(log, "hold", "list", name="ruth")[1]
    assert request_id in sign(log, "erase", "list", name="andrea")[1]
    status, said = sign(log, "erase", "approve", request_id, name="andrea")
    assert status != 0
    assert "legal hold" in said
    assert sign(log, "hold", "release", hold_id, name="andrea") == (0, "The hold is over.")
    assert sign(log, "erase", "approve", request_id, name="ruth")[0] != 0
    status, said = sign(log, "erase", "approve", request_id, name="andrea")
    assert (status, said.partition(".")[0]) == (0, "1 texts are erased")
    assert sign(log, "erase", "list", name="ruth") == (0, "There is no request.")
    assert log.rows("SELECT count(*) FROM session WHERE revoked_at IS NULL") == [(0,)]
    log.seal()
    assert run(log, "verify").returncode == 0


def test_a_person_is_named_by_their_name_and_nobody_signs_for_another(log: SealedLog) -> None:
    about = ("--person", "maria", "--reason", "case 2026-118")
    assert sign(log, "erase", "request", *about, name="ruth", password="wrong")[0] != 0
    assert sign(log, "erase", "request", *about, name="maria")[0] != 0
    request_id = sign(log, "erase", "request", *about, name="ruth")[1].split()[1]
    assert "Switch it off" in sign(log, "erase", "approve", request_id, name="andrea")[1]
    assert sign(log, "erase", "deny", request_id, name="andrea") == (0, "Nothing is erased.")
    request_id = sign(log, "erase", "request", *about, name="ruth")[1].split()[1]
    said = "The request is withdrawn. Nothing is erased."
    assert sign(log, "erase", "withdraw", request_id, name="ruth") == (0, said)
    assert "withdrawn since" in sign(log, "erase", "list", "--all", name="ruth")[1]
    assert "Nobody has the name" in sign(log, "hold", "place", "--person", "x", "--reason", "case 119", name="ruth")[1]
