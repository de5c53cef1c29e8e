"""Exports by a page: written by a worker, fetched by who asked alone, noted, gone after a day."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
import zipfile
from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from assistant.audit.events import CaseClosed, FeedbackGiven, HitDecided, HoldPlaced, ReviewViewed
from assistant.audit.exports.export import Exported, ExportRequest, OnProgress, create_export
from assistant.audit.exports.export_query import ExportQuery
from assistant.audit.exports.offline import verify as offline_verify
from assistant.audit.parts import TextMark
from assistant.audit.record import Origin, canonical_bytes, compose_record, leaf_of, parse_body
from assistant.audit.seals.seal_key import read_public_key
from assistant.compliance.exports import Exports, ExportState
from assistant.compliance.standing import Step
from assistant.compliance.unmask import Asked
from assistant.conversation import Role
from assistant.errors import AuditUnavailableError, BadInputError, NotAllowedError, NotFoundError, UnavailableError
from policies.guard import Guard
from tests.fakes.turn_parts import make_guard
from tests.integration.conftest import Database
from tests.integration.desk_scene import EMAIL, REASON, TOKEN, DeskScene, open_desk, with_roles

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def guard() -> Guard:
    return make_guard()


@pytest.fixture
async def desk(database: Database, guard: Guard, tmp_path: Path) -> AsyncIterator[DeskScene]:
    async with open_desk(database, guard, tmp_path) as desk:
        yield desk


@pytest.fixture
def exports(desk: DeskScene) -> Exports:
    return desk.desk.exports


async def write(desk: DeskScene, *, goes_on: asyncio.Event | None = None) -> bool:
    async def to_file(request: ExportRequest, target: Path, on_progress: OnProgress) -> Exported:
        if goes_on is not None:
            on_progress(7, 9)
            await goes_on.wait()
        key = read_public_key(desk.seal_keys.public_file)
        url = desk.scene.database.audit_reader_url
        return await create_export(url, key, request, desk.audit, target, on_progress=on_progress)

    return await desk.desk.exports.write_next(to_file)


async def ready(desk: DeskScene, query: ExportQuery | None = None) -> UUID:
    await desk.ask(f"write to {EMAIL} about {TOKEN}")
    await desk.seal()
    export_id = await desk.desk.exports.request(desk.rita, query or ExportQuery(), REASON)
    assert await write(desk)
    return export_id


async def test_an_export_is_written_and_fetched_and_holds_no_value(desk: DeskScene, exports: Exports) -> None:
    export_id = await ready(desk, ExportQuery(person_id=desk.maria.id, rule="secret/github-token"))
    (export,) = await exports.list_own(desk.rita)
    assert (export.id, export.state, export.events, export.reason) == (export_id, ExportState.READY, 1, REASON)
    file = await exports.fetch(desk.rita, export_id)
    content = file.read_bytes()
    assert sha256(content).hexdigest() == export.sha256
    assert file.stat().st_mode & 0o077 == 0
    assert file.parent.stat().st_mode & 0o077 == 0
    with zipfile.ZipFile(file) as opened:
        everything = b"".join(opened.read(name) for name in opened.namelist())
    assert REASON.encode() in everything
    assert EMAIL.encode() not in everything
    assert TOKEN.encode() not in everything
    (downloaded,) = await desk.data("export:downloaded")
    assert downloaded["zip_sha256"] == export.sha256
    (created,) = await desk.events("export:created")
    assert created.actor == desk.rita.id


async def test_nobody_learns_by_an_export_who_looks_into_them(desk: DeskScene, exports: Exports) -> None:
    turn = await desk.ask(f"write to {EMAIL} about {TOKEN}", person=desk.rita)
    own = turn.thread_id
    for event in (
        ReviewViewed(actor=desk.rolf.id, subject=desk.rita.id, view="turn"),
        HoldPlaced(
            actor=desk.rolf.id,
            subject=None,
            thread_id=own,
            hold_id=uuid4(),
            scope="thread",
            reason_mark=TextMark("x"),
        ),
        HitDecided(
            actor=desk.rolf.id,
            about=desk.rita.id,
            turn_id=uuid4(),
            hit_id=uuid4(),
            finding_rule="x",
            disposition="benign",
            is_final=True,
            proposed_by=desk.rolf.id,
        ),
        FeedbackGiven(actor=desk.rolf.id, thread_id=uuid4(), turn_id=turn.id, message_id=uuid4(), is_helpful=True),
        ReviewViewed(actor=desk.rolf.id, subject=desk.maria.id, view="turn"),
        ReviewViewed(actor=desk.rita.id, subject=None, view="queue"),
    ):
        await desk.audit.append(event)
    file = await exports.fetch(desk.rita, await ready(desk))
    with zipfile.ZipFile(file) as opened:
        bodies = [json.loads(line)["event"] for line in opened.read("events.jsonl").splitlines()]
        told = "\n".join(offline_verify.check(opened, str(read_public_key(desk.seal_keys.public_file)), []))
    assert {body["type"] for body in bodies} >= {"review:viewed", "turn:accepted"}
    assert not {"hit:decided", "hold:placed", "feedback:given"} & {body["type"] for body in bodies}
    assert str(own) not in {body.get("thread_id") for body in bodies}
    assert not [body for body in bodies if body.get("subject") == str(desk.rita.id) != body.get("actor")]
    views = [body.get("subject") for body in bodies if body["type"] == "review:viewed"]
    assert views == [str(desk.maria.id), None]
    assert "Not proved: that there are no others" in told
    with pytest.raises(BadInputError, match="your own log"):
        await exports.request(desk.rita, ExportQuery(person_id=desk.rita.id), REASON)


async def test_only_who_asked_sees_and_fetches_it(desk: DeskScene, exports: Exports) -> None:
    export_id = await ready(desk)
    for who in (desk.rolf, desk.alma):
        assert await exports.list_own(who) == ()
        with pytest.raises(NotFoundError):
            await exports.fetch(who, export_id)
    for role in set(Role) - {Role.REVIEWER, Role.APPROVER}:
        somebody = with_roles(desk.rita, role)
        for asked in (
            exports.list_own(somebody),
            exports.fetch(somebody, export_id),
            exports.request(somebody, ExportQuery(), REASON),
        ):
            with pytest.raises(NotAllowedError):
                await asked
    with pytest.raises(NotFoundError):
        await exports.fetch(desk.rita, uuid4())
    assert await desk.events("export:downloaded") == []


async def test_a_file_is_gone_after_a_day(desk: DeskScene, exports: Exports) -> None:
    export_id = await ready(desk)
    file = await exports.fetch(desk.rita, export_id)
    a_day_ago = time.time() - 25 * 3600
    os.utime(file, (a_day_ago, a_day_ago))
    assert await exports.sweep() == 0
    desk.scene.sql("UPDATE log_export SET expires_at = now()")
    with pytest.raises(NotFoundError):
        await exports.fetch(desk.rita, export_id)
    young = file.with_name("being-written.zip")
    young.touch()
    assert await exports.sweep() == 1
    assert (file.exists(), young.exists()) == (False, True)


async def test_its_progress_is_seen(desk: DeskScene, exports: Exports) -> None:
    await desk.ask("hello")
    await desk.seal()
    await exports.request(desk.rita, ExportQuery(), REASON)
    goes_on = asyncio.Event()
    writing = asyncio.create_task(write(desk, goes_on=goes_on))
    async with asyncio.timeout(180):
        while not (export := (await exports.list_own(desk.rita))[0]).looked_at:  # noqa: ASYNC110 - a row tells nobody
            await asyncio.sleep(0.05)
    assert (export.state, export.looked_at, export.to_look_at) == (ExportState.WRITING, 7, 9)
    assert not await write(desk)  # nobody else takes it
    goes_on.set()
    assert await writing


async def test_what_a_dead_worker_left_is_taken_up_and_given_up_in_the_end(desk: DeskScene, exports: Exports) -> None:
    await exports.request(desk.rita, ExportQuery(), REASON)

    async def die(*_: object) -> Exported:
        raise RuntimeError("killed")

    for _ in range(3):
        assert await exports.has_waiting()
        with pytest.raises(RuntimeError):
            await exports.write_next(die)
        assert not await exports.has_waiting()
        desk.scene.sql("UPDATE log_export SET seen_at = seen_at - interval '3 minutes'")
    assert not await exports.has_waiting()
    await exports.sweep()
    (export,) = await exports.list_own(desk.rita)
    assert export.state is ExportState.FAILED
    assert export.trouble


async def test_what_cannot_be_written_says_why_and_what_is_away_is_tried_again(
    desk: DeskScene, exports: Exports
) -> None:
    await exports.request(desk.rita, ExportQuery(), REASON)
    desk.seal_keys.create()
    assert await write(desk)
    (export,) = await exports.list_own(desk.rita)
    assert (export.state, "sealed" in export.trouble) == (ExportState.FAILED, True)

    async def away(*_: object) -> Exported:
        raise UnavailableError("The database does not answer.")

    await exports.request(desk.rita, ExportQuery(), REASON)
    assert [await exports.write_next(away) for _ in range(3)] == [False, False, True]
    assert not await exports.has_waiting()


async def test_requests_have_their_limits(desk: DeskScene, exports: Exports) -> None:
    with pytest.raises(BadInputError):
        await exports.request(desk.rita, ExportQuery(), "too short")
    with pytest.raises(BadInputError):
        await exports.request(desk.rita, ExportQuery(reference="no reference"), REASON)
    for name in ("rule", "model", "host", "persona"):
        with pytest.raises(BadInputError):
            await exports.request(desk.rita, ExportQuery(**{name: TOKEN}), REASON)
    for _ in range(5):
        await exports.request(desk.rita, ExportQuery(rule="secret/github-token"), f"{REASON} {TOKEN}")
    with pytest.raises(BadInputError):
        await exports.request(desk.rita, ExportQuery(), REASON)
    await exports.request(desk.alma, ExportQuery(), REASON)
    assert TOKEN not in str(desk.scene.sql("SELECT row_to_json(t)::text FROM log_export t"))


async def test_requests_at_once_have_the_same_limits(desk: DeskScene, exports: Exports) -> None:
    asked = [exports.request(desk.rita, ExportQuery(), REASON) for _ in range(9)]
    answers = await asyncio.gather(*asked, return_exceptions=True)
    assert sum(isinstance(answer, BadInputError) for answer in answers) == 4
    assert len(await exports.list_own(desk.rita)) == 5


async def granted(desk: DeskScene, case: UUID, *turns: UUID, shows_names: bool = True) -> UUID:
    asked = Asked(case, turns, REASON, 30, shows_names=shows_names, shows_values=not shows_names)
    grant = await desk.unmasking.request(desk.rita, asked)
    await desk.unmasking.approve(desk.alma, grant)
    return grant


def checked(desk: DeskScene, file: Path) -> tuple[str, dict[str, Any], list[dict[str, Any]]]:
    """What verify.py says in a process of its own, the manifest and the events."""
    with zipfile.ZipFile(file) as opened:
        manifest = json.loads(opened.read("manifest.json"))
        events = [json.loads(line)["event"] for line in opened.read("events.jsonl").splitlines()]
        verifier = file.with_name("verify.py")
        verifier.write_bytes(opened.read("verify.py"))
    command = [sys.executable, "-I", "-S", str(verifier), str(file), "--key"]
    key = str(read_public_key(desk.seal_keys.public_file))
    done = subprocess.run([*command, key], capture_output=True, text=True, timeout=60, check=False)
    verifier.unlink()
    assert done.returncode == 0, done.stderr
    return done.stdout, manifest, events


async def test_a_case_is_exported_whole_and_nothing_else(desk: DeskScene, exports: Exports) -> None:
    turn, other = await desk.ask(f"write to {EMAIL}"), await desk.ask(f"about {TOKEN}", person=desk.otto)
    foreign = await desk.ask(f"the token is {TOKEN}")
    case, other_case = await desk.case_on(turn, other), await desk.case_on(foreign)
    await desk.audit.append(CaseClosed(actor=desk.rita.id, case_id=other_case, note_chars=1))
    forged = forge_like(desk, case)
    export_id = await desk.desk.case_exports.request(desk.rita, case, REASON)
    await desk.seal()
    assert await write(desk)
    said, manifest, events = checked(desk, await exports.fetch(desk.rita, export_id))
    assert "Not proved: that there are no others" in said
    assert "people" not in manifest
    assert {event.get("turn_id") for event in events if "turn_id" in event} == {str(turn.id), str(other.id)}
    assert {event["data"]["case_id"] for event in events if "turn_id" not in event} == {str(case)}
    assert {"case:opened", "case:changed", "case:viewed", "turn:accepted"} <= {event["type"] for event in events}
    assert forged not in {event["id"] for event in events}
    (asked,) = [one for one in await desk.data("case:changed") if one["change"] == "export"]
    assert asked["case_id"] == str(case)
    file = await desk.cases.case(desk.rolf, case)
    assert [(entry.step, entry.note) for entry in file.entries if entry.step is Step.EXPORT] == [(Step.EXPORT, REASON)]


async def test_a_case_does_not_tell_of_an_export_that_was_refused(desk: DeskScene, exports: Exports) -> None:
    case = await desk.case_on(await desk.ask(f"write to {EMAIL}"))
    for _ in range(5):
        await exports.request(desk.rita, ExportQuery(), REASON)
    with pytest.raises(BadInputError, match="wait already"):
        await desk.desk.case_exports.request(desk.rita, case, REASON)
    file = await desk.cases.case(desk.rolf, case)
    assert Step.EXPORT not in {entry.step for entry in file.entries}


async def test_of_many_at_once_a_case_tells_of_those_that_were_taken(desk: DeskScene, exports: Exports) -> None:
    turn = await desk.ask(f"write to {EMAIL}")
    cases = [await desk.case_on(turn), await desk.case_on(turn)]  # a case's own lock holds up no other case
    asked = [desk.desk.case_exports.request(desk.rita, cases[number % 2], REASON) for number in range(8)]
    answers = await asyncio.gather(*asked, return_exceptions=True)
    assert sum(isinstance(answer, BadInputError) for answer in answers) == 3
    assert len(await exports.list_own(desk.rita)) == 5
    steps = [entry.step for case in cases for entry in (await desk.cases.case(desk.rolf, case)).entries]
    assert steps.count(Step.EXPORT) == 5
    assert [one["change"] for one in await desk.data("case:changed")].count("export") == 5


async def test_what_the_log_does_not_take_is_not_asked_for(desk: DeskScene, exports: Exports) -> None:
    case = await desk.case_on(await desk.ask(f"write to {EMAIL}"))
    desk.scene.sql("ALTER TABLE audit.event ADD CONSTRAINT no_more CHECK (type <> 'case:changed') NOT VALID")
    with pytest.raises(AuditUnavailableError):
        await desk.desk.case_exports.request(desk.rita, case, REASON)
    assert await exports.list_own(desk.rita) == ()
    desk.scene.sql("ALTER TABLE audit.event DROP CONSTRAINT no_more")
    assert await desk.desk.case_exports.request(desk.rita, case, REASON)


def forge_like(desk: DeskScene, case: UUID) -> str:
    """Add an event whose bytes name the case elsewhere than a case's event does; whoever may write to the log can."""
    record = compose_record(
        CaseClosed(actor=desk.rita.id, case_id=uuid4(), note_chars=1), Origin("x", 1, "0"), time.time_ns()
    )
    document = parse_body(record.body)
    body = canonical_bytes({**document, "data": {**document["data"], "extra": {"case_id": str(case)}}})
    desk.scene.sql(
        "INSERT INTO audit.event (id, occurred_at, type, subject, actor, body, leaf)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s)",
        *(record.id, record.occurred_at, record.type, record.subject, record.actor, body, leaf_of(body)),
    )
    return str(record.id)


async def test_names_come_with_an_unmasking_that_covers_them_and_with_none_else(
    desk: DeskScene, exports: Exports
) -> None:
    turn, other = await desk.ask("hello"), await desk.ask("hello", person=desk.otto)
    case, second = await desk.case_on(turn, other), await desk.case_on(turn)
    names, values = await granted(desk, case, turn.id), await granted(desk, case, turn.id, shows_names=False)
    waiting = await desk.unmasking.request(desk.rita, Asked(case, [turn.id], REASON, 9, shows_names=True))
    ask = desk.desk.case_exports.request
    for who, of, unmask_id, error in (
        (desk.rolf, case, names, NotFoundError),  # somebody else's
        (desk.alma, case, names, NotFoundError),  # who allowed it, either
        (desk.rita, second, names, NotFoundError),  # of another case
        (desk.rita, case, uuid4(), NotFoundError),
        (desk.rita, case, values, NotAllowedError),  # shows no names
        (desk.rita, case, waiting, NotAllowedError),  # nobody allowed it yet
    ):
        with pytest.raises(error):
            await ask(who, of, REASON, unmask_id=unmask_id)
    with pytest.raises(NotFoundError):  # the case does not exist for whoever has a turn in it
        await ask(with_roles(desk.otto, Role.REVIEWER), case, REASON)
    export_id = await ask(desk.rita, case, REASON, unmask_id=names)
    await desk.seal()
    assert await write(desk)
    said, manifest, _ = checked(desk, await exports.fetch(desk.rita, export_id))
    assert manifest["people"] == {str(desk.maria.id): desk.maria.name}  # Otto's turn was not granted
    assert "Not proved: who the people are" in said
    looks = await desk.data("unmask:viewed")
    assert [(one["unmask_id"], one["view"]) for one in looks] == [(str(names), 1)]
    expires = desk.scene.sql("SELECT e.expires_at = u.expires_at FROM log_export e, unmask u WHERE u.id = %s", names)
    assert expires == [(True,)]  # the file is there for no longer than the names may be seen


async def test_an_unmasking_that_is_over_gives_no_names_to_a_file(desk: DeskScene, exports: Exports) -> None:
    turn = await desk.ask("hello")
    case = await desk.case_on(turn)
    names = await granted(desk, case, turn.id)
    export_id = await desk.desk.case_exports.request(desk.rita, case, REASON, unmask_id=names)
    desk.scene.sql("UPDATE unmask SET expires_at = now()")
    await desk.seal()
    assert await write(desk)
    (export,) = await exports.list_own(desk.rita)
    assert (export.id, export.state) == (export_id, ExportState.FAILED)
    assert "time of this request is over" in export.trouble
    assert await desk.data("unmask:viewed") == []
    assert list((exports._folder).glob("*.zip")) == []
