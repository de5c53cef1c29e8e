"""A database that an older version filled is brought to this one: nothing of it is lost, refused or left half way."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import pytest
from alembic import command
from pydantic import SecretStr
from sqlalchemy import text

from assistant.audit.parts import TextMarker
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
from assistant.errors import HeldError
from assistant.keys import Keys
from assistant.migrations import migrate
from assistant.migrations.migrate import _config
from assistant.migrations.roles import prepare_database
from tests.integration.conftest import Database
from tests.integration.content_scene import SENTENCE, add_people, guarded, place
from tests.integration.seal_scene import ORIGIN

pytestmark = pytest.mark.integration

REASON = "case 2026-117: asked for by the person"
RUTH = Person(uuid4(), "ruth", frozenset({Role.REVIEWER}))
ANDREA = Person(uuid4(), "andrea", frozenset({Role.APPROVER}))
BEFORE_TWO_ROLES = "0018"  # the eraser's role noted then itself what persons said


@pytest.fixture
def old_database(empty_database: SecretStr, keys: Keys) -> Database:
    """A database as it was before two roles shared an erasure."""
    engine = create_command_engine(empty_database)
    with engine.begin() as connection:
        prepare_database(connection, keys)
        command.upgrade(_config(connection), BEFORE_TWO_ROLES)
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
