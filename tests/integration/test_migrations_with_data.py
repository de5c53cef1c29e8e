"""A database that an older version filled is brought to this one: nothing of it is lost, refused or left half way."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest
from alembic import command
from pydantic import SecretStr
from sqlalchemy import text

from assistant.audit.parts import TextMarker
from assistant.audit.record import compose_record
from assistant.audit.removal.eraser import Eraser, Scope
from assistant.audit.seals.seal import Sealer
from assistant.audit.seals.seal_key import SealKeyFile, read_public_key
from assistant.audit.verification.findings import Verdict
from assistant.audit.verification.verify import Verifier
from assistant.audit.writing.append import Appender
from assistant.audit.writing.content_keys import ContentKeys
from assistant.audit.writing.keeping import ContentLog
from assistant.conversation import Person, Role
from assistant.database import create_command_engine
from assistant.erasure import Erasure
from assistant.errors import AuditUnavailableError, HeldError
from assistant.keys import Keys
from assistant.migrations import migrate
from assistant.migrations.migrate import _config
from assistant.migrations.roles import prepare_database
from tests.integration.conftest import Database
from tests.integration.content_scene import SENTENCE, add_people, guarded, place
from tests.integration.seal_scene import ORIGIN, job

pytestmark = pytest.mark.integration

REASON = "case 2026-117: asked for by the person"
RUTH = Person(uuid4(), "ruth", frozenset({Role.REVIEWER}))
ANDREA = Person(uuid4(), "andrea", frozenset({Role.APPROVER}))
BEFORE_A_BENCH_WAS_AN_ORDER = "0031"
BEFORE_TWO_ROLES = "0018"  # the eraser's role noted then itself what persons said


@pytest.fixture
def old_database(empty_database: SecretStr, keys: Keys) -> Database:
    """A database as it was before two roles shared an erasure."""
    return database_of(BEFORE_TWO_ROLES, empty_database, keys)


def database_of(revision: str, empty_database: SecretStr, keys: Keys) -> Database:
    """Make a database as it was at a revision."""
    engine = create_command_engine(empty_database)
    with engine.begin() as connection:
        prepare_database(connection, keys)
        command.upgrade(_config(connection), revision)
        connection.execute(text("SET LOCAL ROLE cloister_audit_owner"))
        connection.execute(text("SELECT audit.ensure_partitions(3)"))
    engine.dispose()
    return Database(empty_database, keys)


async def test_texts_a_hold_and_a_request_of_an_older_version_are_worked_with(
    old_database: Database, tmp_path: Path
) -> None:
    old, thread, person = old_database, uuid4(), uuid4()
    seal_keys, marker = SealKeyFile(tmp_path / "seal.key"), TextMarker(old.keys)
    content_keys = ContentKeys(old.audit_writer_url, old.keys)
    add_people(old, RUTH, ANDREA)
    async with Appender(old.audit_writer_url, ORIGIN) as appender:
        log = ContentLog(appender, content_keys)
        await log.append_with(guarded(old, place(thread, person), SENTENCE), SENTENCE)
        before = Eraser(old.audit_eraser_url, old.audit_eraser_url, old.audit_reader_url, ORIGIN)
        hold_id, request_id = uuid4(), uuid4()
        await before.place_hold(hold_id, Scope.THREAD, thread, marker.mark(REASON), RUTH.id)
        await before.request(request_id, Scope.THREAD, thread, marker.mark(REASON), RUTH.id)
    await Sealer(old.audit_sealer_url, seal_keys).seal()
    migrate(old.owner_url, old.keys)
    async with Appender(old.audit_writer_url, ORIGIN) as appender:
        await ContentLog(appender, content_keys).append_with(guarded(old, place(thread, person), SENTENCE), SENTENCE)
        now = Eraser(old.audit_writer_url, old.audit_eraser_url, old.audit_reader_url, ORIGIN)
        erasure = Erasure(now, appender, marker)
        with pytest.raises(HeldError):
            await erasure.approve(ANDREA, request_id)
        await erasure.release_hold(ANDREA, hold_id)
        assert await erasure.approve(ANDREA, request_id) == 2
    await content_keys.close()
    await Sealer(old.audit_sealer_url, seal_keys).seal()
    async with Verifier(old.audit_reader_url, read_public_key(seal_keys.public_file), keys=old.keys) as verifier:
        findings = await verifier.verify()
    assert (findings.problems, findings.verdict) == ([], Verdict.SOUND)


async def test_orders_and_an_event_without_a_month_stay_where_they_are(
    empty_database: SecretStr, keys: Keys, tmp_path: Path
) -> None:
    """The second is of a clock that was wrong: none comes in after it, and the log is verified with it."""
    old = database_of(BEFORE_A_BENCH_WAS_AN_ORDER, empty_database, keys)
    beyond = int(datetime(9999, 6, 1, tzinfo=UTC).timestamp()) * 1_000_000_000
    engine = create_command_engine(old.owner_url)
    with engine.begin() as connection:
        for act in ("drain", "undrain", "load", "unload", "pull"):
            connection.execute(
                text(
                    "INSERT INTO fleet_order (id, act, host, model, state) VALUES (:id, :act, 'Dev1', :model, 'done')"
                ),
                {"id": uuid4(), "act": act, "model": "" if "drain" in act else "m"},
            )
    async with Appender(old.audit_writer_url, ORIGIN) as appender:
        await appender.append_record(compose_record(job(1), ORIGIN, beyond))
    migrate(old.owner_url, old.keys)
    with engine.begin() as connection:
        assert connection.scalar(text("SELECT count(*) FROM fleet_order")) == 5
        assert connection.scalar(text("SELECT count(*) FROM audit.event_default")) == 1
    engine.dispose()
    async with Appender(old.audit_writer_url, ORIGIN) as appender:
        with pytest.raises(AuditUnavailableError):
            await appender.append_record(compose_record(job(2), ORIGIN, beyond))
        await appender.append(job(3))
    seal_keys = SealKeyFile(tmp_path / "seal.key")
    await Sealer(old.audit_sealer_url, seal_keys).seal()
    async with Verifier(old.audit_reader_url, read_public_key(seal_keys.public_file), keys=old.keys) as verifier:
        findings = await verifier.verify()
    assert (findings.problems, findings.verdict) == ([], Verdict.SOUND)
