"""What the tests of erasure share: a log with texts, and three people who ask and decide."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID, uuid4

from assistant.audit.parts import TextMarker
from assistant.audit.projections.project import Projector
from assistant.audit.removal.eraser import Eraser, Scope
from assistant.audit.seals.seal import Sealer
from assistant.audit.seals.seal_key import SealKeyFile, read_public_key
from assistant.audit.verification.findings import Findings
from assistant.audit.verification.verify import Verifier
from assistant.audit.writing.append import Appender
from assistant.audit.writing.content_keys import ContentKeys
from assistant.audit.writing.keeping import ContentLog
from assistant.conversation import Person, Role
from assistant.database import create_engine
from assistant.erasure import Erasure
from assistant.history import History
from assistant.identity import Identity
from tests.integration.conftest import Database
from tests.integration.content_scene import SENTENCE, add_people, as_superuser, content_ids, guarded, place, reader
from tests.integration.seal_scene import ORIGIN

REASON = "case 2026-117: asked for by the person"
RUTH = Person(uuid4(), "ruth", frozenset({Role.REVIEWER}))
ANDREA = Person(uuid4(), "andrea", frozenset({Role.APPROVER}))
EMIL = Person(uuid4(), "emil", frozenset({Role.EMPLOYEE, Role.DEVELOPER, Role.MODEL_ENGINEER}))


@dataclass
class Scene:
    """An erasure at work beside a log that is written, sealed, projected and verified."""

    database: Database
    keys: SealKeyFile
    content_keys: ContentKeys
    log: ContentLog
    erasure: Erasure
    identity: Identity
    history: History

    async def write(self, thread_id: UUID, person_id: UUID, text: str = SENTENCE) -> None:
        await self.log.append_with(guarded(self.database, place(thread_id, person_id), text), text)

    async def erase(self, scope: Scope, subject_id: UUID) -> int:
        request_id = await self.erasure.request_erasure(RUTH, scope, subject_id, REASON)
        return await self.erasure.approve(ANDREA, request_id)

    async def seal(self) -> None:
        await Sealer(self.database.audit_sealer_url, self.keys).seal()

    async def project(self) -> None:
        await self.seal()
        await Projector(self.database.audit_projector_url, self.database.keys).follow()

    async def verify(self) -> Findings:
        await self.seal()
        key = read_public_key(self.keys.public_file)
        async with Verifier(self.database.audit_reader_url, key, keys=self.database.keys) as verifier:
            return await verifier.verify()

    async def kept(self) -> list[object]:
        return list((await reader(self.database).read(content_ids(self.database))).values())

    def count(self, table: str) -> int:
        return int(str(as_superuser(self.database, f"SELECT count(*) FROM {table}")[0][0]))  # noqa: S608 - our own word

    def tags(self) -> list[object]:
        return [row[0] for row in as_superuser(self.database, "SELECT type FROM audit.event ORDER BY id")]


def eraser_of(database: Database) -> Eraser:
    return Eraser(database.audit_writer_url, database.audit_eraser_url, database.audit_reader_url, ORIGIN)


@asynccontextmanager
async def erasure_scene(database: Database, tmp_path: Path) -> AsyncIterator[Scene]:
    """The log, its texts and who erases them; the three people have accounts."""
    engine = create_engine(database.app_url)
    content_keys = ContentKeys(database.audit_writer_url, database.keys)
    add_people(database, RUTH, ANDREA, EMIL)
    async with Appender(database.audit_writer_url, ORIGIN) as appender:
        yield Scene(
            database=database,
            keys=SealKeyFile(tmp_path / "seal.key"),
            content_keys=content_keys,
            log=ContentLog(appender, content_keys),
            erasure=Erasure(
                eraser_of(database),
                appender,
                TextMarker(database.keys),
            ),
            identity=Identity(engine, session_hours=8),
            history=History(engine, process="test"),
        )
    await content_keys.close()
    await engine.dispose()
