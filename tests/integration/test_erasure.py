"""Erasure by two persons, holds that forbid it, and a log that is sound after each level."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from assistant.audit.events import TextDropped, TurnAccepted
from assistant.audit.projections.blind_words import BlindWords
from assistant.audit.projections.project import Projector
from assistant.audit.record import compose_record
from assistant.audit.removal.eraser import ErasureState, Scope
from assistant.audit.verification.findings import Verdict
from assistant.audit.writing.append import Appender
from assistant.audit.writing.column_arrays import take_arrays
from assistant.audit.writing.content import ContentKind, ContentText, Erased
from assistant.audit.writing.insert import INSERT, Entry, insert
from assistant.audit.writing.keeping import ContentLog
from assistant.conversation import Person, Role
from assistant.database import connect, libpq_dsn
from assistant.errors import AuditUnavailableError, BadInputError, HeldError, NotAllowedError, NotFoundError
from assistant.keys import Keys
from tests.integration.conftest import Database
from tests.integration.content_scene import SENTENCE, add_people, as_superuser, guarded, place
from tests.integration.erasure_scene import ANDREA, EMIL, REASON, RUTH, Scene, eraser_of, erasure_scene
from tests.integration.seal_scene import ORIGIN, loosen, switch
from tests.integration.spool_scene import SpoolingLog, shut

pytestmark = pytest.mark.integration


@pytest.fixture
async def scene(database: Database, tmp_path: Path) -> AsyncIterator[Scene]:
    async with erasure_scene(database, tmp_path) as made:
        yield made


async def test_a_conversation_is_erased_and_the_log_is_sound(scene: Scene) -> None:
    erased, other, person = uuid4(), uuid4(), uuid4()
    for thread_id in (erased, erased, other):
        await scene.write(thread_id, person)
    await scene.project()
    assert scene.count("audit.search") == 3
    assert await scene.erase(Scope.THREAD, erased) == 2
    text = ContentText(ContentKind.PROMPT, SENTENCE)
    assert await scene.kept() == [Erased(), Erased(), text]
    assert (scene.count("audit.content"), scene.count("audit.search")) == (1, 1)
    gone = as_superuser(scene.database, "SELECT wrapped IS NULL FROM audit.dek ORDER BY created_at")
    assert gone == [(True,), (False,)]
    assert scene.tags()[-3:] == ["erasure:requested", "erasure:approved", "erasure:executed"]
    findings = await scene.verify()
    assert (findings.problems, findings.verdict) == ([], Verdict.SOUND)
    await scene.write(erased, person, "What was said later.")
    assert (await scene.kept())[-1] == ContentText(ContentKind.PROMPT, "What was said later.")
    assert (await scene.verify()).problems == []


async def test_after_an_erasure_everything_else_is_still_seen(scene: Scene) -> None:
    erased, other, person = uuid4(), uuid4(), uuid4()
    await scene.write(erased, person)
    await scene.write(other, person)
    await scene.erase(Scope.THREAD, erased)
    await scene.write(erased, person, "Written after the erasure.")
    assert (await scene.verify()).problems == []
    as_superuser(scene.database, "DELETE FROM audit.content WHERE thread_id = %s", erased)
    assert [problem.check for problem in (await scene.verify()).problems] == ["content-missing"]
    as_superuser(scene.database, "UPDATE audit.content SET sealed = sealed || '\\x00'")
    assert {problem.check for problem in (await scene.verify()).problems} == {"content-missing", "content-digest"}


async def test_a_person_is_erased_with_all_that_names_them(scene: Scene) -> None:
    await scene.identity.add_person("root", {Role.ADMINISTRATOR}, "correct horse battery")
    maria = await scene.identity.add_person("maria", {Role.EMPLOYEE}, "correct horse battery", display_name="Maria Q")
    thread_id = uuid4()
    await scene.history.open_thread(maria, thread_id, "general", "Heliotrope")
    await scene.write(thread_id, maria.id)
    await scene.write(uuid4(), maria.id)
    await scene.write(uuid4(), uuid4())
    request_id = await scene.erasure.request_erasure(RUTH, Scope.PERSON, maria.id, REASON)
    with pytest.raises(BadInputError, match="Switch it off"):
        await scene.erasure.approve(ANDREA, request_id)
    await scene.identity.disable("maria")
    assert await scene.erasure.approve(ANDREA, request_id) == 2
    assert (await scene.kept())[:2] == [Erased(), Erased()]
    assert as_superuser(scene.database, "SELECT name FROM person WHERE name = 'maria'") == []
    assert as_superuser(scene.database, "SELECT count(*) FROM thread") == [(0,)]
    with psycopg.connect(libpq_dsn(scene.database.owner_url)) as connection:
        tables = connection.execute(
            "SELECT schemaname || '.' || quote_ident(tablename) FROM pg_tables WHERE schemaname IN ('public', 'audit')"
        ).fetchall()
        for (table,) in tables:
            rows = connection.execute(f"SELECT t::text FROM {table} t").fetchall()  # type: ignore[call-overload]  # noqa: S608
            assert not [row for row in rows if "maria" in row[0].lower() or "Heliotrope" in row[0]], table
    assert (await scene.verify()).problems == []
    with pytest.raises(AuditUnavailableError):  # a turn of theirs that was on its way gets no key
        await scene.write(uuid4(), maria.id)


async def test_what_is_held_is_not_erased(scene: Scene) -> None:
    thread_id, person_id = uuid4(), uuid4()
    await scene.write(thread_id, person_id)
    for held_scope, held in ((Scope.THREAD, thread_id), (Scope.PERSON, person_id)):
        hold_id = await scene.erasure.place_hold(RUTH, held_scope, held, REASON)
        for scope, subject_id in ((Scope.THREAD, thread_id), (Scope.PERSON, person_id)):
            request_id = await scene.erasure.request_erasure(RUTH, scope, subject_id, REASON)
            with pytest.raises(HeldError):
                await scene.erasure.approve(ANDREA, request_id)
            await scene.erasure.deny(ANDREA, request_id)
        assert [hold.id for hold in await scene.erasure.holds(RUTH)] == [hold_id]
        await scene.erasure.release_hold(ANDREA, hold_id)
        with pytest.raises(NotFoundError):
            await scene.erasure.release_hold(ANDREA, hold_id)
    assert await scene.kept() == [ContentText(ContentKind.PROMPT, SENTENCE)]
    assert await scene.erase(Scope.THREAD, thread_id) == 1


async def test_one_person_alone_erases_nothing(scene: Scene) -> None:
    both = Person(uuid4(), "both", frozenset({Role.REVIEWER, Role.APPROVER}))
    add_people(scene.database, both)
    request_id = await scene.erasure.request_erasure(both, Scope.THREAD, uuid4(), REASON)
    for refused in (both, RUTH, EMIL):
        with pytest.raises(NotAllowedError):
            await scene.erasure.approve(refused, request_id)
        with pytest.raises(NotAllowedError):
            await scene.erasure.deny(refused, request_id)
    about_herself = await scene.erasure.request_erasure(RUTH, Scope.PERSON, ANDREA.id, REASON)
    with pytest.raises(NotAllowedError):
        await scene.erasure.approve(ANDREA, about_herself)
    with pytest.raises(NotAllowedError):
        await scene.erasure.request_erasure(EMIL, Scope.THREAD, uuid4(), REASON)
    with pytest.raises(NotAllowedError):
        await scene.erasure.place_hold(EMIL, Scope.THREAD, uuid4(), REASON)
    hold_id = await scene.erasure.place_hold(RUTH, Scope.THREAD, uuid4(), REASON)
    with pytest.raises(NotAllowedError):
        await scene.erasure.release_hold(RUTH, hold_id)
    with pytest.raises(BadInputError):
        await scene.erasure.request_erasure(RUTH, Scope.THREAD, uuid4(), "because")
    assert scene.tags().count("access:refused") == 10
    assert "erasure:executed" not in scene.tags()


async def test_nobody_decides_about_a_conversation_of_their_own(scene: Scene) -> None:
    thread_id = uuid4()
    await scene.write(thread_id, ANDREA.id)
    for scope, subject_id in ((Scope.THREAD, thread_id), (Scope.PERSON, ANDREA.id)):
        request_id = await scene.erasure.request_erasure(RUTH, scope, subject_id, REASON)
        hold_id = await scene.erasure.place_hold(RUTH, scope, subject_id, REASON)
        for step, wanted in (
            (scene.erasure.approve, request_id),
            (scene.erasure.deny, request_id),
            (scene.erasure.release_hold, hold_id),
        ):
            with pytest.raises(NotAllowedError, match="about you"):
                await step(ANDREA, wanted)
    assert await scene.erasure.requests(ANDREA) == await scene.erasure.holds(ANDREA) == []
    assert len(await scene.erasure.requests(RUTH)) == len(await scene.erasure.holds(RUTH)) == 2
    assert scene.tags().count("access:refused") == 6
    assert await scene.kept() == [ContentText(ContentKind.PROMPT, SENTENCE)]


async def test_the_database_itself_wants_two_persons(scene: Scene, database: Database) -> None:
    both = Person(uuid4(), "both", frozenset({Role.REVIEWER, Role.APPROVER}))
    add_people(database, both)
    request_id = await scene.erasure.request_erasure(both, Scope.THREAD, uuid4(), REASON)
    eraser = eraser_of(database)
    request = await eraser.open_request(request_id)
    for person, why in ((both, "second person"), (RUTH, "may decide")):
        with pytest.raises(BadInputError, match=why):
            await eraser.execute(request, person.id)
    assert (await eraser.open_request(request_id)).state is ErasureState.REQUESTED


async def test_a_request_is_decided_once(scene: Scene) -> None:
    request_id = await scene.erasure.request_erasure(RUTH, Scope.THREAD, uuid4(), REASON)
    await scene.erasure.approve(ANDREA, request_id)
    with pytest.raises(NotFoundError):
        await scene.erasure.approve(ANDREA, request_id)
    with pytest.raises(NotFoundError):
        await scene.erasure.deny(ANDREA, request_id)
    (done,) = await scene.erasure.requests(RUTH, with_decided=True)
    assert (done.state, done.requested_by, done.decided_by) == (ErasureState.EXECUTED, RUTH.id, ANDREA.id)
    assert await scene.erasure.requests(RUTH) == []


async def test_what_is_written_while_it_is_erased_is_gone_or_has_a_new_key(scene: Scene) -> None:
    thread_id, person_id = uuid4(), uuid4()

    async def write_on() -> None:
        for number in range(40):
            await scene.write(thread_id, person_id, f"Text {number}.")

    async def erase() -> None:
        for _ in range(4):
            await asyncio.sleep(0.03)
            await scene.erase(Scope.THREAD, thread_id)

    await asyncio.gather(write_on(), write_on(), erase())
    kept = await scene.kept()
    assert len(kept) == 80
    assert Erased() in kept
    assert all(isinstance(each, ContentText | Erased) for each in kept)
    assert (await scene.verify()).problems == []


async def test_an_event_that_waited_on_a_disk_through_the_erasure_comes_without_its_text(
    scene: Scene, tmp_path: Path
) -> None:
    database, (thread_id, person_id) = scene.database, (uuid4(), uuid4())
    await scene.write(thread_id, person_id)
    log = SpoolingLog(database.owner_url, database.audit_writer_url, tmp_path / "spool", database.keys)
    async with log.appender() as appender:
        texts = ContentLog(appender, scene.content_keys)  # they remember the conversation's key
        shut(database.owner_url, is_shut=True)
        await texts.append_with(guarded(database, place(thread_id, person_id)), SENTENCE)
    shut(database.owner_url, is_shut=False)
    await scene.erase(Scope.THREAD, thread_id)
    async with log.appender():
        await log.replayed()
    assert [data["erased_texts"] for data in log.bodies("log:replayed")] == [1]
    findings = await scene.verify()
    assert (findings.verdict, findings.problems) == (Verdict.SOUND, [])
    as_superuser(database, "ALTER TABLE audit.event DISABLE TRIGGER USER")
    as_superuser(database, "DELETE FROM audit.event WHERE type = 'text:dropped'")
    assert "content-missing" in {problem.check for problem in (await scene.verify()).problems}


async def test_a_text_that_waited_while_it_was_erased_is_missed_unless_the_log_says_so(
    scene: Scene, database: Database
) -> None:
    erased, other, person = uuid4(), uuid4(), uuid4()
    loosen(database)
    await scene.write(erased, person)
    await scene.erase(Scope.THREAD, erased)
    async with Appender(database.audit_writer_url, ORIGIN) as appender:
        for thread_id, checks in ((erased, []), (other, ["content-missing"])):
            event = replace(guarded(database, place(thread_id, person)), content_id=uuid4(), content_digest="0" * 64)
            late = appender.compose(event)
            await appender.append_record(late)
            assert "content-missing" in [problem.check for problem in (await scene.verify()).problems]
            await appender.append(TextDropped(thread_id=thread_id, event_id=late.id))
            assert [problem.check for problem in (await scene.verify()).problems] == checks


async def test_a_hold_reaches_conversations_of_which_no_text_was_kept(scene: Scene, database: Database) -> None:
    turn = place()
    async with Appender(database.audit_writer_url, ORIGIN) as appender:
        await appender.append(
            TurnAccepted(turn=turn, door="chat", persona="general", persona_version="sha256:0", chars=1)
        )
    for held, wanted in ((Scope.PERSON, Scope.THREAD), (Scope.THREAD, Scope.PERSON)):
        subjects = {Scope.THREAD: turn.thread_id, Scope.PERSON: turn.person_id}
        hold_id = await scene.erasure.place_hold(RUTH, held, subjects[held], REASON)
        with pytest.raises(HeldError):
            await scene.erase(wanted, subjects[wanted])
        await scene.erasure.release_hold(ANDREA, hold_id)


async def test_an_erasure_waits_for_texts_on_their_way(scene: Scene, database: Database) -> None:
    turn = place()
    key = await scene.content_keys.key_of(turn.thread_id, turn.person_id)
    row = key.seal(uuid4(), turn.thread_id, turn.turn_id, ContentKind.PROMPT, SENTENCE)
    event = replace(guarded(database, turn), content_id=row.id, content_digest=row.digest)
    entry = Entry(compose_record(event, ORIGIN, time.time_ns()), row)
    async with await connect(database.audit_writer_url) as slow:
        take_arrays(slow)
        await insert(slow, INSERT, [entry])
        erasing = asyncio.create_task(scene.erase(Scope.THREAD, turn.thread_id))
        await asyncio.sleep(0.5)
        assert not erasing.done()
        await slow.commit()
        assert await erasing == 1
    assert scene.count("audit.content") == 0
    assert (await scene.verify()).problems == []


async def test_words_are_projected_before_an_erasure_or_not_at_all(scene: Scene, database: Database) -> None:
    thread_id = uuid4()
    await scene.write(thread_id, uuid4())
    await scene.seal()
    async with await connect(database.owner_url) as other:
        await other.execute("SELECT FROM audit.projection FOR UPDATE")
        waiting = [
            asyncio.create_task(scene.erase(Scope.THREAD, thread_id)),
            asyncio.create_task(Projector(database.audit_projector_url, database.keys).follow()),
        ]
        await asyncio.sleep(0.5)
        assert not any(task.done() for task in waiting)
        await other.commit()
        assert await asyncio.gather(*waiting) == [1, 1]
    assert scene.count("audit.search") == 0


class SlowWords(BlindWords):
    """Words of a text that takes as long as somebody says."""

    def __init__(self, keys: Keys) -> None:
        super().__init__(keys)
        self.began, self.goes_on = threading.Event(), threading.Event()

    def of(self, text: str) -> list[int]:
        self.began.set()
        assert self.goes_on.wait(60)
        return super().of(text)


async def test_an_erasure_waits_for_no_projector_in_the_middle_of_its_step(scene: Scene, database: Database) -> None:
    thread_id, other, person = uuid4(), uuid4(), uuid4()
    await scene.write(thread_id, person)
    await scene.write(other, person)
    await scene.seal()
    projector, words = Projector(database.audit_projector_url, database.keys), SlowWords(database.keys)
    projector._words = words
    slow = asyncio.create_task(asyncio.to_thread(asyncio.run, projector.follow()))
    await asyncio.to_thread(words.began.wait, 60)
    assert await scene.erase(Scope.THREAD, thread_id) == 1  # what was read of it is not written yet
    assert not slow.done()
    words.goes_on.set()
    assert await slow == 2
    assert as_superuser(database, "SELECT DISTINCT thread_id FROM audit.search") == [(other,)]
    await scene.seal()
    assert await Projector(database.audit_projector_url, database.keys).rebuild() == scene.count("audit.event")
    assert (await scene.verify()).problems == []


async def test_words_that_an_erasure_could_not_take_go_after_days_without_a_projector(
    scene: Scene, database: Database
) -> None:
    erased, other, person = uuid4(), uuid4(), uuid4()
    await scene.write(erased, person)
    await scene.write(other, person)
    await scene.project()
    async with await connect(database.owner_url) as holder:
        await holder.execute("SELECT FROM audit.projection FOR UPDATE")
        assert await scene.erase(Scope.THREAD, erased) == 1
    assert scene.count("audit.search") == 2
    with psycopg.connect(libpq_dsn(database.owner_url)) as clock:  # three days pass
        switch(clock, "DISABLE")
        clock.execute("UPDATE audit.dek SET destroyed_at = destroyed_at - interval '3 days'")
        switch(clock, "ENABLE ALWAYS")
    as_superuser(database, "UPDATE audit.projection SET until = until - interval '3 days'")
    await scene.project()
    assert as_superuser(database, "SELECT DISTINCT thread_id FROM audit.search") == [(other,)]


async def test_two_projectors_count_each_event_once(scene: Scene, database: Database) -> None:
    for _ in range(30):
        await scene.write(uuid4(), uuid4())
        await scene.seal()
    projectors = [Projector(database.audit_projector_url, database.keys) for _ in range(3)]
    assert sum(await asyncio.gather(*(one.follow() for one in projectors))) == 30
    assert as_superuser(database, "SELECT sum(events)::int FROM audit.tally") == [(30,)]
