"""Texts apart from the events: encrypted for each conversation, bound to their event, and nowhere in clear."""

from __future__ import annotations

import asyncio
import zlib
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from assistant.audit.projections.blind_words import BlindWords
from assistant.audit.projections.project import Projector
from assistant.audit.seals.seal import Sealer
from assistant.audit.seals.seal_key import SealKeyFile, read_public_key
from assistant.audit.verification.verify import Verifier
from assistant.audit.writing.append import Appender
from assistant.audit.writing.content import ContentKind, ContentText, ConversationKey, Damaged, Erased
from assistant.audit.writing.content_keys import ContentKeys
from assistant.audit.writing.keeping import ContentLog
from assistant.database import libpq_dsn
from assistant.errors import AuditUnavailableError
from assistant.keys import Keys
from connectors.model_hosts.values import Token, ToolCallPiece
from tests.fakes.turn_parts import World, make_guard, make_turn, run_all
from tests.integration.conftest import Database
from tests.integration.content_scene import (
    SENTENCE,
    as_superuser,
    content_ids,
    destroy_key,
    guarded,
    open_log,
    place,
    reader,
)
from tests.integration.seal_scene import ORIGIN

pytestmark = pytest.mark.integration

KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAABG5vbmU\n-----END OPENSSH PRIVATE KEY-----"


async def test_a_turn_leaves_its_guarded_texts_and_they_can_be_read(database: Database) -> None:
    async with open_log(database) as log:
        world = World(make_guard(), Dev1_qwen=["It is ", "in March."])
        world.parts = replace(world.parts, audit=log)
        await run_all(world, make_turn(f"{SENTENCE} Write to anna.berger@corp.example"))
    kept = await reader(database).read(ids := content_ids(database))
    prompt, answer = (kept[each] for each in ids)
    assert prompt == ContentText(ContentKind.PROMPT, f"{SENTENCE} Write to [EMAIL_1]")
    assert answer == ContentText(ContentKind.ANSWER, "It is in March.")
    assert_nowhere(database, "Heliotrope", "in March", "anna.berger")


async def test_the_tools_that_an_answer_asked_for_are_kept_and_checked(database: Database, tmp_path: Path) -> None:
    call = [ToolCallPiece(0, name="run_shell"), ToolCallPiece(0, arguments='{"cmd": "mail anna.berger@corp.example"}')]
    async with open_log(database) as log:
        world = World(make_guard(), Dev1_qwen=[*call, Token("Asked.")])
        world.parts = replace(world.parts, audit=log)
        await run_all(world, make_turn(SENTENCE))
    _, called, answer = (await reader(database).read(content_ids(database))).values()
    assert called == ContentText(ContentKind.CALLS, 'run_shell({"cmd": "mail [EMAIL_1]"})')
    assert answer == ContentText(ContentKind.ANSWER, "Asked.")
    assert_nowhere(database, "run_shell", "anna.berger")
    keys = SealKeyFile(tmp_path / "seal.key")
    await Sealer(database.audit_sealer_url, keys).seal()
    async with Verifier(database.audit_reader_url, read_public_key(keys.public_file), keys=database.keys) as verifier:
        assert (await verifier.verify()).problems == []
    await Projector(database.audit_projector_url, database.keys).follow()  # they are searched as well
    words = BlindWords(database.keys).of("run_shell")
    assert as_superuser(database, "SELECT count(*) FROM audit.search WHERE words @> %s", words) == [(1,)]


async def test_a_blocked_prompt_is_kept_without_what_was_found_in_it(database: Database) -> None:
    async with open_log(database) as log:
        world = World(make_guard())
        world.parts = replace(world.parts, audit=log)
        await run_all(world, make_turn(f"{SENTENCE} With this key:\n{KEY}\nand anna.berger@corp.example"))
    (kept,) = (await reader(database).read(content_ids(database))).values()
    assert isinstance(kept, ContentText)
    assert kept.text.startswith(f"{SENTENCE} With this key:\n[")
    assert "b3BlbnNza" not in kept.text
    assert "anna.berger" not in kept.text
    assert_nowhere(database, "Heliotrope", "b3BlbnNza", "anna.berger")


async def test_the_event_commits_to_the_sealed_bytes(database: Database) -> None:
    async with open_log(database) as log:
        await log.append_with(guarded(database, place()), SENTENCE)
    rows = as_superuser(
        database, "SELECT convert_from(body, 'UTF8')::jsonb #>> '{data,content_digest}', sealed FROM audit.event JOIN "
        "audit.content c ON c.id = content_id"
    )  # fmt: skip
    assert [row[0] for row in rows] == [sha256(bytes(row[1])).hexdigest() for row in rows]  # type: ignore[call-overload]
    assert len(rows) == 1


async def test_without_the_master_key_nothing_can_be_read(database: Database) -> None:
    async with open_log(database) as log:
        await log.append_with(guarded(database, place()), SENTENCE)
    (found,) = content_ids(database)
    assert await reader(database, Keys(bytes(32))).read([found]) == {found: Damaged()}


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE audit.content SET sealed = set_byte(sealed, 20, get_byte(sealed, 20) # 1)",
        "UPDATE audit.content SET turn_id = gen_random_uuid()",
        "UPDATE audit.content SET kind = 'answer'",
        "UPDATE audit.content c SET sealed = o.sealed FROM audit.content o WHERE o.id <> c.id",
        "UPDATE audit.content c SET dek_id = o.dek_id FROM audit.content o WHERE o.id <> c.id",
    ],
)
async def test_a_text_that_was_changed_or_moved_is_not_shown(database: Database, change: str) -> None:
    async with open_log(database) as log:
        for text in (SENTENCE, "Another one."):
            await log.append_with(guarded(database, place()), text)
    as_superuser(database, change)
    kept = await reader(database).read(content_ids(database))
    assert list(kept.values()) == [Damaged(), Damaged()]


async def test_two_processes_have_one_key_for_a_conversation(database: Database) -> None:
    turn = place()
    async with open_log(database) as one, open_log(database) as other:
        writers = (log.append_with(guarded(database, turn), SENTENCE) for log in (one, other) * 8)
        await asyncio.gather(*writers)
    assert as_superuser(database, "SELECT count(*), count(DISTINCT dek_id) FROM audit.content") == [(16, 1)]
    kept = await reader(database).read(content_ids(database))
    assert set(kept.values()) == {ContentText(ContentKind.PROMPT, SENTENCE)}


async def test_after_its_key_was_destroyed_a_conversation_goes_on_with_another(database: Database) -> None:
    turn = place()
    async with open_log(database) as log:
        await log.append_with(guarded(database, turn), SENTENCE)
        destroy_key(database, turn.thread_id)
        await log.append_with(guarded(database, turn), "A later one.")  # this process still had the old key
    first, second = content_ids(database)
    kept = await reader(database).read([first, second, unknown := uuid4()])
    assert kept == {
        first: Erased(),
        second: ContentText(ContentKind.PROMPT, "A later one."),
        unknown: Erased(),
    }


async def test_event_and_text_are_stored_both_or_not_at_all(database: Database) -> None:
    turn = place()
    keys = ContentKeys(database.audit_writer_url, database.keys)
    key = await keys.key_of(turn.thread_id, turn.person_id)
    row = key.seal(uuid4(), uuid4(), turn.turn_id, ContentKind.PROMPT, SENTENCE)  # filed under another conversation
    async with Appender(database.audit_writer_url, ORIGIN) as appender:
        record = appender.compose(replace(guarded(database, turn), content_id=row.id, content_digest=row.digest))
        with pytest.raises(AuditUnavailableError):
            await appender.append_record(record, row)
    await keys.close()
    assert as_superuser(database, "SELECT count(*) FROM audit.event") == [(0,)]
    assert as_superuser(database, "SELECT count(*) FROM audit.content") == [(0,)]


async def test_conversations_that_begin_together_share_a_commit(database: Database) -> None:
    threads = [uuid4() for _ in range(100)]
    person = uuid4()
    first, second = (ContentKeys(database.audit_writer_url, database.keys) for _ in range(2))
    keys = await asyncio.gather(
        *(first.key_of(thread, person) for thread in threads),
        *(second.key_of(thread, person) for thread in reversed(threads)),
    )
    assert [key.id for key in keys[:100]] == [key.id for key in reversed(keys[100:])], "one key, whoever was first"
    ((keys_there, commits),) = as_superuser(database, "SELECT count(*), count(DISTINCT xmin::text) FROM audit.dek")
    assert keys_there == 100
    assert int(str(commits)) <= 8
    await first.close()
    await second.close()


async def test_a_defect_while_keys_are_asked_for_refuses_only_those(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = ContentKeys(database.audit_writer_url, database.keys)
    thread, person = uuid4(), uuid4()
    with monkeypatch.context() as broken:
        broken.setattr(keys, "_fetch", lambda _offers: 1 / 0)
        with pytest.raises(AuditUnavailableError):
            await keys.key_of(thread, person)
    assert isinstance(await keys.key_of(thread, person), ConversationKey)
    await keys.close()
    with pytest.raises(AuditUnavailableError):
        await keys.key_of(uuid4(), person)


async def test_a_changed_key_closes_its_own_conversation_alone(database: Database) -> None:
    changed, sound, person = uuid4(), uuid4(), uuid4()
    keys = ContentKeys(database.audit_writer_url, database.keys)
    await keys.key_of(changed, person)
    keys.forget(changed)
    as_superuser(database, "ALTER TABLE audit.dek DISABLE TRIGGER USER")
    as_superuser(database, "UPDATE audit.dek SET wrapped = set_byte(wrapped, 20, get_byte(wrapped, 20) # 1)")
    refused, key = await asyncio.gather(
        keys.key_of(changed, person), keys.key_of(sound, person), return_exceptions=True
    )
    assert isinstance(refused, AuditUnavailableError)
    assert isinstance(key, ConversationKey)
    await keys.close()


async def test_nothing_of_a_turn_that_is_not_kept_goes_to_the_disk_twice_before_its_host_is_asked(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("assistant.answering.record._LINGER_SECONDS", 3600.0)  # nothing may hang on it
    async with open_log(database) as log:
        world = World(make_guard())
        world.parts = replace(world.parts, audit=log).unkept()
        await run_all(world, make_turn("What is a cloister?"))
    rows = as_superuser(database, "SELECT type, xid::text FROM audit.event ORDER BY id")
    assert [row[0] for row in rows] == ["turn:accepted", "turn:guarded", "turn:routed", "turn:answered"]
    assert len({row[1] for row in rows[:3]}) == 1
    assert len({row[1] for row in rows}) == 2


async def test_a_site_may_keep_no_texts(database: Database) -> None:
    async with Appender(database.audit_writer_url, ORIGIN) as appender:
        await ContentLog(appender, None).append_with(guarded(database, place()), SENTENCE)
    rows = as_superuser(database, "SELECT type, content_id, (SELECT count(*) FROM audit.dek) FROM audit.event")
    assert rows == [("turn:guarded", None, 0)]


async def test_a_turn_is_at_most_eight_events_and_six_kilobytes(database: Database) -> None:
    words = " ".join(f"word{number}" for number in range(250))
    async with open_log(database) as log:
        world = World(make_guard(), Dev1_qwen=[words])
        world.parts = replace(world.parts, audit=log)
        await run_all(world, make_turn(words))
    ((events, taken),) = as_superuser(
        database,
        "SELECT (SELECT count(*) FROM audit.event), (SELECT sum(pg_column_size(e.*)) FROM audit.event e) + "
        "(SELECT sum(pg_column_size(c.*)) FROM audit.content c) + (SELECT sum(pg_column_size(d.*)) FROM audit.dek d)",
    )
    assert int(str(events)) <= 8
    assert int(str(taken)) <= 6_000


def assert_nowhere(database: Database, *planted: str) -> None:
    """Look for texts in every row of every table, as they are, as hexadecimal and compressed."""
    with psycopg.connect(libpq_dsn(database.owner_url)) as connection:
        tables = connection.execute(
            "SELECT quote_ident(nspname) || '.' || quote_ident(relname) FROM pg_class JOIN pg_namespace n "
            "ON n.oid = relnamespace WHERE relkind = 'r' AND nspname IN ('public', 'audit')"
        ).fetchall()
        assert len(tables) > 20
        seen = ""
        for (table,) in tables:
            rows = connection.execute(f"SELECT t::text FROM {table} t").fetchall()  # type: ignore[call-overload]  # noqa: S608
            everything = "\n".join(row[0] for row in rows)
            seen += everything
            for text in planted:
                assert text not in everything, table
                assert text.encode().hex() not in everything, table
                assert zlib.compress(text.encode())[2:-4].hex() not in everything, table
        assert "turn:accepted" in seen  # so what was written would have been seen
