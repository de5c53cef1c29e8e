"""The writer's password alone: what it can leave in the log that the product would not, and what is refused."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg import errors

from assistant.audit.record import compose_record, leaf_of
from assistant.audit.seals.seal_key import read_public_key
from assistant.audit.verification.content_check import _KINDS
from assistant.audit.verification.findings import Findings, Verdict
from assistant.audit.verification.verify import Verifier
from assistant.audit.writing.content import ContentKind, ContentRow, digest_of
from assistant.database import libpq_dsn
from tests.integration.conftest import Database
from tests.integration.content_scene import as_superuser, destroy_key, guarded, open_log, place
from tests.integration.seal_scene import ORIGIN, SealedLog, job
from tests.integration.test_audit_forged import FORGED

pytestmark = pytest.mark.integration

REFUSED = (errors.CheckViolation, errors.DataError, errors.StatementTooComplex, errors.NotNullViolation)
ONLY: Final = (  # the others are JSON of the type that they say, and `verify` says of their columns what they are
    "a key that is no JSON",
    "an anchor that is no text",
    "a check in a list",
    "a deep one",
    "a browser of nobody",
    "a hit of all times",
)


@pytest.fixture
def log(database: Database, tmp_path: Path) -> SealedLog:
    log = SealedLog.at(database, tmp_path)
    log.append(3)
    log.seal()
    return log


def verify(log: SealedLog, *, is_quick: bool = False) -> Findings:
    async def run() -> Findings:
        key, url = read_public_key(log.keys.public_file), log.database.audit_reader_url
        async with Verifier(url, key, keys=log.database.keys, is_quick=is_quick) as verifier:
            return await verifier.verify()

    return asyncio.run(run())


def write(log: SealedLog, statement: str, values: Mapping[str, Any]) -> None:
    with psycopg.connect(libpq_dsn(log.database.audit_writer_url)) as connection:
        connection.execute(statement, values)  # type: ignore[call-overload]


def write_event(log: SealedLog, body: bytes, **columns: object) -> None:
    row = compose_record(job(), ORIGIN, time.time_ns())._asdict() | {"body": body, "leaf": leaf_of(body)} | columns
    places = ", ".join(f"%({name})s" for name in row)
    write(log, f"INSERT INTO audit.event ({', '.join(row)}) VALUES ({places})", row)  # noqa: S608 - our own names


@pytest.mark.parametrize("name", ONLY)
def test_what_is_no_event_of_its_type_is_refused(log: SealedLog, name: str) -> None:
    with pytest.raises(REFUSED):
        FORGED[name](log)
    log.append(1)
    log.seal()
    assert (verify(log).verdict, verify(log).size) == (Verdict.SOUND, 4)


def test_a_body_under_another_hash_is_refused(log: SealedLog) -> None:
    with pytest.raises(errors.CheckViolation):
        write_event(log, compose_record(job(), ORIGIN, time.time_ns()).body, leaf=bytes(32))


@pytest.mark.parametrize("said", ["other:type", "log:opened"])
def test_an_event_of_another_type_than_its_column_is_refused(log: SealedLog, said: str) -> None:
    with pytest.raises(errors.CheckViolation):
        write_event(log, compose_record(job(), ORIGIN, time.time_ns()).body, type=said)


def test_columns_that_the_body_does_not_say_are_told_of_with_who_can_have_written_them(log: SealedLog) -> None:
    write_event(log, compose_record(job(), ORIGIN, time.time_ns()).body, rule="x", severity=4)
    log.seal()
    (problem,) = verify(log).problems
    assert problem.check == "columns"
    assert "or written so with the password of the log's writer" in problem.message


def test_another_spelling_is_told_of_with_who_can_have_written_it(log: SealedLog) -> None:
    row = compose_record(job(), ORIGIN, time.time_ns())
    columns = {name: value for name, value in row._asdict().items() if name not in ("body", "leaf")}
    write_event(log, row.body.replace(b'"nonce":', b'"nonce": '), **columns)
    log.seal()
    findings = verify(log)
    assert [problem.check for problem in findings.problems] == ["canonical"]
    assert "with the password of the log's writer" in findings.problems[0].message
    assert (findings.verdict, findings.problems[0].event) == (Verdict.BROKEN, row.id)


def test_an_event_that_names_a_text_comes_with_it_or_not_at_all(log: SealedLog) -> None:
    turn = place()
    event = guarded(log.database, turn)
    for named in (uuid4(), UUID(int=0)):
        forged = event.__class__(
            turn=turn,
            guard=event.guard,
            chars=1,
            text_mark=event.text_mark,
            content_id=named,
            content_digest=digest_of(b"x"),
        )
        row = compose_record(forged, ORIGIN, time.time_ns())._asdict()
        with pytest.raises(errors.CheckViolation, match="did not come with it"):
            write_event(log, **row)


def test_a_text_comes_with_its_event_or_not_at_all(log: SealedLog) -> None:
    turn = place()

    async def keep() -> UUID:
        async with open_log(log.database) as texts:
            await texts.append_with(guarded(log.database, turn), "A text.")
        return UUID(str(log.rows("SELECT id FROM audit.dek")[0][0]))

    row = ContentRow(uuid4(), turn.thread_id, turn.turn_id, ContentKind.ANSWER.value, asyncio.run(keep()), bytes(40))
    columns = ", ".join(row._fields)
    places = ", ".join(f"%({name})s" for name in row._fields)
    with pytest.raises(errors.CheckViolation, match="without its event"):
        write(log, f"INSERT INTO audit.content ({columns}) VALUES ({places})", row._asdict())  # noqa: S608 - our own names
    log.seal()
    assert verify(log).verdict is Verdict.SOUND


def test_another_text_does_not_come_back_under_the_id_of_one_that_was_erased(log: SealedLog) -> None:
    turn = place()

    async def keep() -> None:
        async with open_log(log.database) as texts:
            await texts.append_with(guarded(log.database, turn), "A text.")

    asyncio.run(keep())
    content_id = UUID(str(log.rows("SELECT id FROM audit.content")[0][0]))
    destroy_key(log.database, turn.thread_id)
    as_superuser(log.database, "DELETE FROM audit.content")
    key = uuid4()
    ids = {"thread": turn.thread_id, "person": turn.person_id, "id": key}
    write(log, "SELECT audit.conversation_key(%(thread)s, %(person)s, %(id)s, sha512(''))", ids)
    row = ContentRow(content_id, turn.thread_id, turn.turn_id, ContentKind.PROMPT.value, key, bytes(40))
    columns = ", ".join(row._fields)
    places = ", ".join(f"%({name})s" for name in row._fields)
    with pytest.raises(errors.CheckViolation, match="without its event"):
        write(log, f"INSERT INTO audit.content ({columns}) VALUES ({places})", row._asdict())  # noqa: S608 - our own names


def test_a_key_of_noise_that_no_text_has_is_told_and_changes_nothing(log: SealedLog) -> None:
    ids = {name: uuid4() for name in ("thread", "person", "id")}
    write(log, "SELECT audit.conversation_key(%(thread)s, %(person)s, %(id)s, sha512(''))", ids)
    findings = verify(log)
    assert (findings.verdict, [warning.check for warning in findings.warnings]) == (Verdict.SOUND, ["content-key"])
    assert str(ids["id"]) in findings.warnings[0].message


def test_the_trigger_knows_the_same_kinds_as_the_verifier(log: SealedLog) -> None:
    ((source,),) = log.rows("SELECT prosrc FROM pg_proc WHERE proname = 'refuse_textless'")
    prompts, answers = (str(source).split("NEW.type IN (")[at].partition(")")[0] for at in (1, 2))
    for kind, named in ((ContentKind.PROMPT, prompts), (ContentKind.ANSWER, answers)):
        assert {each.strip().strip("'") for each in named.split(",")} == {
            tag for tag, stated in _KINDS.items() if stated == kind
        }
